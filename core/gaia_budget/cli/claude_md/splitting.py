"""`gaia-budget claude-md split`: what would be done, and the question before it is."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.claude_md.files import PathArgument, User, described, file_of, options, token_cap
from gaia_budget.cli.output import DryRun, JsonFlag, Yes, emit_json, note, say
from gaia_budget.errors import InputError
from gaia_hooks.facts.names import shown

if TYPE_CHECKING:
    from gaia_claude_md.files.operations import Checked, Proposal
    from gaia_claude_md.markdown.units import Pin

Rules = Annotated[
    bool | None,
    typer.Option(
        "--rules/--no-rules",
        help="Sections for certain files go to .claude/rules, and load with such a file. Kept until changed.",
    ),
]
Explain = Annotated[bool, typer.Option("--explain", help="Say of every part why it goes where it goes.")]
Promote = Annotated[list[str] | None, typer.Option(help="Pin this section to L1. May be repeated.")]
Demote = Annotated[list[str] | None, typer.Option(help="Pin this section to L2. May be repeated.")]
SHOWN, SHOWN_WIDTH = 8, 100
"""How many prohibitions the question shows, and how much of each."""


def split(
    path: PathArgument = None,
    user: User = False,
    promote: Promote = None,
    demote: Demote = None,
    rules: Rules = None,
    dry_run: DryRun = False,
    explain: Explain = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Split CLAUDE.md, or take edits of either file in. Nothing is lost; `join` is the way back.

    Ends with 1 where the file stays too long because a split would save nothing.
    """
    from gaia_claude_md.files import operations
    from gaia_claude_md.pair.rules import file_of as rule_file

    pins: list[tuple[str, Pin]] = [(name, "l1") for name in promote or ()]
    pins += [(name, "l2") for name in demote or ()]
    proposal = operations.propose(file_of(path, user), options(), pins, rules)
    tell = note if as_json else say
    if explain:
        for line in _explained(proposal):
            tell(line)
    if dry_run:
        tell(proposal.diff(), end="")
    else:
        if proposal.changed:
            _confirm(proposal, yes)
        operations.apply(proposal)
    checked = operations.check(proposal.source.files.l1, token_cap())
    warnings = operations.warnings(proposal.source.files.l1)
    if as_json:
        emit_json(
            {
                **described(checked),
                "changed": proposal.changed,
                "written": proposal.changed and not dry_run,
                "unchanged_because": proposal.pair.plan.unchanged,
                "rules": {rule_file(section.slug): globs for section, globs in proposal.pair.plan.ruled},
                "leaving": proposal.leaving,
                "warnings": warnings,
                "diff": proposal.diff(),
            }
        )
    elif not dry_run:
        say(_outcome(proposal, checked), end="")
    if rules and not proposal.pair.plan.ruled:
        note("no section names files of this project in its heading or first line: none becomes a rule")
    for warning in warnings:
        note(f"warning: {warning}")
    if proposal.pair.plan.unchanged and checked.problems:
        raise typer.Exit(1)


def _confirm(proposal: Proposal, yes: bool) -> None:
    """Ask before prohibitions and security rules leave L1, and before others' file is split for the first time."""
    if yes:
        return
    from gaia_claude_md.files.repository import other_committers

    l1 = proposal.source.files.l1
    others = other_committers(l1) if proposal.source.state == "whole" else 0
    if not (others or proposal.leaving):
        return
    for line in _summary(proposal, others):
        note(line)
    if not sys.stdin.isatty():
        raise InputError(
            f"nothing was written: {_needs_a_word(proposal, others)}. Run it again with --yes",
            slug="needs-a-yes",
        )
    if not typer.confirm("Split it?", err=True):
        raise InputError("nothing was written", slug="declined")


def _summary(proposal: Proposal, others: int) -> list[str]:
    """The split on less than a screen: what stays, what goes, what would no longer be forbidden in sight."""
    name = proposal.source.files.l1.name
    lines = []
    for inside, verb in ((True, f"stays in {name}"), (False, "loads on demand")):
        counted = Counter(
            d.scored.topic
            for d in proposal.pair.plan.decisions
            if d.in_l1 is inside
            for _ in range(d.scored.lines)
        )
        topics = ", ".join(f"{topic} {count}" for topic, count in counted.most_common())
        lines.append(f"{verb}: {sum(counted.values())} lines ({topics or 'nothing'})")
    if others:
        lines.append(
            f"{others} other people have committed to this repository; all of them will get the split {name}."
        )
    if proposal.leaving:
        lines.append(f"{len(proposal.leaving)} prohibitions and security rules would leave {name}:")
        lines += [f"  {shown(line, SHOWN_WIDTH)}" for line in proposal.leaving[:SHOWN]]
        if len(proposal.leaving) > SHOWN:
            lines.append(f"  and {len(proposal.leaving) - SHOWN} more")
        lines.append(
            "`--explain` shows every part; `--promote SECTION`, or <!-- l1 --> before a part, keeps it."
        )
    return lines


def _needs_a_word(proposal: Proposal, others: int) -> str:
    """Why a person is asked, which pins would keep what leaves, and what no pin can keep."""
    if not proposal.leaving:
        return f"{others} other people work on it"
    from gaia_claude_md.markdown.sections import sections_of
    from gaia_claude_md.plan.draft import MAX_LINES

    plan = proposal.pair.plan
    gone = [d.scored.unit for d in plan.decisions if not d.in_l1 and d.scored.lines > MAX_LINES]
    long = {line.strip() for unit in gone for line in plan.document.lines[unit.start : unit.end]}
    short = [line for line in proposal.leaving if line not in long]
    holding = [one.slug for one in sections_of(plan.document) if any(line in one.text for line in short)]
    pins = " ".join(f"--promote {slug}" for slug in holding[:SHOWN])
    more = f" (and {len(holding) - SHOWN} more sections)" if len(holding) > SHOWN else ""
    words = [f"{len(proposal.leaving)} prohibitions cannot stay"]
    if holding:
        words.append(f"{pins}{more} would pin them, as far as {MAX_LINES} lines hold them")
    if len(short) < len(proposal.leaving):
        where = " and ".join(f"line {unit.start + 1} to {unit.end}" for unit in gone[:SHOWN])
        words.append(
            f"{where} can stay only whole, which {MAX_LINES} lines cannot hold: make shorter lists of it, each under "
            "a heading"
        )
    return "; ".join(words)


def _explained(proposal: Proposal) -> list[str]:
    lines = []
    for decision in proposal.pair.plan.decisions:
        scored = decision.scored
        place = "L1" if decision.in_l1 else "L2"
        lines.append(
            f"{place} lines {scored.unit.start + 1}-{scored.unit.end} {scored.topic}, {scored.kind}, "
            f"score {scored.score}: {decision.why}"
        )
    return lines


def _outcome(proposal: Proposal, checked: Checked) -> str:
    from gaia_claude_md.pair.rules import file_of as rule_file

    if proposal.pair.plan.unchanged:
        still = (
            f". It is still too long ({'; '.join(checked.problems)}): shorten or merge its sections by hand"
        )
        return (
            f"{checked.path} stays whole: {proposal.pair.plan.unchanged}{still if checked.problems else ''}\n"
        )
    done = "split" if proposal.changed else "split already; nothing to do"
    rules = [
        f"  .claude/rules/{rule_file(section.slug)}: about {section.tokens} tokens, with {', '.join(globs)}\n"
        for section, globs in proposal.pair.plan.ruled
    ]
    size = f"{checked.lines} lines, about {checked.l1_tokens} tokens"
    return "".join([f"{checked.path}: {done}: {size}\n", *rules])

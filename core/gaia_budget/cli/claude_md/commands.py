"""`gaia-budget claude-md`: CLAUDE.md under 30 lines, the rest on demand."""

from __future__ import annotations

import sys
from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaia_budget.cli.claude_md import savings as claude_md_savings
from gaia_budget.cli.claude_md import watch as claude_md_watch
from gaia_budget.cli.claude_md.files import (
    PathArgument,
    Paths,
    User,
    file_of,
    files_of,
    options,
    seen_from,
    token_cap,
)
from gaia_budget.cli.output import JsonFlag, emit_json, note, say
from gaia_budget.errors import InputError
from gaia_hooks.facts.names import shown

if TYPE_CHECKING:
    from gaia_claude_md.files.operations import Checked, Proposal
    from gaia_claude_md.markdown.sections import Section
    from gaia_claude_md.markdown.units import Pin

Below = Annotated[bool, typer.Option("--all", help="Every CLAUDE.md in the folder and below it.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the diff; change nothing.")]
Rules = Annotated[
    bool | None,
    typer.Option(
        "--rules/--no-rules",
        help="Sections for certain files go to .claude/rules, and load with such a file. Kept until changed.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Explain = Annotated[bool, typer.Option("--explain", help="Say of every part why it goes where it goes.")]
Promote = Annotated[list[str] | None, typer.Option(help="Pin this section to L1. May be repeated.")]
Demote = Annotated[list[str] | None, typer.Option(help="Pin this section to L2. May be repeated.")]
Number = Annotated[
    int | None, typer.Option("--state", help="The number of the state; the newest, if left out.")
]
ListStates = Annotated[bool, typer.Option("--list", help="List the states that can be brought back.")]


SHOWN, SHOWN_WIDTH = 8, 100
"""How many prohibitions the question shows, and how much of each."""


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Keep CLAUDE.md under 30 lines; the rest loads on demand.")
    for verb in (check, split, join, list_sections, show, verify, restore):
        group.command(verb.__name__.removesuffix("_sections"))(verb)
    claude_md_watch.register(group)
    claude_md_savings.register(group)
    app.add_typer(group, name="claude-md")


def check(paths: Paths = None, user: User = False, below: Below = False, as_json: JsonFlag = False) -> None:
    """Fail when a CLAUDE.md has 30 lines or more, or too many tokens. For CI, pre-commit and hooks."""
    from gaia_claude_md.files import operations

    cap = token_cap()
    found = [operations.check(path, cap) for path in files_of(paths, user, below)]
    ok = not any(checked.problems for checked in found)
    if as_json:
        described = [_described(checked) for checked in found]
        emit_json({**described[0], "ok": ok, "files": described})
    else:
        for checked in found:
            verdict = "; ".join(checked.problems) or _size(checked)
            say(f"{checked.path}: {'too long: ' if checked.problems else 'ok: '}{verdict}")
        if not ok:
            say("`gaia-budget claude-md split` moves the rest to a second file beside it")
    raise typer.Exit(0 if ok else 1)


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
                **_described(checked),
                "changed": proposal.changed,
                "written": proposal.changed and not dry_run,
                "unchanged_because": proposal.pair.plan.unchanged,
                "rules": {f"{section.slug}.md": globs for section, globs in proposal.pair.plan.ruled},
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


def join(path: PathArgument = None, user: User = False, as_json: JsonFlag = False) -> None:
    """Put the whole text back into CLAUDE.md, edits included, and remove CLAUDE_L2.md."""
    from gaia_claude_md.files import operations

    source = operations.join(file_of(path, user))
    if as_json:
        emit_json({"path": str(source.files.l1), "state": source.state, "lines": source.text.count("\n")})
    else:
        say(f"{source.files.l1} is whole")


def list_sections(path: PathArgument = None, user: User = False, as_json: JsonFlag = False) -> None:
    """List the sections with their size: those of a folder's files and, up to the repository's root, above it."""
    from gaia_claude_md.files import operations
    from gaia_claude_md.markdown.sections import sections_of

    seen = [(file, sections_of(document)) for file, document in seen_from(path, user)]
    if as_json:
        rows = [{"file": file, **_section(one)} for file, sections in seen for one in sections]
        emit_json({**_described(operations.check(seen[0][0], token_cap())), "sections": rows})
        return
    number = 0
    for file, sections in seen:
        if len(seen) > 1:
            say(f"{file}")
        for one in sections:
            number += 1
            say(f"{number:3} {one.slug:40} {one.lines:5} lines {one.tokens:6} tokens")


def show(
    name: Annotated[str, typer.Argument(help="Slug, number or title.")],
    path: PathArgument = None,
    user: User = False,
    as_json: JsonFlag = False,
) -> None:
    """Print the exact text of one section. Where several files have it, FILE:SECTION says which one."""
    from gaia_claude_md.markdown.lookup import find

    found = find(seen_from(path, user), name)
    text = found.section.text
    if as_json:
        emit_json({"name": name, "file": found.file, "text": text})
    else:
        sys.stdout.buffer.write(text.encode("utf-8"))


def verify(path: PathArgument = None, user: User = False, as_json: JsonFlag = False) -> None:
    """Prove that the two files hold every line and that every section loads."""
    from gaia_claude_md.files import operations

    problems = operations.verify(file_of(path, user), token_cap())
    if as_json:
        emit_json({"ok": not problems, "problems": problems})
    else:
        say("\n".join(problems) or "ok: every line is there")
    raise typer.Exit(1 if problems else 0)


def restore(
    path: PathArgument = None,
    user: User = False,
    state: Number = None,
    list_states: ListStates = False,
    as_json: JsonFlag = False,
) -> None:
    """Bring both files back as they were before the last write, or before any earlier one."""
    from gaia_claude_md.files import finding, operations, store

    l1 = finding.locate(file_of(path, user))
    if list_states:
        found = store.states(l1)
        if as_json:
            emit_json({"states": [{"number": s.number, "at": s.at, "before": s.verb} for s in found]})
        else:
            say("".join(f"{s.number:4} {s.at} before {s.verb}\n" for s in found), end="")
        return
    done = operations.restore(l1, state)
    if as_json:
        emit_json({"path": str(l1), "state": done.number, "at": done.at})
    else:
        say(f"{l1}: as it was on {done.at}, before {done.verb}")


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


def _described(checked: Checked) -> dict[str, Any]:
    return {
        "path": str(checked.path),
        "ok": not checked.problems,
        "lines": checked.lines,
        "l1_tokens": checked.l1_tokens,
        "l2_tokens": checked.l2_tokens,
        "sections": [_section(section) for section in checked.sections],
        "imports": [{"path": str(loaded.path), "tokens": loaded.tokens} for loaded in checked.imports],
        "problems": checked.problems,
    }


def _size(checked: Checked) -> str:
    imported = sum(loaded.tokens for loaded in checked.imports)
    more = f", about {imported} more from {len(checked.imports)} imports" if checked.imports else ""
    return f"{checked.lines} lines, about {checked.l1_tokens} tokens{more}"


def _section(section: Section) -> dict[str, Any]:
    return {"slug": section.slug, "title": section.title, "lines": section.lines, "tokens": section.tokens}


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
    if proposal.pair.plan.unchanged:
        still = (
            f". It is still too long ({'; '.join(checked.problems)}): shorten or merge its sections by hand"
        )
        return (
            f"{checked.path} stays whole: {proposal.pair.plan.unchanged}{still if checked.problems else ''}\n"
        )
    done = "split" if proposal.changed else "split already; nothing to do"
    rules = [
        f"  .claude/rules/{section.slug}.md: about {section.tokens} tokens, with {', '.join(globs)}\n"
        for section, globs in proposal.pair.plan.ruled
    ]
    size = f"{checked.lines} lines, about {checked.l1_tokens} tokens"
    return "".join([f"{checked.path}: {done}: {size}\n", *rules])

"""`gaia-budget init`: wire Claude Code, show what local history would have meant; `--undo` takes it all back."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli import human
from gaia_budget.cli.output import DryRun, JsonFlag, Yes, emit_json, note, say, warn_of_broken_files
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from gaia_budget.settings.keys import Settings
    from gaia_budget.setup.history import LocalHistory
    from gaia_budget.setup.init import Options

Project = Annotated[
    Path | None,
    typer.Option(help="Wire this project alone (.claude/settings.local.json), not all of the user's."),
]
Show = Annotated[bool, typer.Option("--show", help="Show the change to the letter before asking.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take out all that was ever wired; it is listed first.")]
GaiaRoot = Annotated[
    Path | None, typer.Option(help="The folder that holds token_budget.json and registry.json.")
]
Permissions = Annotated[
    bool, typer.Option(help="Allow our read-only MCP tools, which would ask for every call otherwise.")
]
StatusLine = Annotated[bool, typer.Option(help="Show the status line.")]
Wrap = Annotated[bool, typer.Option(help="Keep an existing status line, and print ours below it.")]
Telemetry = Annotated[
    bool,
    typer.Option(
        "--telemetry",
        help="Take Claude Code's own telemetry on this machine: compaction and prompt hooks as they happen.",
    ),
]
Replay = Annotated[bool, typer.Option(help="Read local history afterwards and say what it cost.")]
Proof = Annotated[
    bool,
    typer.Option(
        help="At the end let Claude Code run one prompt against a stand-in on this machine (10 s at most)."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("init")(init)


def init(
    project: Project = None,
    dry_run: DryRun = False,
    undo: Undo = False,
    gaia_root: GaiaRoot = None,
    yes: Yes = False,
    show: Show = False,
    permissions: Permissions = True,
    status_line: StatusLine = True,
    wrap_status_line: Wrap = True,
    telemetry: Telemetry = False,
    replay: Replay = True,
    proof: Proof = True,
    as_json: JsonFlag = False,
) -> None:
    """Wire hooks, MCP server and status line into Claude Code by merging; it says first what will be added."""
    from gaia_budget.setup.init import Options

    project = project.absolute() if project else None
    if undo:
        _undo(project, dry_run, yes, as_json)
        return
    root = gaia_root.absolute() if gaia_root else None
    options = Options(project, root, permissions, status_line, wrap_status_line, telemetry)
    if as_json:
        _wire_as_json(options, dry_run, yes, replay, proof)
    else:
        _wire(options, dry_run, yes, show, replay)
        if proof and not dry_run:
            _prove(options)


def _wire_as_json(options: Options, dry_run: bool, yes: bool, replay: bool, proof: bool) -> None:
    from gaia_budget.setup import init as setup
    from gaia_budget.setup.proof import proving

    plan = setup.plan(options)
    warn_of_broken_files()
    if plan.changed and not dry_run:
        _confirm("Make these changes?", yes)
        setup.apply(plan)
    found = _found(_settings()) if replay and not dry_run else None
    emit_json(
        {
            "changed": plan.changed,
            "diff": plan.diff,
            "replay": found.replay.document() if found else None,
            "notices": plan.notices,
            "proof": proving.prove(options.project).document() if proof and not dry_run else None,
        }
    )


def _wire(options: Options, dry_run: bool, yes: bool, show: bool, replay: bool) -> None:
    from gaia_budget.cli.setup import letter
    from gaia_budget.setup import init as setup

    plan = setup.plan(options)
    warn_of_broken_files()
    if show or dry_run:
        say(plan.readable, end="")
    elif plan.changed:
        say(letter.before(plan))
    for text in plan.notices:
        note(f"Note: {text}.")
    if dry_run:
        note("Nothing was changed (--dry-run)." if plan.changed else "Everything is wired already.")
        return
    if plan.changed:
        _confirm("Go on?", yes, plan.readable)
        setup.apply(plan)
    else:
        note("Everything is wired already; nothing to change.")
    if not yes:
        _ask_how_it_is_paid()
    if replay:
        settings = _settings()
        say(f"\n{letter.after(_found(settings), settings)}")


def _prove(options: Options) -> None:
    """Say at the end whether what was wired works."""
    from gaia_budget.cli.setup import letter
    from gaia_budget.setup.proof import proving

    say(f"\n{letter.proof(proving.prove(options.project))}")


def _settings() -> Settings:
    from gaia_budget.settings import load

    return load()


def _found(settings: Settings) -> LocalHistory:
    from gaia_budget.cli.progress import progress
    from gaia_budget.setup.history import found

    with progress("reading transcripts") as advance:
        return found(settings, advance)


def _ask_how_it_is_paid() -> None:
    """Ask once, where somebody can answer and nobody has: it decides what counts against a cap."""
    from gaia_budget import settings as stored
    from gaia_budget.cli.deciding import pay
    from gaia_budget.owner import load_token_budget

    if not sys.stdin.isatty() or stored.origin("claude_code_billing") != "default":
        return
    settings = _settings()
    has_caps = bool(load_token_budget().per_module) or settings.total_monthly_budget_usd is not None
    text, choices, usual = pay.question(settings, has_caps)
    say(f"\n{text}")
    said = None
    while said not in choices:
        said = typer.prompt(">", default=usual, show_default=False, prompt_suffix=" ").strip()
    pay.answer(*choices[said])


def _undo(project: Path | None, dry_run: bool, yes: bool, as_json: bool) -> None:
    from gaia_budget.cli.setup import letter
    from gaia_budget.setup import undo as setup

    plan = setup.plan(project)
    if not as_json:
        say(letter.undoing(plan) if plan.anything else "Nothing of ours was there.")
        if dry_run:
            say(plan.readable, end="")
    notices: list[str] = []
    if not dry_run:
        if plan.anything:
            human.require_for_hard_limits("taking out what holds the limits")
            _confirm("Take it out?", yes, plan.readable)
        notices = setup.apply(plan)
    if as_json:
        changed = [str(change.file) for change in plan.changes]
        emit_json({"changed": changed, "diff": plan.diff, "replay": None, "notices": notices})
        return
    for text in notices:
        note(f"Note: {text}.")
    if dry_run:
        note("Nothing was changed (--dry-run).")
    elif plan.anything:
        note(letter.left())


def _confirm(question: str, yes: bool, details: str = "") -> None:
    """Ask, `d` for the details. Raises InputError where the answer is no, or where nobody is there."""
    if yes:
        return
    if not sys.stdin.isatty():
        raise InputError(
            f"{question} There is no terminal to ask on: give --yes to say so, --dry-run to only look",
            slug="needs-a-yes",
        )
    asked = f"{question} [Y/n{', d shows the change to the letter' if details else ''}]"
    while True:
        said = typer.prompt(asked, default="y", show_default=False, err=True).strip().lower()
        if said in ("y", "yes"):
            return
        if said in ("n", "no"):
            raise InputError("Nothing was changed", slug="declined")
        if said == "d" and details:
            say(details, end="")

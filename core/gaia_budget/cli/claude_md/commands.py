"""`gaia-budget claude-md`: CLAUDE.md under 30 lines, the rest on demand."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget import places
from gaia_budget.cli.claude_md.files import (
    PathArgument,
    Paths,
    User,
    described,
    file_of,
    files_of,
    options,
    section_row,
    seen_from,
    token_cap,
)
from gaia_budget.cli.claude_md.savings import savings
from gaia_budget.cli.claude_md.splitting import split
from gaia_budget.cli.output import JsonFlag, emit_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_claude_md.files.operations import Checked

Below = Annotated[bool, typer.Option("--all", help="Every CLAUDE.md in the folder and below it.")]
Number = Annotated[
    int | None, typer.Option("--state", help="The number of the state; the newest, if left out.")
]
Once = Annotated[bool, typer.Option("--once", help="Take edits in now and end: for hooks and scripts.")]
ListStates = Annotated[bool, typer.Option("--list", help="List the states that can be brought back.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="Keep CLAUDE.md under 30 lines; the rest loads on demand.")
    for verb in (check, split, join, list_sections, show, verify, restore, watch, savings):
        group.command(verb.__name__.removesuffix("_sections"))(verb)
    app.add_typer(group, name="claude-md")


def check(paths: Paths = None, user: User = False, below: Below = False, as_json: JsonFlag = False) -> None:
    """Fail when a CLAUDE.md has 30 lines or more, or too many tokens. For CI, pre-commit and hooks."""
    from gaia_claude_md.files import operations

    cap = token_cap()
    found = [operations.check(path, cap) for path in files_of(paths, user, below)]
    ok = not any(checked.problems for checked in found)
    if as_json:
        told = [described(checked) for checked in found]
        emit_json({**told[0], "ok": ok, "files": told})
    else:
        for checked in found:
            verdict = "; ".join(checked.problems) or _size(checked)
            say(f"{checked.path}: {'too long: ' if checked.problems else 'ok: '}{verdict}")
        if not ok:
            say("`gaia-budget claude-md split` moves the rest to a second file beside it")
    raise typer.Exit(0 if ok else 1)


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
        rows = [{"file": file, **section_row(one)} for file, sections in seen for one in sections]
        emit_json({**described(operations.check(seen[0][0], token_cap())), "sections": rows})
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


def watch(
    paths: Paths = None,
    user: User = False,
    below: Below = False,
    once: Once = False,
    as_json: JsonFlag = False,
) -> None:
    """Take edits of split files in as they are made. Files that were never split are left alone."""
    if once:
        _once(files_of(paths, user, below), as_json)
        return
    from gaia_claude_md.files import finding
    from gaia_claude_md.files.watch import Watcher

    roots = files_of(paths, user, False)
    roots = (
        [places.real(path) for path in roots] if below else [_real(finding.locate(path)) for path in roots]
    )
    watcher = Watcher(roots, options(), _print, recursive=below)
    _print(f"watching {', '.join(map(str, roots))}; end with Ctrl-C")
    try:
        watcher.run()
    except KeyboardInterrupt:
        _print("ended")


def _once(files: list[Path], as_json: bool) -> None:
    from gaia_claude_md.files import finding, repository
    from gaia_claude_md.files.watch import sync

    located = [finding.locate(path) for path in files]
    said = [sync(l1, options()) for l1 in located if not repository.git_is_busy(l1)]
    messages = [synced.message for synced in said if synced]
    if as_json:
        emit_json({"files": len(files), "messages": messages})
    else:
        say("".join(f"{message}\n" for message in messages), end="")


def _real(l1: Path) -> Path:
    """The file by its real folder, which is how the system reports changes; a link as L1 stays one."""
    return places.real(l1.parent) / l1.name


def _print(message: str) -> None:
    say(message)
    sys.stdout.flush()


def _size(checked: Checked) -> str:
    imported = sum(loaded.tokens for loaded in checked.imports)
    more = f", about {imported} more from {len(checked.imports)} imports" if checked.imports else ""
    return f"{checked.lines} lines, about {checked.l1_tokens} tokens{more}"

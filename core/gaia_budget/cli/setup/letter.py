"""What `init` says as a letter: before, what it will add; after, what it found and three things to try."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from textwrap import fill, wrap
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.cli.seeing.paper import here
from gaia_budget.reports import shown
from gaia_budget.settings import load
from gaia_budget.setup import init, mcp_server, out_of_git, own_entries, short_command, wiring

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.reports.overview import Overview
    from gaia_budget.settings.keys import Settings
    from gaia_budget.setup.history import LocalHistory
    from gaia_budget.setup.proof.proving import Proof
    from gaia_budget.setup.undo import Undoing

HEAD = 10  # columns of the word at the left
NAMED = 3  # projects
UNBROKEN = "\xa0"  # a blank in a line that is there to be copied


def said(rows: Iterable[tuple[str, str]]) -> str:
    """Rows of a word and its sentence, the sentence in as many lines as the terminal needs."""
    width = max(40, min(here().width, 100)) - HEAD
    lines = []
    for head, text in rows:
        for number, line in enumerate(
            wrap(text, width, break_on_hyphens=False, break_long_words=False) or [""]
        ):
            lines.append(f"{head if not number else '':{HEAD}}{line}".rstrip())
    return "\n".join(lines).replace(UNBROKEN, " ")


def home_as_tilde(path: Path) -> str:
    """A path as people write it."""
    home = Path.home()
    return f"~/{path.relative_to(home).as_posix()}" if path.is_relative_to(home) else str(path)


def before(plan: init.Plan) -> str:
    """What is about to be done: what is added, where, what it costs, how it is taken out."""
    client = mcp_server.client_version()
    to = f"Claude Code {'.'.join(map(str, client))}" if client else "Claude Code"
    files = [home_as_tilde(change.file) for change in plan.changes]
    files += [home_as_tilde(plan.settings_toml.file)] if plan.settings_toml else []
    kept = any(change.before is not None for change in plan.changes)
    where = " and ".join(files) + (" (a copy of yours is kept)" if kept else "")
    last = [
        ("Where", " and ".join(filter(None, (where, "`claude mcp add`" if plan.registration else "")))),
        ("Costs", "about 20 ms per tool call; no tokens until Claude asks a tool"),
        ("Stops", "nothing, unless you set a limit that does"),
        ("Undo", "gaia-budget init --undo    gives every byte back"),
    ]
    name = f"GAIA Token Budget {version('gaia-token-budget')}"
    if renewed := _renewed(plan):
        return f"{name} renews what it has in {to}.\n\n{said([*renewed, *last])}\n"
    title = f"{name} will be added to {to}."
    hooks = f"{len(plan.wiring.events)} hooks: Claude Code runs them as it works; they count every session and warn"
    rows = [("Adds", f"{hooks} at {_steps()} % of its limit")]
    if plan.wiring.status_line:
        rows.append(("", "a status line: the session against its limit, its dollars, your month"))
    if plan.command is not None:
        rows.append(("", f"the command gaia-budget, in {home_as_tilde(plan.command.parent)}"))
    later = client is None and not any(change.file.name == init.MCP_JSON for change in plan.changes)
    then = ", once Claude Code is on the PATH" if later else ""
    rows.append(("", f"an MCP server, by which Claude can answer what was spent{then}"))
    if plan.wiring.permissions:
        tools = ", ".join(name.rpartition("__")[2] for name in wiring.UNASKED_TOOLS)
        rows.append(
            ("", f"{len(wiring.UNASKED_TOOLS)} of its tools Claude may use without asking you: {tools}")
        )
    return f"{title}\n\n{said([*rows, *last])}\n"


def _renewed(plan: init.Plan) -> list[tuple[str, str]]:
    """Where hooks of ours are wired already: what stays, what starts the new version, and what is new."""
    wired = {
        change.file: (change.before or b"").decode("utf-8", "replace")
        for change in plan.changes
        if change.file.name != init.MCP_JSON and not out_of_git.is_list(change.file)
    }
    before = [entry for text in wired.values() for entry in own_entries.our_handlers(text)]
    if not before:
        return []
    had = {str(path[1]) for path, _ in before}
    events = [name for name in plan.wiring.events if name not in had]
    present = {rule for text in wired.values() for rule in own_entries.allowed(text)}
    tools = [name for name in wiring.UNASKED_TOOLS if name not in present] if plan.wiring.permissions else []
    added = [f"the hook {', '.join(events)}"] if events else []
    names = ", ".join(name.rpartition("__")[2] for name in tools)
    added += [f"tools that Claude may use without asking you: {names}"] if tools else []
    rows = [
        ("Keeps", "all that was counted, your settings and limits"),
        ("Renews", "hooks, status line and MCP server: new sessions take this version, running ones go on"),
    ]
    return rows + ([("Adds", "; ".join(added))] if added else [])


def after(history: LocalHistory, settings: Settings) -> str:
    """What was found on this machine, and three things to try."""
    replay, found = history.replay, history.overview
    month = found.periods[-1].line
    rows = [("" if number else "Read", f"{name}: {what}") for number, (name, what) in enumerate(history.read)]
    rows += [("", "Both are only read, never written.")] if rows else []
    if replay.sessions:
        folders = f" in {replay.folders:,} folders" if replay.folders > 1 else ""
        sessions = "session" if replay.sessions == 1 else "sessions"
        since = f" since {replay.since}" if replay.since else ""
        rows.append(("Found", f"{replay.sessions:,} Claude Code {sessions}{since}{folders}; counted now"))
        spent = f"{shown.money(replay.cost_nano)} in all, {shown.money(month.claude_code_nano)} this month"
        paid = (
            "at API prices; a plan pays, nobody bills them" if settings.billing == "plan" else "at API prices"
        )
        rows.append(("Spent", f"{spent}, {paid}"))
        if by_project := _projects(found):
            rows.append(("", by_project))
        rows.append(("Limits", replay.judged()))
    else:
        rows.append(("Found", "no Claude Code sessions yet; the first one will be counted"))
    if found.total.limit_nano and found.total.spent_nano:
        rows.append(
            (
                "Counted",
                f"{shown.money(found.total.spent_nano)} of {shown.money(found.total.limit_nano)} this month",
            )
        )
    rows += [("▲", shown.name(alert.cause, 200)) for alert in found.alerts[:NAMED]]
    if how := short_command.off_the_path():
        text, line = how
        rows += [("Command", text)] + ([("", line.replace(" ", UNBROKEN))] if line else [])
    title = "GAIA Token Budget is installed. It works in every new Claude Code session."
    tries = [
        ("Try", f"{'gaia-budget':24}  where everything stands"),
        ("", f"{'claude':24}  the next session shows its status line"),
        ("", f"{'gaia-budget dashboard':24}  the same in a browser, live")
        if replay.sessions
        else ("", f"{'gaia-budget demo':24}  a session that is played: what you will see"),
    ]
    return f"{title}\n\n{said(rows)}\n\n" + "\n".join(f"{head:{HEAD}}{text}" for head, text in tries)


def proof(found: Proof) -> str:
    """Whether Claude Code was seen to run what was wired."""
    broken = [("▲", found.said)] if found.ok is False else [("Proof", found.said)]
    return said(broken + ([("Cure", found.cure)] if found.cure else []))


def _steps() -> str:
    """The thresholds in words, such as `80, 95 and 100`."""
    *first, last = map(str, load().thresholds)
    return f"{', '.join(first)} and {last}" if first else last


def undoing(plan: Undoing) -> str:
    """What is about to be taken out."""
    rows = []
    for change in plan.changes:
        what = "hooks, status line, permissions" if change.file.name != init.MCP_JSON else "the MCP server"
        what = "the lines that kept ours out" if out_of_git.is_list(change.file) else what
        how = "deleted: it was made for us" if change.after is None else what
        rows.append(f"{home_as_tilde(change.file)}  ({how})")
    rows += [
        f"the MCP server, by `{mcp_server.remove_command(entry)}`"
        + (f" in {entry.project}" if entry.project else "")
        for entry in plan.servers
    ]
    rows += [f"the command {home_as_tilde(plan.link)}"] if plan.link else []
    return "\n".join(f"{'Takes out' if not number else '':{HEAD}} {row}" for number, row in enumerate(rows))


def left() -> str:
    """What stays after everything of ours was taken out."""
    place = places.home()
    text = (
        f"Claude Code is as it was. {home_as_tilde(place)} stays: the program, and the record of what was spent. "
        "Delete that folder to be rid of both."
    )
    return fill(text, here().width, break_on_hyphens=False)


def _projects(found: Overview) -> str:
    spent = sorted(
        ((one.line.claude_code_nano, one.name) for one in found.projects if one.line.claude_code_nano),
        reverse=True,
    )
    named = [f"{shown.name(name)} {shown.money(nano)}" for nano, name in spent[:NAMED]]
    rest = spent[NAMED:]
    if rest:
        named.append(f"{len(rest)} others {shown.money(sum(nano for nano, _ in rest))}")
    return " · ".join(named) if len(spent) > 1 else ""

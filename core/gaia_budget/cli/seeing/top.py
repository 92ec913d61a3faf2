"""`gaia-budget top`: live in the terminal: the sessions at work with their agents, plan windows, newest responses."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from textwrap import wrap
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.cli.current import opened_ledger
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import typer
    from rich.text import Text

    from gaia_budget.cli.seeing.paper import Paper
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.overview import Overview
    from gaia_budget.reports.sessions.running import Running
    from gaia_budget.settings.keys import Settings

KEY_SECONDS = 0.25
AGE_SECONDS = 5.0
"""Without anything new it is drawn anew this often, so that ages are true."""
SESSIONS, PROJECTS, APPS, KEYS = "sessions", "projects", "apps", "keys"
ORDERS = {
    SESSIONS: ("newest", "dearest", "fastest"),
    PROJECTS: ("dearest", "nearest cap", "by name"),
    APPS: ("dearest", "busiest", "by name"),
}
PRESSED = {"\x1b[A": "up", "\x1b[B": "down", "\xe0H": "up", "\xe0P": "down",
         "\n": "enter", "\r": "enter", "\x1b": "back", "\x7f": "back", "\b": "back"}  # fmt: skip
LISTS = {"p": PROJECTS, "a": APPS, "?": KEYS}
TOLD = (
    ("↑ ↓ or k j", "choose a row"),
    ("enter", "open it: a session's agents and responses, a project's or an app's tasks and models"),
    ("esc", "back"),
    ("s", "another order"),
    ("p", "projects of the month; again: sessions"),
    ("a", "apps of today; again: sessions"),
    ("?", "these keys"),
    ("q", "quit"),
)


class View(NamedTuple):
    """What the reader has chosen: a list, a row of it, its order; and the row that was opened, by its name."""

    chosen: int = 0
    order: str = ORDERS[SESSIONS][0]
    at: str = SESSIONS
    opened: str = ""


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("top")(top)


def top() -> None:
    """Live in the terminal: sessions at work with their agents, spend a minute, plan windows, newest responses."""
    from rich.console import Console, Group
    from rich.live import Live

    from gaia_budget.cli.seeing.paper import here
    from gaia_budget.dashboard.fresh import Fresh

    if not (sys.stdout.isatty() and sys.stdin.isatty()):
        raise InputError(
            "top needs a terminal; `gaia-budget` prints where everything stands once", slug="needs-a-terminal"
        )
    with opened_ledger(lean=True) as (ledger, settings):
        fresh = Fresh(ledger, settings)
        fresh.start()
        console = Console(highlight=False, markup=False, emoji=False)
        try:
            with keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as live:
                view, drawn, version, figures = View(), 0.0, 0, _ask(ledger, settings)
                while True:
                    if fresh.version != version or time.monotonic() - drawn > AGE_SECONDS:
                        version, drawn, figures = fresh.version, time.monotonic(), _ask(ledger, settings)
                    paper = here()
                    drawn_now = screen(figures, view, ledger, paper)
                    lines = fitted(drawn_now, console.size.height - 1)
                    live.update(Group(*(paper.fitting(line) for line in lines)), refresh=True)
                    key = pressed(KEY_SECONDS)
                    while not key and fresh.version == version and time.monotonic() - drawn <= AGE_SECONDS:
                        key = pressed(KEY_SECONDS)
                    if key in ("q", "\x03"):
                        return
                    view = turned(view, key, rows(figures, view, ledger))
        except KeyboardInterrupt:
            return
        finally:
            fresh.stop()


def _ask(ledger: Ledger, settings: Settings) -> tuple[Overview, list[Running]]:
    from gaia_budget.reports.overview import overview
    from gaia_budget.reports.sessions.running import running

    return overview(ledger, settings), running(ledger)


def fitted(lines: list[Text], height: int) -> list[Text]:
    """As many lines as the window has; the last one, which has the keys, stays."""
    return lines if len(lines) <= height else [*lines[: height - 1], lines[-1]]


def rows(figures: tuple[Overview, list[Running]], view: View, ledger: Ledger) -> list[str]:
    """The names of the rows that can be chosen from: ids of sessions, or projects."""
    from gaia_budget.cli.seeing import lists

    found, sessions = figures
    if view.at == SESSIONS:
        return [one.receipt.line.spend.session_id for one in lists.sessions_in(sessions, view.order)]
    if view.at == PROJECTS:
        return [one.name for one in lists.projects_in(found, view.order)]
    return (
        [one.key for one in lists.apps_in(ledger, view.order).lines[: lists.MOST]] if view.at == APPS else []
    )


def turned(view: View, key: str, names: Sequence[str]) -> View:
    """The view after a key; `names` are the rows that can be chosen from."""
    if view.opened and key in ("down", "j", "up", "k", "s", "enter"):
        return view  # what was opened has no rows to choose from
    if key in ("down", "j"):
        return view._replace(chosen=min(view.chosen + 1, max(0, len(names) - 1)))
    if key in ("up", "k"):
        return view._replace(chosen=max(view.chosen - 1, 0))
    if key == "s" and view.at in ORDERS:
        orders = ORDERS[view.at]
        return view._replace(chosen=0, order=orders[(orders.index(view.order) + 1) % len(orders)])
    if key in LISTS:
        at = SESSIONS if view.at == LISTS[key] else LISTS[key]  # the same key again leads back
        return View(at=at, order=ORDERS.get(at, ("",))[0])
    if key == "enter" and names:
        return view._replace(opened=names[min(view.chosen, len(names) - 1)])
    if key == "back":
        return view._replace(opened="") if view.opened else View()
    return view


def screen(figures: tuple[Overview, list[Running]], view: View, ledger: Ledger, paper: Paper) -> list[Text]:
    """Everything that is drawn, for one size of window."""
    from rich.text import Text

    from gaia_budget.cli.seeing import lists

    found, sessions = figures
    local = ledger.zone.local(ledger.now())
    head = Text("gaia-budget top", "bold")
    head.append(f"{local:%H:%M:%S}".rjust(paper.width - len(head.plain)), "dim")
    lines = [head, Text("")]
    if view.at == KEYS:
        lines += map(Text, _what_keys_do(paper.width))
    elif view.at == PROJECTS:
        lines += (
            lists.project(ledger, found, view.opened, paper)
            if view.opened
            else lists.projects(found, view, paper)
        )
    elif view.at == APPS:
        lines += lists.app(ledger, view.opened, paper) if view.opened else lists.apps(ledger, view, paper)
    else:
        lines += [
            *lists.headline(found, sessions, ledger.zone, paper),
            Text(""),
            *lists.sessions_at_work(figures, view, ledger, paper),
        ]
    return [*lines, Text(""), Text(_keys(view, paper.width), "dim")]


def _what_keys_do(width: int) -> list[str]:
    wide = max(len(key) for key, _ in TOLD)
    return [
        part
        for key, says in TOLD
        for part in wrap(f"{key:{wide}}  {says}", width, subsequent_indent=" " * (wide + 2))
    ]


def _keys(view: View, width: int) -> str:
    """What the keys do, in as many words as there is room for."""
    if view.opened or view.at == KEYS:
        whole, short = "esc back  p projects  a apps  ? keys  q quit", "esc back  ? keys  q quit"
    else:
        whole = f"↑↓ choose  enter open  s order: {view.order}  p projects  a apps  ? keys  q quit"
        short = "enter open  s order  ? keys  q quit"
    return whole if len(whole) <= width else short


@contextmanager
def keys() -> Iterator[Callable[[float], str]]:
    """A function that waits so many seconds for a key and returns it: a letter, `up`, `enter`, …, or nothing."""
    if sys.platform == "win32":
        yield _windows
        return
    import termios
    import tty

    place = sys.stdin.fileno()
    before = termios.tcgetattr(place)
    try:
        tty.setcbreak(place)
        yield _posix
    finally:
        termios.tcsetattr(place, termios.TCSADRAIN, before)


def _posix(seconds: float) -> str:
    import os
    import select

    ready, _, _ = select.select([sys.stdin], [], [], seconds)
    text = os.read(sys.stdin.fileno(), 8).decode("utf-8", "replace") if ready else ""
    return PRESSED.get(text, text[:1] if not text.startswith("\x1b") else "")


def _windows(seconds: float) -> str:
    if sys.platform != "win32":
        return ""
    import msvcrt

    until = time.monotonic() + seconds
    while not msvcrt.kbhit():
        if time.monotonic() > until:
            return ""
        time.sleep(0.05)  # the console announces nothing
    first = msvcrt.getwch()
    return (
        PRESSED.get("\xe0" + msvcrt.getwch(), "") if first in ("\x00", "\xe0") else PRESSED.get(first, first)
    )

"""`gaia-budget doctor`, `selftest`, `demo`: what is wired, this machine put to the test, a session that is played."""

from __future__ import annotations

import time
from pathlib import Path
from textwrap import wrap
from typing import Annotated

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, say

Project = Annotated[Path | None, typer.Option(help="Look at this project's settings too (default: here).")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("doctor")(doctor)
    app.command("demo")(demo)
    app.command("selftest")(selftest)


def doctor(project: Project = None, as_json: JsonFlag = False) -> None:
    """Explain what is wired and what is not; changes nothing. Exit 1 when something needs mending."""
    from gaia_budget.setup.checks.doctor import examine

    checks = examine((project or Path.cwd()).absolute())
    if as_json:
        emit_json({"checks": [check._asdict() for check in checks]})
    else:
        for check in checks:
            say(f"{'ok  ' if check.ok else 'FIX '}  {check.name}: {check.detail}")
            if check.fix:
                say("      " + check.fix.replace("\n", "\n      "))
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


MARGIN, WIDTH = " " * 5, 75
OPENING = """\
A made-up session, played through the real hooks, server and splitter in a
temporary home: no key, no network, nothing of yours is read or changed.
"""
ENDING = """\
The temporary home is gone; nothing was left behind.
For real: `gaia-budget init` wires Claude Code, `gaia-budget doctor` checks it."""


def demo(as_json: JsonFlag = False) -> None:
    """Play a session in a temporary home: every warning, answer and file, with the line that made it."""
    from gaia_budget.setup.trying.demo import steps

    if as_json:
        emit_json({"steps": [step._asdict() for step in steps()]})
        return
    say(OPENING)
    for number, step in enumerate(steps(), 1):
        say(f"{number}. {step.title}\n   $ {step.line}\n")
        say("\n".join(map(_fitted, step.said.rstrip().splitlines())) + "\n")
    say(ENDING)


def selftest(as_json: JsonFlag = False) -> None:
    """Replay recorded events on this machine, and print one report to send; nothing private is in it.

    Exit 1 when something does not work here.
    """
    from gaia_budget.setup.trying.selftest import examine

    began = time.monotonic()
    report = examine()
    if as_json:
        emit_json(report.document())
    else:
        for check in report.checks:
            say(f"{'ok  ' if check.ok else 'FAIL'}  {check.name}: {check.detail}")
        say("\n" + "\n".join(f"{name}: {value}" for name, value in report.machine.items()))
        failed = sum(not check.ok for check in report.checks)
        say(f"\n{failed} of {len(report.checks)} failed, {time.monotonic() - began:.0f} s"
            if failed else f"\nAll {len(report.checks)} work here, {time.monotonic() - began:.0f} s")  # fmt: skip
    if not report.ok:
        raise typer.Exit(1)


def _fitted(line: str) -> str:
    """A line within 80 columns; one that fits, such as a table's, stays as it is."""
    return "\n".join(
        MARGIN + part for part in (wrap(line, WIDTH, break_on_hyphens=False) if len(line) > WIDTH else [line])
    ).rstrip()

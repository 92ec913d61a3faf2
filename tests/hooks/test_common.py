"""The bundle's two halves: what common events run is loaded with it, and all else is there when it is asked for."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.setup import hookcopy
from gaia_hooks import common as module
from gaia_hooks.common import common
from support.common_events import BASE, EVENTS, Ran, ended_by, nothing_listed, written
from support.rows import assistant, write

if TYPE_CHECKING:
    from .conftest import Watched

LISTED = Path(module.__file__)


@pytest.fixture
def copy(watched: Watched) -> Path:
    """The compiled copy, and a session that has made more responses than its state holds itself."""
    copy = hookcopy.install(BASE)
    answer(watched, 0, 200)
    for entry, events in EVENTS.items():
        for event in events:
            run(Ran(), watched, copy, entry, event, 0)
    return copy


def answer(watched: Watched, first: int, count: int = 1) -> None:
    """New responses in the session's transcript, whose usage has all that the client writes."""
    for number in range(first, first + count):
        for written_so_far in (1, 5):  # a row for each content block
            row = assistant(f"msg_{number:024d}", second=number, output_tokens=written_so_far, reads=9)
            row["message"]["usage"]["server_tool_use"]["web_fetch_requests"] = 0
            write(watched.transcript, row)


def run(ran: Ran, watched: Watched, copy: Path, entry: str, event: str, number: int) -> None:
    """One event, from the bundle."""
    payload = watched.payload(event, tool_name="Bash", tool_input={"command": "true"}, tool_use_id=f"t{number}",
                              tool_response={"stdout": "done"}, cost={"total_cost_usd": 0.1})  # fmt: skip
    ran.add(copy, entry, payload)


def common_events(watched: Watched, copy: Path, entry: str) -> tuple[Ran, Ran]:
    """What common events run, and what the first of them does where nothing is new."""
    ran, idle = Ran(), Ran()
    run(idle, watched, copy, entry, EVENTS[entry][0], 1)
    for number, event in enumerate(EVENTS[entry], 1):
        run(ran, watched, copy, entry, event, 2 * number)
        answer(watched, 1000 * number, 80)
        run(ran, watched, copy, entry, event, 2 * number + 1)
        answer(watched, 1000 * number + 100)
        run(ran, watched, copy, entry, event, 2 * number + 2)
    return ran, idle


@pytest.mark.parametrize("entry", EVENTS)
def test_the_list_names_what_common_events_run_and_nothing_else(
    watched: Watched, copy: Path, entry: str
) -> None:
    nothing_listed(copy)
    ran, idle = common_events(watched, copy, entry)
    wanted = written(LISTED.read_text("ascii"), entry, ran.common(idle))
    if os.environ.get("GAIA_TEST_WRITE") == "common":
        LISTED.write_text(wanted, "ascii", newline="\n")
    assert LISTED.read_text("ascii") == wanted, "out of date: `just common`"


@pytest.mark.parametrize("entry", EVENTS)
def test_a_common_event_asks_for_no_rest_of_what_is_listed_and_one_with_nothing_new_for_none_at_all(
    watched: Watched, copy: Path, entry: str
) -> None:
    ran, idle = common_events(watched, copy, entry)
    assert idle.asked == set()
    assert ran.asked.isdisjoint(common(entry))


@pytest.mark.parametrize("entry", EVENTS)
def test_both_halves_of_a_module_are_all_of_it(copy: Path, entry: str) -> None:
    names = ended_by("""
    for name, module in sorted(sys.modules.items()):
        if name[:11] == "gaia_hooks.":
            getattr(module, "asks for the rest", None)
            print(name, sorted(one for one in vars(module) if one[:2] != "__" and one not in ("_self", "_modules")))
""")
    program = names + hookcopy.program(copy, entry)
    bundled, imported = (
        subprocess.run(
            [str(BASE), "-I", "-S", "-c", code], check=True, capture_output=True
        ).stdout.splitlines()
        for code in (program, program.replace(".bundle", ".none"))
    )
    assert len(imported) > len(common(entry))
    assert bundled == imported

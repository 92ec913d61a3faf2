"""The bundle's two halves: what common events run is loaded with it, and all else is there when it is asked for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.setup import hookcopy
from gaia_hooks.common import common
from support.rows import assistant, write

if TYPE_CHECKING:
    from .conftest import Watched

BASE = Path(getattr(sys, "_base_executable", sys.executable))
HOOK, STATUS_LINE = "gaia_hooks.main", "gaia_hooks.statusline"
EVENTS = {HOOK: ("PreToolUse", "PostToolUse", "Stop"), STATUS_LINE: ("Status",)}
FUNCTION = 1  # CO_OPTIMIZED: no module and no class body

WATCHING = f"""
import sys
called = set()
def note(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_flags & {FUNCTION} and "<" not in code.co_qualname:
        called.add((code.co_filename, code.co_qualname))
sys.setprofile(note)
"""
# A module with a rest has `_self`, and `__getattr__` until that has run.
REPORT = """\
 sys.setprofile(None)
 own = dict((name, vars(module)) for name, module in list(sys.modules.items()) if name[:11] == "gaia_hooks.")
 files = dict((space["__file__"], name) for name, space in own.items())
 told = [[files[path], name] for path, name in called if path in files]
 asked = [name for name, space in own.items() if "_self" in space and "__getattr__" not in space]
 import json; print(); print(json.dumps([told, asked]), flush=True)
"""


class Ran:
    """What events of one kind of process ran: functions by module, and the modules whose rest was asked for."""

    def __init__(self) -> None:
        self.called: dict[str, set[str]] = {}
        self.asked: set[str] = set()

    def add(self, watched: Watched, copy: Path, entry: str, event: str, number: int) -> None:
        """Run one event in a process of its own, from the bundle."""
        program = hookcopy.program(copy, entry)
        code = WATCHING + program.replace(" hook.run()\n", " hook.run()\n" + REPORT)
        assert REPORT in code
        payload = watched.payload(event, tool_name="Bash", tool_input={"command": "true"}, tool_use_id=f"t{number}",
                                  tool_response={"stdout": "done"}, cost={"total_cost_usd": 0.1})  # fmt: skip
        done = subprocess.run([str(BASE), "-I", "-S", "-c", code], input=json.dumps(payload).encode(), check=True,
                              capture_output=True, env=os.environ)  # fmt: skip
        told, asked = json.loads(done.stdout.splitlines()[-1])
        for module, name in told:
            self.called.setdefault(module, set()).add(name)
        self.asked |= set(asked)


@pytest.fixture
def copy(watched: Watched) -> Path:
    """The compiled copy, and a session that has made more responses than its state holds itself."""
    copy = hookcopy.install(BASE)
    answer(watched, 0, 200)
    for entry, events in EVENTS.items():
        for event in events:
            Ran().add(watched, copy, entry, event, 0)
    return copy


def answer(watched: Watched, first: int, count: int = 1) -> None:
    """New responses in the session's transcript, whose usage has all that the client writes."""
    for number in range(first, first + count):
        row = assistant(f"msg_{number:024d}", second=number, output_tokens=5, reads=9)
        row["message"]["usage"]["server_tool_use"]["web_fetch_requests"] = 0
        write(watched.transcript, row)


@pytest.mark.parametrize("entry", EVENTS)
def test_the_bundle_loads_what_common_events_run_and_nothing_else(
    watched: Watched, copy: Path, entry: str
) -> None:
    ran, listed = Ran(), common(entry)
    for number, event in enumerate(EVENTS[entry], 1):
        ran.add(watched, copy, entry, event, 2 * number)
        answer(watched, 1000 * number, 80)
        ran.add(watched, copy, entry, event, 2 * number + 1)
        answer(watched, 1000 * number + 100)
        ran.add(watched, copy, entry, event, 2 * number + 2)
    assert {module: ran.called.get(module, set()) for module in listed} == listed
    assert ran.asked.isdisjoint(listed)


@pytest.mark.parametrize("entry", EVENTS)
def test_an_event_with_nothing_new_asks_for_no_rest(watched: Watched, copy: Path, entry: str) -> None:
    ran = Ran()
    ran.add(watched, copy, entry, EVENTS[entry][0], 1)
    assert ran.asked == set()


@pytest.mark.parametrize("entry", EVENTS)
def test_both_halves_of_a_module_are_all_of_it(copy: Path, entry: str) -> None:
    names = """\
 for name, module in sorted(sys.modules.items()):
  if name[:11] == "gaia_hooks.":
   getattr(module, "asks for the rest", None)
   print(name, sorted(one for one in vars(module) if one[:2] != "__" and one not in ("_self", "_modules")), flush=True)
"""
    program = hookcopy.program(copy, entry).replace(" hook.run()\n", names)
    bundled, imported = (
        subprocess.run(
            [str(BASE), "-I", "-S", "-c", code], check=True, capture_output=True
        ).stdout.splitlines()
        for code in (program, program.replace(".bundle", ".none"))
    )
    assert len(imported) > len(common(entry))
    assert bundled == imported

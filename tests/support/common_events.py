"""What common events of Claude Code run, traced in the wired program; and `gaia_hooks/common.py`, which lists it.

A module is listed that such events ask for something, but for those of `SETTLING` unless an event with nothing new
asks for them too: most calls settle no response, and a module that waits as a whole costs them least.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from gaia_budget.setup import hookcopy

BASE = Path(getattr(sys, "_base_executable", sys.executable))
HOOK, STATUS_LINE = "gaia_hooks.main", "gaia_hooks.statusline"
EVENTS = {HOOK: ("PreToolUse", "PostToolUse", "Stop"), STATUS_LINE: ("Status",)}
TABLES = {HOOK: "HOOK", STATUS_LINE: "STATUS_LINE"}
SETTLING = {f"gaia_hooks.{name}" for name in ("facts.names", "session.argus", "session.months")}
"""What writes the lines of settled responses."""
FUNCTION = 1  # CO_OPTIMIZED: no module and no class body
WIDTH = 108

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
REPORT = """
    sys.setprofile(None)
    own = dict((name, vars(module)) for name, module in list(sys.modules.items()) if name[:11] == "gaia_hooks.")
    files = dict((space["__file__"], name) for name, space in own.items())
    told = [[files[path], name] for path, name in called if path in files]
    asked = [name for name, space in own.items() if "_self" in space and "__getattr__" not in space]
    import json
    print()
    print(json.dumps([told, asked]))
"""
NOTHING_LISTED = """\
import sys
sys.path.insert(0, sys.argv[1])
from gaia_hooks import bundle, common
common.common = lambda entry: {}
bundle.build(sys.argv[1])
"""


def ended_by(report: str) -> str:
    """What makes a program that ends its process run some lines, indented by four, before it does."""
    head = "import posix, sys\ndef report(code, end=posix._exit):"
    return head + report + "    sys.stdout.flush()\n    end(code)\nposix._exit = report\n"


class Ran:
    """What events of one kind of process ran: functions by module, and the modules whose rest was asked for."""

    def __init__(self) -> None:
        self.called: dict[str, set[str]] = {}
        self.asked: set[str] = set()

    def add(self, copy: Path, entry: str, payload: dict[str, Any]) -> None:
        """Run one event in a process of its own, from the bundle."""
        code = WATCHING + ended_by(REPORT) + hookcopy.program(copy, entry)
        done = subprocess.run([str(BASE), "-I", "-S", "-c", code], input=json.dumps(payload).encode(), check=True,
                              capture_output=True, env=os.environ)  # fmt: skip
        told, asked = json.loads(done.stdout.splitlines()[-1])
        for module, name in told:
            self.called.setdefault(module, set()).add(name)
        self.asked |= set(asked)

    def common(self, idle: Ran) -> dict[str, frozenset[str]]:
        """What is to be loaded at once, by module; `idle` is what an event with nothing new runs."""
        listed = idle.asked | (self.asked - SETTLING)
        return {module: frozenset(self.called.get(module, ())) for module in listed}


def nothing_listed(copy: Path) -> None:
    """Make the bundles of a copy anew, with every module waiting as a whole."""
    subprocess.run([str(BASE), "-I", "-S", "-c", NOTHING_LISTED, str(copy)], check=True, capture_output=True)


def written(source: str, entry: str, listed: dict[str, frozenset[str]]) -> str:
    """The module `gaia_hooks.common` with this list of a program in place of the one it has."""
    before, mark, rest = source.partition(f'\n{TABLES[entry]} = """\n')
    assert mark
    return before + mark + _table(listed) + '"""' + rest.partition('"""')[2]


def _table(listed: dict[str, frozenset[str]]) -> str:
    rows = (
        " ".join([module.removeprefix("gaia_hooks.") + ":", *sorted(names)])
        for module, names in sorted(listed.items())
    )
    return "".join(textwrap.fill(row, WIDTH, subsequent_indent="  ") + "\n" for row in rows)

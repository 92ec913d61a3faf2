"""Which verbs there are, and that a command loads its own alone."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys

import typer

from gaia_budget import cli
from gaia_budget.cli.verbs import MODULES, VERBS


def test_every_verb_that_a_module_registers_stands_in_the_table_and_the_reverse() -> None:
    registered = []
    for found in pkgutil.walk_packages(cli.__path__, f"{cli.__name__}."):
        if register := getattr(importlib.import_module(found.name), "register", None):
            app = typer.Typer()
            register(app)
            below = found.name.removeprefix(f"{cli.__name__}.")
            registered += [(one.name, below) for one in (*app.registered_commands, *app.registered_groups)]

    tabled = [entry for verbs in VERBS.values() for entry in verbs.items()]
    assert sorted(registered) == sorted(tabled)


def test_a_command_loads_the_module_of_no_other_verb() -> None:
    probe = (
        "import atexit, sys\n"
        "loaded = lambda: [name for name in sys.modules if name.startswith('gaia_budget.cli.')]\n"
        "atexit.register(lambda: print(*loaded(), file=sys.stderr))\n"
        "sys.argv = ['gaia-budget', 'spend', '--json']\n"
        "from gaia_budget.cli.app import main\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout)["total"]
    verbs = {f"{cli.__name__}.{module}" for module in MODULES.values()}
    assert set(done.stderr.split()) & verbs == {f"{cli.__name__}.figures.spend"}

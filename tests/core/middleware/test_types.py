"""Type checkers see a wrapped client as the client that it was."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from support.components import path, requires

FILES = (Path(__file__).with_name("wrapped_types.py"), Path(__file__).with_name("wrapped_types_of_all.py"))
ROOT = Path(__file__).resolve().parents[3]


def test_mypy_reads_it_with_everything_else() -> None:
    """Its one run is in test_static_checks.py: a second one would cost as much as all of it."""
    mypy = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
    assert FILES[0].relative_to(ROOT).as_posix() in mypy["files"]


@requires("pyright")
def test_pyright_agrees() -> None:
    command = [str(path("pyright")), "--pythonpath", sys.executable, *map(str, FILES)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr

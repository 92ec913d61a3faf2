"""Type checkers see a wrapped client as the client that it was."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from support.components import path, requires

FILE = Path(__file__).with_name("wrapped_types.py")
ROOT = Path(__file__).resolve().parents[3]


def _passes(command: list[str]) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_agrees() -> None:
    pytest.importorskip("openai")
    _passes([sys.executable, "-m", "mypy", str(FILE)])


@requires("pyright")
def test_pyright_agrees() -> None:
    _passes([str(path("pyright")), "--pythonpath", sys.executable, str(FILE)])

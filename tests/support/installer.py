"""`install.py` as a module and as a program."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

SCRIPT = Path(__file__).parents[2] / "install.py"


def load() -> ModuleType:
    """Its functions."""
    spec = importlib.util.spec_from_file_location("install", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(
    *words: str, python: str | Path = sys.executable, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run it where nobody can be asked."""
    return subprocess.run([python, SCRIPT, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          env={**os.environ, **variables}, check=False)  # fmt: skip

"""What needs no running program: style, types, layers and generated pages. The README's test command covers it all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PYTHON = (sys.executable, "-m")
LINT_IMPORTS = Path(sys.executable).parent / (
    "lint-imports.exe" if sys.platform == "win32" else "lint-imports"
)


@pytest.mark.parametrize(
    "command",
    [
        (*PYTHON, "ruff", "check", "."),
        (*PYTHON, "ruff", "format", "--check", "."),
        (*PYTHON, "mypy", "--cache-dir", os.devnull),  # a cache of an earlier tree has been seen to lie
        (str(LINT_IMPORTS), "--no-cache"),
        (sys.executable, "docs/generate.py", "--check"),
    ],
    ids=["lint", "format", "types", "layers", "generated files"],
)
def test_the_tree_passes(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", errors="replace", check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"

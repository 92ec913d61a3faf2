"""The compiled copy: one file loads all modules of the hook path, and the modules one by one serve where it cannot."""

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
from support.common_events import ended_by
from support.rows import assistant, write

if TYPE_CHECKING:
    from .conftest import Watched

BASE = Path(getattr(sys, "_base_executable", sys.executable))


def answer(watched: Watched, copy: Path) -> bytes:
    """What the wired command prints on a session that has reached 80 %."""
    payload = json.dumps(watched.payload("PreToolUse")).encode()
    command = [str(BASE), "-I", "-S", "-c", hookcopy.bootstrap(copy, hookcopy.HOOK_MODULE)]
    done = subprocess.run(command, input=payload, capture_output=True, env=os.environ, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.fixture
def copy(watched: Watched) -> Path:
    """The compiled copy, and a session that a hook has something to say about."""
    write(watched.transcript, assistant("a", output_tokens=160_000))
    return hookcopy.install(BASE)


def test_the_bundle_alone_carries_the_hook(watched: Watched, copy: Path) -> None:
    for source in (copy / "gaia_hooks").rglob("*.py*"):
        source.unlink()
    assert b"80 %" in answer(watched, copy)


@pytest.mark.parametrize("module", [hookcopy.HOOK_MODULE, "gaia_hooks.statusline"])
def test_a_process_runs_the_allowed_modules_and_no_others(watched: Watched, copy: Path, module: str) -> None:
    answer(watched, copy)  # a session's first event needs more: its project, its heading, its month
    listing = """
    print("\\n" + " ".join(
        sorted(name for name, module in sys.modules.items() if "__getattr__" not in vars(module))))
"""
    bare, full = (
        subprocess.run(
            [str(BASE), "-I", "-S", "-c", ended_by(listing) + program],
            input=json.dumps(watched.payload("PreToolUse")).encode(), capture_output=True, env=os.environ, check=True,
        ).stdout.decode().splitlines()[-1].split()
        for program in ("import marshal, time\nposix._exit(0)", hookcopy.program(copy, module))
    )  # fmt: skip
    loaded = set(full) - set(bare)
    assert loaded > {"_json", "fcntl"}
    assert loaded - {"_json", "fcntl"} <= set(common(module))


@pytest.mark.parametrize(
    "content", [None, b"", b"old!", b"garbage" * 50], ids=["gone", "empty", "other magic", "text"]
)
def test_without_a_fitting_bundle_the_modules_are_imported(
    watched: Watched, copy: Path, content: bytes | None
) -> None:
    bundle = copy / "hooks.bundle"
    if content is None:
        bundle.unlink()
    else:
        bundle.write_bytes(content)
    assert b"80 %" in answer(watched, copy)


@pytest.mark.parametrize("left", [20, 5000, -1], ids=["of the loader", "of the modules", "all but a byte"])
def test_a_bundle_cut_short_falls_back_to_the_modules(watched: Watched, copy: Path, left: int) -> None:
    bundle = copy / "hooks.bundle"
    bundle.write_bytes(bundle.read_bytes()[:left])
    assert b"80 %" in answer(watched, copy)

"""The line that starts the plugin's hooks: it finds a Python by itself, and whatever is missing, nothing is stopped."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.rows import SESSION

ROOT = Path(__file__).resolve().parents[2]
WIRED = json.loads((ROOT / "hooks" / "hooks.json").read_text("utf-8"))["hooks"]
PROMPT = {"hook_event_name": "UserPromptSubmit", "session_id": SESSION, "prompt": "/gaia-budget:budget"}
REFUSES = '#!/bin/sh\necho was-here >> "$0.log"\nexit {code}\n'
STARTS = '#!/bin/sh\necho was-here >> "$0.log"\nexec {python} "$@"\n'

pytestmark = pytest.mark.skipif(
    os.name == "nt", reason="the programs of a POSIX machine stand for those of Windows"
)


class Shell:
    """A machine with these programs and no other, and the plugin in a folder with a difficult name."""

    def __init__(self, folder: Path) -> None:
        self.programs, self.plugin = folder / "bin", folder / 'a plugin\'s "own" $folder'
        self.programs.mkdir()
        self.transcript = Path.home() / ".claude" / "projects" / "-p" / f"{SESSION}.jsonl"
        shutil.copytree(ROOT / "hooks", self.plugin / "hooks", ignore=shutil.ignore_patterns("__pycache__"))

    def has(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text.format(python=sys.executable, code=9), "utf-8")
        (self.programs / name).chmod(0o755)

    def asked(self, name: str) -> bool:
        return (self.programs / f"{name}.log").exists()

    def hook(self, event: str = "UserPromptSubmit", **variables: str) -> str:
        """What the event's line says; it always ends in 0, and says nothing on stderr."""
        done = subprocess.run(
            ["/bin/sh", "-c", WIRED[event][0]["hooks"][0]["command"]], text=True,
            input=json.dumps({**PROMPT, "transcript_path": str(self.transcript), "cwd": str(self.plugin)}),
            capture_output=True, check=False, cwd=self.plugin,
            env={"HOME": os.environ["HOME"], "GAIA_BUDGET_HOME": os.environ["GAIA_BUDGET_HOME"],
                 "PATH": str(self.programs), "CLAUDE_PLUGIN_ROOT": str(self.plugin), **variables},
        )  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.mark.parametrize("name", ["python3", "python3.13", "python3.9", "python"])
def test_any_name_of_a_python_is_found(shell: Shell, name: str) -> None:
    shell.has(name, STARTS)
    assert "tokens of this" in shell.hook()


@pytest.mark.parametrize("refusal", [REFUSES, "no program at all"], ids=["old-or-the-stores", "broken"])
def test_one_that_is_too_old_or_starts_nothing_is_passed_over_with_the_payload_unread(
    shell: Shell, refusal: str
) -> None:
    shell.has("python3", refusal)
    shell.has("python3.12", STARTS)
    assert "tokens of this" in shell.hook()


def test_on_windows_the_launcher_comes_first_and_the_name_of_the_store_last(shell: Shell) -> None:
    shell.has("py", STARTS)
    shell.has("python3", REFUSES)
    assert "tokens of this" in shell.hook(OS="Windows_NT")
    assert shell.asked("py") and not shell.asked("python3")
    (shell.programs / "py").unlink()
    shell.has("python", STARTS)
    assert "tokens of this" in shell.hook(OS="Windows_NT")
    assert not shell.asked("python3")


def test_elsewhere_a_program_called_py_is_nobody_that_we_know(shell: Shell) -> None:
    shell.has("py", STARTS)
    assert shell.hook() == "" and not shell.asked("py")


@pytest.mark.parametrize("event", sorted(WIRED))
def test_without_any_python_or_without_our_files_every_event_is_silent(shell: Shell, event: str) -> None:
    assert shell.hook(event) == ""
    shell.has("python3", STARTS)
    shutil.rmtree(shell.plugin / "hooks")
    assert shell.hook(event) == ""


def test_a_python_that_cannot_run_the_hooks_says_so_before_it_reads(tmp_path: Path) -> None:
    """The first lines of the program are those of any Python; here one that takes itself for 3.8."""
    [program] = {entry[0]["hooks"][0]["command"].split("'")[1] for entry in WIRED.values()}
    old = f"import sys; sys.version_info = (3, 8); {program}"
    with (tmp_path / "payload").open("w+") as payload:
        payload.write("{}")
        payload.seek(0)
        done = subprocess.run(
            [sys.executable, "-I", "-S", "-c", old, str(tmp_path)], stdin=payload, check=False
        )
        assert done.returncode == 1
        assert os.lseek(payload.fileno(), 0, os.SEEK_CUR) == 0

"""What Claude Code starts must end in exit 0 with an empty stdout, whatever has become of our files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import places
from gaia_budget.setup import hookcopy, wiring
from support.pythons import interpreters

if TYPE_CHECKING:
    from collections.abc import Callable

PYTHONS = interpreters()
PAYLOAD = json.dumps({"hook_event_name": "PreToolUse", "session_id": "s", "tool_name": "Bash"}).encode()


def run(
    interpreter: Path, copy: Path, stdin: bytes = PAYLOAD, **variables: str
) -> subprocess.CompletedProcess[bytes]:
    entry: dict[str, Any] = wiring.handler("PreToolUse", interpreter, copy)
    command = [entry["command"], *entry["args"]]
    return subprocess.run(
        command, input=stdin, capture_output=True, env={**os.environ, **variables}, check=False
    )


def delete_everything(copy: Path) -> None:
    shutil.rmtree(copy)


def delete_one_module(copy: Path) -> None:
    (copy / "gaia_hooks" / "machine" / "files.py").unlink()
    shutil.rmtree(copy / "gaia_hooks" / "machine" / "__pycache__")
    (copy / "hooks.bundle").unlink()


def tear_a_module(copy: Path) -> None:
    module = copy / "gaia_hooks" / "main.py"
    module.write_bytes(module.read_bytes()[:200] + b"\n(")
    shutil.rmtree(copy / "gaia_hooks" / "__pycache__")
    (copy / "hooks.bundle").unlink()


def fill_compiled_files_with_noise(copy: Path) -> None:
    for compiled in (copy / "gaia_hooks").rglob("*.pyc"):
        compiled.write_bytes(b"\x00noise" * 10)


def end_with_another_code(copy: Path) -> None:
    (copy / "gaia_hooks" / "main.py").write_text("import sys\nsys.exit(2)\n")
    shutil.rmtree(copy / "gaia_hooks" / "__pycache__")
    (copy / "hooks.bundle").unlink()


def run_out_of_memory(copy: Path) -> None:
    (copy / "gaia_hooks" / "main.py").write_text("def run():\n    raise MemoryError\n")
    shutil.rmtree(copy / "gaia_hooks" / "__pycache__")
    (copy / "hooks.bundle").unlink()


DAMAGES = [
    delete_everything,
    delete_one_module,
    tear_a_module,
    fill_compiled_files_with_noise,
    end_with_another_code,
    run_out_of_memory,
]


@pytest.mark.parametrize("interpreter", PYTHONS, ids=lambda program: program.parent.parent.name)
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_copy_lets_every_tool_run(interpreter: Path, damage: Callable[[Path], None]) -> None:
    copy = hookcopy.install(interpreter)
    damage(copy)
    done = run(interpreter, copy)
    assert (done.returncode, done.stdout) == (0, b"")


@pytest.mark.parametrize("interpreter", PYTHONS, ids=lambda program: program.parent.parent.name)
def test_the_copy_loads_on_every_python_from_its_compiled_files(interpreter: Path) -> None:
    copy = hookcopy.install(interpreter)
    for source in (copy / "gaia_hooks").rglob("*.py"):
        source.write_text("raise SystemExit('compiled from source')")  # unchecked: the compiled file is taken
    trial = f"import sys; sys.path.insert(0, {str(copy)!r}); import gaia_hooks.main"
    done = subprocess.run([interpreter, "-I", "-S", "-c", trial], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("stdin", [b"", b"{", b"null", b"\xff\xfe", b'{"hook_event_name": "Nonsense"}'])
def test_odd_input_says_nothing(stdin: bytes) -> None:
    copy = hookcopy.install(PYTHONS[-1])
    done = run(PYTHONS[-1], copy, stdin)
    assert (done.returncode, done.stdout) == (0, b"")


def test_a_folder_with_quotes_blanks_and_signs_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_HOME", str(tmp_path / 'it\'s a "füll" \\n ☃ home'))
    copy = hookcopy.install(PYTHONS[-1])
    (copy / "gaia_hooks" / "main.py").write_text("def run():\n    import os\n    os.write(1, b'found')\n")
    shutil.rmtree(copy / "gaia_hooks" / "__pycache__")
    (copy / "hooks.bundle").unlink()
    assert run(PYTHONS[-1], copy).stdout == b"found"


def test_modules_of_the_users_folder_and_path_are_never_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = hookcopy.install(PYTHONS[-1])
    trap = tmp_path / "gaia_hooks"
    trap.mkdir()
    (trap / "__init__.py").write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    shutil.rmtree(copy)
    run(PYTHONS[-1], copy, PYTHONPATH=str(tmp_path))
    assert not (tmp_path / "sprung").exists()


def test_the_status_line_stands_below_the_users_own() -> None:
    plan = wiring.Wiring(PYTHONS[-1], hookcopy.install(PYTHONS[-1]))
    transcript = str(Path.home() / ".claude" / "projects" / "-shop" / "s1.jsonl")
    payload = json.dumps(
        {"session_id": "s1", "transcript_path": transcript, "context_window": {"used_percentage": 12}}
    )

    def shown(previous: str | None) -> list[str]:
        command = wiring.status_line_command(plan, previous)
        return subprocess.check_output(command, shell=True, input=payload, text=True).splitlines()

    (ours,) = shown(None)
    assert "session 0 %" in ours
    assert shown(f"{PYTHONS[-1]} -c 'print(input()[:9])'") == [payload[:9], ours]
    assert shown("exit 3") == [ours]


def test_an_interrupted_copy_is_made_again() -> None:
    copy = hookcopy.install(PYTHONS[-1])
    (copy / "complete").unlink()
    delete_one_module(copy)
    assert hookcopy.install(PYTHONS[-1]) == copy
    assert (copy / "gaia_hooks" / "machine" / "files.py").exists()


def test_old_copies_go_only_when_nothing_is_wired_to_them() -> None:
    current = hookcopy.install(PYTHONS[-1])
    for name in ("0.0.1-old", "0.0.2-wired", "0.0.3-young"):
        shutil.copytree(current, hookcopy.root() / name)
    for name in ("0.0.1-old", "0.0.2-wired"):
        os.utime(hookcopy.root() / name / "complete", (0, 0))
    assert [gone.name for gone in hookcopy.prune({"0.0.2-wired"})] == ["0.0.1-old"]
    assert sorted(copy.name for copy in hookcopy.root().iterdir()) == [
        "0.0.2-wired",
        "0.0.3-young",
        current.name,
    ]


@pytest.mark.parametrize("interpreter", PYTHONS, ids=lambda program: program.parent.parent.name)
def test_a_fault_is_logged_with_the_functions_it_arose_in(interpreter: Path) -> None:
    copy = hookcopy.install(interpreter)
    run(interpreter, copy, b"[1]")
    logged = (places.home() / "logs" / "gaia-hooks.log").read_text("utf-8")
    assert logged.rstrip().endswith("hook Refused: stdin is not a JSON object (in run > _payload)")

"""What loosens a limit is a human's alone: no variable left out and no terminal made inside of a session counts."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget import ancestry, snapshot
from gaia_budget.cli.app import app
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

GRANT = ["override", "add", "shop", "--usd", "5", "--reason", "r", "--yes"]


def run(*words: str) -> str:
    return CliRunner().invoke(app, list(words), catch_exceptions=False, standalone_mode=False).output


def in_a_child(*words: str, environment: dict[str, str]) -> tuple[int, str]:
    """Exit status and output of `gaia-budget` in a terminal of its own that answers every question with yes."""
    import pty

    child, terminal = pty.fork()
    if child == 0:
        os.execve(words[0], list(words), environment)
    shown = b""
    try:
        os.write(terminal, b"y\ny\n")
        while part := os.read(terminal, 4096):
            shown += part
    except OSError:  # the terminal is gone with its last process
        pass
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    os.close(terminal)
    return status, shown.decode(errors="replace")


posix = pytest.mark.skipif(os.name == "nt", reason="pseudo-terminals are of POSIX")
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads the process tree of Linux")


@posix
def test_a_terminal_that_a_session_makes_is_no_human() -> None:
    environment = {**os.environ, "CLAUDECODE": "1"}
    words = (sys.executable, "-m", "gaia_budget", *GRANT[:-1])
    status, shown = in_a_child(*words, environment=environment)
    assert status == 1
    assert "for a human alone" in shown


@linux
def test_a_variable_that_is_left_out_hides_no_session() -> None:
    command = f"env -u CLAUDECODE {sys.executable} -m gaia_budget {' '.join(GRANT)}; true"
    status, shown = in_a_child("/bin/sh", "-c", command, environment={**os.environ, "CLAUDECODE": "1"})
    assert "for a human alone" in shown, (status, shown)


@linux
def test_a_process_of_the_client_hides_no_session(tmp_path: Path) -> None:
    client = tmp_path / "claude"
    client.symlink_to("/bin/sh")
    command = f"{sys.executable} -m gaia_budget {' '.join(GRANT)}; true"
    _, shown = in_a_child(str(client), "-c", command, environment=dict(os.environ))
    assert "for a human alone" in shown


@pytest.mark.parametrize(
    ("command", "found"),
    [
        ("/home/u/.local/bin/claude --resume", True),
        ("claude", True),
        ("/home/u/.local/share/claude/versions/2.1.332 -p go on", True),
        ("/usr/bin/node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js", True),
        (r'"C:\Users\A B\.local\bin\claude.exe" --continue', True),
        ("/bin/bash -l", False),
        ("/usr/bin/vim claude-notes.txt", False),
        ("/usr/bin/claudette", False),
        ("tmux new-session -s claude", False),
    ],
)
def test_a_client_is_known_by_how_it_was_started(command: str, found: bool) -> None:
    assert ancestry.is_clients(ancestry.Process(1, command)) is found


def test_a_table_of_processes_is_read_line_by_line() -> None:
    shown = "  7     1 /sbin/launchd\n 90 7 /Users/u/.local/bin/claude --resume x\nnoise\n"
    assert ancestry.parsed(shown)[90] == ancestry.Process(7, "/Users/u/.local/bin/claude --resume x")


@pytest.mark.parametrize("words", [["pay", "plan"], ["pay", "auto"]])
def test_caps_that_block_are_not_emptied_from_inside(
    words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDECODE", "1")
    run(*words)  # without a hard cap it is nobody's harm
    monkeypatch.setenv("GAIA_BUDGET_SESSION_POLICY", "block")
    with pytest.raises(InputError, match="for a human alone"):
        run(*words)
    run("pay", "api")


LOOSENING = [
    {"GAIA_BUDGET_SESSION_POLICY": "warn"},
    {"GAIA_ROOT": "/nowhere"},
    {"GAIA_BUDGET_DB": "sqlite:///other.db"},
    {"TZ": "Pacific/Kiritimati"},
]


def harden(home: Path) -> dict[str, Any]:
    """The user's limits block; what hooks hold then."""
    (home / "gaia-budget").mkdir()
    (home / "gaia-budget" / "settings.toml").write_text('session_policy = "block"\n')
    run("ingest")
    return snapshot.held()


@pytest.mark.parametrize("variables", LOOSENING, ids=lambda one: next(iter(one)))
def test_variables_of_a_session_do_not_loosen_what_hooks_hold(
    home: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str]
) -> None:
    before = harden(home)
    monkeypatch.chdir(home)
    monkeypatch.setenv("CLAUDECODE", "1")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert "in a terminal of your own" in run("ingest")
    assert snapshot.held() == {**before, "problems": [snapshot.FOREIGN]}
    for name in variables:
        monkeypatch.delenv(name)
    run("ingest")
    assert snapshot.held()["problems"] == []
    assert snapshot.held()["session_policy"] == "block"


def test_variables_of_a_terminal_of_the_users_own_hold(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    harden(home)
    monkeypatch.setenv("GAIA_BUDGET_SESSION_POLICY", "warn")
    run("ingest")
    assert snapshot.held()["session_policy"] == "warn"


def test_limits_that_hooks_hold_are_hard_whatever_variables_say(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    harden(home)
    monkeypatch.setenv("CLAUDECODE", "1")
    monkeypatch.setenv("GAIA_BUDGET_SESSION_POLICY", "warn")
    with pytest.raises(InputError, match="for a human alone"):
        run("pay", "plan")

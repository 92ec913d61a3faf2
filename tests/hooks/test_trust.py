"""What a project's settings put into the environment decides nothing: not place, type, off-switch, nor policy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from support.rows import assistant, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Watched


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A cloned project, empty but for its settings."""
    folder = tmp_path / "clone"
    (folder / ".claude").mkdir(parents=True)
    return folder


def sets(project: Path, file: str = "settings.json", **env: str) -> dict[str, str]:
    """The project's settings set variables; returns what Claude Code then starts everything with."""
    (project / ".claude" / file).write_text(json.dumps({"env": env}))
    return {**env, "CLAUDE_PROJECT_DIR": str(project)}


def hook(watched: Watched, event: str, environment: dict[str, str], **fields: Any) -> dict[str, Any]:
    done = watched.raw(json.dumps(watched.payload(event, **fields)).encode(), **environment)
    assert done.returncode == 0
    return json.loads(done.stdout) if done.stdout else {}


@pytest.mark.parametrize("file", ["settings.json", "settings.local.json"])
def test_a_project_does_not_turn_us_off(watched: Watched, project: Path, file: str) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    hook(watched, "Stop", sets(project, file, GAIA_BUDGET_OFF="1"))
    assert watched.figures().responses == 1


def test_a_project_does_not_choose_the_session_type(watched: Watched, project: Path) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    hook(watched, "SessionStart", sets(project, GAIA_SESSION_TYPE="architecture"), source="startup")
    assert json.loads(watched.state_file.read_text())["type"] != "architecture"


def test_a_project_does_not_hide_its_sessions_by_another_home(watched: Watched, project: Path) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    hook(watched, "Stop", sets(project, CLAUDE_CONFIG_DIR=str(project)))
    if (
        watched.state_file.exists()
    ):  # the user's own CLAUDE_CONFIG_DIR is gone with it: the default is looked at
        assert watched.figures().responses == 1


def test_it_is_said_once_at_the_start_of_a_session(watched: Watched, project: Path) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    environment = sets(project, GAIA_BUDGET_DB="sqlite:///stolen.db", GAIA_BUDGET_SESSION_POLICY="warn")
    said = hook(watched, "SessionStart", environment, source="startup")["systemMessage"]
    assert "GAIA_BUDGET_DB, GAIA_BUDGET_SESSION_POLICY" in said and "ignored" in said
    assert "GAIA_BUDGET_DB" not in str(hook(watched, "UserPromptSubmit", environment, prompt="x"))


OF_SYSTEMS = {
    **dict.fromkeys(
        ("PATH", "PGSERVICEFILE", "SSL_CERT_FILE", "SSLKEYLOGFILE", "TMPDIR", "GIT_EXEC_PATH"), "{}/of-clone"
    ),
    **dict.fromkeys(("PGHOSTADDR", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "192.0.2.1"),
    **{"TZ": "Asia/Tokyo", "LD_LIBRARY_PATH": "", "A_NAME_THAT_NOBODY_KNOWS": "1"},
}


def test_nothing_that_a_project_sets_reaches_what_we_start_or_connect_to(project: Path) -> None:
    env = sets(project, **{name: value.format(project) for name, value in OF_SYSTEMS.items()})
    code = (
        "import os; from gaia_hooks.facts import trust; named = trust.forget_project_variables(); "
        "import subprocess; subprocess.run(['/usr/bin/env']); print('named', named)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **env, "MINE": "1"}, capture_output=True, text=True, check=True
    )  # fmt: skip
    left = {line.partition("=")[0] for line in done.stdout.splitlines()}
    assert left & OF_SYSTEMS.keys() == set()
    assert "MINE" in left and "CLAUDE_PROJECT_DIR" in left
    assert done.stdout.splitlines()[-1] == "named []", "only what is ours is worth a word"


def test_what_the_user_sets_in_his_own_shell_holds(watched: Watched, project: Path) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    (project / ".claude" / "settings.json").write_text(json.dumps({"env": {"OTHER": "1"}, "hooks": {}}))
    hook(watched, "Stop", {"GAIA_BUDGET_OFF": "1", "CLAUDE_PROJECT_DIR": str(project)})
    assert not watched.state_file.exists()
    environment = {"GAIA_SESSION_TYPE": "architecture", "CLAUDE_PROJECT_DIR": str(project)}
    hook(watched, "SessionStart", environment, source="startup")
    assert json.loads(watched.state_file.read_text())["type"] == "architecture"


OFF = b'{"env":{"GAIA_BUDGET_OFF":"1"}'
AS_THE_CLIENT_READS_THEM = {
    "escapes in names": b'{"\\u0065nv":{"GAIA_BUDGET_\\u004fFF":"1"}}',
    "nested deeply": OFF + b',"x":' + b"[" * 3000 + b"]" * 3000 + b"}",
    "a number of 5,000 digits": OFF + b',"x":' + b"9" * 5000 + b"}",
    "bytes that are no text": OFF + b',"x":"\xff"}',
    "a byte order mark": b"\xef\xbb\xbf" + OFF + b"}",
    "UTF-16": b"\xff\xfe" + (OFF + b"}").decode().encode("utf-16-le"),
    "a name that is no text": OFF[:-1] + b',"GAIA_\\ud800":"1"}}',
}
"""Settings that 2.1.332 takes the variable from, however they are written (each was tried with it)."""


@pytest.mark.parametrize("how", AS_THE_CLIENT_READS_THEM)
def test_a_project_does_not_turn_us_off_however_it_is_written(
    watched: Watched, project: Path, how: str
) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    (project / ".claude" / "settings.json").write_bytes(AS_THE_CLIENT_READS_THEM[how])
    hook(watched, "Stop", {"GAIA_BUDGET_OFF": "1", "CLAUDE_PROJECT_DIR": str(project)})
    assert watched.figures().responses == 1


def repository(project: Path) -> Path:
    """A folder in the project's repository: Claude Code takes the repository's local settings there, too."""
    (project / ".git").mkdir()
    below = project / "src"
    below.mkdir()
    return below


def worktree(project: Path, commondir: str = "", named: str = "") -> Path:
    """A linked worktree beside the project, to which the main repository's local settings apply."""
    git = project / ".git" / "worktrees" / "w"
    git.mkdir(parents=True)
    linked = project.parent / "w"
    linked.mkdir()
    (linked / ".git").write_text(f"gitdir: {named or git}\n")
    if commondir:
        (git / "commondir").write_text(commondir + "\n")
    return linked


STARTED_IN: dict[str, Callable[[Path], Path]] = {
    "a folder of the repository": repository,
    "a linked worktree": worktree,
    "one that names it relatively": lambda project: worktree(project, named="../clone/.git/worktrees/w"),
    "one that names the common folder": lambda project: worktree(project, "../.."),
}


@pytest.mark.parametrize("place", STARTED_IN)
def test_local_settings_of_the_repository_turn_nothing_off(
    watched: Watched, project: Path, place: str
) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    sets(project, "settings.local.json", GAIA_BUDGET_OFF="1")
    folder = STARTED_IN[place](project)
    hook(watched, "Stop", {"GAIA_BUDGET_OFF": "1", "CLAUDE_PROJECT_DIR": str(folder)})
    assert watched.figures().responses == 1


def test_settings_of_a_folder_above_the_project_are_not_its_own(watched: Watched, project: Path) -> None:
    write(watched.transcript, assistant("a", output_tokens=10))
    sets(project, GAIA_BUDGET_OFF="1")
    below = project / "other"
    (below / ".git").mkdir(parents=True)
    hook(watched, "Stop", {"GAIA_BUDGET_OFF": "1", "CLAUDE_PROJECT_DIR": str(below)})
    assert not watched.state_file.exists(), "the user's own word holds"


def test_a_project_cannot_say_that_there_is_no_session(project: Path) -> None:
    env = sets(project, GAIA_BUDGET_SESSION_POLICY="downgrade", CLAUDECODE="", CLAUDE_PROJECT_DIR="")
    _, said = listing(project, **{**env, "CLAUDE_PROJECT_DIR": ""})
    assert "GAIA_BUDGET_SESSION_POLICY" in said


@pytest.mark.parametrize("named", ["/nowhere", ".", "/"])
def test_a_shell_of_the_session_does_not_believe_a_project_that_names_another_folder(
    project: Path, named: str
) -> None:
    below = project / "src" / "deep"
    below.mkdir(parents=True)
    env = sets(project, GAIA_BUDGET_SESSION_POLICY="downgrade", CLAUDE_PROJECT_DIR=named)
    _, said = listing(below, **{**env, "CLAUDECODE": "1", "CLAUDE_PROJECT_DIR": named})
    assert "GAIA_BUDGET_SESSION_POLICY" in said


@pytest.mark.parametrize(
    "content", ["", "[]", '{"env": [', '{"env": 5}', "[" * 3000, '{"env": {"GAIA_ROOT": {}}}']
)
def test_settings_of_any_content_end_no_hook(watched: Watched, project: Path, content: str) -> None:
    (project / ".claude" / "settings.json").write_text(content + ' "env"')
    write(watched.transcript, assistant("a", output_tokens=10))
    hook(watched, "Stop", {"CLAUDE_PROJECT_DIR": str(project)})
    assert watched.figures().responses == 1


def listing(folder: Path, **environment: str) -> tuple[str, str]:
    """`gaia-budget settings --json` in a folder: what it printed and said."""
    code = "from gaia_budget.cli.app import main; import sys; sys.argv[1:] = ['settings', '--json']; main()"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    return done.stdout, done.stderr


def test_a_command_in_a_shell_of_the_session_takes_no_setting_from_the_project(project: Path) -> None:
    below = project / "src" / "deep"
    below.mkdir(parents=True)
    env = sets(project, GAIA_BUDGET_SESSION_POLICY="downgrade")
    del env["CLAUDE_PROJECT_DIR"]
    shown, said = listing(below, CLAUDECODE="1", **env)
    assert "downgrade" not in shown.partition('"session_policy"')[2].partition("}")[0]
    assert "GAIA_BUDGET_SESSION_POLICY" in said
    shown, said = listing(below, **env)  # a terminal of the user's own: nobody but the user set it
    assert "downgrade" in shown and "GAIA_BUDGET" not in said


def test_a_project_that_calls_itself_the_home_is_none(project: Path) -> None:
    env = sets(project, GAIA_BUDGET_SESSION_POLICY="downgrade", HOME=str(project))
    del env["CLAUDE_PROJECT_DIR"]
    _, said = listing(project, CLAUDECODE="1", **env)
    assert "GAIA_BUDGET_SESSION_POLICY" in said and "HOME" in said

"""What we keep is the user's alone, whatever the shell's umask says, and a folder of somebody else is not ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gaia_budget import places
from gaia_budget.errors import ConfigError
from gaia_budget.settings import load
from gaia_hooks.machine import files
from gaia_mcp.transport.serving import read_token, token_file
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Watched

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no mode bits")
TOPIC = "## Part {0}\n\n" + "How this part is built, and why it is built in this way.\n" * 6 + "\n"
COMMANDS = (
    ["ingest"],
    ["override", "add", "project", "--usd", "1", "--reason", "why"],
    ["outcome", "fix", "--ok"],
    ["claude-md", "split", "--yes"],
    ["prices", "refresh"],
    ["alerts"],
    ["pay", "api"],
    ["init", "--project", ".", "--yes", "--no-replay"],
)


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_every_file_of_ours_is_the_users_alone_whatever_the_umask(
    watched: Watched, tmp_path: Path, price_list: None, umask: int
) -> None:
    watched.home.chmod(0o700)
    before = os.umask(umask)
    try:
        for number in range(200):
            write(watched.transcript, assistant(f"m{number}", second=number % 60, output_tokens=1000))
        for event in ("SessionStart", "PreToolUse", "Stop", "SessionEnd"):
            watched.hook(event, source="startup", cwd=str(tmp_path))
        watched.raw(json.dumps({"session_id": SESSION, "cwd": str(tmp_path)}).encode(), "statusline")
        (tmp_path / "CLAUDE.md").write_text("# A\n" + "".join(TOPIC.format(n) for n in range(30)))
        for words in COMMANDS:
            subprocess.run([sys.executable, "-m", "gaia_budget", *words], cwd=tmp_path, capture_output=True)
        read_token(token_file())
    finally:
        os.umask(before)
    kept = [watched.home, *watched.home.rglob("*")]
    assert {str(path): oct(path.stat().st_mode & 0o077) for path in kept if path.stat().st_mode & 0o077} == {}
    names = {path.relative_to(watched.home).parts[0] for path in kept[1:]}
    assert names >= {"sessions", "ledger.db", "snapshot.json", "logs", "claude-md", "mcp-token", "README.txt"}


def test_a_state_folder_of_another_user_is_refused_before_anything_in_it_is_believed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = places.ensure_home()
    (folder / "settings.toml").write_text('db = "sqlite:////tmp/theirs.db"\n')
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    for work in (load, places.ensure_home):
        with pytest.raises(ConfigError, match=r"belongs to another user.*GAIA_BUDGET_HOME"):
            work()


@pytest.mark.parametrize("name", ["log.jsonl", "log.jsonl.lock"])
def test_a_link_in_a_folder_that_others_write_is_not_followed(tmp_path: Path, name: str) -> None:
    shared, mine = tmp_path / "shared", tmp_path / "mine"
    shared.mkdir()
    mine.write_text("precious\n")
    (shared / name).symlink_to(mine)
    shared.chmod(0o777)
    with pytest.raises(OSError, match="symbolic links"):
        files.append(str(shared / "log.jsonl"), b"{}\n")
    assert mine.read_text() == "precious\n"
    shared.chmod(0o700)  # where nobody else writes, a link is the user's own
    files.append(str(shared / "log.jsonl"), b"{}\n")
    assert mine.read_text() != "precious\n"

"""The README's first command on a machine that has Python and nothing else: a clone, a home folder, no client."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support.components import path, requires

ROOT = Path(__file__).parent.parent.parent
KEPT = (
    "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE",
    "PIP_INDEX_URL",
    "PIP_EXTRA_INDEX_URL",
    "HTTPS_PROXY",
    "NO_PROXY",
)

pytestmark = [
    requires("git"),
    pytest.mark.skipif(os.name == "nt", reason="the folders and programs of a POSIX machine"),
]


def test_one_command_installs_wires_and_is_taken_back(tmp_path: Path) -> None:
    clone, home = tmp_path / "clone", tmp_path / "home of\u00fc"
    subprocess.run([path("git"), "clone", "--quiet", ROOT, clone], check=True)
    home.mkdir()
    programs = f"{Path(sys._base_executable).parent}{os.pathsep}/usr/bin{os.pathsep}/bin"  # type: ignore[attr-defined]
    environment = {name: os.environ[name] for name in KEPT if name in os.environ}
    environment |= {"HOME": str(home), "PATH": programs}

    def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            words,
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done

    first = run("python3", clone / "install.py")
    assert "no Claude Code sessions yet" in first.stdout
    settings = home / ".claude" / "settings.json"
    assert "PreToolUse" in json.loads(settings.read_text(encoding="utf-8"))["hooks"]
    again = run("python3", clone / "install.py")
    assert "nothing to change" in again.stderr
    clean = subprocess.run(
        [path("git"), "-C", clone, "status", "--porcelain"], capture_output=True, text=True, check=True
    )
    assert clean.stdout == ""
    shutil.rmtree(clone)
    command = home / ".local" / "bin" / "gaia-budget"
    assert json.loads(run(command, "spend", "--json").stdout)["rows"] == []
    run(command, "init", "--undo", "--yes")
    assert not settings.exists()

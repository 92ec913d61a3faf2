"""Waiting for the parent's death as each system lets one wait; what this system lacks runs against a stand-in."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import threading
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from gaia_mcp.transport import stdio
from support.mcp_stdio import HELLO, LINUX, gone, wait_until

if TYPE_CHECKING:
    from pathlib import Path

WITHOUT_PIDFD = (
    "import types, gaia_mcp.transport.stdio as parent\n"
    "parent.sys = types.SimpleNamespace(platform='darwin')\n"
    "parent.POLL_SECONDS = 0.05\n"
)


@LINUX
@pytest.mark.parametrize("site", ["", WITHOUT_PIDFD], ids=["told by the system", "polled, as on macOS"])
def test_the_server_ends_when_its_parent_dies_although_its_stdin_stays_open(
    site: str, tmp_path: Path
) -> None:
    """The pipe is held open by us, as by a sibling of a killed client."""
    (tmp_path / "sitecustomize.py").write_text(site, encoding="utf-8")
    reading, writing = os.pipe()
    script = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'gaia_mcp'], stdin=int(sys.argv[1]),\n"
        "                         stdout=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "child.stdout.readline()\n"
        "print('answered', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(reading)],
        pass_fds=[reading],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
        os.write(writing, json.dumps(hello).encode() + b"\n")
        assert process.stdout.readline() == "answered\n"
        process.kill()
    wait_until(lambda: gone(pid))
    os.close(reading)
    os.close(writing)


@LINUX
def test_a_parent_that_is_gone_already_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    monkeypatch.setattr(os, "getppid", lambda: ended.pid)
    waiting = threading.Thread(target=stdio.wait_for_parent, daemon=True)
    waiting.start()
    waiting.join(60)
    assert not waiting.is_alive()


@pytest.mark.parametrize("found", [True, False])
def test_on_windows_the_handle_of_the_parent_is_waited_for(
    found: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def open_process(access: int, inherit: bool, pid: int) -> int:
        asked.append((access, inherit, pid))
        if not found:
            raise OSError("no such process")
        return 77

    system = ModuleType("_winapi")
    system.OpenProcess = open_process  # type: ignore[attr-defined]
    system.WaitForSingleObject = lambda *handle: asked.append(handle)  # type: ignore[attr-defined]
    system.INFINITE = -1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "_winapi", system)
    monkeypatch.setattr(sys, "platform", "win32")
    spec = importlib.util.spec_from_file_location("parent_on_windows", stdio.__file__)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.wait_for_parent()
    synchronize = 0x00100000
    assert asked == [(synchronize, False, os.getppid()), *([(77, -1)] if found else [])]

"""The suites of the protocol's makers, run over HTTP against our own server object, and their inspector on stdio."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support import components
from support.components import requires

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER = Path(__file__).parent / "conformance" / "serve.py"
PATIENCE = 300
NOT_OFFERED = "tasks-"  # an optional extension that this server does not offer: its tools answer at once


@pytest.fixture
def url() -> Iterator[str]:
    """The server with the suites' fixtures, on a free port of loopback."""
    with subprocess.Popen([sys.executable, str(SERVER)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}/mcp"
        finally:
            process.terminate()


def failed(component: str, url: str, folder: Path, *options: str) -> tuple[list[str], int]:
    """The names of the scenarios that failed, and how many passed."""
    node, suite = components.path("node22"), components.path(component)
    done = subprocess.run(
        [str(node), str(suite), "server", "--url", url, *options],
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=PATIENCE,
        check=False,
    )
    summary = done.stdout.partition("=== SUMMARY ===")[2].partition("Total:")[0]
    assert summary, done.stdout[-2000:] + done.stderr[-2000:]
    lines = re.findall(r"(?m)^([✓✗]) ([\w-]+):", summary)
    return [name for mark, name in lines if mark == "✗"], sum(mark == "✓" for mark, _ in lines)


@requires("node22", "mcp-conformance")
def test_the_current_suite_passes_whole(url: str, tmp_path: Path) -> None:
    assert failed("mcp-conformance", url, tmp_path) == ([], 30)


@requires("node22", "mcp-conformance-next")
@pytest.mark.parametrize(("revision", "passing"), [("2025-11-25", 33), ("2026-07-28", 41)])
def test_the_newest_suite_passes_in_both_eras(revision: str, passing: int, url: str, tmp_path: Path) -> None:
    names, passed = failed("mcp-conformance-next", url, tmp_path, "--requirements", revision)
    assert [name for name in names if not name.startswith(NOT_OFFERED)] == []
    assert passed == passing


@requires("node22", "mcp-inspector")
def test_the_inspector_lists_and_calls_our_tools_on_stdio(project: Path) -> None:
    node, inspector = components.path("node22"), components.path("mcp-inspector")
    passed_on = ("HOME", "GAIA_BUDGET_HOME", "CLAUDE_PROJECT_DIR")
    env = [part for name in passed_on for part in ("-e", f"{name}={os.environ[name]}")]

    def ask(*options: str) -> dict[str, object]:
        command = [str(node), str(inspector), "--cli", *env, sys.executable, "-P", "-m", "gaia_mcp", *options]
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    listed = ask("--method", "tools/list")["tools"]
    assert isinstance(listed, list)
    assert len(listed) == 6
    called = ask(
        "--method", "tools/call", "--tool-name", "budget_load_section", "--tool-arg", "name=pricing-rules"
    )
    assert called["structuredContent"] == {
        "text": '## Pricing rules\n\nA price is **never** rounded, "not once".\n\n'
    }

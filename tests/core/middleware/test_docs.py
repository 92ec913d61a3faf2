"""What the pages for apps show is run, block after block, as a reader would."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support import apps
from support.wire_server import KEY

if TYPE_CHECKING:
    from support.wire_server import WireServer

DOCS = Path(__file__).resolve().parents[3] / "docs"


@pytest.mark.parametrize("page", ["middleware.md", "jseeker.md"])
def test_the_snippets_run(
    page: str,
    root: Path,
    server: WireServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert len(server.requests) == len(apps.booked()) > 0
    assert "forty-two" in capsys.readouterr().out

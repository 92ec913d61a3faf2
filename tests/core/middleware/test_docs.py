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


PAGES = {
    "middleware.md": "jseeker",
    "jseeker.md": "jseeker",
    "hart-os.md": "hart_os",
    "via.md": "via",
    "mycel.md": "mycel",
    "raven.md": "raven",
    "argus.md": "jseeker",
}


@pytest.mark.parametrize(("page", "module"), PAGES.items())
def test_the_snippets_run(
    page: str,
    module: str,
    root: Path,
    server: WireServer,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", KEY)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", server.url)
    blocks = re.findall(r"```python\n(.*?)```", (DOCS / page).read_text("utf-8"), re.DOTALL)
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)
    assert len(server.requests) == len(apps.booked(module)) > 0
    assert "forty-two" in capsys.readouterr().out


def test_the_settings_of_the_raven_page_are_taken(root: Path, home: Path) -> None:
    from gaia_budget.settings import load

    (block,) = re.findall(r"```toml\n(.*?)```", (DOCS / "raven.md").read_text("utf-8"), re.DOTALL)
    (home / "gaia-budget" / "settings.toml").write_text(block, "utf-8")
    set_for_raven = load().modules["raven"]
    assert (set_for_raven.counts_claude_code, set_for_raven.on_exceeded) == (True, "downgrade")

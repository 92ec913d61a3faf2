"""Every test of the server has a project with a CLAUDE.md; `era` runs it in both eras of the protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gaia_hooks.session import state, state_file

if TYPE_CHECKING:
    from pathlib import Path

HANDBOOK = """# Shop

The shop sells things.

## Pricing rules

A price is **never** rounded, "not once".

## Größe

- klein
"""
SESSION = "0f0e0d0c-1111-4222-8333-444455556666"


@pytest.fixture
def anyio_backend() -> str:
    """The server runs on asyncio."""
    return "asyncio"


@pytest.fixture(params=["legacy", "auto"])
def era(request: pytest.FixtureRequest) -> str:
    """The handshake of 2025-11-25, or 2026-07-28 without one."""
    return str(request.param)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project that the server serves, a git repository in name."""
    folder = tmp_path / "shop"
    (folder / ".git").mkdir(parents=True)
    (folder / "CLAUDE.md").write_text(HANDBOOK, encoding="utf-8", newline="")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(folder))
    return folder


@pytest.fixture
def session(home: Path, monkeypatch: pytest.MonkeyPatch) -> state.State:
    """A running session that the hooks have seen, with 41,000 budget tokens for $0.25 on one model."""
    made = state.State(SESSION)
    made.type, made.chosen_by, made.module = "quick_fix", "inferred", "shop"
    made.transcript = str(home / ".claude" / "projects" / "-shop" / f"{SESSION}.jsonl")
    made.tallies = {
        "": {"claude-opus-5-5": state.Tally((30_000, 1_000, 500_000, 10_000, 0, 0, 0), 0, 250_000_000, 0, 7)}
    }
    state_file.save(str(home / "gaia-budget"), made)
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", SESSION)
    return made

"""An answer is made from the files and the ledger as they are when it is asked for."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import grimp
import pytest
from mcp import Client

from gaia_budget.ledger import Ledger
from gaia_budget.model import Event
from gaia_budget.settings import load
from gaia_mcp.sections import resources
from gaia_mcp.server import build

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio


def spend(number: int, **facts: Any) -> None:
    now = time.time_ns() // 1000
    facts = {"source": "app", "billing": "api", "module": "shop", "model": "m", "cost_nano": 10**9, **facts}
    with Ledger.open(settings=load()) as ledger:
        ledger.record([Event(event_id=f"e{number}", ts=now, **facts)])


async def test_what_was_recorded_a_moment_ago_is_in_the_next_answer() -> None:
    spend(0)
    async with Client(build()) as client:

        async def total(**arguments: str) -> Any:
            answer = (await client.call_tool("budget_spend", arguments)).structured_content
            assert answer is not None
            return answer["total"]["cost_usd"]

        assert await total(by="model") == "1.0000"
        spend(1)
        assert [await total(by=axis) for axis in ("model", "task")] == ["2.0000"] * 2


async def test_a_module_that_nobody_knows_is_an_error_that_offers_the_nearest() -> None:
    spend(0)
    async with Client(build()) as client:
        answer = await client.call_tool("budget_spend", {"by": "model", "module": "shpo"})
    assert answer.is_error
    assert "Nearest: shop" in answer.content[0].text  # type: ignore[union-attr]


async def test_sections_are_those_of_the_files_at_this_moment(project: Path) -> None:
    file = project / "CLAUDE.md"
    assert [one.slug for _, one in resources.sections([file])] == ["shop", "pricing-rules", "größe"]
    file.write_text("# A\n\n## Pricing rules\n\nOther ones.\n", encoding="utf-8")
    assert resources.find("2", [file]).section.text == "## Pricing rules\n\nOther ones.\n"


async def test_a_ledger_in_place_of_another_is_asked_anew(home: Path) -> None:
    spend(0)
    async with Client(build()) as client:
        assert (await client.call_tool("budget_spend", {"by": "model"})).structured_content is not None
        for end in ("", "-wal", "-shm"):
            (home / "gaia-budget" / f"ledger.db{end}").unlink(missing_ok=True)
        spend(5, cost_nano=7 * 10**9)
        answer = (await client.call_tool("budget_spend", {"by": "model"})).structured_content
    assert answer is not None
    assert answer["total"]["cost_usd"] == "7.0000"


async def test_a_recommendation_follows_every_file_it_is_made_from(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(tmp_path))
    budget = tmp_path / "token_budget.json"

    def allow(*models: str) -> None:
        entry = {"monthly_budget_usd": 5, "provider": "anthropic", "models": models}
        budget.write_text(
            json.dumps({"$schema": "gaia-token-budget-v1", "per_module": {"shop": entry}}), "utf-8"
        )

    Ledger.open(settings=load()).close()
    async with Client(build()) as client:

        async def recommended() -> Any:
            answer = (
                await client.call_tool("budget_recommend", {"task": "jd_parse", "module": "shop"})
            ).structured_content
            assert answer is not None
            return answer

        allow("sonnet")
        assert (await recommended())["alias"] == "sonnet"
        allow("haiku", "sonnet")
        assert (await recommended())["alias"] == "haiku"
        with Ledger.open(settings=load()) as ledger:
            for _ in range(12):
                ledger.record_outcome("jd_parse", "claude-haiku-5-5", False)
        assert (await recommended())["alias"] == "sonnet"


def test_no_module_of_the_server_imports_in_a_circle() -> None:
    graph = grimp.build_graph("gaia_mcp", exclude_type_checking_imports=False, cache_dir=None)
    circles = [
        graph.find_shortest_chain(imported, module)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    ]
    assert circles
    assert not any(circles)

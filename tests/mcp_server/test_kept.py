"""What the server keeps between answers holds exactly until something that it was made from has changed."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import grimp
import pytest
from mcp import Client

from gaia_budget.ledger import Ledger
from gaia_budget.ledger.reading import Reader
from gaia_budget.model import Event
from gaia_mcp import handbook, kept, known
from gaia_mcp.kept import MOST_ANSWERS, Answers
from gaia_mcp.server import build

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio


def spend(number: int, **facts: Any) -> None:
    now = time.time_ns() // 1000
    facts = {"source": "app", "billing": "api", "module": "shop", "model": "m", "cost_nano": 10**9, **facts}
    with Ledger.open() as ledger:
        ledger.record([Event(event_id=f"e{number}", ts=now, **facts)])


@pytest.fixture
def questions(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The SQL that the server asks from here on, without looks at the version."""
    asked: list[str] = []
    original: Callable[..., Any] = Reader._ask

    def ask(self: Reader, sql: str, values: Any) -> Any:
        if "PRAGMA" not in sql:
            asked.append(sql)
        return original(self, sql, values)

    monkeypatch.setattr(Reader, "_ask", ask)
    return asked


async def test_a_question_is_put_to_the_ledger_again_only_when_it_was_written(
    questions: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "minute", lambda: 1)
    spend(0)
    async with Client(build()) as client:

        async def total(**arguments: str) -> Any:
            answer = (await client.call_tool("budget_spend", arguments)).structured_content
            assert answer is not None
            return answer["total"]["cost_usd"]

        assert [await total(by="model") for _ in range(3)] == ["1.0000"] * 3
        assert len(questions) == 1
        spend(1)
        assert [await total(by="model") for _ in range(2)] == ["2.0000"] * 2
        assert len(questions) == 2
        assert await total(by="model", module="elsewhere") == "0.0000"
        assert await total(by="task") == "2.0000"
        monkeypatch.setattr(known, "minute", lambda: 2)
        assert await total(by="task") == "2.0000"
        assert len(questions) == 5


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

    Ledger.open().close()
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
        with Ledger.open() as ledger:
            for _ in range(12):
                ledger.record_outcome("jd_parse", "claude-haiku-5-5", False)
        assert (await recommended())["alias"] == "sonnet"


def test_a_section_is_parsed_once_until_a_file_changes(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import gaia_claude_md

    parsed: list[object] = []
    original = gaia_claude_md.document
    monkeypatch.setattr(gaia_claude_md, "document", lambda path: parsed.append(path) or original(path))
    file = project / "CLAUDE.md"
    texts = [handbook.section(name, [file]).section.text for name in ("2", "pricing-rules", "2")]
    assert [one.slug for _, one in handbook.sections([file])] == ["shop", "pricing-rules", "größe"]
    assert len(set(texts)) == len(parsed) == 1
    file.write_text("# A\n\n## Pricing rules\n\nOther ones.\n", encoding="utf-8")
    assert handbook.section("2", [file]).section.text == "## Pricing rules\n\nOther ones.\n"


def test_answers_are_bounded_and_an_error_is_none() -> None:
    found = Answers()
    for number in range(MOST_ANSWERS + 1):
        assert found.get(number, 1, lambda number=number: -number) == -number
    assert found.get(MOST_ANSWERS, 1, lambda: 0) == -MOST_ANSWERS
    assert found.get(0, 1, lambda: 5) == 5, "the oldest was dropped"
    assert [found.get("open", None, lambda made=made: made) for made in (1, 2)] == [1, 2]
    with pytest.raises(ZeroDivisionError):
        found.get("broken", 1, lambda: 1 // 0)
    assert found.get("broken", 1, lambda: 3) == 3


@pytest.mark.parametrize("name", ["\0", "x" * 5_000, "\udcff"])
def test_what_can_be_no_file_has_the_mark_of_none(name: str) -> None:
    assert kept.mark(name) == (name, 0, 0, 0)


def test_no_module_of_the_server_imports_in_a_circle() -> None:
    graph = grimp.build_graph("gaia_mcp", exclude_type_checking_imports=False, cache_dir=None)
    circles = [
        graph.find_shortest_chain(imported, module)
        for module in graph.modules
        for imported in graph.find_modules_directly_imported_by(module)
    ]
    assert circles
    assert not any(circles)

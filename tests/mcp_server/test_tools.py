"""What each tool answers, in both eras of the protocol, and what it says when something is missing or broken."""

from __future__ import annotations

import json
import time
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpe_openai
import pytest
from mcp import Client
from mcp_types import ElicitResult

from gaia_budget.budgets import Budgets
from gaia_budget.ledger import Ledger
from gaia_budget.model import Event
from gaia_budget.settings import load
from gaia_claude_md.files.server_words import INSTRUCTIONS, SERVER, TOOLS
from gaia_hooks.session import sessions
from gaia_hooks.session.state import ThreadState
from gaia_hooks.session.state_file import save
from gaia_mcp.server import build
from gaia_mcp.tools import definitions
from support.rows import assistant, write

if TYPE_CHECKING:
    from gaia_hooks.session import state

pytestmark = pytest.mark.anyio
TOKENIZER = bpe_openai.get_encoding("o200k_base")


def tokens(text: str) -> int:
    return len(TOKENIZER.encode(text))


async def ask(era: str, tool: str, human: Any = None, **arguments: Any) -> tuple[str, dict[str, Any] | None]:
    """Call one tool; the text, and the structured content where it is no error."""
    async with Client(build(), mode=era, elicitation_callback=human) as client:
        result = await client.call_tool(tool, arguments)
    [block] = result.content
    text: str = block.text  # type: ignore[union-attr]
    if result.is_error:
        return text, None
    assert json.loads(text) == result.structured_content
    assert "\n" not in text
    return text, result.structured_content


async def test_the_tool_list_costs_the_model_at_most_350_tokens(era: str) -> None:
    async with Client(build(), mode=era) as client:
        listed = (await client.list_tools()).tools
    seen = [
        {"name": one.name, "description": one.description, "inputSchema": one.input_schema} for one in listed
    ]
    assert len(seen) == 6
    assert tokens(json.dumps(seen, separators=(",", ":"))) <= 350
    assert all(len(one["inputSchema"]["properties"]) <= 3 for one in seen)
    assert all(one.output_schema and one.annotations for one in listed)
    assert {one.name for one in listed if not one.annotations.read_only_hint} == {
        "budget_session",
        "budget_override",
    }


async def test_the_instructions_name_the_tools_in_at_most_60_tokens() -> None:
    assert tokens(INSTRUCTIONS) <= 60
    assert tuple(function.__name__ for function, _ in definitions.ALL) == TOOLS
    assert {"budget_spend", "budget_recommend", "budget_load_section"} <= set(
        INSTRUCTIONS.replace(",", "").split()
    )


async def test_spend_without_arguments_is_the_session_and_its_month(era: str, session: state.State) -> None:
    with Ledger.open(settings=load()) as ledger:
        ledger.record([Event(event_id="e", ts=time.time_ns() // 1000, source="app", billing="api", module="shop",
                             model="m", cost_nano=1_250_000_000)])  # fmt: skip
    text, answer = await ask(era, "budget_spend")
    assert answer == {
        "session_tokens": 41_000,
        "session_usd": "0.2500",
        "module": "shop",
        "month_usd": "1.2500",
        "limit_usd": "10.0000",
    }
    assert tokens(text) <= 40


async def test_spend_by_an_axis_gives_the_rows_of_the_command(era: str) -> None:
    with Ledger.open(settings=load()) as ledger:
        facts = [Event(event_id=f"e{n}", ts=time.time_ns() // 1000, module="shop", model=f"m{n % 25}", session_id="s",
                       input_tokens=n, cost_nano=None if n == 3 else n * 1_000_003) for n in range(60)]  # fmt: skip
        ledger.record(facts)
        twin = ledger.spend(("model",)).document()
    _, answer = await ask(era, "budget_spend", by="model")
    assert answer is not None
    assert answer["total"]["cost_usd"] == twin["total"]["cost_usd"]
    assert answer["total"]["unpriced"] == 1
    names = ("key", "responses", "budget_tokens", "cost_usd")
    shown = [{name: row[name] for name in names} for row in answer["rows"]]
    assert shown == [{name: row[name] for name in names} for row in twin["rows"]][:20]
    assert answer["more_rows"] == 5


async def test_spend_since_session_is_this_session_alone(era: str, session: state.State) -> None:
    with Ledger.open(settings=load()) as ledger:
        ledger.record(
            [
                Event(event_id=name, ts=1, session_id=name, cost_nano=7)
                for name in ("other", session.session_id)
            ]
        )
    _, answer = await ask(era, "budget_spend", since="session")
    assert answer is not None
    assert answer["total"]["responses"] == 1


async def test_spend_since_session_names_what_the_client_leaves_out(era: str, session: state.State) -> None:
    row = assistant("msg_a", session=session.session_id, input_tokens=500_000)
    row["message"]["usage"]["iterations"] = [
        {"type": "compaction", "input_tokens": 250_000}, {"type": "message", "input_tokens": 500_000}]  # fmt: skip
    write(Path.home() / ".claude" / "projects" / "shop" / f"{session.session_id}.jsonl", row)
    _, answer = await ask(era, "budget_spend", since="session")
    assert answer is not None
    assert "Left out by Claude Code: compaction on the server $1.00" in answer["notes"]


async def test_a_recommendation_names_model_price_and_next_step(era: str) -> None:
    _, answer = await ask(era, "budget_recommend", task="jd_parse", module="jseeker")
    assert answer is not None
    assert answer["alias"] == "haiku"
    assert {"reason", "how", "estimated_cost_usd", "escalate_to", "alternatives"} <= set(answer)


async def test_a_section_comes_with_its_exact_text(era: str, project: Path) -> None:
    _, listed = await ask(era, "budget_sections")
    assert listed is not None
    assert [row["slug"] for row in listed["sections"]] == ["shop", "pricing-rules", "größe"]
    _, answer = await ask(era, "budget_load_section", name="2")
    assert answer == {"text": '## Pricing rules\n\nA price is **never** rounded, "not once".\n\n'}
    text, nothing = await ask(era, "budget_load_section", name="pricing")
    assert nothing is None
    assert "pricing-rules" in text


@pytest.mark.parametrize(
    "line", ["ä line of words\n", '"quoted" and back\\slashed\n', "x" * 90_000 + "\n", "- item\n\n"]
)
async def test_a_long_section_comes_in_named_parts_that_are_the_whole(
    line: str, era: str, project: Path
) -> None:
    whole = "## Long\n\n" + line * (90_000 // len(line) + 1)
    (project / "CLAUDE.md").write_text(whole, encoding="utf-8", newline="")
    parts, name = [], "long"
    while name:
        text, answer = await ask(era, "budget_load_section", name=name)
        assert answer is not None
        assert len(text) <= 40_200, "as it is sent, the client shows it whole"
        parts.append(answer["text"])
        name = answer.get("rest", "``").split("`")[1]
    assert "".join(parts) == whole
    text, answer = await ask(era, "budget_load_section", name=f"long#{len(parts) + 1}")
    assert answer is None and f"the section has {len(parts)}" in text


async def test_a_session_in_a_monorepo_sees_the_files_above_it_and_is_asked_back_about_a_name(
    era: str, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inner = project / "packages" / "till"
    inner.mkdir(parents=True)
    (inner / "CLAUDE.md").write_text("# Till\n\nFor cash.\n\n## Pricing rules\n\nIn cents.\n", "utf-8")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(inner))
    _, listed = await ask(era, "budget_sections")
    assert listed is not None
    assert [(row["file"], row["slug"]) for row in listed["sections"]] == [
        ("CLAUDE.md", "till"),
        ("CLAUDE.md", "pricing-rules"),
        ("../../CLAUDE.md", "shop"),
        ("../../CLAUDE.md", "pricing-rules"),
        ("../../CLAUDE.md", "größe"),
    ]
    text, nothing = await ask(era, "budget_load_section", name="pricing-rules")
    assert nothing is None
    assert "`CLAUDE.md:pricing-rules`, `../../CLAUDE.md:pricing-rules`" in text
    for name, path in (("CLAUDE.md:pricing-rules", ""), ("pricing-rules", "."), ("2", "CLAUDE.md")):
        _, answer = await ask(era, "budget_load_section", name=name, path=path)
        assert answer is not None and answer["text"] == "## Pricing rules\n\nIn cents.\n"
    _, answer = await ask(era, "budget_load_section", name="größe")
    assert answer is not None and answer["file"] == "../../CLAUDE.md"
    _, answer = await ask(era, "budget_load_section", name="shop", path="../../CLAUDE.md")
    assert answer is not None and "sells" in answer["text"]


@pytest.mark.parametrize(
    "path", ["..", "../..", "/etc", "/etc/passwd", "sub/../../x", "\0", "x" * 5_000, "notes.md"]
)
async def test_no_file_but_the_projects_own_is_read(path: str, project: Path) -> None:
    (project / "notes.md").write_text("# Secret\n", encoding="utf-8")
    for tool, arguments in (("budget_sections", {}), ("budget_load_section", {"name": "1"})):
        text, answer = await ask("legacy", tool, path=path, **arguments)
        assert answer is None
        assert text.startswith("path must be a folder of this project, or a CLAUDE.md, AGENTS.md")


async def test_a_link_out_of_the_project_is_not_followed(project: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("# Secret\n", encoding="utf-8")
    (project / "CLAUDE.md").unlink()
    (project / "CLAUDE.md").symlink_to(tmp_path / "secret.md")
    text, answer = await ask("legacy", "budget_sections")
    assert answer is None
    assert "Secret" not in text


async def test_the_session_is_shown_in_few_tokens(era: str, session: state.State) -> None:
    text, answer = await ask(era, "budget_session")
    assert answer == {"type": "quick_fix", "chosen_by": "inferred", "budget_tokens": 41_000, "limit_tokens": 50_000,
                      "percent": 82.0}  # fmt: skip
    assert tokens(text) <= 40


async def test_the_type_is_set_at_the_users_wish(era: str, session: state.State, home: Path) -> None:
    _, answer = await ask(era, "budget_session", type="architecture")
    assert answer is not None
    assert (answer["type"], answer["chosen_by"], answer["limit_tokens"]) == (
        "architecture",
        "command",
        500_000,
    )
    stored = sessions.read(str(home / "gaia-budget"), session.session_id)
    assert stored is not None
    assert stored.type == "architecture"


def human(action: str, content: dict[str, Any] | None = None) -> Any:
    async def answer(context: Any, params: Any) -> ElicitResult:
        answer.asked.append(params.message)  # type: ignore[attr-defined]
        return ElicitResult(action=action, content=content)  # type: ignore[arg-type]

    answer.asked = []  # type: ignore[attr-defined]
    return answer


async def test_a_hard_limit_rises_only_with_the_humans_yes(
    era: str, session: state.State, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_BUDGET_SESSION_POLICY", "block")
    for refusing in (None, human("cancel"), human("decline"), human("accept", {"approve": False})):
        text, answer = await ask(era, "budget_session", refusing, type="architecture")
        assert answer is None
        assert text.startswith("refused: ")
    yes = human("accept", {"approve": True})
    _, answer = await ask(era, "budget_session", yes, type="architecture")
    assert answer is not None
    assert "from 50,000 to 500,000 tokens" in yes.asked[0]
    _, answer = await ask(era, "budget_session", type="quick_fix")
    assert answer is not None, "lowering a limit asks nobody"


async def test_an_override_is_granted_by_a_human_alone(era: str) -> None:
    wanted = {"module": "Shop", "usd": 2.5, "reason": "the yearly\n\x1b[31mreport"}
    for refusing in (None, human("cancel"), human("decline"), human("accept", {"approve": False})):
        text, answer = await ask(era, "budget_override", refusing, **wanted)
        assert answer is None
        assert text.startswith("refused: ")
    yes = human("accept", {"approve": True})
    _, answer = await ask(era, "budget_override", yes, **wanted)
    assert answer is not None
    assert (answer["module"], answer["usd"]) == ("shop", "2.5000")
    assert yes.asked == [
        "Claude asks for $2.5000 beyond the monthly budget of Shop. Its reason: the yearly [31mreport"
    ]
    with Ledger.open(settings=load()) as ledger:
        [granted] = Budgets(ledger).overrides()
    assert (granted.amount_nano, granted.module) == (2_500_000_000, "shop")


@pytest.mark.parametrize("usd", [0, -1, 1e-10, 1e400])
async def test_nobody_is_asked_about_a_wrong_amount(usd: float, era: str) -> None:
    asked = human("accept", {"approve": True})
    _, answer = await ask(era, "budget_override", asked, module="shop", usd=usd, reason="r")
    assert answer is None
    assert asked.asked == []


async def test_wrong_arguments_come_back_with_the_valid_ones(era: str) -> None:
    text, _ = await ask(era, "budget_spend", by="modle")
    assert "'module'" in text
    assert "modle" not in text
    assert await ask(era, "budget_spend", modul="shop") == (
        "budget_spend has no argument 'modul'. Valid: by, module, since.", None)  # fmt: skip
    text, _ = await ask(era, "budget_spending")
    assert "budget_spend" in text
    Ledger.open(settings=load()).close()
    text, _ = await ask(era, "budget_spend", by="model", since="last tuesday")
    assert "Valid: 2026-11-23" in text


async def test_without_session_and_ledger_the_answer_says_what_is_not_known(era: str) -> None:
    _, answer = await ask(era, "budget_spend")
    assert answer is not None
    assert (answer["module"], answer["limit_usd"]) == ("shop", "10.0000")
    assert (answer["month_usd"], len(answer["notes"])) == ("0.0000", 1)
    assert "no Claude Code session" in answer["notes"][0]
    text, nothing = await ask(era, "budget_session")
    assert nothing is None
    assert "no Claude Code session" in text


async def test_turned_off_it_offers_nothing(monkeypatch: pytest.MonkeyPatch, era: str) -> None:
    monkeypatch.setenv("GAIA_BUDGET_OFF", "1")
    async with Client(build(), mode=era) as client:
        assert (await client.list_tools()).tools == []


async def test_a_response_that_comes_in_between_is_counted_at_once(session: state.State, home: Path) -> None:
    transcript = Path(session.transcript)
    transcript.parent.mkdir(parents=True)
    session.threads, session.tallies = {"": ThreadState(session.transcript)}, {}
    save(str(home / "gaia-budget"), session)
    usage = {"input_tokens": 100, "output_tokens": 50}
    async with Client(build(), mode="legacy") as client:
        counted = []
        for number in range(3):
            message = {"id": f"msg_{number}", "model": "claude-opus-5-5", "usage": usage}
            stamp = f"2026-11-23T10:00:0{number}.000Z"
            row = {
                "type": "assistant",
                "sessionId": session.session_id,
                "timestamp": stamp,
                "message": message,
            }
            with transcript.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            for _ in range(2):
                answer = (await client.call_tool("budget_spend")).structured_content
                assert answer is not None
                counted.append(answer["session_tokens"])
    assert counted == [150, 150, 300, 300, 450, 450]


async def test_the_registry_entry_names_every_tool() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "mcp.md").read_text(encoding="utf-8")
    entry = json.loads(page.partition("```json\n")[2].partition("```")[0])
    assert list(entry) == [
        "name",
        "module",
        "path",
        "version",
        "status",
        "description",
        "tools",
        "claude_code_config",
    ]
    assert (entry["name"], entry["version"]) == (SERVER, version("gaia-token-budget"))
    async with Client(build()) as client:
        assert entry["tools"] == [tool.name for tool in (await client.list_tools()).tools]

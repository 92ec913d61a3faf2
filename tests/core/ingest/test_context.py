"""What fills the context: sizes of tool results times the requests that carried them, by every axis."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget import settings
from gaia_budget.cli.app import app
from gaia_budget.errors import InputError, NotFoundError
from gaia_budget.ledger import Ledger
from support import dashboard
from support.ecosystem import make
from support.rows import SESSION, assistant, stamp, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Bench

FORK = "5e551011-0000-4000-8000-00000000000f"
MODEL = "claude-opus-4-6"  # 1.2 tokens where o200k has one, which are four characters
SECRET = "/home/dev/project/secret.py"


def calls(key: str, second: int, name: str, call: str, file: str = "", **more: Any) -> dict[str, Any]:
    row = assistant(key, second=second, model=MODEL, input_tokens=1, output_tokens=1, **more)
    given = {"file_path": file} if file else {"command": "x"}
    row["message"]["content"] = [{"type": "tool_use", "id": call, "name": name, "input": given}]
    return row


def result(call: str, second: int, content: Any, branch: str = "main", **more: Any) -> dict[str, Any]:
    block = {"tool_use_id": call, "type": "tool_result", "content": content, "is_error": False}
    return {"type": "user", "sessionId": SESSION, "timestamp": stamp(second), "cwd": "/home/dev/project",
            "gitBranch": branch, "message": {"role": "user", "content": [block]},
            "toolUseResult": {"usage": {"input_tokens": 9}}} | more  # fmt: skip


def request(key: str, second: int, **more: Any) -> dict[str, Any]:
    return assistant(key, second=second, model=MODEL, input_tokens=1, output_tokens=1, **more)


COMPACTION = {"type": "system", "subtype": "compact_boundary", "sessionId": SESSION, "timestamp": stamp(8)}


@pytest.fixture
def session(bench: Bench) -> Bench:
    """A file read on two branches, an MCP call, an image, a compaction, and a subagent."""
    write(
        bench.project / f"{SESSION}.jsonl",
        calls("a", 0, "Read", "t1", SECRET),
        result("t1", 1, "é" * 399 + "\n"),  # 400 characters: 120 tokens
        calls("b", 2, "mcp__files__find", "t2"),
        calls("b", 2, "Bash", "t3"),  # the same response, another block
        result("t2", 3, [{"type": "text", "text": "x" * 40}]),  # 12 tokens
        result("t3", 3, [{"type": "image", "source": {"data": "A" * 9000}}]),
        request("c", 4),
        request("c", 5),
        COMPACTION,
        calls("d", 9, "Edit", "t4", SECRET),
        result("t4", 10, "y" * 100, branch="fix"),  # 30 tokens
        request("e", 11),
    )
    agents = bench.project / SESSION / "subagents"
    write(
        agents / "agent-x.jsonl",
        calls("f", 2, "Read", "t5", "/home/dev/other.py", agent="x"),
        result("t5", 3, "z" * 80, agentId="x", isSidechain=True),  # 24 tokens
        request("g", 4, agent="x"),
        request("h", 5, agent="x"),
    )
    (agents / "agent-x.meta.json").write_text('{"agentType":"Explore"}', "utf-8")
    return bench


def rows(*words: str) -> dict[Any, tuple[int, int, int]]:
    answer = CliRunner().invoke(app, ["spend", "--json", *words])
    if isinstance(answer.exception, InputError):
        raise answer.exception
    found = json.loads(answer.stdout)["rows"]
    assert all(row["estimate"] for row in found)
    return {
        row["key"] if isinstance(row["key"], str) else tuple(row["key"]): (
            row["calls"], row["result_tokens"], row["carried_tokens"])
        for row in found
    }  # fmt: skip


READ, FOUND, IMAGE, EDITED, AGENTS = (1, 120, 240), (1, 12, 12), (1, 1500, 1500), (1, 30, 30), (1, 24, 48)


@pytest.mark.usefixtures("session")
def test_tools_servers_files_subagents_and_branches() -> None:
    assert rows("--by", "tool") == {
        "Bash": IMAGE, "Read": (2, 144, 288), "Edit": EDITED, "mcp__files__find": FOUND}  # fmt: skip
    assert rows("--by", "mcp_server") == {"files": FOUND}
    assert rows("--by", "file") == {SECRET: (2, 150, 270), "/home/dev/other.py": AGENTS}
    assert rows("--by", "agent,file") == {
        ("main", SECRET): (2, 150, 270),
        ("Explore", "/home/dev/other.py"): AGENTS,
    }
    assert rows("--by", "branch,tool")["fix", "Edit"] == EDITED
    assert list(rows("--by", "tool", "--top", "1")) == ["Bash"]


@pytest.mark.usefixtures("session")
def test_the_page_of_a_session_shows_the_same_and_no_file_names() -> None:
    CliRunner().invoke(app, ["ingest"])
    with dashboard.running() as served:
        text = served.get(f"/sessions/{SESSION}").text

    shown = text.partition('id="context"')[2].partition("</section>")[0]
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", shown)
    table = {cells[place]: tuple(cells[place + 1 : place + 4]) for place in range(4, len(cells), 4)}
    for tool, figures in rows("--by", "tool").items():
        assert table.pop(tool) == tuple(f"{figure:,}" for figure in figures)
    assert table == {}
    assert "secret.py" not in text


@pytest.mark.usefixtures("session")
def test_a_session_a_module_or_a_range_is_asked_about_alone() -> None:
    for unknown in (("--session", "other"), ("--module", "nothing")):
        with pytest.raises(NotFoundError):
            rows("--by", "tool", *unknown)
    assert rows("--by", "tool", "--module", "project", "--since", stamp(9))["Edit"] == EDITED
    assert "Bash" not in rows("--by", "tool", "--since", stamp(9))
    assert "Edit" not in rows("--by", "tool", "--until", stamp(9))
    with pytest.raises(InputError, match="Valid"):
        rows("--by", "tool,model")


def test_a_forks_copy_is_carried_on_and_counted_once(session: Bench) -> None:
    parent = (session.project / f"{SESSION}.jsonl").read_text().splitlines()[:2]
    copied = [json.loads(line) | {"sessionId": FORK, "requestSessionId": SESSION} for line in parent]
    write(session.project / f"{FORK}.jsonl", *copied, request("i", 100, session=FORK))
    assert rows("--by", "file,session") == {
        (SECRET, SESSION): (2, 150, 270), (SECRET, FORK): (0, 0, 120), ("/home/dev/other.py", SESSION): AGENTS
    }  # fmt: skip


def test_modules_are_those_of_the_folder(
    session: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(make(tmp_path / "gaia", {"shop": "/home/dev"})))
    assert rows("--by", "tool,module", "--module", "shop")["Edit", "shop"] == EDITED


def test_lines_of_any_form_are_no_obstacle(session: Bench) -> None:
    odd = [
        {"type": "user", "message": {"content": [{"type": "tool_result", "content": 5}]}},
        {"type": "user", "message": {"content": "tool_result"}, "x": "tool_result"},
        {
            "type": "assistant",
            "message": {"content": [{"type": "tool_use", "id": 1, "input": []}], "usage": {}},
        },
        ["tool_result"],
    ]
    write(session.project / f"{SESSION}.jsonl", *odd)  # type: ignore[arg-type]
    with (session.project / f"{SESSION}.jsonl").open("ab") as file:
        file.write(b'{"type":"user","message":{"content":[{"type":"tool_result"\n\xff"tool_result"\n')
    assert rows("--by", "tool")["Edit"] == EDITED


def test_file_names_reach_neither_the_ledger_nor_the_logs(session: Bench) -> None:
    session.run()
    rows("--by", "file")
    with Ledger.open(settings=settings.load()) as ledger:
        ledger.db.write(lambda tx: tx.text("SELECT 1").fetchone())
    for file in (session.home / "gaia-budget").rglob("*"):
        if file.is_file():
            assert b"secret.py" not in file.read_bytes(), file

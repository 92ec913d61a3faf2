"""`gaia-budget tokens`: an estimate that says so, and Anthropic's exact count only where it is asked for."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner, Result

from gaia_budget.cli.app import app
from gaia_budget.errors import InputError
from support.scripted_api import ScriptedApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXT = "Prices are integers in cents, never floats.\n" * 40


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScriptedApi]:
    """The far end of the network, and a key for it."""
    with ScriptedApi() as serving:
        monkeypatch.setenv("ANTHROPIC_BASE_URL", serving.url)
        monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy-key")
        yield serving


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A text."""
    path = tmp_path / "CLAUDE.md"
    path.write_text(TEXT, "utf-8")
    return path


def run(*words: str) -> Result:
    return CliRunner().invoke(app, ["tokens", *words])


def test_an_estimate_says_that_it_is_one_and_asks_nobody(api: ScriptedApi, file: Path) -> None:
    shown = run(str(file))

    assert shown.exit_code == 0, shown.output
    assert "about" in shown.stdout
    assert "An estimate." in shown.stdout
    assert api.requests == []
    row = json.loads(run(str(file), "--json").stdout)["files"][0]
    assert row["method"] == "tiktoken"
    assert row["low"] < row["tokens"] < row["high"]


def test_the_exact_count_is_the_providers(api: ScriptedApi, file: Path) -> None:
    answer = json.loads(run(str(file), "--exact", "--model", "opus", "--json").stdout)

    asked = api.requests[0]
    assert asked.body["messages"] == [{"role": "user", "content": TEXT}]
    assert asked.body["model"].startswith("claude-opus-")
    row = answer["files"][0]
    assert (row["method"], row["low"]) == ("count_tokens", row["tokens"])
    assert "exactly" in run(str(file), "--exact").stdout


def test_what_a_split_saves_is_reckoned_by_the_providers_counts_where_that_is_asked_for(
    api: ScriptedApi, tmp_path: Path
) -> None:
    l1 = tmp_path / "CLAUDE.md"
    sections = "\n".join(f"## {title}\n\n{TEXT}" for title in ("Testing", "Architecture", "Layout"))
    l1.write_text(f"# Shop\n\n{sections}", "utf-8")
    invoke = CliRunner().invoke
    assert invoke(app, ["claude-md", "split", str(l1), "--yes"]).exit_code == 0

    estimated = invoke(app, ["claude-md", "savings", str(l1), "--json"])
    assert api.requests == []
    counted = invoke(app, ["claude-md", "savings", str(l1), "--exact", "--json"])

    assert counted.exit_code == 0, counted.output
    sent = [request.body["messages"][0]["content"] for request in api.requests]
    assert len(sent) == len(set(sent)) > 3
    before, after = json.loads(estimated.stdout), json.loads(counted.stdout)
    assert (before["exact"], after["exact"], after["band_percent"]) == (False, True, 0)
    assert before["scenarios"] != after["scenarios"]
    assert [row["name"] for row in before["scenarios"]] == [row["name"] for row in after["scenarios"]]
    assert "counted by Anthropic" in invoke(app, ["claude-md", "savings", str(l1), "--exact"]).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["missing.md"], "missing.md cannot be read"),
        (["picture.png"], "no UTF-8 text"),
    ],
)
def test_what_cannot_be_counted_is_named_with_what_to_do(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\xfe")

    error = run(*words).exception

    assert isinstance(error, InputError)
    assert said in str(error)


def test_without_a_key_or_an_answer_the_estimate_is_named(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY", raising=False)
    assert "set ANTHROPIC_API_KEY" in str(run(str(file), "--exact").exception)

    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy-key")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    error = run(str(file), "--exact").exception
    assert isinstance(error, InputError)
    assert "gave no count" in str(error)
    assert "dummy-key" not in str(error)


@pytest.mark.parametrize("name", ["ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY"])
@pytest.mark.parametrize("command", [["tokens"], ["claude-md", "savings"]], ids=" ".join)
def test_a_project_does_not_say_where_text_and_key_are_sent(
    command: list[str],
    name: str,
    api: ScriptedApi,
    file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = tmp_path / ".claude" / "settings.json"
    settings.parent.mkdir()
    settings.write_text(json.dumps({"env": {name: api.url}}), "utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CLAUDECODE", "1")
    monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(tmp_path))

    error = CliRunner().invoke(app, [*command, str(file), "--exact"]).exception

    assert isinstance(error, InputError)
    assert name in str(error)
    assert api.requests == []


@pytest.mark.skipif(os.name == "nt", reason="pipes and devices of POSIX")
def test_a_pipe_or_a_device_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "CLAUDE.md")
    for name in (str(tmp_path / "CLAUDE.md"), "/dev/zero", str(tmp_path)):
        done = run(name)
        assert isinstance(done.exception, InputError)
        assert "cannot be read" in str(done.exception)

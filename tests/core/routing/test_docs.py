"""Every example of docs/routing.md is run against a file like the owner's, and none takes a model from anybody."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import owner
from gaia_budget.cli import app as cli
from gaia_budget.reports import recommendation
from gaia_budget.routing import table, wishes

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.routing.answer import Recommendation

PAGE = (Path(__file__).parents[3] / "docs" / "routing.md").read_text("utf-8")
COMMANDS = [line for line in PAGE.splitlines() if line.startswith("gaia-budget ")]
TABLES = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
PYTHON = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
ROUTING = re.findall(r"`(\"\w+\": \"\w+\")`", PAGE)


@pytest.mark.usefixtures("ecosystem", "price_list")
@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_of_the_page_answers(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    program, *arguments = shlex.split(command)
    assert program == "gaia-budget"
    with pytest.raises(SystemExit) as ended:
        cli.app([*arguments, "--json"])
    assert ended.value.code == 0, capsys.readouterr().err
    assert json.loads(capsys.readouterr().out)


def write(home: Path, text: str) -> None:
    folder = home / "gaia-budget"
    folder.mkdir(exist_ok=True)
    (folder / "routing.toml").write_text(text, "utf-8")


@pytest.mark.parametrize("text", TABLES)
def test_a_table_of_the_page_leaves_every_module_its_models(
    text: str, ecosystem: Path, home: Path, ask: Callable[..., Recommendation]
) -> None:
    tasks = ("classification", "complex analysis", "loan review")
    before = {name: answers(ask, name, tasks[:2]) for name in owner.load_token_budget().per_module}
    write(home, text)
    for name, found in before.items():
        assert answers(ask, name, tasks[:2]) == found
    assert ask("loan review").task == "loan_check"
    assert ask("classification", provider="openai").model.model == "gpt-6-luna"


def answers(ask: Callable[..., Recommendation], module: str, tasks: tuple[str, ...]) -> list[Any]:
    found: list[Any] = []
    for task in tasks:
        try:
            found.append(ask(task, module=module).model.model)
        except Exception as error:
            found.append(type(error))
    return found


@pytest.mark.parametrize("entry", ROUTING)
def test_an_entry_of_model_routing_is_taken_as_the_page_says(entry: str) -> None:
    asked = json.loads("{" + entry + "}")
    [(key, model)] = asked.items()
    found = wishes.obeyed(table.load(), asked, "token_budget.json")
    name = key.removesuffix("_tasks")
    assert name in (found.routing.tiers if key.endswith("_tasks") else found.routing.tasks)
    assert found.models.get(name, (model,)) == (model,)


@pytest.mark.usefixtures("ecosystem")
@pytest.mark.parametrize("text", PYTHON)
def test_the_python_of_the_page_gets_the_answer_that_the_command_gives(text: str) -> None:
    names: dict[str, Any] = {}
    exec(compile(text, "docs/routing.md", "exec"), names)
    command = recommendation.recommend("resume adaptation", module="jseeker", with_outcomes=False)
    assert names["answer"].document() == command.document()


def test_the_page_has_examples_of_each_kind() -> None:
    assert len(COMMANDS) >= 5 and TABLES and PYTHON and len(ROUTING) >= 2

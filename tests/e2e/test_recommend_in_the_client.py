"""In the real client Claude asks which model to use: tool and command answer in the light of its session."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from support.components import requires
from support.messages_wire import growing
from support.scripted_api import reply, text, tool

if TYPE_CHECKING:
    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = [requires("claude"), requires("git")]
TOOL = "mcp__gaia-budget__budget_recommend"
DESIGN = "design the sync protocol between the app and the server"


def allow(world: World, *models: str) -> None:
    """What token_budget.json allows the project's module."""
    file = world.root / "token_budget.json"
    owned = json.loads(file.read_text("utf-8"))
    owned["per_module"]["shop"]["models"] = list(models)
    file.write_text(json.dumps(owned), "utf-8")


def asked(world: World, api: ScriptedApi, task: str, context: int, model: str) -> list[dict[str, Any]]:
    """The answers of the tool and of the command to one question, in a session that runs on a model."""
    command = shlex.join([str(world.python), "-m", "gaia_budget", "recommend", task, "--json"])
    replies = growing(
        reply(tool("Bash", command="true", description="begin"), write_1h=context, input=10, output=100),
        reply(tool("Bash", command="sleep 0.2", description="wait"), input=0, output=1, until=TOOL),
        reply(tool(TOOL, task=task), input=5),
        reply(tool("Bash", command=command, description="ask"), input=5),
        reply(text("done")),
    )
    api.main(*replies)
    run = world.claude.run("which model", "--model", model)
    told = [str(one["content"]) for one in run.tool_results if not one.get("is_error")]
    answers = [json.loads(one) for one in told if one.startswith("{")]
    assert len(answers) == 2, told
    return answers


@pytest.mark.parametrize("task", ["resume adaptation", DESIGN])
def test_a_quick_fix_gets_what_its_type_and_module_allow(task: str, world: World, api: ScriptedApi) -> None:
    allow(world, "haiku", "sonnet")
    for answer in asked(world, api, task, 10_000, "haiku"):
        assert answer["alias"] == "haiku"
        assert "opus" not in json.dumps({**answer, "warnings": []})


def test_a_design_in_a_feature_session_goes_to_the_strongest_that_the_module_allows(
    world: World, api: ScriptedApi
) -> None:
    world.claude.env["GAIA_SESSION_TYPE"] = "feature_dev"
    allow(world, "haiku", "sonnet")
    for answer in asked(world, api, DESIGN, 10_000, "sonnet"):
        assert answer["alias"] == "sonnet"
        assert any("has no model for it" in warning for warning in answer["warnings"])


def test_with_opus_running_at_150_000_tokens_the_answer_is_to_stay(world: World, api: ScriptedApi) -> None:
    world.claude.env["GAIA_SESSION_TYPE"] = "feature_dev"
    for answer in asked(world, api, "resume adaptation", 150_000, "opus"):
        assert (answer["alias"], answer["how"]) == ("opus", "change nothing")
        assert "stay on" in answer["reason"]

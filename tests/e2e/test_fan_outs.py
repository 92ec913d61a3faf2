"""Programs of agents in the real client: announced, held by a hard limit, counted as the client counts them."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from support.components import requires
from support.scripted_api import reply, text, tool

from .test_limits import LIMIT, configure, refused

if TYPE_CHECKING:
    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")


def program(agents: int) -> str:
    """A workflow's script that starts so many agents at once."""
    parts = list(range(agents))
    return (
        "export const meta = { name: 'fan', description: 'parts', phases: [{title: 'A'}] }\n"
        f"const all = await parallel({parts}.map(n => () => agent('part ' + n + ' of the work', {{phase: 'A'}})))\n"
        "return all.length\n"
    )


def test_a_workflow_is_announced_and_its_agents_cost_what_the_client_says(
    world: World, api: ScriptedApi
) -> None:
    api.main(
        reply(tool("Workflow", script=program(4)), input=10_000, output=200),
        reply(text("started"), read=10_000),
    )
    call = tool("Bash", command="echo hi", description="say")
    api.agent(
        "of the work", reply(call, input=15_000, output=100), reply(text("done"), input=100, read=15_000)
    )
    run = world.claude.run("fan out")
    (said,) = [line for line in run.informational if "this workflow starts" in line]
    assert "starts 4 agents, about 120,000 tokens" in said
    threshold = [line for line in run.informational if "100 % of this quick_fix session reached" in line]
    assert "4 subagents" in threshold[0]
    hooks = sum(line["cost_nano_usd"] for line in world.lines())
    world.run("ingest")
    assert sum(line["cost_nano_usd"] for line in world.lines()) == hooks
    assert hooks == round(run.result["total_cost_usd"] * 10**9)


def test_a_workflow_whose_estimate_does_not_fit_a_hard_limit_starts_no_agent(
    world: World, api: ScriptedApi
) -> None:
    configure(world, session_policy="block", subagent_allowance_tokens=10_000)
    api.main(reply(tool("Workflow", script=program(8)), input=100), reply(text("alone"), read=100))
    run = world.claude.run("fan out")
    assert not [request for request in api.messages() if request.thread]
    (reason,) = refused(run)
    assert "8 agents, about 80,000 tokens" in reason
    assert run.result["result"] == "alone"


def test_past_a_hard_limit_each_agent_that_was_started_gives_one_answer_more_at_most(
    world: World, api: ScriptedApi
) -> None:
    configure(world, session_policy="block", subagent_allowance_tokens=5_000)
    api.main(reply(tool("Workflow", script=program(8)), input=100), reply(text("started"), read=100))
    calls = [tool("Bash", command=f"echo {n}", description="say") for n in range(6)]
    api.agent("of the work", *[reply(call, input=15_000, output=100) for call in calls])
    world.claude.run("fan out")
    answers = Counter(billed.thread for billed in api.billed if billed.thread)
    used = sum(line["input_tokens"] + line["output_tokens"] for line in world.lines())
    assert used > LIMIT, "the agents use three times what the estimate gave them"
    assert used <= LIMIT + 15_100 * (len(answers) + 1), json.dumps(answers)
    assert sum(answers.values()) < 8 * len(calls) / 2


@pytest.mark.parametrize(
    ("body", "agents"),
    [
        (
            "return await pipeline(['a', 'b'], x => agent('of the work ' + x), y => agent('of the work again'))",
            4,
        ),
        (f"return await parallel({list(range(16))}.map(n => () => agent('of the work ' + n)))", 16),
        ("await agent('of the work'); throw new Error('the program fails')", 1),
    ],
    ids=["pipeline", "sixteen", "failing"],
)
def test_agents_of_every_fan_out_are_counted_live_as_the_client_counts_them(
    world: World, api: ScriptedApi, body: str, agents: int
) -> None:
    script = "export const meta = { name: 'fan', description: 'parts', phases: [{title: 'A'}] }\n" + body
    api.main(
        reply(tool("Workflow", script=script), input=1_000, output=200), reply(text("started"), read=1_000)
    )
    call = tool("Bash", command="echo hi", description="say")
    api.agent("of the work", reply(call, input=1_500, output=100), reply(text("done"), input=100, read=1_500))
    run = world.claude.run("fan out")
    lines = world.lines()
    assert len({line["agent_id"] for line in lines if line["agent_id"]}) == agents
    assert sum(line["cost_nano_usd"] for line in lines) == round(run.result["total_cost_usd"] * 10**9)
    (said,) = [line for line in run.informational if "this workflow starts" in line]
    assert f"starts {agents} agent" in said

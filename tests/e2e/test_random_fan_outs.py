"""Whatever starts agents, and however much they use: past a hard limit each of them gives one answer more at most.

The answers are those of a thread whose cache never expires: else a limit, which leaves out what is sent again, would
rightly let more tokens through than are counted here. A report of an agent wakes the main thread for a short answer.

A few fan-outs by default; `GAIA_TEST_FANOUTS=100` runs so many, `GAIA_TEST_SEED=7` others.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from support.components import requires
from support.scripted_api import growing, reply, text, tool

from .test_limits import LIMIT, configure

if TYPE_CHECKING:
    from support.scripted_api import ScriptedApi
    from support.world import World

pytestmark = requires("claude", "git")

FANOUTS = int(os.environ.get("GAIA_TEST_FANOUTS", "3"))
SEED = int(os.environ.get("GAIA_TEST_SEED", "14"))
WOKEN = 110  # tokens of each answer of the main thread to what agents report
HEAD = "export const meta = { name: 'fan', description: 'parts', phases: [{title: 'A'}] }\n"
STARTS = ("parallel", "pipeline", "nested", "background", "foreground")


class FanOut(NamedTuple):
    """How agents are started, how many, what each answer of theirs uses, what was used before and is held for each."""

    start: str
    agents: int
    answers: tuple[int, ...]
    before: int
    allowance: int

    def calls(self, words: str) -> list[dict[str, Any]]:
        """The tool calls that start the agents; `words` stand in each agent's prompt."""
        if self.start in ("background", "foreground"):
            kind = {"subagent_type": "general-purpose", "run_in_background": self.start == "background"}
            return [
                tool("Agent", description=f"part {n}", prompt=f"{words} {n}", **kind)
                for n in range(self.agents)
            ]
        parts = list(range(self.agents))
        agent = f"agent('{words} ' + n)"
        body = {
            "parallel": f"return await parallel({parts}.map(n => () => {agent}))",
            "pipeline": f"return await pipeline({parts}, n => {agent}, n => {agent})",
            "nested": f"for (const n of {parts}) await parallel([() => {agent}, () => {agent}]); return 1",
        }[self.start]
        return [tool("Workflow", script=HEAD + body)]


def made(number: int) -> FanOut:
    chance = random.Random(SEED * 1_000 + number)
    answers = tuple(chance.randrange(500, 25_000) for _ in range(chance.randint(1, 5)))
    start, agents, before = (
        STARTS[number % len(STARTS)],
        chance.randint(2, 12),
        chance.randrange(0, LIMIT // 2),
    )
    return FanOut(start, agents, answers, before, answers[0] // chance.randint(1, 12))


@pytest.mark.parametrize("number", range(FANOUTS))
def test_no_fan_out_passes_a_hard_limit_by_more_than_an_answer_of_each_agent(
    world: World, api: ScriptedApi, number: int
) -> None:
    fan = made(number)
    configure(world, session_policy="block", subagent_allowance_tokens=fan.allowance)
    words = f"of the work {number} is"
    call = tool("Bash", command="echo hi", description="say")
    api.main(
        reply(tool("Bash", command="true", description="nothing"), input=fan.before, output=10),
        reply(*fan.calls(words), input=100, output=50),
        *[reply(text("joined"), input=WOKEN - 10, output=10)] * 40,
    )
    answers = [reply(call, input=used, output=50) for used in fan.answers]
    api.agent(words, *growing(*answers, reply(text("done"), input=100)))

    run = world.claude.run("fan out")

    used, dearest, woken = 0, Counter[str](), 0
    for one in api.billed:
        tokens = one.usage["input_tokens"] + one.usage["output_tokens"]
        used += tokens
        dearest[one.thread] = max(dearest[one.thread], tokens)
        woken += tokens if tokens == WOKEN and not one.thread else 0
    told = json.dumps([fan, used, dearest])
    print(told)
    assert used <= LIMIT + dearest.total() + woken, told
    assert sum(line["cost_nano_usd"] for line in world.lines()) == round(
        run.result["total_cost_usd"] * 10**9
    ), told

"""Tools that start many agents: estimated before they run, held while they run, ended past a hard limit."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_hooks.facts.workflow import fanout
from gaia_hooks.machine import clock
from gaia_hooks.session import allowances, sessions
from support import components
from support.components import requires
from support.rows import SESSION, assistant, write

from .test_limits import CALLS, decision

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Watched

META = "export const meta = { name: 'fan', description: 'agents', phases: [{title:'A'}] }\n"
EIGHT = META + "await parallel([1,2,3,4,5,6,7,8].map(i => () => agent('do part '+i)))\n"
RUN = "wf_92563750-b27"


@pytest.mark.parametrize(
    ("script", "args", "expected"),
    [
        ("const r = await agent('one')\nconst s = await agent('two')\nreturn r", None, (2, 2)),
        ("await parallel([1,2,3].map(i => () => agent('do '+i, {label:'p'+i})))", None, (3, 3)),
        ("await parallel([() => agent('a'), () => agent('b')])", None, (2, 2)),
        ("const D=['a','b']\nawait pipeline(D, d => agent(`r ${d}`), (r,d) => agent('v '+r))", None, (4, 4)),
        ("await parallel(Array.from({length: 100}, (_, i) => () => agent('x'+i)))", None, (100, 100)),
        ("await parallel([...Array(12).keys()].map(i => () => agent('x'+i)))", None, (12, 12)),
        ("for (let i = 0; i < 5; i++)\n  await agent('x')", None, (0, 5)),
        ("for (const f of args.files) { await agent(f) }", {"files": [1, 2, 3]}, (3, 3)),
        ("for (const f of args.files) { await agent(f) }", None, (0, None)),
        ("while (true) { await agent('x') }", None, (0, None)),
        ("const go = x => agent('go '+x)\nawait go(1)\nawait go(2)", None, (2, 2)),
        ("async function f(n) { await agent('x'); await f(n-1) }\nawait f(3)", None, (1, None)),
        ("const a = agent\nawait a('x')\nawait a('y')", None, (2, 2)),
        ("const x = await agent('a')\nif (x) {\n await agent('b')\n}", None, (1, 2)),
        ("const f = await parallel(['a','b'].map(d => () => agent(d)))\nconst ok = f.filter(Boolean)\n"
         "await parallel(ok.map(f => () => agent('v')))", None, (2, 4)),
        ("const xs=[1,2]\nxs.push(3)\nfor (const x of xs) await agent(x)", None, (0, None)),
        ("return await retry(() => agent('a'))", None, (0, None)),
        ("await workflow('other')\nawait agent('x')", None, (1, None)),
        ("eval('ag' + 'ent')", None, (0, None)),
        ("// agent('no')\nconst s = 'agent(1)'\nreturn await agent(`it's ${s} /`)", None, (1, 1)),
        ("function f( {", None, (0, None)),
        ("return 1", None, (0, 0)),
    ],
)  # fmt: skip
def test_the_agents_of_a_script_are_counted_as_far_as_its_text_tells(
    script: str, args: object, expected: tuple[int, int | None]
) -> None:
    assert fanout.agents_started(META + script, args) == expected


LISTS = st.sampled_from(["[1, 2, 3]", "['a', 'b']", "[]", "XS", "Array.from({length: 4})", "[...XS, 9]", "XS.slice(1)",
                         "args.files", "XS.map(x => x + 1)", "XS.filter(x => x > 1)", "[[1], [2]].map(p => p[0])"
                        ])  # fmt: skip


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.one_of(
        st.tuples(LISTS, inner).map(lambda p: f"await parallel({p[0]}.map(i => async () => {{ {p[1]} }}))"),
        st.tuples(LISTS, inner).map(lambda p: f"await pipeline({p[0]}, async i => {{ {p[1]} }}, j => agent(j))"),
        st.tuples(LISTS, inner).map(lambda p: f"for (const x of {p[0]}) {{ {p[1]} }}"),
        st.tuples(st.integers(0, 4), inner).map(lambda p: f"for (let i = 0; i < {p[0]}; i++) {{ {p[1]} }}"),
        st.tuples(LISTS, inner).map(lambda p: f"if ({p[0]}.length > 2) {{ {p[1]} }} else {{ await agent('e') }}"),
        st.tuples(inner, inner).map("\n".join),
        inner.map(lambda code: f"{{ const f0 = async () => {{ {code} }}\nawait f0()\nawait f0() }}"),
        inner.map(lambda code: f"await (async () => {{ {code} }})()"),
        inner.map(lambda code: f"{{ let n = 2\nwhile (n--) {{ {code} }} }}"),
    )  # fmt: skip


LEAVES = st.sampled_from(["await agent('a')", "await agent(`b ${await agent('c')}`)", "log('agent(')",
                          "await XS.map(agent)",
                          "await parallel([() => agent('a'), () => agent('b')])"])  # fmt: skip
SCRIPTS = st.recursive(LEAVES, _wrapped, max_leaves=5)
HARNESS = """
let n = 0
const agent = async () => { n++; return 'x' }
const log = () => {}
const parallel = async thunks => Promise.all(thunks.map(t => t()))
const pipeline = async (items, ...stages) => Promise.all(items.map(async item => {
  let value = item
  for (const stage of stages) value = await stage(value, item)
  return value
}))
const args = {files: ['x', 'y']}
const AsyncFunction = (async () => {}).constructor
const counts = []
for (const script of JSON.parse(require('fs').readFileSync(0, 'utf8'))) {
  n = 0
  await new AsyncFunction('agent', 'log', 'parallel', 'pipeline', 'args', script)(agent, log, parallel, pipeline, args)
  counts.push(n)
}
console.log(JSON.stringify(counts))
"""


@requires("node22")
@settings(max_examples=8, deadline=None)
@given(st.lists(SCRIPTS, min_size=40, max_size=40))
def test_a_script_never_starts_more_agents_than_its_text_was_read_to_start(bodies: list[str]) -> None:
    scripts = ["const XS = [1, 2, 3]\n" + body for body in bodies]
    node = [str(components.path("node22")), "-e", "(async () => {" + HARNESS + "})()"]
    ran = subprocess.run(node, input=json.dumps(scripts), capture_output=True, text=True, check=True)
    for script, started in zip(scripts, json.loads(ran.stdout), strict=True):
        least, most = fanout.agents_started(script, {"files": ["x", "y"]})
        assert most is None or started <= most, script
        assert least <= started, script


def workflow(watched: Watched, number: int = 1, **tool_input: Any) -> dict[str, Any]:
    """PreToolUse of a `Workflow` call."""
    given = tool_input or {"script": EIGHT}
    return watched.hook("PreToolUse", tool_name="Workflow", tool_use_id=f"toolu_{number}", tool_input=given)


def launched(watched: Watched, number: int = 1) -> None:
    """Its PostToolUse: the program runs."""
    watched.hook("PostToolUse", tool_name="Workflow", tool_use_id=f"toolu_{number}", duration_ms=1,
                 tool_input={"script": EIGHT}, tool_response={"status": "async_launched", "runId": RUN})  # fmt: skip


def agent_of_the_run(watched: Watched, name: str, tokens: int) -> dict[str, Any]:
    """One agent of the run starts, answers once, and makes a call."""
    inside = {"agent_id": name, "agent_type": "workflow-subagent"}
    watched.hook("SubagentStart", **inside)
    file = watched.transcript.with_suffix("") / "subagents" / "workflows" / RUN / f"agent-{name}.jsonl"
    write(file, assistant(f"m-{name}", agent=name, output_tokens=tokens))
    return watched.hook("PreToolUse", tool_name="Bash", tool_input={"command": "echo hi"}, **inside)


def reserved(watched: Watched) -> int:
    """What is set aside now."""
    found = sessions.read(str(watched.home), SESSION)
    assert found is not None
    return allowances.outstanding(found)


def test_a_workflow_is_announced_once_with_its_estimate_before_it_runs(watched: Watched) -> None:
    write(watched.transcript, assistant("a", output_tokens=20_000, calls=CALLS))
    said = workflow(watched)["systemMessage"]
    assert "starts 8 agents, about 240,000 tokens (estimate; 30,000 each" in said
    assert "about 130 % of this feature_dev session's 200,000 tokens" in said
    assert workflow(watched) == {}


def test_the_estimate_rests_on_what_agents_of_workflows_have_used_and_says_its_range(
    watched: Watched,
) -> None:
    for name, tokens in (("x", 1_000), ("y", 2_000), ("z", 9_000)):
        agent_of_the_run(watched, name, tokens)
        watched.hook("SubagentStop", agent_id=name, agent_type="workflow-subagent")
    said = workflow(watched)["systemMessage"]
    assert (
        "about 16,000 tokens (estimate; range 8,000 to 72,000; 2,000 each is the median of 3 finished)"
        in said
    )


def test_under_a_hard_limit_a_workflow_runs_only_if_its_whole_estimate_fits(watched: Watched) -> None:
    watched.save_policy(session_policy="block", subagent_allowance_tokens=10_000)
    write(watched.transcript, assistant("a", output_tokens=120_001, calls=CALLS))
    answer = workflow(watched)
    reason = answer["hookSpecificOutput"]["permissionDecisionReason"]
    assert decision(answer) == "deny"
    assert "8 agents, about 80,000 tokens" in reason
    assert "gaia-budget session type" in reason
    assert reserved(watched) == 0
    small = {"script": META + "await agent('one')"}
    assert decision(workflow(watched, 2, **small)) == ""
    assert reserved(watched) == 10_000


@pytest.mark.parametrize("given", [{"name": "nowhere"}, {"scriptPath": "/nowhere.js"}, {"resumeFromRunId": RUN},
                                   {"script": META + "while (x) await agent('a')"}, {"script": 7}])  # fmt: skip
def test_an_untold_number_of_agents_counts_as_all_that_run_at_once(
    watched: Watched, given: dict[str, Any]
) -> None:
    watched.save_policy(session_policy="block", subagent_allowance_tokens=10_000)
    write(watched.transcript, assistant("a", output_tokens=5, calls=CALLS))
    answer = workflow(watched, **given)
    assert decision(answer) == "deny"
    assert "counted as 20" in json.dumps(answer)


def test_a_workflow_that_the_project_keeps_by_name_is_read(watched: Watched, tmp_path: Path) -> None:
    kept = watched.claude / "workflows"
    kept.mkdir()
    (kept / "review.js").write_text(EIGHT)
    assert "starts 8 agents" in workflow(watched, name="review")["systemMessage"]


@pytest.mark.parametrize("tool", ["Orchestrate", "mcp__swarm__run", "Workflow2", ""])
def test_an_unknown_tool_that_takes_a_program_of_agents_is_held_too(watched: Watched, tool: str) -> None:
    watched.save_policy(session_policy="block")
    write(watched.transcript, assistant("a", output_tokens=5, calls=CALLS))
    given = {"tool_name": tool, "tool_use_id": "toolu_1", "tool_input": {"script": EIGHT, "more": [1]}}
    assert decision(watched.hook("PreToolUse", **given)) == "deny"


def test_what_a_workflow_holds_goes_to_its_agents_and_is_free_when_its_run_has_ended(
    watched: Watched,
) -> None:
    watched.save_policy(session_policy="block", subagent_allowance_tokens=10_000)
    write(watched.transcript, assistant("a", output_tokens=5, calls=CALLS))
    workflow(watched)
    launched(watched)
    assert reserved(watched) == 80_000
    agent_of_the_run(watched, "x", 4_000)
    assert reserved(watched) == 76_000
    watched.hook("SubagentStop", agent_id="x", agent_type="workflow-subagent")
    assert reserved(watched) == 70_000
    ends = watched.transcript.with_suffix("") / "workflows" / f"{RUN}.json"
    ends.parent.mkdir()
    ends.write_text("{}")
    workflow(watched, 2, script=META + "await agent('one')")
    assert reserved(watched) == 4_000  # the new one's alone, by the median of those that finished


@pytest.mark.parametrize("kind", ["newcomer", "team-mate", "workflow-subagent-2"])
def test_agents_that_no_known_call_announced_get_an_allowance_when_they_start(
    watched: Watched, kind: str
) -> None:
    watched.save_policy(session_policy="block", subagent_allowance_tokens=60_000)
    write(watched.transcript, assistant("a", output_tokens=5, calls=CALLS))
    for name in ("x", "y"):
        watched.hook("SubagentStart", agent_id=name, agent_type=kind)
    assert reserved(watched) == 120_000
    answer = workflow(watched, script=META + "await parallel([() => agent('a'), () => agent('b')])")
    assert "120,000 set aside for running subagents" in json.dumps(answer)


def test_past_a_hard_limit_agents_are_ended_at_their_next_call_whatever_it_is(watched: Watched) -> None:
    watched.save_policy(session_policy="block", subagent_allowance_tokens=20_000)
    write(watched.transcript, assistant("a", output_tokens=5, calls=CALLS))
    workflow(watched)
    launched(watched)
    assert agent_of_the_run(watched, "x", 150_000) == {}
    for name in ("y", "z"):
        answer = agent_of_the_run(watched, name, 60_000)
        assert (decision(answer), answer["continue"]) == ("deny", False)
    inside = {"agent_id": "x", "agent_type": "workflow-subagent"}
    read = watched.hook("PreToolUse", tool_name="Read", tool_input={"file_path": "/p/a.py"}, **inside)
    assert (decision(read), read["continue"]) == ("deny", False)
    delivering = watched.hook("PreToolUse", tool_name="StructuredOutput", tool_input={"a": 3}, **inside)
    assert delivering == {}
    main = watched.hook("PreToolUse", tool_name="Read", tool_input={"file_path": "/p/a.py"})
    assert decision(main) == ""
    assert "3 subagents, 3 of them running" in main["systemMessage"]


def test_what_is_reached_inside_an_agent_is_said_by_the_main_thread_where_it_is_seen(
    watched: Watched,
) -> None:
    write(watched.transcript, assistant("a", output_tokens=5, calls=CALLS))
    assert agent_of_the_run(watched, "x", 100_000) == {}
    assert agent_of_the_run(watched, "y", 70_000) == {}
    said = watched.hook("Stop")["systemMessage"]
    assert "80 %" in said
    assert "2 subagents, 2 of them running (170,000 tokens)" in said


def test_downgrade_leaves_a_workflows_models_alone_and_says_so(watched: Watched) -> None:
    watched.save_policy(session_policy="downgrade")
    write(watched.transcript, assistant("a", output_tokens=200_000, calls=CALLS))
    answer = workflow(watched)
    assert "hookSpecificOutput" not in answer
    assert "starts 8 agents" in answer["systemMessage"]
    assert "keep the models that its program gives them" in answer["systemMessage"]


def test_a_workflow_that_was_never_carried_out_holds_nothing_for_ever(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.save_policy(session_policy="block", subagent_allowance_tokens=20_000)
    write(watched.transcript, assistant("a", output_tokens=5, calls=CALLS))
    workflow(watched)
    found = sessions.read(str(watched.home), SESSION)
    assert found is not None
    later = clock.now() + allowances.STARTING_MICROS + 1
    monkeypatch.setattr(clock, "now", lambda: later)
    allowances.release_unstarted(found)
    assert allowances.outstanding(found) == 0

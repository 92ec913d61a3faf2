"""Tokens set aside for subagents that run: fan-out cannot pass a limit before anyone has counted it."""

from gaia_hooks.facts import session_files
from gaia_hooks.facts.tokens import usage
from gaia_hooks.machine import clock
from gaia_hooks.session import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROGRAM = (
    "program:"  # before the id of a call whose program starts agents; they take their parts of what it holds
)
STARTED = "agent:"  # before the id of a subagent that no known call announced
STARTING_MICROS = 600 * clock.MICRO  # a call without a subagent for this long was never carried out


def used_by(mine: state.State, agent_id: str) -> int:
    """Budget tokens that one subagent has used so far."""
    tokens = sum(
        usage.budget_tokens(tally.usage, tally.recached) for tally in mine.tallies.get(agent_id, {}).values()
    )
    thread = mine.threads.get(agent_id)
    growing = thread.thread.open if thread else None
    parts = (growing, *growing.parts) if growing else ()
    return tokens + sum(usage.budget_tokens(one.usage, one.recached) for one in parts)


def outstanding(mine: state.State) -> int:
    """What running subagents may still use of their allowances."""
    return sum(
        max(0, tokens - (used_by(mine, agent_id) if agent_id else 0))
        for tokens, agent_id, _ in mine.reserved.values()
    )


def finished(mine: state.State, in_runs: bool = False) -> "list[int]":
    """What each finished subagent has used, sorted; with `in_runs` those of workflows, where there are any."""
    ended = [name for name, thread in mine.threads.items() if name != state.MAIN and not thread.live]
    if in_runs:
        ended = [name for name in ended if session_files.run_of(mine.threads[name].place.path)] or ended
    return sorted(used_by(mine, name) for name in ended)


def allowance(mine: state.State, policy: "dict[str, Any]", in_runs: bool = False) -> int:
    """What the next subagent is given: the median of those that have finished, at first the configured figure."""
    used = finished(mine, in_runs)
    return used[len(used) // 2] if used else int(policy["subagent_allowance_tokens"])


def reserve(mine: state.State, tool_use_id: str, tokens: int) -> None:
    """Set tokens aside for a call that starts agents and is let through."""
    mine.reserved[tool_use_id] = [tokens, "", clock.now()]


def launched(mine: state.State, call: str, answer: object) -> None:
    """A program of agents runs: what is left of its reservation is held until its run has ended."""
    run = answer.get("runId") if type(answer) is dict else None
    held = mine.reserved.get(PROGRAM + call)
    if held and state.is_session_id(run):
        held[1] = run


def reserve_started(mine: state.State, agent_id: str, policy: "dict[str, Any]") -> None:
    """Give a subagent that has begun its allowance: its call's, a part of its program's, or one of its own."""
    started(mine, agent_id)
    owners = [owner for _, owner, _ in mine.reserved.values()]
    if agent_id in owners or any(
        not held[1] and not key.startswith(PROGRAM) for key, held in mine.reserved.items()
    ):
        return  # the note of which call it came of may not be there yet
    thread = mine.threads.get(agent_id)
    run = session_files.run_of(thread.place.path) if thread and thread.place.path else ""
    tokens = allowance(mine, policy, in_runs=True)
    pools = [held for key, held in mine.reserved.items() if key.startswith(PROGRAM)]
    pool = next((held for held in pools if run and held[1] == run), None) or next(iter(pools), None)
    if pool:
        pool[0] = max(0, pool[0] - tokens)
    mine.reserved[STARTED + agent_id] = [tokens, agent_id, clock.now()]


def started(mine: state.State, agent_id: str) -> None:
    """A subagent runs: its call's reservation is now its own."""
    call = call_of(mine, agent_id)
    if call in mine.reserved:
        mine.reserved[call][1] = agent_id


def release(mine: state.State, *, call: str = "", agent_id: str = "") -> None:
    """A call failed, or a subagent has stopped: what it used is counted, the rest is free again."""
    for key, (_, owner, _) in list(mine.reserved.items()):
        if (call and key in (call, PROGRAM + call)) or (agent_id and owner == agent_id):
            del mine.reserved[key]


def release_unstarted(mine: state.State) -> None:
    """Free what was set aside for calls that no subagent came of (a permission was refused), and for ended runs."""
    limit = clock.now() - STARTING_MICROS
    for key, (_, owner, since) in list(mine.reserved.items()):
        ended = key.startswith(PROGRAM) and owner and session_files.run_has_ended(mine.transcript, owner)
        if ended or (not owner and since < limit):
            del mine.reserved[key]


def call_of(mine: state.State, agent_id: str) -> str:
    """The `Agent` call that a subagent came of, from the note that Claude Code keeps beside its transcript."""
    thread = mine.threads.get(agent_id)
    return session_files.noted(thread.place.path, "toolUseId") if thread else ""

"""Tokens set aside for subagents that run: fan-out cannot pass a limit before anyone has counted it."""

from gaia_hooks.facts import session_files, usage
from gaia_hooks.machine import clock, files, jsonio
from gaia_hooks.session import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

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


def allowance(mine: state.State, policy: "dict[str, Any]") -> int:
    """What the next subagent is given: the median of those that have finished, at first the configured figure."""
    finished = sorted(
        used_by(mine, name) for name, thread in mine.threads.items() if name != state.MAIN and not thread.live
    )
    return finished[len(finished) // 2] if finished else int(policy["subagent_allowance_tokens"])


def reserve(mine: state.State, tool_use_id: str, tokens: int) -> None:
    """Set tokens aside for an `Agent` call that is let through."""
    mine.reserved[tool_use_id] = [tokens, "", clock.now()]


def started(mine: state.State, agent_id: str) -> None:
    """A subagent runs: its call's reservation is now its own."""
    call = call_of(mine, agent_id)
    if call in mine.reserved:
        mine.reserved[call][1] = agent_id


def release(mine: state.State, *, call: str = "", agent_id: str = "") -> None:
    """A call failed, or a subagent has stopped: what it used is counted, the rest is free again."""
    for key, (_, owner, _) in list(mine.reserved.items()):
        if key == call or (agent_id and owner == agent_id):
            del mine.reserved[key]


def release_unstarted(mine: state.State) -> None:
    """Free what was set aside for calls that no subagent came of (a permission was refused)."""
    limit = clock.now() - STARTING_MICROS
    for key, (_, owner, since) in list(mine.reserved.items()):
        if not owner and since < limit:
            del mine.reserved[key]


def call_of(mine: state.State, agent_id: str) -> str:
    """The `Agent` call that a subagent came of, from the note that Claude Code keeps beside its transcript."""
    thread = mine.threads.get(agent_id)
    if thread is None:
        return ""
    try:
        note = jsonio.loads(files.read(session_files.note_of(thread.place.path)))
    except (OSError, ValueError):
        return ""
    call = note.get("toolUseId") if type(note) is dict else None
    return call if type(call) is str else ""

"""Which type a session is of: chosen by the user, or inferred from the first human prompt.

Order: command or MCP tool > `GAIA_SESSION_TYPE` > project setting > inferred > feature_dev. Only a prompt that
plainly names small or architectural work is a guess; everything else stays the default, and a guess never blocks.
"""

from gaia_hooks.facts import snapshot
from gaia_hooks.machine import system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gaia_hooks.session.state import State

QUICK_FIX, FEATURE_DEV, ARCHITECTURE = "quick_fix", "feature_dev", "architecture"
"""The types that come with the program; the owner's `token_budget.json` may add others (see `known`)."""
VARIABLE = "GAIA_SESSION_TYPE"
COMMAND, ENVIRONMENT, PROJECT, INFERRED, DEFAULT = "command", "environment", "project", "inferred", "default"


def known(policy: "dict[str, Any]") -> "list[str]":
    """Every type that a session can be of, by rising limit: ours and the owner's."""
    types: "dict[str, Any]" = policy["session_types"]
    return sorted(types, key=lambda name: (types[name]["max_tokens"], name))


def limit(policy: "dict[str, Any]", session_type: str) -> int:
    """A type's limit in budget tokens; that of the default type where it is no longer there."""
    types: "dict[str, Any]" = policy["session_types"]
    return int((types.get(session_type) or types[FEATURE_DEV])["max_tokens"])


def larger(policy: "dict[str, Any]", session_type: str) -> str:
    """The type with the next higher limit; empty where there is none."""
    mine = limit(policy, session_type)
    return next((name for name in known(policy) if limit(policy, name) > mine), "")


def choose(mine: "State", policy: "dict[str, Any]") -> None:
    """Set the type from environment or project setting where the user has not chosen by command."""
    types = policy["session_types"]
    if mine.chosen_by == COMMAND and mine.type in types:
        return
    wanted, by = system.variable(VARIABLE), ENVIRONMENT
    if wanted not in types:
        wanted, by = snapshot.module_policy(policy, mine.module).get("session_type", ""), PROJECT
    if wanted in types:
        mine.type, mine.chosen_by = wanted, by
    elif mine.type not in types:
        mine.type, mine.chosen_by = FEATURE_DEV, DEFAULT


def problem(policy: "dict[str, Any]") -> str:
    """What is wrong with the type that the environment names; empty where it is one or none is named."""
    wanted = system.variable(VARIABLE)
    if not wanted or wanted in policy["session_types"]:
        return ""
    return "%s=%s is no session type and has no effect (valid: %s)" % (
        VARIABLE,
        wanted[:40],
        ", ".join(known(policy)),
    )


def guess(mine: "State", prompt: str, policy: "dict[str, Any]") -> bool:
    """Infer the type from the first human prompt where nobody has chosen; True when a guess was made."""
    if mine.chosen_by != DEFAULT or "prompt" in mine.told:
        return False
    mine.told.append("prompt")
    from gaia_hooks.facts.first_prompt import infer

    guessed = infer(prompt)
    if guessed is None or guessed not in policy["session_types"]:
        return False
    mine.type, mine.chosen_by = guessed, INFERRED
    return True

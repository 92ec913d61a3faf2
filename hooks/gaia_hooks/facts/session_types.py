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
TYPES = (QUICK_FIX, FEATURE_DEV, ARCHITECTURE)
VARIABLE = "GAIA_SESSION_TYPE"
COMMAND, ENVIRONMENT, PROJECT, INFERRED, DEFAULT = "command", "environment", "project", "inferred", "default"


def choose(mine: "State", policy: "dict[str, Any]") -> None:
    """Set the type from environment or project setting where the user has not chosen by command."""
    if mine.chosen_by == COMMAND:
        return
    wanted, by = system.variable(VARIABLE), ENVIRONMENT
    if wanted not in TYPES:
        wanted, by = snapshot.module_policy(policy, mine.module).get("session_type", ""), PROJECT
    if wanted in TYPES:
        mine.type, mine.chosen_by = wanted, by
    elif not mine.type:
        mine.type, mine.chosen_by = FEATURE_DEV, DEFAULT


def guess(mine: "State", prompt: str) -> bool:
    """Infer the type from the first human prompt where nobody has chosen; True when a guess was made."""
    if mine.chosen_by != DEFAULT or "prompt" in mine.told:
        return False
    mine.told.append("prompt")
    from gaia_hooks.facts.first_prompt import infer

    guessed = infer(prompt)
    if guessed is None:
        return False
    mine.type, mine.chosen_by = guessed, INFERRED
    return True

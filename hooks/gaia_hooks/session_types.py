"""Which type a session is of: chosen by the user, or inferred from the first human prompt.

Order: command or MCP tool > `GAIA_SESSION_TYPE` > project setting > inferred > feature_dev. Only a prompt that
plainly names small or architectural work is a guess; everything else stays the default, and a guess never blocks.
"""

from gaia_hooks import files, snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gaia_hooks.state import State

QUICK_FIX, FEATURE_DEV, ARCHITECTURE = "quick_fix", "feature_dev", "architecture"
TYPES = (QUICK_FIX, FEATURE_DEV, ARCHITECTURE)
VARIABLE = "GAIA_SESSION_TYPE"
COMMAND, ENVIRONMENT, PROJECT, INFERRED, DEFAULT = "command", "environment", "project", "inferred", "default"

SMALL = ("typo", "quick fix", "one-liner", "one liner", "off-by-one", "off by one", "bump ", "rename ",
         "fix the flaky", "fix a bug", "fix the bug", "fix bug", "fix this bug", "hotfix", "lint error", "lint warning",
         "missing import", "unused import", "broken link", "fix the link", "wrong label", "spelling", "whitespace",
         "formatting of", "failing test", "fix the test", "fix test", "null check", "config value", "change the color",
         "change the colour", "update the version", "small fix", "minor fix", "fix the crash", "fix the error",
         "fix crash", "fix the import", "log message", "error message", "default value", "button text")  # fmt: skip
LARGE = ("architecture", "system design", "design the system", "design a system", "redesign the", "migration plan",
         "design doc", "rfc ", "adr ", "technical design", "trade-offs", "tradeoffs", "scalab", "multi-tenant",
         "restructure the whole", "across all services", "design the protocol", "sync protocol", "data model for",
         "evaluate options", "compare approaches", "roadmap", "monolith", "microservice")  # fmt: skip
NO_GUESS_BEGINNINGS = ("/", "continue", "go on", "resume", "traceback", "error:", "exception", "<")
LONGEST_SMALL_PROMPT = 600  # characters: a long prompt is not a quick fix, whatever it names


def infer(prompt: str) -> "str | None":
    """The type that a first prompt plainly tells, or None when unsure."""
    text = " ".join(prompt.lower().split())
    if not text or text.startswith(NO_GUESS_BEGINNINGS):
        return None
    small = any(word in text for word in SMALL)
    large = any(word in text for word in LARGE)
    if small == large:
        return None
    if large:
        return ARCHITECTURE
    return QUICK_FIX if len(text) <= LONGEST_SMALL_PROMPT else None


def choose(mine: "State", policy: "dict[str, Any]") -> None:
    """Set the type from environment or project setting where the user has not chosen by command."""
    if mine.chosen_by == COMMAND:
        return
    wanted, by = files.variable(VARIABLE), ENVIRONMENT
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
    guessed = infer(prompt)
    if guessed is None:
        return False
    mine.type, mine.chosen_by = guessed, INFERRED
    return True

"""How spend is paid for, and what of it counts against a module's monthly cap: the one place that says so.

An app's spend counts. Claude Code's counts where the module's setting `counts_claude_code` says so. Nothing counts
that a plan pays for; where nobody knows how it is billed, it counts, because a cap that leaks is worse than one that
is reached early.
"""

APP, CLAUDE_CODE = "app", "claude_code"
API, PLAN, UNKNOWN = "api", "plan", "unknown"
BILLINGS = (API, PLAN, UNKNOWN)
AUTO = "auto"  # the setting's word for: find it out
LONGEST_WINDOW = (
    7 * 86_400 * 1_000_000
)  # microseconds: a plan's longest window says for so long that there is one

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def counts(source: str, billing: str, counts_claude_code: object) -> bool:
    """Whether spend of a source, billed so, counts against the cap of a module with this setting."""
    return billing != PLAN and (source != CLAUDE_CODE or bool(counts_claude_code))


def condition(source: str) -> str:
    """`counts` as SQL on the columns `source` and `billing`: true of a source's spend that can count."""
    able = ", ".join("'%s'" % billing for billing in BILLINGS if counts(source, billing, True))
    return "(source = '%s' AND billing IN (%s))" % (source, able)


def resolved(setting: str, kept: "dict[str, Any]", now: int) -> str:
    """How Claude Code is paid for: as the setting says, else as it is found out (see `inferred`)."""
    return setting if setting in (API, PLAN) else inferred(kept, now)


def inferred(kept: "dict[str, Any]", now: int) -> str:
    """How Claude Code is paid for, by what `plan.json` keeps (`gaia_hooks.facts.prices.plan`); instants in µs.

    Claude Code shows a plan's windows to subscribers alone. An API key in its environment means the API, unless
    windows were seen lately: who has a plan may have a key for other programs.
    """
    windows, key = kept.get("as_of"), kept.get("api_key_at")
    if windows is not None and (key is None or now - windows < LONGEST_WINDOW):
        return PLAN
    return API if key is not None else UNKNOWN

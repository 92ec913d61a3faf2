"""The policy snapshot: what the core prepares for the hooks, so that they never wait for it.

`GAIA_BUDGET_HOME/snapshot.json` is written by every `ingest` and by the MCP server. Without it, or with a
broken one, the built-in defaults below hold (the owner's published limits).
"""

from gaia_hooks.machine import files, jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCHEMA = 1
OWNERS = "snapshot"  # the price source of who takes the owner's prices alone
DEFAULTS: "dict[str, Any]" = {
    "schema": SCHEMA,
    "written_at": 0,  # microseconds since the epoch
    "installed_at": 0,  # rows older than this are history: they go to the ledger, not into the logs
    "logs": "",  # ARGUS folder; empty: `logs` in our own state folder
    "config_dirs": [],  # further Claude Code configuration folders, and patterns with `*`
    "roots": [],  # [folded root, module]
    "prices": {},  # see gaia_hooks.facts.prices.pricing
    "families": {  # the model that a family's name stands for, by tier, cheapest first
        "haiku": "",
        "sonnet": "",
        "opus": "",
        "fable": "",
    },
    "price_source": "genai-prices",
    "price_times": [1, 1],  # what an organisation pays of any price, as a fraction: it is in `prices` already
    "billing": "unknown",
    "session_types": {
        "quick_fix": {"max_tokens": 50_000, "models": ["haiku", "sonnet"]},
        "feature_dev": {"max_tokens": 200_000, "models": ["sonnet", "opus"]},
        "architecture": {"max_tokens": 500_000, "models": ["opus"]},
    },
    "thresholds": [80, 95, 100],  # percent of a session's limit
    "session_policy": "warn",
    "refuse_uncounted": False,  # prompts and tool calls of sessions that cannot be counted
    "statusline": ["plan", "session", "cache", "month", "alerts"],  # the parts of the status line, in order
    "warn_model": False,
    "development_component": False,  # lines in the logs name a component of their own
    "add_matching_section": False,  # of CLAUDE_L2.md, to prompts that name its trigger words
    "subagent_allowance_tokens": 30_000,
    "protected_agents": [],  # subagent types whose model is never changed
    "modules": {},  # per module: session_type, on_exceeded, models, limit_nano, counts_claude_code, spent, total
    "lifts": {},  # per module: [until when, nano-dollars] that overrides add to its limit
    "month": [0, 1 << 62],  # when the month of those figures begins and ends
    "month_days": ["", "", ""],  # the first days of that month and the next two; empty: not known yet
    "counted_to": 0,  # when the ingest that made those figures began to read
    "ahead": {},  # what of those figures hooks have still to note: nano-dollars by event
    "taken": {},  # until when those figures hold sessions that hooks had not seen: session id -> instant
    "week": [],  # each weekday's share of a mean day of work, Monday first; empty: not known yet
    "ingest": [],  # the command that a session's start runs in the background
    "alerts": [],  # what fires: [id, module or empty for all, line for people, words for Claude]
    "sources": [],  # the files that it was made from: [path, size, time of change in nanoseconds]
    "variables": "",  # a digest of the variables that it was made with
    "problems": [],  # what is wrong in the user's files, for the human to read
}


def path_of(home: str) -> str:
    """Where the snapshot lies."""
    return files.join(home, "snapshot.json")


def load(home: str) -> "dict[str, Any]":
    """The snapshot over the defaults; the defaults alone when it is missing, broken or of a newer form."""
    policy = dict(DEFAULTS)
    try:
        stored = jsonio.loads(files.read(path_of(home)))
    except (OSError, ValueError):
        return policy
    if type(stored) is dict and stored.get("schema") == SCHEMA:
        policy.update(stored)
    return policy


def module_policy(policy: "dict[str, Any]", module: str) -> "dict[str, Any]":
    """What is set for one module; empty when nothing is."""
    found = policy["modules"].get(module)
    return found if type(found) is dict else {}


def may_refuse(policy: "dict[str, Any]") -> bool:
    """Whether something is set by which a tool call can be refused."""
    if policy["session_policy"] != "warn" or policy["refuse_uncounted"]:
        return True
    return any(one.get("on_exceeded", "warn") != "warn" for one in policy["modules"].values())


def roots(policy: "dict[str, Any]") -> "list[list[str]]":
    """The module folders: as the snapshot has them, else of the registry where that was edited since."""
    source: "list[Any]" = next(
        (one for one in policy["sources"] if one[0].endswith("registry.json")), ["", 0, 0]
    )
    path: str = source[0]
    known: "list[list[str]]" = policy["roots"]
    if not path or files.stamp(path) == source[1:]:
        return known
    from gaia_hooks.facts import modules

    try:
        projects = jsonio.loads(files.read(path))["projects"]
        listed = {str(key): str(entry["path"]) for key, entry in projects.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return known  # broken: named by whoever writes the snapshot
    return modules.roots_of(listed, files.parent(path))

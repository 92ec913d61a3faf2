"""A subagent past the limit gets the cheapest model its module allows, and both human and agent are told.

The user's own definition of an agent may name the model it wants."""

from gaia_hooks.facts import places, snapshot
from gaia_hooks.machine import files, system
from gaia_hooks.session import counting as sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gaia_hooks.session.state import State

HEAD_BYTES = 4096


def names_a_model(mine: "State", policy: "dict[str, Any]", kind: str) -> bool:
    """Whether the definition of a subagent (project's or user's `agents/*.md`) has a `model` of its own."""
    if not kind:
        return False
    project = system.variable("CLAUDE_PROJECT_DIR") or mine.cwd
    own = places.claude_folder()
    for folder in (files.join(project, ".claude", "agents"), files.join(own, "agents")):
        for name in files.names_in(folder):
            if name.endswith(".md"):
                head = _frontmatter(files.join(folder, name))
                if head.get("name", name[:-3]) == kind:
                    return head.get("model", "inherit") not in ("", "inherit")
    return False


def _frontmatter(path: str) -> "dict[str, str]":
    try:
        text = files.read(path, 0, HEAD_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return {}
    lines = text.splitlines()
    found: dict[str, str] = {}
    if lines and lines[0].strip() == "---":
        for line in lines[1:]:
            if line.strip() == "---":
                break
            key, colon, value = line.partition(":")
            if colon and not key.startswith((" ", "\t", "#")):
                found[key.strip()] = value.strip().strip("\"'")
    return found


FAMILIES = ("haiku", "sonnet", "opus", "fable")  # the aliases that an `Agent` call takes, cheapest first


def cheapest(session: sessions.Session) -> str:
    """The cheapest alias in the module's list; the cheapest of all where it has none of Claude's families."""
    allowed = snapshot.module_policy(session.policy, session.state.module).get("models") or FAMILIES
    return next((family for family in FAMILIES if family in allowed), FAMILIES[0])


def answer(session: sessions.Session, tool_input: "dict[str, Any]", reason: str) -> "dict[str, Any]":
    """Rewrite the call's model; protected agents and those whose own definition names a model keep theirs."""
    kind = tool_input.get("subagent_type")
    kind = kind if type(kind) is str else ""
    model = cheapest(session)
    asked = tool_input.get("model")
    if asked in FAMILIES and FAMILIES.index(asked) <= FAMILIES.index(model):
        return {}
    if kind in session.policy["protected_agents"] or names_a_model(session.state, session.policy, kind):
        return {"systemMessage": "%s The subagent %s keeps its own model." % (reason, kind)}
    said = "%s The subagent runs on %s instead of %s." % (reason, model, asked or "its default model")
    return {
        "systemMessage": said,
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "updatedInput": dict(tool_input, model=model),
            "additionalContext": said,
        },
    }


def left_alone(reason: str) -> "dict[str, Any]":
    """A workflow's agents run on what its program names: rewriting a program could change what it does."""
    return {"systemMessage": "%s The workflow's agents keep the models that its program gives them." % reason}

"""The user's own subagent definitions: whether one names the model it wants."""

from gaia_hooks.facts import places
from gaia_hooks.machine import files, system

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

"""A server of a project's `.mcp.json` that calls itself as ours does: what the user allowed ours is not for it."""

from gaia_hooks.machine import files, jsonio, system
from gaia_hooks.say.wrapping_up import OUR_TOOLS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MCP_JSON, JOURNAL = ".mcp.json", "setup.json"
OF_A_PROJECT = "project"
REFUSED = (
    "Not allowed: the server gaia-budget is one of this project's .mcp.json, not the one that the user wired, and the "
    "user's permissions are not for it. Go on without it. A person can give it another name there, or wire ours with: "
    "gaia-budget init"
)


def refusal(home: str, payload: "dict[str, Any]") -> "dict[str, Any]":
    """The denial of a tool with our server's name; empty where the server is ours, or the tool another's."""
    server = payload["mcp_server"]
    if type(server) is not dict or server.get("source") != OF_A_PROJECT:
        return {}
    if not str(payload.get("tool_name")).startswith(OUR_TOOLS):
        return {}
    cwd = payload.get("cwd")
    folder = system.variable("CLAUDE_PROJECT_DIR") or (cwd if type(cwd) is str else "")
    if _is_written_by_us(home, folder):
        return {}
    from gaia_hooks.say import warnings

    return warnings.denial(REFUSED)


def _is_written_by_us(home: str, folder: str) -> bool:
    """Whether `init` wrote the `.mcp.json` that Claude Code reads for a folder: the nearest one."""
    while folder:
        file = files.join(folder, MCP_JSON)
        if files.exists(file):
            return file in _noted(home)
        above = files.parent(folder)
        if above == folder:
            break
        folder = above
    return False


def _noted(home: str) -> "dict[str, Any]":
    try:
        noted = jsonio.loads(files.read(files.join(home, JOURNAL)))["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return noted if type(noted) is dict else {}

"""What stays allowed past a hard limit: reading, finishing files already begun, saving work with git, our tools."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gaia_hooks.session.state import State

READING = frozenset(("Read", "Glob", "Grep", "LS", "NotebookRead", "ToolSearch", "ExitPlanMode"))
PLANNING = frozenset(
    ("TodoWrite", "TaskGet", "TaskList", "TaskUpdate", "TaskOutput", "TaskStop", "BashOutput")
)
EDITING = frozenset(("Edit", "MultiEdit", "Write", "NotebookEdit"))
SAVING = frozenset(("status", "diff", "log", "add", "commit", "stash"))
OUR_TOOLS = ("mcp__gaia-budget__", "mcp__plugin_gaia-budget_gaia-budget__")
WRITING = ("--ou", "--ext", "--textconv", "--no-index")  # git takes the beginning of an option for all of it
CHAINING = frozenset(";|&`$<>(){}\n\r")  # a second command could hide behind an allowed one
REMEMBERED_FILES = 500


def _file(tool_input: "dict[str, Any]") -> str:
    path = tool_input.get("file_path") or tool_input.get("notebook_path")
    return path if type(path) is str else ""


def remember(mine: "State", tool: str, tool_input: "dict[str, Any]") -> None:
    """Note a file that this session changes; the names stay in the local state."""
    path = _file(tool_input)
    if tool in EDITING and path and path not in mine.changed:
        mine.changed.append(path)
        del mine.changed[:-REMEMBERED_FILES]


def is_allowed(mine: "State", tool: str, tool_input: "dict[str, Any]") -> bool:
    """Whether a call only finishes or saves what was begun."""
    if tool in READING or tool in PLANNING or tool.startswith(OUR_TOOLS):
        return True
    if tool in EDITING:
        return _file(tool_input) in mine.changed
    return tool == "Bash" and _saves_with_git(tool_input.get("command"))


def _saves_with_git(command: object) -> bool:
    if type(command) is not str or not CHAINING.isdisjoint(command.strip()):
        return False
    words = command.replace("'", "").replace('"', "").split()
    if len(words) < 2 or words[0] != "git" or words[1] not in SAVING:
        return False
    return not any(word.startswith(WRITING) for word in words[2:])

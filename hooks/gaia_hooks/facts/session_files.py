"""Which files belong to a session: `<session>.jsonl`, and every `agent-<id>.jsonl` below `<session>/subagents`.

A subagent's file is known by what it is, not by how deep it lies: those of workflows lie in
`subagents/workflows/wf_<id>/`, and newer clients may add folders of their own.
"""

from gaia_hooks.machine import clock, files, jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import DirEntry

TRANSCRIPT_END = ".jsonl"
NOTE_END = ".meta.json"  # what Claude Code notes of a subagent beside its transcript
AGENT = "agent-"
AGENTS_FOLDER = "subagents"
COMPACTION = "acompact-"  # an automatic compaction's file begins with copies of its parent's rows
FORKED = b"fork-context-ref"  # and so does that of a fork, behind a row of this type
DEEPEST = 6
SETTLED_MICROS = 2 * clock.MICRO  # a folder's time may not tell of what was added in the same instant


def agents_folder(transcript: str) -> str:
    """Where the subagents of a session's transcript lie."""
    return files.join(transcript[: -len(TRANSCRIPT_END)], AGENTS_FOLDER)


def agent_of(name: str) -> str:
    """The id of the subagent whose transcript has this file name; empty for any other file."""
    if name.startswith(AGENT) and name.endswith(TRANSCRIPT_END):
        return name[len(AGENT) : -len(TRANSCRIPT_END)]
    return ""


def file_of(agent: str) -> str:
    """The reverse: what a subagent's transcript is called."""
    return AGENT + agent + TRANSCRIPT_END


def note_of(transcript: str) -> str:
    """The file that tells of a subagent, beside its transcript."""
    return transcript[: -len(TRANSCRIPT_END)] + NOTE_END


def noted(transcript: str, key: str) -> str:
    """What the note of a subagent has under a key; empty where there is no such text."""
    try:
        note = jsonio.loads(files.read(note_of(transcript)))
    except (OSError, ValueError):
        return ""
    told = note.get(key) if type(note) is dict else None
    return told if type(told) is str else ""


def run_of(transcript: str) -> str:
    """The run (a folder of its own) that a subagent's transcript belongs to; empty where it lies beside all."""
    folder = files.parent(transcript).replace("\\", "/").rpartition("/")[2]
    return "" if folder == AGENTS_FOLDER else folder


def run_has_ended(transcript: str, run: str) -> bool:
    """Whether Claude Code has written down how a workflow's run ended."""
    return files.exists(files.join(transcript[: -len(TRANSCRIPT_END)], "workflows", run + ".json"))


def new_agents(transcript: str, looked: "dict[str, int]") -> "list[tuple[str, str]]":
    """The subagents' files (id, path) in those folders that have changed since they were looked at, parents first.

    `looked` is each folder's time of change at the last look; an empty one lists everything.
    """
    top = agents_folder(transcript)
    looked.setdefault(top, 0)
    found: list[tuple[str, str]] = []
    folders = list(looked)
    for folder in folders:  # which grows meanwhile
        changed = files.changed_at(folder)
        if changed == looked.get(folder):
            continue
        looked[folder] = changed if changed < clock.now() - SETTLED_MICROS else 0
        agents, below = held(top, folder)
        found += [(agent, entry.path) for agent, entry in agents]
        folders += [one for one in below if one not in looked]
    return sorted(found, key=lambda one: (begins_with_copies(*one), one[0]))


def held(top: str, folder: str) -> "tuple[list[tuple[str, DirEntry[str]]], list[str]]":
    """What a folder at or below a session's `subagents`, the top, holds: their files, by id, and folders to look into.

    A folder that is linked is another session's, or leads around in a ring.
    """
    agents: list[tuple[str, DirEntry[str]]] = []
    folders: list[str] = []
    for entry in files.entries_in(folder):
        if entry.is_dir(follow_symlinks=False):
            folders.append(entry.path)
        elif agent := agent_of(entry.name):
            agents.append((agent, entry))
    below = folder[len(top) :]
    return agents, folders if sum(map(below.count, files.SEPARATORS)) < DEEPEST else []


def begins_with_copies(agent: str, path: str) -> bool:
    """Whether a subagent's file is of a kind that opens with copies of its parent's rows."""
    if agent.startswith(COMPACTION):
        return True
    try:
        return FORKED in files.read(path, 0, 256)
    except OSError:
        return False

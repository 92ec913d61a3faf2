"""Adds the one section of CLAUDE_L2.md that a prompt names by its trigger words; off unless the user turns it on.

The splitter leaves a small file per split (`write_triggers` of `gaia_claude_md.files.store`): the words and the text
of each section. Loaded only where the setting `add_matching_section` is on.
"""

from gaia_hooks.facts import names
from gaia_hooks.machine import files, jsonio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FEWEST_WORDS = 2
LONGEST_NAME = 150


def folder(home: str) -> str:
    """Where the trigger files lie."""
    return files.join(home, "claude-md", "triggers")


def path_of(home: str, place: str) -> str:
    """The trigger file of the folder that a CLAUDE.md stands in."""
    name = "".join(sign if sign.isalnum() else "-" for sign in place.lower())
    return files.join(folder(home), name[-LONGEST_NAME:] + ".json")


def matching(home: str, cwd: str, prompt: str, session_id: str) -> str:
    """The section to add to a prompt, once per session; empty when none matches, or more than one as well."""
    found = _triggers(home, cwd)
    if found is None or files.size_of(found["l2"]) != found["size"]:
        return ""
    text = _plain(prompt)
    scores = sorted(((_score(text, row), row[0], row[2]) for row in found["rows"]), reverse=True)
    if not scores or scores[0][0] < FEWEST_WORDS or (len(scores) > 1 and scores[0][0] == scores[1][0]):
        return ""
    _, slug, section = scores[0]
    told = files.join(folder(home), session_id + ".told")
    line = ("%s %s\n" % (found["folder"], slug)).encode("utf-8", "surrogatepass")
    if files.exists(told) and line in files.read(told):
        return ""
    files.append(told, line)
    return "Section `%s` of %s:\n\n%s" % (slug, names.shown(found["l2"], names.FACT_LIMIT), section)


def _triggers(home: str, cwd: str) -> "dict[str, Any] | None":
    """The triggers of the nearest folder at or above the working directory that has any."""
    place = cwd
    while place:
        try:
            found: "dict[str, Any]" = jsonio.loads(files.read(path_of(home, place)))
        except (OSError, ValueError):
            found = {}
        if found.get("folder") == place:
            return found
        above = files.parent(place)
        place = above if above != place else ""
    return None


def _plain(text: str) -> str:
    """Lower case with one blank between words and at both ends."""
    signs = "".join(sign if sign.isalnum() else " " for sign in text.lower())
    return " %s " % " ".join(signs.split())


def _score(text: str, row: "list[Any]") -> int:
    """Trigger words that the prompt names; the section's own name counts as two."""
    slug, words, _ = row
    named = sum(_names(text, word) for word in words)
    return named + (FEWEST_WORDS if _names(text, slug) else 0)


def _names(text: str, word: str) -> bool:
    plain = _plain(word)
    return (
        plain in text if word.isascii() else plain.strip() in text
    )  # some scripts put no blanks between words

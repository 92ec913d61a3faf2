"""The user's own text for topics that every L1 should have, used where a source says nothing on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.sections import plain_title
from gaia_claude_md.plan import vocabulary as words

if TYPE_CHECKING:
    from pathlib import Path

TOPICS = {
    "environment": words.ENVIRONMENT_TITLE,
    "gaia": words.GAIA_TITLE,
    "subagents": words.SUBAGENTS_TITLE,
    "rules": words.RULES_TITLE,
}


def template_file() -> Path:
    """Where the template stands. It need not exist."""
    return places.home() / "l1-template.md"


def read_template() -> dict[str, str]:
    """The template's text by topic; empty without a file. Raises InputError for a heading of no known topic."""
    file = template_file()
    if not file.exists():
        return {}
    try:
        document = parse(file.read_text("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file}: cannot be read: {error}", slug="file-unreadable") from error
    headings = [block for block in document.blocks if block.kind == "heading"]
    ends = [heading.start for heading in headings[1:]] + [len(document.lines)]
    found: dict[str, str] = {}
    for heading, end in zip(headings, ends, strict=True):
        title = plain_title(heading.title)
        topic = next((topic for topic, sign in TOPICS.items() if sign.within(title)), None)
        if topic is None:
            raise InputError(
                f"{file}:{heading.start + 1}: {title!r} names none of the topics {', '.join(TOPICS)}",
                slug="template-topic",
            )
        found[topic] = document.text(heading.start, end).strip()
    return found

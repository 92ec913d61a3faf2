"""Writing a pin into the source: how a user says, for good, that a section belongs in L1 or out of it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.lines import bare, terminator
from gaia_claude_md.markdown.lookup import find_section
from gaia_claude_md.markdown.sections import cut_headings

if TYPE_CHECKING:
    from gaia_claude_md.markdown.units import Pin

_PIN_LINE = re.compile(r"<!--\s*l[12]\s*-->", re.IGNORECASE)


def pinned(source: str, name: str, pin: Pin) -> str:
    """The source with a pin before the heading of a section, in place of one that stands there.

    Raises NotFoundError for an unknown section, InputError for one without a heading.
    """
    document = parse(source)
    section = find_section(document, name)
    heading = next((h for h in cut_headings(document) if section.start <= h.start < section.end), None)
    if heading is None:
        raise InputError(
            f"section {section.slug} has no heading: put <!-- {pin} --> before its text by hand",
            slug="no-heading",
        )
    lines = list(document.lines)
    end = terminator(lines[heading.start]) or document.line_end
    above = heading.start - 1
    if above >= 0 and _PIN_LINE.fullmatch(bare(lines[above]).strip()):
        lines[above] = f"<!-- {pin} -->{end}"
    else:
        lines.insert(heading.start, f"<!-- {pin} -->{end}")
    return "".join(lines)

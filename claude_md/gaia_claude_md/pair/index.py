"""The index at the end of L1: an order to load, then one entry per section with words a reader would search for."""

from __future__ import annotations

import math
import re
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gaia_claude_md.markdown.lines import bare
from gaia_claude_md.markdown.sections import slugify
from gaia_claude_md.markdown.units import without_code, without_fences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gaia_claude_md.markdown.sections import Section

TOOL = "budget_load_section"
END = "<!-- gaia:end -->"
BEGIN = re.compile(r"<!-- gaia:index ([0-9a-f]{8}) -->")
BETWEEN = " · "
MOST_WORDS = 4
_CODE = re.compile(r"`([^`]+)`")
_WORD = re.compile(r"[^\W\d_][\w+#]*(?:[.-]\w+)*")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_STRONG = re.compile(r"\*\*([^*\n]{1,200})\*\*")
_NO_WORDS = re.compile(
    r"<!--(?:(?!-->).){0,500}-->|</?[A-Za-z][^<>\n]{0,100}>|https?://[^\s)>\]]+|&#?\w{1,10};|\\."
    r"|(?<![\w.~-])[\w.~-]{0,60}/[\w./~-]+",
    re.DOTALL,
)
"""Comments, tags, addresses, entities, escapes and paths."""
_LONGEST_WORD, _LONGEST_CJK = 24, 8
_HEADING_WEIGHT, _STRONG_WEIGHT = 6, 3

_STOP_WORDS = """
a about above after again all also always an and any are as at be because been before being below between
both but by can cannot could did do does doing don down during each etc every few file files for from
further get had has have having here how if in into is it its itself just like make more most must need
never new no nor not now of off on once one only or other our out over own per same should so some such
than that the their them then there these they this those through to too under until up use used uses
using very via was we were what when where which while who why will with without would you your see note
example examples following ensure want way may might important required true false null none yes el la los
las de del y en un una para por con que es se lo como su al más o si der die das und ist nicht mit von zu
den im für auf eine ein le les des et est une dans pour sur par pas qui du au http https www com org e.g
i.e vs run add set based directly provides guidance claude code claude.ai working repository
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())


@dataclass(frozen=True, slots=True)
class Edits:
    """What the user changed in L1 besides its pieces.

    Index lines are kept as they stand, for as long as their section exists. `remembered` are hashes of lines that
    were added to L1, by a person or by Claude at a person's word: they stay there until a person says otherwise.
    """

    intro: str = ""
    rows: Mapping[str, str] = field(default_factory=dict)
    extra: tuple[str, ...] = ()
    remembered: frozenset[str] = frozenset()


def begin(pair_id: str) -> str:
    """The comment that opens the index; the id ties L1 to its L2."""
    return f"<!-- gaia:index {pair_id} -->"


def intro(l2_name: str) -> str:
    """The imperative line: the tool, the file, and what compaction does.

    `l2_name` counts from the project's root; the tool reads no file outside it, such as the user's own.
    """
    folder = l2_name.rpartition("/")[0]
    outside = l2_name.startswith(("~", "/")) or ":" in l2_name
    name = f"its name and path `{folder}`" if folder else "its name"
    how = f"Read `{l2_name}`" if outside else f"call `{TOOL}` with {name}, or Read `{l2_name}`"
    return f"**Before work on a topic below, load it: {how}; reload after compaction.**"


def checksum(text: str) -> str:
    """Tells a generated entry from one that the user has edited."""
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def entries(
    sections: Sequence[Section], words: Mapping[str, Sequence[str]], most: int, edits: Edits
) -> dict[str, str]:
    """The description of each section: the user's own, or its `most` best trigger words."""
    return {s.slug: edits.rows.get(s.slug, ", ".join(words[s.slug][:most])) for s in sections}


def render(described: Mapping[str, str], row_lines: int, l2_name: str, edits: Edits) -> list[str]:
    """The index without its opening comment: intro, at most `row_lines` rows, the user's own lines, the end."""
    per_line = max(1, -(-len(described) // row_lines))
    cells = [f"`{slug}`: {words}" if words else f"`{slug}`" for slug, words in described.items()]
    rows = ["- " + BETWEEN.join(cells[at : at + per_line]) for at in range(0, len(cells), per_line)]
    return [edits.intro or intro(l2_name), *rows, *edits.extra, END]


def read_edits(lines: Sequence[str], generated: Mapping[str, str], generated_intro: str) -> Edits:
    """What the user changed in an index, given the checksums of what was generated (by slug, and the intro's)."""
    rows: dict[str, str] = {}
    extra: list[str] = []
    own_intro = ""
    known = set(generated)
    for line in map(bare, lines):
        if BEGIN.fullmatch(line.strip()) or line.strip() == END or not line.strip():
            continue
        found = _row(line, known)
        if found:
            rows.update({slug: text for slug, text in found.items() if checksum(text) != generated[slug]})
        elif not own_intro and not extra and not line.lstrip().startswith("-"):
            own_intro = line
        else:
            extra.append(line)
    return Edits("" if checksum(own_intro) == generated_intro else own_intro, rows, tuple(extra))


def _row(line: str, known: set[str]) -> dict[str, str]:
    """The entries of a row; code in a description is part of it."""
    if not line.lstrip().startswith("-"):
        return {}
    parts = _CODE.split(line)
    found: dict[str, str] = {}
    slug = ""
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        if name in known or slugify(name) in known:
            slug = name if name in known else slugify(name)
            found[slug] = text.removeprefix(":")
        elif slug:
            found[slug] += f"`{name}`{text}"
    return {slug: text.strip().removesuffix(BETWEEN.strip()).strip() for slug, text in found.items()}


def trigger_words(sections: Sequence[Section]) -> dict[str, list[str]]:
    """For each slug the words that set its section apart, best first: frequent here, rare elsewhere."""
    counts = {section.slug: _weighted_words(section.text) for section in sections}
    spread = Counter(word for words in counts.values() for word in words)
    ranked = {}
    for section in sections:
        own = set(section.slug.split("-"))
        words = [(word, n) for word, n in counts[section.slug].items() if word.lower() not in own]
        words.sort(key=lambda w: (-w[1] * math.log(1 + len(sections) / spread[w[0]]), w[0]))
        ranked[section.slug] = [word for word, _ in words[:MOST_WORDS]] or [section.slug.replace("-", " ")]
    return ranked


def _weighted_words(text: str) -> dict[str, float]:
    """Words as people say them: none from code, comments, addresses, escapes or paths."""
    found: dict[str, float] = {}
    spelled: dict[str, str] = {}
    prose = _NO_WORDS.sub(" ", without_code(without_fences(text)))
    for line in prose.splitlines():
        heading = line.startswith("#")
        for word in _words(line):
            key = word.lower()
            word = spelled.setdefault(key, word)
            found[word] = found.get(word, 0) + (_HEADING_WEIGHT if heading else 1)
    for bold in _STRONG.findall(prose):
        for word in _words(bold):
            word = spelled.get(word.lower(), word)
            found[word] = found.get(word, 0) + _STRONG_WEIGHT
    return {word: math.sqrt(count) for word, count in found.items()}


def _words(text: str) -> list[str]:
    return [
        word
        for word in _WORD.findall(text)
        if word.lower() not in STOP_WORDS
        and "_" not in word
        and (2 <= len(word) <= _LONGEST_CJK if _CJK.search(word) else 3 <= len(word) <= _LONGEST_WORD)
    ]

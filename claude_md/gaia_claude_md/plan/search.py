"""What a section is found by: words that its text has and the others lack; and files alone that it is for, where its
heading or its first words name paths that are in the tree."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING

from gaia_claude_md.markdown.lines import is_blank, split_lines
from gaia_claude_md.markdown.units import without_code, without_fences
from gaia_claude_md.pair.index import MOST_WORDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gaia_claude_md.markdown.sections import Section

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


_CODE = re.compile(r"`([^`\n]{1,200})`")
_BARE = re.compile(r"(?<![\w./:@-])((?:[\w.@*-]{1,60}/){1,8}[\w.@*-]{0,60})")
_SCOPE = re.compile(
    r"(?:[-*] |> ?|\*\*)?(?:this section )?(?:applies (?:only )?to|scope|paths?|files?|only (?:for|in)"
    r"|(?:for|when) (?:files|code|work|working|editing|changing|touching)|when you (?:edit|change|touch|work))\b",
    re.IGNORECASE,
)


def globs_of(sections: Sequence[Section], in_tree: Callable[[str], str]) -> dict[str, list[str]]:
    """For each slug of a section that is for certain files the patterns of those files.

    `in_tree` gives the pattern for a name that is in the project's tree, and an empty text for any other.
    """
    found = {}
    for section in sections:
        heading, *rest = split_lines(section.text) or [""]
        if not heading.lstrip().startswith("#"):
            continue
        first = next((line for line in rest if not is_blank(line)), "")
        globs = _named(heading, in_tree) or (_named(first, in_tree) if _SCOPE.match(first) else [])
        if globs:
            found[section.slug] = globs
    return found


def _named(text: str, in_tree: Callable[[str], str]) -> list[str]:
    """The patterns for the paths that a line names, in order."""
    names = [*_CODE.findall(text), *_BARE.findall(_CODE.sub(" ", text))]
    return list(dict.fromkeys(glob for name in names if (glob := in_tree(name.strip()))))

"""The properties that every split must have, checked with a line rule and an index reader of the tests' own."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

from gaia_claude_md.markdown.blocks import Document, parse
from gaia_claude_md.markdown.lookup import named
from gaia_claude_md.markdown.sections import Section, sections_of
from gaia_claude_md.markdown.tokens import loaded_tokens
from gaia_claude_md.pair import layout
from gaia_claude_md.pair.merge import Merged, merge
from gaia_claude_md.pair.rules import expanded
from gaia_claude_md.plan.splitting import CannotFitError, Pair, SplitOptions, split
from support.markdown import split_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

ROW = re.compile(r"`([^`]+)`(: [^`]+)?")
PARSER = MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])


def join(l1: str, l2: str, there: Mapping[str, str] | None = None) -> Merged:
    """The source of a split, with the edits made in any text since."""
    found = layout.read_l2(l2, "L2")
    assert found
    body, manifest = found
    return merge(l1, expanded(body, there or {}), manifest)


def check_properties(source: str, options: SplitOptions) -> Pair | None:
    """Split a source and assert every property that needs no files; None when it was refused, with a reason."""
    try:
        pair = split(source, options)
    except CannotFitError:
        return None
    document = parse(source)
    sections = sections_of(document)
    _sections_add_up(source, document, sections)
    if pair.l2 is None:
        assert pair.l1 == source
        return pair
    merged = join(pair.l1, pair.l2)
    assert merged.source == source, "P1"
    assert not merged.edited
    lines = split_lines(pair.l1)
    assert len(lines) <= 29, "P2"
    assert loaded_tokens(pair.l1) <= min(options.token_cap, loaded_tokens(source)), "P2, P10"
    again = split(merged.source, SplitOptions(token_cap=options.token_cap, edits=merged.edits))
    assert (again.l1, again.l2) == (pair.l1, pair.l2), "P3"
    _blocks_are_the_same(source, pair)
    _index_is_complete(document, sections, pair)
    return pair


def check_rules(source: str, options: SplitOptions) -> int:
    """The same text with a rule for each section whose heading names a path, as if all were there: P1 and P3 over all
    three places. How many rules there are."""
    options = replace(options, in_tree=lambda name: name if "/" in name or "*" in name else "")
    try:
        pair = split(source, options)
    except CannotFitError:
        return 0
    if pair.l2 is None:
        return 0
    merged = join(pair.l1, pair.l2, there=pair.rules)
    assert merged.source == source, "P1 with rules"
    found = layout.read_l2(pair.l2, "L2")
    assert found and not merged.edited
    again = split(merged.source, replace(options, edits=merged.edits), previous=found[1], there=pair.rules)
    assert (again.l1, again.l2, again.rules) == (pair.l1, pair.l2, pair.rules), "P3 with rules"
    return len(pair.rules)


def _sections_add_up(source: str, document: Document, sections: list[Section]) -> None:
    assert "".join(section.text for section in sections) == source, "P5"
    assert len({section.slug for section in sections}) == len(sections)
    for section in sections:
        assert named(sections, section.slug) == [section], "P5"
    starts = {section.start for section in sections[1:]}
    body = document.prefix
    fenced = "```" in source or "~~~" in source
    for token in PARSER.parse("".join(document.lines[body:])) if fenced else ():
        if token.type == "fence" and token.map:
            assert not starts & set(range(body + token.map[0] + 1, body + token.map[1])), "P4"


def _top_blocks(lines: list[str]) -> Counter[tuple[str, str]]:
    found: Counter[tuple[str, str]] = Counter()
    for token in PARSER.parse("".join(lines)):
        if token.level == 0 and token.nesting >= 0 and token.map:
            text = "".join(lines[slice(*token.map)])
            found[token.type, text.rstrip()] += 1
    return found


def _blocks_are_the_same(source: str, pair: Pair) -> None:
    """P7 and P12: every block of L1 is a whole block of the source; P13: what is pinned is there."""
    lines = split_lines(pair.l1)
    marks = [at for at, line in enumerate(lines) if line.startswith("<!-- gaia:")]
    assert len(marks) == 2 and marks[1] == len(lines) - 1
    prefix = pair.plan.document.prefix
    shown = _top_blocks(lines[prefix : marks[0]])
    there = _top_blocks(split_lines(source)[prefix:])
    assert not [block for block in shown if block not in there], "P7, P12"
    whole = _top_blocks(lines[prefix:])
    assert sum(whole.values()) == sum(shown.values()) + sum(_top_blocks(lines[marks[0] :]).values()), "P7"
    kept = "".join(lines[: marks[0]])
    for decision in pair.plan.decisions:
        unit = decision.scored.unit
        if unit.pin == "l1" or (unit.imports and unit.pin != "l2"):
            text = pair.plan.document.text(unit.start, unit.end)
            assert text in kept or text.rstrip("\r\n") in kept, "P6, P13"
    assert _imports("".join(lines)) <= _imports(source), "P6"


def _imports(text: str) -> set[str]:
    return set(re.findall(r"(?:^|\s)@(\S+)", text))


def _index_is_complete(document: Document, sections: list[Section], pair: Pair) -> None:
    """P14: each row loads and has words; what stays in L2 can be found by a row."""
    lines = split_lines(pair.l1)
    begin = next(at for at, line in enumerate(lines) if line.startswith("<!-- gaia:index"))
    intro, *rows, _ = lines[begin + 1 :]
    for word in ("budget_load_section", "CLAUDE_L2.md", "reload after compaction"):
        assert word in intro
    entries = [entry for row in rows for entry in ROW.findall(row)]
    assert len(entries) == len(pair.plan.rows)
    for slug, words in entries:
        assert [section.slug for section in named(sections, slug)] == [slug]
        assert words.strip(": \r\n·"), "P14"
    moved = {at for unit in pair.plan.chosen for at in range(unit.start, unit.end)}
    listed = {slug for slug, _ in entries}
    for section in sections:
        left = [b for b in document.blocks if section.start <= b.start < section.end and b.start not in moved]
        if any(block.kind in {"paragraph", "bullet_list", "fence", "table"} for block in left):
            assert section.slug in listed, "P14"

"""What a splitter keeps in L1, held against the lines that two readers marked (`bench/gold`)."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.errors import InputError
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.sections import sections_of
from gaia_claude_md.markdown.tokens import loaded_tokens
from gaia_claude_md.markdown.units import units_of
from gaia_claude_md.pair.index import Edits, trigger_words
from gaia_claude_md.plan import vocabulary as words
from gaia_claude_md.plan.draft import MAX_LINES, Draft, line_count, token_count
from gaia_claude_md.plan.splitting import DEFAULT_TOKEN_CAP, SplitOptions, split

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gaia_claude_md.markdown.units import Unit

MARKS = Path(__file__).parent / "gold" / "marks.jsonl"
_REFERS = re.compile(r"(?:This|These|That|Those|It|They) ")


BEFORE = {
    "tuning": (196, 36.4, 25.0, 10.9, 87.2, 457),
    "held out": (64, 38.8, 24.3, 11.1, 83.9, 461),
}
"""The figures of commit 77994ef on the same files: files, recall, all, misleading, topics, tokens."""


class Kept(NamedTuple):
    """What one way keeps of a file: the numbers of its lines (from 1), the size of L1, and how it looks."""

    lines: set[int]
    l1_lines: int
    tokens: int
    dangling: int = 0
    free: int = 0
    topics: frozenset[str] = frozenset()


class Marked(NamedTuple):
    """One file with its marks; `must` and `misleading` are lines on which both readers agree."""

    text: str
    half: str
    must: set[int]
    either: set[int]
    misleading: set[int]
    topics: frozenset[str]


def marked(folder: Path) -> list[Marked]:
    """The marked files that a folder has."""
    texts = {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in folder.rglob("*.md")}
    found = []
    for line in MARKS.read_text("utf-8").splitlines():
        row = json.loads(line)
        if row["sha256"] in texts:
            text = texts[row["sha256"]].read_bytes().decode("utf-8").removeprefix("\ufeff")
            a, b = row["a"], row["b"]
            written = {n for n, one in enumerate(text.splitlines(), start=1) if one.strip()}
            must_a, must_b = (_lines(one["must"]) & written for one in (a, b))
            found.append(
                Marked(
                    text,
                    row["half"],
                    must_a & must_b,
                    must_a | must_b,
                    _lines(a["mustnot"]) & _lines(b["mustnot"]) & written,
                    frozenset(a["topics"]) & frozenset(b["topics"]),
                )
            )
    return found


def _lines(ranges: Iterable[tuple[int, int]]) -> set[int]:
    return {line for first, last in ranges for line in range(first, last + 1)}


def ours(text: str) -> Kept | None:
    """What this splitter keeps; None for a file that it leaves whole."""
    try:
        pair = split(text, SplitOptions())
    except InputError:
        return None
    if pair.l2 is None:
        return None
    document, lines, dangling = pair.plan.document, set(), 0
    for unit in pair.plan.chosen:
        lines |= set(range(unit.start + 1, unit.end + 1))
        piece = document.text(unit.start, unit.end).strip()
        before = next((n for n in range(unit.start, 0, -1) if document.lines[n - 1].strip()), 0)
        alone = before and before not in lines and not any(h.end == before for h in unit.path)
        dangling += piece.endswith((":", "：")) or bool(alone and _REFERS.match(piece))
    l1_lines = pair.l1.count("\n")
    room = MAX_LINES - l1_lines
    left = [
        d
        for d in pair.plan.decisions
        if not d.in_l1
        and not d.why.startswith(("would mislead", "leads", "part", "pinned", "a line"))
        and d.scored.lines + len(d.scored.unit.path) <= room
    ]
    return Kept(
        lines, l1_lines, loaded_tokens(pair.l1), dangling, room if left else 0, topics_of(pair.plan.decisions)
    )


def topics_of(decisions: Iterable[Any]) -> frozenset[str]:
    """The topics of what is in L1."""
    return frozenset(d.scored.topic for d in decisions if d.in_l1)


def first_lines(text: str) -> Kept:
    """The first 29 lines."""
    lines = text.splitlines()[:MAX_LINES]
    return Kept(set(range(1, len(lines) + 1)), len(lines), loaded_tokens("\n".join(lines)))


def headings(text: str) -> Kept:
    """Headings and the first sentence below each, until 29 lines are full."""
    kept: list[int] = []
    for number, block in enumerate(blocks := parse(text).blocks):
        if block.kind == "heading" or (number and blocks[number - 1].kind == "heading"):
            kept.append(block.start + 1)
    kept = kept[:MAX_LINES]
    lines = text.splitlines()
    return Kept(set(kept), len(kept), loaded_tokens("\n".join(lines[at - 1] for at in kept)))


def that_fit(file: Marked) -> int:
    """How many must-lines L1 can hold under the same rules (whole lists, 29 lines, the index): chosen by the marks."""
    text = file.text if file.text.endswith("\n") else file.text + "\n"
    document = parse(text)
    sections = sections_of(document)
    draft = Draft(document, sections, trigger_words(sections), Edits(), "CLAUDE_L2.md")

    def held(unit: Unit) -> int:
        return len(file.must & set(range(unit.start + 1, unit.end + 1)))

    units = [unit for unit in units_of(document, lambda target: False) if held(unit) and not unit.torn]
    chosen: list[Unit] = []
    for unit in sorted(units, key=lambda unit: -held(unit) / (unit.end - unit.start + 1)):
        trial = sorted([*chosen, unit], key=lambda one: one.start)
        segments = draft.segments(trial)
        if line_count(segments) <= MAX_LINES and token_count(segments) <= DEFAULT_TOKEN_CAP:
            chosen = trial
    return sum(map(held, chosen))


def shows(topic: str, kept: Kept, text: str) -> bool:
    """Whether something of a topic is among the kept lines."""
    lines = text.splitlines()
    said = "\n".join(lines[at - 1] for at in sorted(kept.lines) if at <= len(lines))
    signs = {
        "commands": words.COMMAND,
        "prohibitions": words.PROHIBITION,
        "subagents": words.SUBAGENTS,
        "rules": words.IMPERATIVE,
    }
    return topic in kept.topics or topic not in signs or signs[topic].within(said)


class Figures(NamedTuple):
    """Sums over files: means in percent, counts as they are."""

    files: int
    recall: float
    all: float
    misleading: float
    topics: float
    free: int
    dangling: int
    tokens: int


def figures(files: list[Marked], keep: Callable[[str], Kept | None]) -> Figures:
    """Measure one way, on files that are split. Recall is over what fits; `all` is over all must-lines."""
    recall, misleading, present, free, dangling, tokens, split_files = 0.0, 0, 0, 0, 0, 0, 0
    shown = wanted = 0
    everything = 0.0
    for file in files:
        kept = keep(file.text)
        if kept is None or not file.must:
            continue
        split_files += 1
        hit = len(kept.lines & file.must)
        recall += min(1.0, hit / max(1, that_fit(file)))
        everything += hit / len(file.must)
        misleading += len(kept.lines & file.misleading)
        shown += len(kept.lines)
        wanted += len(file.topics)
        present += sum(shows(topic, kept, file.text) for topic in file.topics)
        free += kept.free > 3
        dangling += kept.dangling
        tokens += kept.tokens
    return Figures(
        split_files,
        100 * recall / max(1, split_files),
        100 * everything / max(1, split_files),
        100 * misleading / max(1, shown),
        100 * present / max(1, wanted),
        free,
        dangling,
        tokens // max(1, split_files),
    )


def show(folder: Path) -> None:
    """The table: this splitter and two plain ways on both halves."""
    files = marked(folder)
    print(f"\n{len(files)} marked files; recall of must-lines over what fits, in percent")
    print(f"{'half':9} {'way':30} files recall    all misleading topics free>3 dangling tokens")
    for half in ("tuning", "held out"):
        chosen = [file for file in files if file.half == half]
        count, recall, every, misleading, topics, tokens = BEFORE[half]
        print(
            f"{half:9} {'77994ef (frozen)':30} {count:5} {recall:6.1f} {every:6.1f} {misleading:10.1f} {topics:6.1f} "
            f"{'':6} {'':8} {tokens:6}"
        )
        for name, keep in (
            ("this splitter", ours),
            ("first 29 lines", first_lines),
            ("headings + sentence", headings),
        ):
            f = figures(chosen, keep)
            print(
                f"{half:9} {name:30} {f.files:5} {f.recall:6.1f} {f.all:6.1f} {f.misleading:10.1f} {f.topics:6.1f} "
                f"{f.free:6} {f.dangling:8} {f.tokens:6}"
            )


if __name__ == "__main__":
    import sys

    show(Path(sys.argv[1]))

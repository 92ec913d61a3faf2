"""The splitter over a folder of real files: properties, savings, time; other splitters on the same files beside it.

    python bench/splitter.py FOLDER [--mutations]

`--mutations` also checks every mutation of every file. The peers come with `uv pip install --group bench`; one
that is not installed is left out. Exits 1 when a property failed.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import choice

from gaia_budget.errors import InputError
from gaia_claude_md.files import operations
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.sections import sections_of
from gaia_claude_md.markdown.tokens import loaded_tokens
from gaia_claude_md.pair.merge import ConflictError
from gaia_claude_md.plan.splitting import SplitOptions, split
from support.edits import CONFLICTING, NEW, SURVIVING
from support.killing import run_and_kill
from support.markdown import MUTATIONS, split_lines
from support.split_properties import PARSER, check_properties, check_rules, join

if TYPE_CHECKING:
    from collections.abc import Callable

KILLED_EVERY = 8  # of so many files, one is killed at every step


class Row(NamedTuple):
    """One file: its size, what became of it, and how long that took."""

    name: str
    lines: int
    before: int
    after: int
    l1_lines: int
    seconds: float
    outcome: str


def main() -> None:
    """Print the tables; end with 1 when a property failed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--mutations", action="store_true", help="every mutation of every file as well")
    given = arguments.parse_args()
    texts = {file.name: file.read_bytes().decode("utf-8") for file in sorted(given.folder.rglob("*.md"))}
    failures: Counter[str] = Counter()
    rows = [measure(name, text.removeprefix("\ufeff"), failures) for name, text in texts.items()]
    show(rows)
    merges(texts, failures)
    kills(texts, failures)
    if given.mutations:
        mutate(texts, failures)
    peers(texts)
    choice.show(given.folder)
    print(f"\nproperty failures: {dict(failures) or 0}")
    sys.exit(bool(failures))


def measure(name: str, text: str, failures: Counter[str]) -> Row:
    """Split one file, timed, and check its properties."""
    start = time.perf_counter()
    try:
        pair = split(text, SplitOptions())
    except InputError as error:
        return Row(
            name, len(split_lines(text)), loaded_tokens(text), 0, 0, time.perf_counter() - start, str(error)
        )
    seconds = time.perf_counter() - start
    try:
        check_properties(text, SplitOptions())
    except AssertionError as error:
        failures[str(error).splitlines()[0] or "?"] += 1
        print(f"FAILED {name}: {error}")
    outcome = pair.plan.unchanged or "split"
    after = loaded_tokens(pair.l1)
    return Row(
        name, len(split_lines(text)), loaded_tokens(text), after, len(split_lines(pair.l1)), seconds, outcome
    )


def show(rows: list[Row]) -> None:
    """The table of files, and the medians that property P10 and P11 speak of."""
    print(f"{'file':60} {'lines':>6} {'L1':>3} {'tokens':>7} {'L1':>5} {'saved':>6} {'ms':>6}")
    for row in rows:
        saved = f"{100 - row.after * 100 // row.before:5}%" if row.outcome == "split" else "     -"
        print(
            f"{row.name[:60]:60} {row.lines:6} {row.l1_lines:3} {row.before:7} {row.after:5} {saved} "
            f"{row.seconds * 1e3:6.1f}"
        )
    cut = [row for row in rows if row.outcome == "split"]
    print(f"\n{len(rows)} files, {len(cut)} split")
    for row in rows:
        if row.outcome != "split" and row.lines > 29:
            print(f"  not split: {row.name}: {row.outcome}")
    for least in (30, 100):
        saved = [1 - row.after / row.before for row in cut if row.lines >= least]
        print(f"median saving, {least} lines and more: {statistics.median(saved):.1%} of {len(saved)} files")
    print(f"time per file: {times([row.seconds for row in rows])}")


def times(seconds: list[float]) -> str:
    """Median and 99th percentile in milliseconds."""
    ordered = sorted(seconds)
    return (
        f"p50 {ordered[len(ordered) // 2] * 1e3:.1f} ms, p99 {ordered[int(len(ordered) * 0.99)] * 1e3:.1f} ms"
    )


def merges(texts: dict[str, str], failures: Counter[str]) -> None:
    """Every edit on every split file: the line survives, or a conflict is reported (P8)."""
    done: Counter[str] = Counter()
    for text in texts.values():
        try:
            pair = split(text.removeprefix("\ufeff"), SplitOptions())
        except InputError:
            continue
        for name, edit in {**SURVIVING, **CONFLICTING}.items():
            l1, l2 = split_lines(pair.l1), split_lines(pair.l2 or "")
            try:
                edit(l1, l2)
            except (StopIteration, IndexError):
                continue  # the file has nothing of the kind that is edited
            edited = "".join(l1), "".join(l2)
            if pair.l2 is not None and edited != (pair.l1, pair.l2):
                done[_merge(*edited, name in SURVIVING)] += 1
    failures["P8"] += done["lost"]
    if not done["lost"]:
        del failures["P8"]
    print(f"\nmerges: {len(SURVIVING) + len(CONFLICTING)} scenarios on every file: {dict(done)}")


def _merge(l1: str, l2: str, survives: bool) -> str:
    try:
        merged = join(l1, l2)
    except ConflictError:
        return "conflict reported"
    kept = {line.strip() for line in split_lines(merged.source)}
    there = {line.strip() for line in split_lines(l1) + split_lines(l2)}
    lost = [line for line in there if line.endswith(NEW) and line not in kept]
    return "lost" if lost or not survives else "survived"


def kills(texts: dict[str, str], failures: Counter[str]) -> None:
    """A kill at every step of a split; `join` must give the source back (P9)."""
    killed = lost = 0
    with tempfile.TemporaryDirectory() as folder:
        l1 = Path(folder, "CLAUDE.md")
        for text in list(texts.values())[::KILLED_EVERY]:
            step, going = 0, True
            while going:
                step += 1
                l1.write_bytes(text.encode())
                going = run_and_kill(lambda: operations.apply(operations.propose(l1, SplitOptions())), step)
                try:
                    operations.join(l1)
                except InputError:
                    lost += 1
                killed += going
                lost += l1.read_bytes() != text.encode()
    if lost:
        failures["P9"] += lost
    print(f"kills: {killed}, sources not recovered by `join`: {lost}")


def mutate(texts: dict[str, str], failures: Counter[str]) -> None:
    """Every mutation of every file."""
    refused = checked = rules = 0
    slowest = 0.0
    for number, (name, text) in enumerate(texts.items()):
        for kind, mutation in MUTATIONS.items():
            mutated = mutation(text.removeprefix("\ufeff"), random.Random(number))
            start = time.perf_counter()
            try:
                refused += check_properties(mutated, SplitOptions()) is None
                rules += check_rules(mutated, SplitOptions())
            except AssertionError as error:
                failures[str(error).splitlines()[0] or "?"] += 1
                print(f"FAILED {name}, {kind}: {error}")
            slowest = max(slowest, time.perf_counter() - start)
            checked += 1
    print(
        f"mutations: {len(MUTATIONS)} kinds, {checked} cases, {refused} refused with a reason, {rules} rules, "
        f"slowest {slowest:.2f} s"
    )


def peers(texts: dict[str, str]) -> None:
    """Section-making of ours and of others: time, byte-exactness, fences cut in two."""
    print(f"\n{'sections by':44} {'byte-exact':>12} {'fences cut':>11}  time per file")
    for name, make in {"gaia_claude_md": _ours, **_installed()}.items():
        seconds, exact, cut = [], 0, 0
        for text in texts.values():
            start = time.perf_counter()
            parts = make(text)
            seconds.append(time.perf_counter() - start)
            exact += "".join(parts) == text
            cut += _fences_cut(text, parts)
        print(f"{name:44} {exact:6} of {len(texts):3} {cut:11}  {times(seconds)}")


def _ours(text: str) -> list[str]:
    return [section.text for section in sections_of(parse(text))]


def _installed() -> dict[str, Callable[[str], list[str]]]:
    found: dict[str, Callable[[str], list[str]]] = {}
    try:
        from semantic_text_splitter import MarkdownSplitter
    except ImportError:
        print("semantic-text-splitter is not installed")
    else:
        splitter = MarkdownSplitter(4_000, trim=False)
        found["semantic-text-splitter MarkdownSplitter(4000)"] = splitter.chunks
    try:
        from langchain_text_splitters import MarkdownHeaderTextSplitter
    except ImportError:
        print("langchain-text-splitters is not installed")
    else:
        headers = MarkdownHeaderTextSplitter([("#", "1"), ("##", "2")], strip_headers=False)
        found["LangChain MarkdownHeaderTextSplitter"] = lambda text: [
            document.page_content for document in headers.split_text(text)
        ]
    return found


def _fences_cut(text: str, parts: list[str]) -> int:
    """Fences of the file that no single part holds whole."""
    lines = split_lines(text)
    fences = [
        "".join(lines[slice(*token.map)]).strip()
        for token in PARSER.parse(text)
        if token.type == "fence" and token.map
    ]
    return sum(not any(fence in part for part in parts) for fence in fences)


if __name__ == "__main__":
    main()

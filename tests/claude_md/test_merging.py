"""Edits on either side of a split: every edited line survives, or a conflict is reported and nothing is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gaia_claude_md.merge import ConflictError
from gaia_claude_md.planner import Options
from gaia_claude_md.splitting import join, split
from support.instructions import instructions

NEW = "A line nobody had written before."
Edit = Callable[[list[str], list[str]], None]


def anchors(l2: list[str]) -> list[int]:
    return [at for at, line in enumerate(l2) if line.startswith("<!-- gaia:l1 ")]


def bullet(lines: list[str]) -> int:
    return next(at for at, line in enumerate(lines) if line.startswith("- ") and "`:" not in line)


def index_at(l1: list[str]) -> int:
    return next(at for at, line in enumerate(l1) if line.startswith("<!-- gaia:index"))


def heading(lines: list[str]) -> int:
    return next(at for at, line in enumerate(lines) if line.startswith("## "))


def prose(l2: list[str]) -> int:
    return next(at for at, line in enumerate(l2) if line.startswith("The "))


def _replace_heading(l1: list[str], l2: list[str]) -> None:
    l1[heading(l1)] = f"## {NEW}\n"


SURVIVING: dict[str, Edit] = {
    "appended to L1": lambda l1, l2: l1.append(f"\n{NEW}\n"),
    "appended to L1 without a line end": lambda l1, l2: l1.append(NEW),
    "a section appended to L1": lambda l1, l2: l1.extend(["\n", "## Added\n", "\n", f"{NEW}\n"]),
    "put before everything in L1": lambda l1, l2: l1.insert(0, f"{NEW}\n\n"),
    "put before the index": lambda l1, l2: l1.insert(index_at(l1), f"\n{NEW}\n"),
    "a section put before the index": lambda l1, l2: l1.insert(index_at(l1), f"\n## Added\n\n{NEW}\n"),
    "a bullet changed in L1": lambda l1, l2: l1.__setitem__(bullet(l1), f"- {NEW}\n"),
    "a bullet added in L1": lambda l1, l2: l1.insert(bullet(l1) + 1, f"- {NEW}\n"),
    "a heading changed in L1": _replace_heading,
    "a line below a heading in L1": lambda l1, l2: l1.insert(heading(l1) + 1, f"{NEW}\n\n"),
    "appended to L2": lambda l1, l2: l2.append(f"\n{NEW}\n"),
    "put before everything in L2": lambda l1, l2: l2.insert(0, f"{NEW}\n\n"),
    "a line changed in L2": lambda l1, l2: l2.__setitem__(prose(l2), f"{NEW}\n"),
    "a line beside an anchor in L2": lambda l1, l2: l2.insert(anchors(l2)[0], f"{NEW}\n\n"),
    "both sides changed": lambda l1, l2: (l1.append(f"\n{NEW}\n"), l2.insert(0, "Another.\n\n"))[0],
    "windows line ends in both": lambda l1, l2: (
        l1.__setitem__(slice(None), [line.replace("\n", "\r\n") for line in [*l1, f"{NEW}\n"]]),
        l2.__setitem__(slice(None), [line.replace("\n", "\r\n") for line in l2]),
    )[0],
}

CONFLICTING: dict[str, Edit] = {
    "an anchor deleted": lambda l1, l2: l2.__delitem__(anchors(l2)[0]),
    "an anchor doubled": lambda l1, l2: l2.insert(0, l2[anchors(l2)[0]]),
    "a foreign anchor": lambda l1, l2: l2.insert(0, "<!-- gaia:l1 99 -->\n"),
    "the index deleted": lambda l1, l2: l1.__delitem__(slice(index_at(l1), None)),
    "the index doubled": lambda l1, l2: l1.extend(l1[index_at(l1) :]),
    "every piece deleted": lambda l1, l2: l1.__delitem__(slice(0, index_at(l1))),
}


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("scenario", SURVIVING)
def test_an_edited_line_survives_a_merge(scenario: str, seed: int) -> None:
    source = instructions(seed).text
    pair = split(source, Options())
    l1, l2 = pair.l1.splitlines(keepends=True), (pair.l2 or "").splitlines(keepends=True)
    SURVIVING[scenario](l1, l2)
    merged = join("".join(l1), "".join(l2))
    assert merged.source.count(NEW) == 1
    edited = "".join([*l1, *l2]).splitlines()
    replaced = {line for line in pair.l1.splitlines() if line not in "".join(l1).splitlines()}
    expected = [line for line in source.splitlines() if line in edited and line not in replaced]
    assert [line for line in expected if line not in merged.source.splitlines()] == []
    again = split(merged.source, Options(edits=merged.edits))
    once_more = join(again.l1, again.l2 or "")
    assert once_more.source == merged.source
    assert split(once_more.source, Options(edits=once_more.edits)).l1 == again.l1


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("scenario", CONFLICTING)
def test_what_cannot_be_merged_is_a_conflict(scenario: str, seed: int) -> None:
    pair = split(instructions(seed).text, Options())
    l1, l2 = pair.l1.splitlines(keepends=True), (pair.l2 or "").splitlines(keepends=True)
    CONFLICTING[scenario](l1, l2)
    with pytest.raises(ConflictError, match="restore"):
        join("".join(l1), "".join(l2))


def test_a_heading_changed_differently_on_both_sides_is_a_conflict() -> None:
    pair = split(instructions(3).text, Options())
    l1, l2 = pair.l1.splitlines(keepends=True), (pair.l2 or "").splitlines(keepends=True)
    title = l1[heading(l1)]
    l2[l2.index(title)] = "## Theirs\n"
    l1[heading(l1)] = "## Ours\n"
    with pytest.raises(ConflictError, match="Ours"):
        join("".join(l1), "".join(l2))


def test_an_edited_row_and_an_edited_order_of_the_index_are_kept() -> None:
    pair = split(instructions(5).text, Options())
    row = next(line for line in pair.l1.splitlines() if line.startswith("- `") and "`:" in line)
    slug = row.split("`")[1]
    own = pair.l1.replace(row, f"- `{slug}`: my own `words`, please").replace(
        "**Before work", "**HALT! Before work"
    )
    own = own.replace("<!-- gaia:end -->", "Ask Ada about the rest.\n<!-- gaia:end -->")
    merged = join(own, pair.l2 or "")
    again = split(merged.source, Options(edits=merged.edits))
    for kept in (f"`{slug}`: my own `words`, please", "**HALT! Before work", "Ask Ada about the rest."):
        assert kept in again.l1
    third = join(again.l1, again.l2 or "")
    assert split(third.source, Options(edits=third.edits)).l1 == again.l1

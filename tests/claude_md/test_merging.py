"""Edits on either side of a split: every edited line survives, or a conflict is reported and nothing is written."""

from __future__ import annotations

import pytest

from gaia_claude_md.pair.merge import ConflictError
from gaia_claude_md.plan.splitting import CannotFitError, SplitOptions, split
from support.edits import CONFLICTING, NEW, SURVIVING, heading
from support.instructions import instructions
from support.split_properties import join


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("scenario", SURVIVING)
def test_an_edited_line_survives_a_merge(scenario: str, seed: int) -> None:
    source = instructions(seed).text
    pair = split(source, SplitOptions())
    l1, l2 = pair.l1.splitlines(keepends=True), (pair.l2 or "").splitlines(keepends=True)
    SURVIVING[scenario](l1, l2)
    merged = join("".join(l1), "".join(l2))
    assert merged.source.count(NEW) == 1
    edited = "".join([*l1, *l2]).splitlines()
    replaced = {line for line in pair.l1.splitlines() if line not in "".join(l1).splitlines()}
    expected = [line for line in source.splitlines() if line in edited and line not in replaced]
    assert [line for line in expected if line not in merged.source.splitlines()] == []
    again = split(merged.source, SplitOptions(edits=merged.edits))
    once_more = join(again.l1, again.l2 or "")
    assert once_more.source == merged.source
    assert split(once_more.source, SplitOptions(edits=once_more.edits)).l1 == again.l1


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("scenario", CONFLICTING)
def test_what_cannot_be_merged_is_a_conflict(scenario: str, seed: int) -> None:
    pair = split(instructions(seed).text, SplitOptions())
    l1, l2 = pair.l1.splitlines(keepends=True), (pair.l2 or "").splitlines(keepends=True)
    CONFLICTING[scenario](l1, l2)
    with pytest.raises(ConflictError, match="restore"):
        join("".join(l1), "".join(l2))


def test_a_heading_changed_differently_on_both_sides_is_a_conflict() -> None:
    pair = split(instructions(3).text, SplitOptions())
    l1, l2 = pair.l1.splitlines(keepends=True), (pair.l2 or "").splitlines(keepends=True)
    title = l1[heading(l1)]
    l2[l2.index(title)] = "## Theirs\n"
    l1[heading(l1)] = "## Ours\n"
    with pytest.raises(ConflictError, match="Ours"):
        join("".join(l1), "".join(l2))


def test_an_edited_row_and_an_edited_order_of_the_index_are_kept() -> None:
    pair = split(instructions(5).text, SplitOptions())
    row = next(line for line in pair.l1.splitlines() if line.startswith("- `") and "`:" in line)
    slug = row.split("`")[1]
    own = pair.l1.replace(row, f"- `{slug}`: my own `words`, please").replace(
        "**Before work", "**HALT! Before work"
    )
    own = own.replace("<!-- gaia:end -->", "Ask Ada about the rest.\n<!-- gaia:end -->")
    merged = join(own, pair.l2 or "")
    again = split(merged.source, SplitOptions(edits=merged.edits))
    for kept in (f"`{slug}`: my own `words`, please", "**HALT! Before work", "Ask Ada about the rest."):
        assert kept in again.l1
    third = join(again.l1, again.l2 or "")
    assert split(third.source, SplitOptions(edits=third.edits)).l1 == again.l1


@pytest.mark.parametrize("seed", range(5))
def test_what_is_remembered_behind_the_index_stays_in_l1_under_the_title(seed: int) -> None:
    pair = split(instructions(seed).text, SplitOptions())
    merged = join(pair.l1 + f"\n- {NEW}\n", pair.l2 or "")
    lines = merged.source.splitlines()
    assert not [line for line in lines[: lines.index(f"- {NEW}")] if line.startswith("## ")]
    again = split(merged.source, SplitOptions(edits=merged.edits))
    assert f"- {NEW}\n" in again.l1
    once_more = join(again.l1, again.l2 or "")
    assert split(once_more.source, SplitOptions(edits=once_more.edits)).l1 == again.l1
    freed = merged.source.replace(f"- {NEW}", f"<!-- l2 -->\n- {NEW}")
    assert NEW not in split(freed, SplitOptions(edits=merged.edits)).l1


def test_what_is_remembered_and_no_longer_fits_is_named_and_nothing_is_moved() -> None:
    pair = split(instructions(1).text, SplitOptions())
    more = "".join(f"\nRemember thing {n}.\n" for n in range(30))
    merged = join(pair.l1 + more, pair.l2 or "")
    with pytest.raises(CannotFitError, match=r"was added to L1.*|Put <!-- l2 -->"):
        split(merged.source, SplitOptions(edits=merged.edits))

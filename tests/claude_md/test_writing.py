"""Files on disk: kills at every step, other writers, refusals that leave everything as it was, restoring."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_claude_md import load_section, sections
from gaia_claude_md.files import finding, operations, store, watch
from gaia_claude_md.files.source import read_source
from gaia_claude_md.plan.splitting import SplitOptions
from support.instructions import instructions
from support.killing import run_and_kill

if TYPE_CHECKING:
    from pathlib import Path

SOURCE = instructions(1).text.encode()
MOST_STEPS = 60


@pytest.fixture
def l1(tmp_path: Path) -> Path:
    path = tmp_path / "CLAUDE.md"
    path.write_bytes(SOURCE)
    return path


def split(l1: Path) -> None:
    operations.apply(operations.propose(l1, SplitOptions()))


def whole(l1: Path) -> bytes:
    """What one command gives back, whatever state the files are in."""
    operations.join(l1)
    return l1.read_bytes()


def killed_everywhere(l1: Path, work: str, before: dict[Path, bytes | None]) -> list[bytes]:
    """The whole text after a kill at each step of a verb."""
    found = []
    for step in range(1, MOST_STEPS):
        for path, data in before.items():
            path.unlink(missing_ok=True) if data is None else path.write_bytes(data)
        verb = {
            "split": lambda: split(l1),
            "join": lambda: operations.join(l1),
            "restore": lambda: operations.restore(l1),
        }
        killed = run_and_kill(verb[work], step)
        found.append(whole(l1))
        if not killed:
            return found
    raise AssertionError("the verb never came to its end")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child is forked to be killed")
class TestAKillAtEveryStep:
    def test_of_a_first_split_loses_nothing(self, l1: Path) -> None:
        results = killed_everywhere(l1, "split", {l1: SOURCE, finding.l2_of(l1): None})
        assert len(results) > 8
        assert set(results) == {SOURCE}

    def test_of_a_second_split_with_edits_on_both_sides_loses_nothing(self, l1: Path) -> None:
        split(l1)
        l2 = finding.l2_of(l1)
        edited = {
            l1: l1.read_bytes() + b"\n## Never\n\n- Never forget this\n",
            l2: b"A new start.\n\n" + l2.read_bytes(),
        }
        for path, data in edited.items():
            path.write_bytes(data)
        expected = read_source(l1).text.encode()
        assert b"Never forget this" in expected and b"A new start." in expected
        assert set(killed_everywhere(l1, "split", dict(edited))) == {expected}

    def test_of_a_join_loses_nothing(self, l1: Path) -> None:
        split(l1)
        l2 = finding.l2_of(l1)
        before: dict[Path, bytes | None] = {l1: l1.read_bytes() + b"\nMore.\n", l2: l2.read_bytes()}
        for path, data in before.items():
            path.write_bytes(data or b"")
        expected = read_source(l1).text.encode()
        assert expected.replace(b"More.\n\n", b"", 1) == SOURCE
        assert set(killed_everywhere(l1, "join", before)) == {expected}

    def test_of_a_restore_can_be_restored(self, l1: Path) -> None:
        split(l1)
        l2 = finding.l2_of(l1)
        now = {l1: l1.read_bytes(), l2: l2.read_bytes()}
        for step in range(1, MOST_STEPS):
            for path, data in now.items():
                path.write_bytes(data)
            first = store.states(l1)[0].number
            killed = run_and_kill(lambda: operations.restore(l1, first), step)  # noqa: B023 (runs at once)
            operations.restore(l1, first)
            assert l1.read_bytes() == SOURCE
            assert not l2.exists()
            if not killed:
                return
        raise AssertionError("the verb never came to its end")


def test_a_split_joins_to_the_same_bytes_and_can_be_undone(l1: Path) -> None:
    split(l1)
    assert l1.read_bytes().count(b"\n") <= 29
    split_bytes = l1.read_bytes(), finding.l2_of(l1).read_bytes()
    assert operations.verify(l1) == []
    assert whole(l1) == SOURCE
    operations.restore(l1)
    assert (l1.read_bytes(), finding.l2_of(l1).read_bytes()) == split_bytes
    operations.restore(l1, 1)
    assert l1.read_bytes() == SOURCE
    assert not finding.l2_of(l1).exists()


@pytest.mark.parametrize("key", ["l1", "l2", "source"])
def test_a_state_that_names_a_path_brings_nothing_from_there(l1: Path, tmp_path: Path, key: str) -> None:
    split(l1)
    foreign = tmp_path / "foreign"
    foreign.write_text("of somebody else")
    [journal] = (places.home() / "claude-md").rglob("*.jsonl")
    entry = json.loads(journal.read_bytes())
    before = l1.read_bytes(), finding.l2_of(l1).read_bytes()
    for name in (str(foreign), os.path.relpath(foreign, places.home() / "backups"), entry["source"][:-1]):
        journal.write_text(json.dumps({**entry, key: name}) + "\n")
        with pytest.raises(InputError, match="named by no digest"):
            operations.restore(l1)
        assert (l1.read_bytes(), finding.l2_of(l1).read_bytes()) == before


def test_rules_that_a_state_names_elsewhere_are_not_written(l1: Path, tmp_path: Path) -> None:
    split(l1)
    [journal] = (places.home() / "claude-md").rglob("*.jsonl")
    entry = json.loads(journal.read_bytes())
    named = {str(tmp_path / "planted.md"): entry["source"], "../../planted.md": entry["source"]}
    journal.write_text(json.dumps({**entry, "rules": named}) + "\n")
    operations.restore(l1)
    assert l1.read_bytes() == SOURCE
    assert list(tmp_path.rglob("planted.md")) == []


def test_a_line_of_the_states_that_is_none_is_passed_over(l1: Path) -> None:
    split(l1)
    [journal] = (places.home() / "claude-md").rglob("*.jsonl")
    whole = journal.read_text()
    journal.write_text('[1]\n{"a": 1}\nnull\n' + whole)
    assert len(store.states(l1)) == 1
    operations.restore(l1)
    assert l1.read_bytes() == SOURCE


def test_a_second_split_changes_no_file(l1: Path) -> None:
    split(l1)
    proposal = operations.propose(l1, SplitOptions())
    assert not proposal.changed
    assert proposal.diff() == ""


def test_a_byte_order_mark_and_the_mode_of_the_file_stay(l1: Path) -> None:
    l1.write_bytes(b"\xef\xbb\xbf" + SOURCE)
    l1.chmod(0o640)
    split(l1)
    assert l1.read_bytes().startswith(b"\xef\xbb\xbf")
    assert not finding.l2_of(l1).read_bytes().startswith(b"\xef\xbb\xbf")
    if os.name == "posix":
        assert l1.stat().st_mode & 0o777 == 0o640
    assert whole(l1) == b"\xef\xbb\xbf" + SOURCE


def test_who_writes_between_reading_and_writing_is_not_overwritten(l1: Path) -> None:
    proposal = operations.propose(l1, SplitOptions())
    l1.write_bytes(SOURCE + b"typed just now\n")
    with pytest.raises(InputError, match="somebody else"):
        operations.apply(proposal)
    assert l1.read_bytes() == SOURCE + b"typed just now\n"
    assert not finding.l2_of(l1).exists()


def test_one_writer_of_ours_waits_for_the_other(l1: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "LOCK_SECONDS", 0.01)
    proposal = operations.propose(l1, SplitOptions())
    with store.lock(l1), pytest.raises(InputError, match="another process"):
        operations.apply(proposal)
    assert l1.read_bytes() == SOURCE


def test_left_over_temporary_files_are_swept_away(l1: Path) -> None:
    left = l1.with_name("CLAUDE_L2.md.4711.tmp")
    left.write_bytes(b"half")
    split(l1)
    assert not left.exists()


REFUSED = {
    "four megabytes": (b"word " * 900_000, "limit"),
    "one line of ten megabytes": (b"x" * 10_000_000, "limit"),
    "a NUL": (SOURCE + b"\0", "NUL"),
    "binary data": (bytes(range(256)) * 40, "NUL"),
    "invalid UTF-8": (SOURCE + b"\xff\xfe\n", "not UTF-8"),
    "UTF-16": ("# Title\n".encode("utf-16"), "UTF-16"),
    "our own markers": (SOURCE + b"<!-- gaia:index 00000000 -->\n", "marker"),
    "an anchor of ours": (SOURCE + b"<!-- gaia:l1 1 -->\n", "marker"),
    "a half-merged conflict": (
        SOURCE + b"<" * 7 + b" ours\na\n" + b"=" * 7 + b"\nb\n" + b">" * 7 + b" theirs\n",
        "conflict",
    ),
    "more pins than L1 can hold": (
        b"# T\n\n" + b"".join(b"<!-- l1 -->\nPinned %d.\n\n" % n for n in range(40)),
        "<!-- l2 -->",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_input_stays_as_it_was(what: str, l1: Path) -> None:
    data, message = REFUSED[what]
    l1.write_bytes(data)
    with pytest.raises(InputError, match=message):
        split(l1)
    assert l1.read_bytes() == data
    assert os.listdir(l1.parent) == ["CLAUDE.md"]


L2_EDITS = {
    "emptied": lambda data: b"",
    "its manifest cut in half": lambda data: data[:-200],
    "its manifest changed": lambda data: data.replace(b'"segments":[[', b'"segments":[[["h",9,9],['),
    "its manifest doubled": lambda data: data + data[data.index(b"\n<!-- gaia:l2") :],
    "no anchors left": lambda data: data.replace(b"<!-- gaia:l1 ", b"<!-- "),
    "a conflict half merged": lambda data: (
        b"<" * 7 + b" a\nx\n" + b"=" * 7 + b"\ny\n" + b">" * 7 + b" b\n" + data
    ),
    "NUL bytes in it": lambda data: b"\0" + data,
    "another project's L2": lambda data: data.replace(b'{"id":"', b'{"id":"0'),
}


@pytest.mark.parametrize("what", L2_EDITS)
def test_an_l2_that_makes_no_sense_is_refused_and_both_files_stay(what: str, l1: Path) -> None:
    split(l1)
    l2 = finding.l2_of(l1)
    l2.write_bytes(L2_EDITS[what](l2.read_bytes()))
    before = l1.read_bytes(), l2.read_bytes()
    with pytest.raises(InputError):
        split(l1)
    with pytest.raises(InputError):
        operations.join(l1)
    assert (l1.read_bytes(), l2.read_bytes()) == before
    operations.restore(l1)
    assert l1.read_bytes() == SOURCE


def test_a_missing_l2_is_said_and_can_be_brought_back(l1: Path) -> None:
    split(l1)
    finding.l2_of(l1).unlink()
    with pytest.raises(InputError, match="restore"):
        split(l1)
    operations.restore(l1)
    assert l1.read_bytes() == SOURCE


def test_a_foreign_l2_is_not_overwritten(l1: Path) -> None:
    finding.l2_of(l1).write_bytes(b"my own notes\n")
    with pytest.raises(InputError, match="not made by a split"):
        split(l1)
    assert finding.l2_of(l1).read_bytes() == b"my own notes\n"


def test_links_folders_and_read_only_files_are_refused(l1: Path, tmp_path: Path) -> None:
    l1.chmod(0o444)
    with pytest.raises(InputError, match="read-only"):
        split(l1)
    l1.chmod(0o644)
    folder = tmp_path / "sub"
    (folder / "CLAUDE.md").mkdir(parents=True)
    with pytest.raises(InputError, match="is a folder"):
        split(folder)
    with pytest.raises(InputError, match="is a folder"):
        split(folder / "CLAUDE.md")
    with pytest.raises(InputError, match=r"no CLAUDE\.md"):
        split(tmp_path_of(folder))
    link = folder / "link.md"
    link.symlink_to(l1)
    with pytest.raises(InputError, match="symbolic link"):
        split(link)
    assert l1.read_bytes() == SOURCE


def test_a_file_with_a_second_name_is_refused(l1: Path, tmp_path: Path) -> None:
    (tmp_path / "AGENTS.md").hardlink_to(l1)
    with pytest.raises(InputError, match="hard links"):
        split(l1)
    assert l1.read_bytes() == SOURCE and not finding.l2_of(l1).exists()


@pytest.mark.parametrize("content", ["folder", "", "my notes\n"])
def test_an_l2_that_no_longer_is_one_is_named_as_what_it_is(content: str, l1: Path) -> None:
    split(l1)
    l2 = finding.l2_of(l1)
    l2.unlink()
    if content == "folder":
        l2.mkdir()
    else:
        l2.write_text(content, "utf-8")
    told = "is a folder" if content == "folder" else "beside it holds no split"
    with pytest.raises(InputError, match=told):
        operations.join(l1)
    if content == "folder":
        with pytest.raises(InputError, match="Rename the folder"):
            operations.restore(l1)
        l2.rmdir()
    operations.restore(l1)
    assert l1.read_bytes() == SOURCE


def test_a_missing_half_is_told_with_the_way_back(l1: Path) -> None:
    split(l1)
    finding.l2_of(l1).rename(finding.l2_of(l1).with_suffix(".kept"))
    with pytest.raises(InputError, match="is not beside it"):
        watch.sync(l1, SplitOptions())
    finding.l2_of(l1).with_suffix(".kept").rename(finding.l2_of(l1))
    l1.unlink()
    with pytest.raises(InputError, match="restore` brings it back"):
        split(l1)
    operations.restore(l1)
    assert l1.read_bytes() == SOURCE


def tmp_path_of(folder: Path) -> Path:
    empty = folder / "empty"
    empty.mkdir()
    return empty


def test_sections_load_by_slug_number_title_and_deeper_heading(l1: Path) -> None:
    split(l1)
    listed = sections(l1)
    assert "".join(section.text for section in listed).encode() == SOURCE
    for number, section in enumerate(listed, start=1):
        assert load_section(section.slug, l1) == section.text
        assert load_section(str(number), l1.parent) == section.text
    assert load_section("commands", finding.l2_of(l1)).startswith("## Commands\n")
    deeper = next(line for line in SOURCE.decode().splitlines() if line.startswith("### "))
    assert load_section(deeper.removeprefix("### "), l1).startswith(deeper)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "comands", "", "0", "999999999999999999999", "`", "\0", "x" * 9_000]
)
def test_an_unknown_section_names_the_nearest_and_reads_no_file(name: str, l1: Path) -> None:
    with pytest.raises(InputError, match="Valid: ") as caught:
        load_section(name, l1)
    assert len(str(caught.value)) < 2_000
    if name == "comands":
        assert "commands" in str(caught.value)

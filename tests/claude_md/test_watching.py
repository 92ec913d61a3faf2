"""The watcher on real files: edits, renames, moved folders, git at work, its own writes."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

import pytest

from gaia_claude_md.files import finding, operations, repository
from gaia_claude_md.files.source import read_source
from gaia_claude_md.files.watch import Watcher, sync
from gaia_claude_md.plan.splitting import SplitOptions
from support.instructions import instructions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PATIENCE = 30.0


class Running:
    """A watcher in a thread; `said` gives its next report."""

    def __init__(self, roots: list[Path], recursive: bool) -> None:
        self._reports: queue.Queue[str] = queue.Queue()
        self._watcher = Watcher(roots, SplitOptions(), self._reports.put, recursive=recursive, settle=0.05)
        self._thread = threading.Thread(target=self._watcher.run, daemon=True)
        self._thread.start()

    def said(self) -> str:
        return self._reports.get(timeout=PATIENCE)

    @property
    def silent(self) -> bool:
        return self._reports.empty()

    def stop(self) -> None:
        self._watcher.stop()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()


@pytest.fixture
def l1(tmp_path: Path) -> Path:
    path = tmp_path.resolve() / "project" / "CLAUDE.md"
    path.parent.mkdir()
    path.write_text(instructions(4).text, "utf-8", newline="")
    operations.apply(operations.propose(path, SplitOptions()))
    return path


@pytest.fixture
def running(l1: Path) -> Iterator[Running]:
    started = Running([l1.parent.parent], recursive=True)
    yield started
    started.stop()


def append(path: Path, line: str) -> None:
    with path.open("a", encoding="utf-8", newline="") as file:
        file.write(f"\n{line}\n")


def test_an_edit_before_the_start_and_one_after_it_are_taken_in(l1: Path) -> None:
    append(l1, "Typed before.")
    running = Running([l1], recursive=False)
    assert "taken in" in running.said()
    append(finding.l2_of(l1), "Typed later.")
    assert "taken in" in running.said()
    running.stop()
    text = read_source(l1).text
    assert text.count("Typed before.") == text.count("Typed later.") == 1


def test_an_editor_that_writes_by_rename_is_noticed(l1: Path, running: Running) -> None:
    new = l1.with_name("CLAUDE.md.swp")
    new.write_text(l1.read_text("utf-8") + "\nRenamed into place.\n", "utf-8", newline="")
    new.replace(l1)
    assert "taken in" in running.said()
    assert read_source(l1).text.count("Renamed into place.") == 1


def test_its_own_writes_start_nothing(l1: Path, running: Running) -> None:
    append(l1, "Once.")
    running.said()
    before = l1.read_bytes(), finding.l2_of(l1).read_bytes()
    append(l1.with_name("NOTES_L2.md"), "a later event that comes to nothing")
    assert sync(l1, SplitOptions()) is None
    assert running.silent
    assert (l1.read_bytes(), finding.l2_of(l1).read_bytes()) == before


def test_a_folder_that_is_moved_away_and_back_is_watched_again(l1: Path) -> None:
    running = Running([l1], recursive=False)
    away = l1.parent.with_name("elsewhere")
    append(l1, "First.")
    running.said()
    l1.parent.rename(away)
    assert "moved or removed" in running.said()
    append(away / "CLAUDE.md", "Written while away.")
    away.rename(l1.parent)
    assert "taken in" in running.said()
    running.stop()
    assert "Written while away." in read_source(l1).text


def test_nothing_is_written_while_git_is_at_work(l1: Path, running: Running) -> None:
    lock = l1.parent / ".git" / "index.lock"
    lock.parent.mkdir()
    lock.touch()
    assert repository.git_is_busy(l1)
    append(l1, "In the middle of a checkout.")
    before = l1.read_bytes()
    other = l1.parent.parent / "other" / "CLAUDE.md"
    other.parent.mkdir()
    other.write_text(instructions(6).text, "utf-8", newline="")
    operations.apply(operations.propose(other, SplitOptions()))
    append(other, "Edited later, taken in first.")
    assert str(other) in running.said()
    assert l1.read_bytes() == before
    lock.unlink()
    while str(l1) not in running.said():  # the other file may be told of twice; waiting is bounded
        pass
    assert "In the middle of a checkout." in read_source(l1).text


def test_a_file_that_was_never_split_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "CLAUDE.md"
    file.write_text(instructions(7).text, "utf-8")
    assert sync(file, SplitOptions()) is None
    assert not finding.l2_of(file).exists()


def test_a_conflict_is_reported_and_both_files_stay(l1: Path, running: Running) -> None:
    text = l1.read_text("utf-8")
    l1.write_text("Something else altogether.\n", "utf-8")
    assert "conflict" in running.said()
    assert l1.read_text("utf-8") == "Something else altogether.\n"
    l1.write_text(text + "\nBack again.\n", "utf-8", newline="")
    assert "taken in" in running.said()

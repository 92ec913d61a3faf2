"""Sessions that are over: they wake as they were, cost no command anything, are forgotten when nobody can resume them.

`GAIA_TEST_SESSIONS=8000` is the size of a busy year.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from gaia_budget.ingest.run import run
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_hooks import main
from gaia_hooks.facts import snapshot
from gaia_hooks.machine import files
from gaia_hooks.session import sessions, state_file
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Watched

COUNT = int(os.environ.get("GAIA_TEST_SESSIONS", "400"))
HOUR, DAY, LONG_AGO = 3_600, 86_400, 1_700_000_000


def ended(watched: Watched, number: int, age_s: int) -> str:
    """A session of its own that has ended, and whose transcript stands still since then."""
    session_id = f"{SESSION[:-5]}{number:05}"
    transcript = watched.transcript.with_name(f"{session_id}.jsonl")
    write(transcript, assistant(f"m{number}", output_tokens=1))
    told = {"session_id": session_id, "transcript_path": str(transcript), "cwd": "/home/dev/project"}
    main._answer(
        str(watched.home), {"hook_event_name": "SessionEnd", **told}, snapshot.load(str(watched.home))
    )
    stood = os.stat(transcript).st_mtime - age_s
    os.utime(transcript, (stood, stood))
    return session_id


def calls(work: Callable[[], object]) -> int:
    """How many functions are called in this thread."""
    seen = 0

    def note(*_: object) -> None:
        nonlocal seen
        seen += 1

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return seen


def test_a_session_at_rest_is_not_looked_at_and_wakes_up_as_it_was(watched: Watched) -> None:
    home = str(watched.home)
    write(watched.transcript, assistant("a", output_tokens=170_000))
    assert "80 %" in watched.hook("Stop")["systemMessage"]
    watched.hook("SessionEnd")
    sessions.set_type(home, SESSION, "architecture", "command")
    sessions.catch_up(home, SESSION)
    assert sessions.ids(home) == [SESSION]
    long_ago = 1_700_000_000
    os.utime(watched.transcript, (long_ago, long_ago))
    sessions.catch_up(home, SESSION)
    assert sessions.ids(home) == []
    write(watched.transcript, assistant("b", second=5, output_tokens=10))
    watched.hook("SessionStart", source="resume")
    watched.hook("Stop")
    mine = sessions.read(home, SESSION)
    assert mine is not None and (mine.type, mine.chosen_by) == ("architecture", "command")
    assert sessions.ids(home) == [SESSION]
    assert watched.figures().usage[1] == 170_010
    assert sum(line["output_tokens"] for line in watched.lines()) == 170_010


def test_a_session_that_ended_rests_after_an_hour_and_one_that_was_left_after_a_week(
    watched: Watched,
) -> None:
    home = str(watched.home)
    fresh, over = ended(watched, 1, HOUR // 2), ended(watched, 2, 2 * HOUR)
    write(watched.transcript, assistant("a", output_tokens=5))
    watched.hook("Stop")
    for age_s, left in ((3 * DAY, [fresh, SESSION]), (8 * DAY, [fresh])):
        stood = os.stat(watched.transcript).st_mtime - age_s
        os.utime(watched.transcript, (stood, stood))
        for session_id in sessions.ids(home):
            sessions.catch_up(home, session_id)
        assert sorted(sessions.ids(home)) == sorted(left)
    assert sessions.is_at_rest(home, over)
    assert not list(watched.home.glob(f"sessions/{over}*"))


@pytest.mark.no_cover
def test_a_command_costs_the_same_after_any_number_of_sessions(watched: Watched, price_list: None) -> None:
    settings = load()
    with Ledger.open(settings=settings) as ledger:

        def ingest() -> None:
            run(settings, ledger)

        spent = []
        for until in (150, COUNT):
            for number in range(len(files.names_in(state_file.rest_folder(str(watched.home)))), until):
                ended(watched, number, 2 * HOUR)
            ingest()
            for transcript in watched.transcript.parent.iterdir():
                transcript.unlink()  # as Claude Code does after a month
            ingest()
            spent.append(calls(ingest))
            assert sessions.ids(str(watched.home)) == []
        assert ledger.spend().total.events == COUNT
    few, many = spent
    print(f"{few} calls of functions after 150 sessions, {many} after {COUNT}")
    assert many < few * 1.02


def test_what_nobody_can_resume_is_forgotten_and_the_rest_is_kept(watched: Watched) -> None:
    home, now = str(watched.home), LONG_AGO + 400 * DAY
    gone, young, there, woken = (ended(watched, number, 2 * HOUR) for number in range(4))
    for session_id in (gone, young, there, woken):
        sessions.catch_up(home, session_id)
        os.utime(state_file.rest_of(home, session_id), (LONG_AGO, LONG_AGO))
        (watched.home / "sessions" / "made").mkdir(exist_ok=True)
        (watched.home / "sessions" / "made" / session_id).write_bytes(b"")
    os.utime(state_file.rest_of(home, young), (now - DAY, now - DAY))
    sessions.set_type(home, woken, "architecture", "command")
    for session_id in (gone, young, woken):
        watched.transcript.with_name(f"{session_id}.jsonl").unlink()
    sessions.forget_old(home, now)
    assert [sessions.is_at_rest(home, one) for one in (gone, young, there)] == [False, True, True]
    assert sorted(path.name for path in (watched.home / "sessions" / "made").iterdir()) == sorted(
        [young, there, woken]
    )
    known = sessions.read(home, woken)
    assert known is not None and known.type == "architecture"


def test_of_many_sessions_each_sweep_looks_at_a_few_and_an_hour_of_them_at_all(watched: Watched) -> None:
    home, folder = str(watched.home), watched.home / "sessions" / "at-rest"
    folder.mkdir(parents=True)
    for number in range(1000):
        file = folder / f"{SESSION[:-5]}{number:05}.json"
        file.write_text("{}")
        os.utime(file, (LONG_AGO, LONG_AGO))
    sessions.forget_old(home, LONG_AGO + 400 * DAY)
    assert 1000 - sessions.LOOKED_AT <= len(list(folder.iterdir())) < 1000
    for minute in range(120):
        sessions.forget_old(home, LONG_AGO + 400 * DAY + minute * 60)
    assert list(folder.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows deletes no open file")
def test_a_lock_whose_file_was_removed_while_it_was_waited_for_still_keeps_others_out(tmp_path: Path) -> None:
    path, inside, together = str(tmp_path / "lock"), [], []
    opened, go_on = threading.Event(), threading.Event()

    class Waiting(files.Lock):
        def _wait(self) -> None:
            opened.set()
            assert go_on.wait(60)
            super()._wait()

    def late() -> None:
        with Waiting(path, 60.0):
            inside.append("late")
            try:
                with files.Lock(path, 0.0):
                    together.append("both")
            except files.LockTimeout:
                together.append("one")

    with files.Lock(path, 1.0) as first:
        thread = threading.Thread(target=late)
        thread.start()
        assert opened.wait(60)
        first.remove()
    go_on.set()
    thread.join()
    assert (inside, together) == (["late"], ["one"])

"""Rotation of our own logs: nothing is lost or doubled, whoever writes, reads or dies meanwhile."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.ingest.ecosystem import logs
from gaia_budget.ingest.ecosystem.logs import Logs
from gaia_hooks.machine import clock, files
from gaia_hooks.session import argus
from gaia_hooks.session import counting as session
from support.ecosystem import make
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Bench

INSTANT = 1_795_132_800_000_000
USAGE = {"input_tokens": 10, "output_tokens": 9, "cache_read_tokens": 0, "cache_write_5m_tokens": 0,
         "cache_write_1h_tokens": 0, "reasoning_tokens": 0, "web_searches": 0, "recached_tokens": 0}  # fmt: skip


def line(key: str, size: int = 0) -> bytes:
    return argus.call_line(
        USAGE, ts=INSTANT, module="shop", task="sort", model="claude-opus-5-5", provider="anthropic", event_id=key,
        cost_nano=220_000, price_source="genai-prices", source="app", billing="api", details="x" * size)  # fmt: skip


def fill(log: Path, start: int, count: int, size: int = 0) -> None:
    files.append(str(log), b"".join(line(f"call-{n}", size) for n in range(start, start + count)))


def family(log: Path) -> list[str]:
    return sorted(one.name for one in log.parent.glob(f"{log.name}*") if not one.name.endswith(".lock"))


def ids(log: Path) -> Counter[str]:
    """How often each call stands in a log and all that was rotated out of it."""
    lines = [one for name in family(log) for one in (log.parent / name).read_bytes().splitlines()]
    return Counter(json.loads(one)["event_id"] for one in lines)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MOST_BYTES", 3000)


def test_a_shared_log_folder_keeps_five_logs_of_ten_megabytes_each(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(make(tmp_path / "gaia", {"shop": tmp_path / "shop"})))
    log = tmp_path / "gaia" / "logs" / "shop_runtime.jsonl"
    fill(log, 0, 9, 1_000_000)
    assert bench.run().rotated == []
    for number in range(7):
        fill(log, 9 + 10 * number, 10, 1_000_000)
        assert bench.run().rotated == [str(log)]
    assert family(log) == [f"shop_runtime.jsonl.{number}" for number in range(1, 6)]
    again = bench.run()
    assert (again.files, again.events_new, again.rotated) == (0, 0, [])
    assert bench.total().responses == 79  # the first two logs are gone, what they told is not
    assert set(ids(log).values()) == {1}


@pytest.mark.usefixtures("small")
def test_a_log_that_somebody_else_writes_too_is_left_to_them(bench: Bench) -> None:
    log = bench.logs / "shop_runtime.jsonl"
    foreign = {"ts": "2026-11-10T18:45:10Z", "component": "shop", "task": "t", "model": "claude-haiku-4-5",
               "cost_usd": 0.1, "input_tokens": 1, "output_tokens": 1, "details": ""}  # fmt: skip
    fill(log, 0, 9)
    with log.open("ab") as end:
        end.write(json.dumps(foreign).encode() + b"\n")
    fill(log, 9, 9)
    assert bench.run().rotated == bench.run().rotated == []
    assert family(log) == ["shop_runtime.jsonl"]


@pytest.mark.usefixtures("small")
def test_an_older_log_that_is_not_taken_in_stops_the_rotation(bench: Bench) -> None:
    log = bench.logs / "shop_runtime.jsonl"
    fill(log, 0, 9)
    bench.run()
    (bench.logs / "shop_runtime.jsonl.1").write_bytes(b"somebody's own\n")
    fill(log, 9, 9)
    assert bench.run().rotated == []
    assert (bench.logs / "shop_runtime.jsonl.1").read_bytes() == b"somebody's own\n"


@pytest.mark.usefixtures("small")
def test_what_was_appended_since_it_was_read_is_never_rotated_away(
    bench: Bench,
) -> None:
    log = bench.logs / "shop_runtime.jsonl"
    fill(log, 0, 9)
    taking_in = Logs.take_in_one
    appended = iter(range(100, 200))

    def busy(self: Logs, path: Path, known: Any) -> None:
        taking_in(self, path, known)
        fill(log, next(appended), 1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Logs, "take_in_one", busy)
        assert bench.run().rotated == []
    assert bench.run().rotated == [str(log)]
    assert bench.total().responses == sum(ids(log).values())


@pytest.mark.usefixtures("small")
def test_writers_at_the_same_time_lose_nothing(bench: Bench) -> None:
    log = bench.logs / "shop_runtime.jsonl"
    may_write = threading.Semaphore(0)

    def writing(who: int) -> None:
        for number in range(60):
            may_write.acquire()
            fill(log, 1000 * who + number, 1)

    writers = [threading.Thread(target=writing, args=(who,)) for who in range(4)]
    for writer in writers:
        writer.start()
    for _ in range(4):
        may_write.release(60)
        bench.run()
    for writer in writers:
        writer.join()
    bench.run()
    assert len(family(log)) > 1
    assert bench.total().responses == 240
    assert set(ids(log).values()) == {1}


class Killed(BaseException):
    """Ends a run where it stands."""


@pytest.mark.usefixtures("small")
def test_a_rotation_killed_between_any_two_renames_loses_and_doubles_nothing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = bench.logs / "shop_runtime.jsonl"
    renaming, left = os.replace, 0

    def dying(source: Any, target: Any) -> None:
        nonlocal left
        left -= str(source).startswith(str(log))
        if left < 0:
            raise Killed
        renaming(source, target)

    monkeypatch.setattr(os, "replace", dying)
    for number, renames in enumerate((1, 2, 0, 1, 2, 3)):
        fill(log, 9 * number, 9)
        left = renames
        try:
            bench.run()
        except Killed:
            left = 99
        assert ids(log) == Counter({f"call-{n}": 1 for n in range(9 * (number + 1))})
    left = 99
    assert bench.run().events_new == 0
    assert bench.total().responses == 54
    assert log.name not in family(log)


@pytest.mark.usefixtures("small")
def test_two_runs_at_once_rotate_once(bench: Bench) -> None:
    log = bench.logs / "shop_runtime.jsonl"
    fill(log, 0, 9)
    rotated: list[str] = []
    rivals = [threading.Thread(target=lambda: rotated.extend(bench.run().rotated)) for _ in range(3)]
    for rival in rivals:
        rival.start()
    for rival in rivals:
        rival.join()
    assert rotated == [str(log)]
    assert family(log) == ["shop_runtime.jsonl.1"]
    assert bench.total().responses == 9


@pytest.mark.usefixtures("small")
def test_a_session_whose_state_was_lost_finds_its_lines_in_the_rotated_log(bench: Bench) -> None:
    transcript = bench.project / f"{SESSION}.jsonl"
    bench.run()  # writes the hooks' snapshot: what is older is history
    now = clock.iso(clock.now())
    write(transcript, assistant("a", input_tokens=10, output_tokens=9) | {"timestamp": now})
    home = str(bench.home / "gaia-budget")
    lines_of(home, transcript)
    (log,) = bench.logs.glob("*_runtime.jsonl")
    fill(log, 0, 9)
    assert bench.run().rotated == [str(log)]
    (bench.home / "gaia-budget" / "sessions" / f"{SESSION}.json").unlink()
    lines_of(home, transcript)
    assert ids(log)["a"] == 1


def lines_of(home: str, transcript: Path) -> None:
    """What hooks do at a session's end: count it, and write the lines that its module's log lacks."""
    with session.lock_of(home, SESSION, 5) as lock:
        mine = session.opened(home, SESSION, lock)
        mine.watch(str(transcript), "/home/dev/project")
        mine.count()
        mine.settle_all()
        mine.store()

"""The ledger's speed on SQLite and PostgreSQL, each against its own floor, in one run.

    python bench/ledger.py                                            the full size: about a quarter of an hour
    python bench/ledger.py --events 50000 --rows 200000 --seconds 1   a minute or two

Prints one JSON document; what it made is deleted. `floor` is the same rows without the ledger's work, batch by
batch in turn with it: `executemany` into a bare table of SQLite, `COPY` into a bare table of PostgreSQL. Tasks are
a reserve and a settle each, from sixteen processes on one budget's row: bare, with their event recorded and summed in
the settlement's transaction, and with both on leases; medians of three rounds. Ratios hold from machine to machine;
absolute figures do not.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import random
import signal
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import msgspec

from gaia_budget.budgets import Budgets
from gaia_budget.ledger import Ledger, spans
from gaia_budget.ledger.database.schema import EVENTS
from gaia_budget.ledger.rows import EVENT_FIELDS
from gaia_budget.ledger.sums import resum
from gaia_budget.ledger.verify import verify
from gaia_budget.model import Event
from gaia_budget.settings.keys import Settings
from support.postgres import Server
from support.spending import Kind, Spender, spend_from_processes

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400_000_000
NOW = time.time_ns() // 1000 // DAY * DAY
MODULES = [f"module{number}" for number in range(18)]
MODELS = ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "gpt-4o-mini", "gemini-2.0-flash"]
BATCH = 50_000
SETTINGS = Settings().but(timezone="UTC", org="bench")


def synthetic(count: int) -> list[Event]:
    """Responses of a year: every module has its tasks, every task its model."""
    chance = random.Random(7)
    return [
        Event(
            event_id=f"msg_{chance.getrandbits(96):024x}", org="bench", ts=NOW - DAY + number * (DAY // count),
            source="app", billing="api", user="ana", machine="laptop", module=MODULES[number % 18],
            provider="anthropic", model=MODELS[number % 5], task=f"task{number % 4}", session_id=f"s{number // 50}",
            branch="main", input_tokens=chance.randrange(3000), output_tokens=chance.randrange(900),
            cache_read_tokens=chance.randrange(90_000), cache_write_5m_tokens=chance.randrange(4000),
            cost_nano=chance.randrange(90_000_000), price_source="genai-prices", status="success",
        )
        for number in range(count)
    ]  # fmt: skip


def say(text: str) -> None:
    print(f"[{time.perf_counter():8.1f}] {text}", file=sys.stderr, flush=True)


def batches(found: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(found), BATCH):
        yield found[start : start + BATCH]


class SqliteFloor:
    """A bare executemany."""

    def __init__(self, folder: Path) -> None:
        self.connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        quoted = [f'"{name}"' for name in EVENT_FIELDS]
        self.connection.execute(f"CREATE TABLE bare ({', '.join(quoted)})")

    def take_in(self, rows: list[Any]) -> None:
        self.connection.execute("BEGIN")
        self.connection.executemany(f"INSERT INTO bare VALUES ({', '.join('?' * len(EVENT_FIELDS))})", rows)
        self.connection.execute("COMMIT")

    def close(self) -> None:
        self.connection.close()


class PostgresFloor:
    """COPY into a bare table."""

    def __init__(self, url: str) -> None:
        import psycopg

        self.connection = psycopg.connect(url)
        kinds = {column.name: "BIGINT" if column.number else "TEXT" for column in EVENTS.columns}
        columns = ", ".join(f'"{name}" {kinds[name]}' for name in EVENT_FIELDS)
        self.connection.execute(f"CREATE TABLE bare ({columns})")
        self.connection.commit()

    def take_in(self, rows: list[Any]) -> None:
        with self.connection.cursor() as cursor, cursor.copy("COPY bare FROM STDIN") as copy:
            for row in rows:
                copy.write_row(row)
        self.connection.commit()

    def close(self) -> None:
        self.connection.close()


def ingest(ledger: Ledger, floor: SqliteFloor | PostgresFloor, found: list[Event]) -> dict[str, Any]:
    """Through `Ledger.record`, with dedup and sums, in turn with the floor; then all of it again, as known events."""
    ours, bare, known = [], [], []
    for part in batches(found):
        rows = [msgspec.structs.astuple(event) for event in part]
        began = time.perf_counter()
        floor.take_in(rows)
        between = time.perf_counter()
        assert ledger.record(part).new == len(part)
        bare.append(between - began)
        ours.append(time.perf_counter() - between)
    for part in batches(found):
        began = time.perf_counter()
        assert ledger.record(part).duplicates == len(part)
        known.append(time.perf_counter() - began)
    return {
        "ingest_per_s": round(len(found) / sum(ours)),
        "floor_per_s": round(len(found) / sum(bare)),
        "ingest_to_floor": round(sum(bare) / sum(ours), 3),
        "ingest_to_floor_median_of_batches": round(
            statistics.median(b / o for b, o in zip(bare, ours, strict=True)), 3
        ),
        "known_again_per_s": round(len(found) / sum(known)),
    }


def history(ledger: Ledger, count: int) -> float:
    """Make a year of events in the order of time, with sums and spans, inside the database; returns seconds."""
    spread = {
        "org": "'bench'", "event_id": "'h' || n", "ts": f"{NOW} - ({count} - n) * {365 * DAY // count}",
        "kind": "'response'", "source": "'app'", "billing": "'api'", "module": "'module' || (n % 18)",
        "provider": "'anthropic'", "model": "'model' || (n / 18 % 5 % 3)", "task": "'task' || (n / 18 % 5)",
        "session_id": "'s' || (n / 50)", "input_tokens": "n % 3000", "output_tokens": "n % 900",
        "cost_nano": "n % 90000000",
    }  # fmt: skip
    numbers = (
        f"generate_series(1::bigint, {count}) AS n"
        if ledger.db.shared
        else f"(WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series LIMIT {count}) "
        "SELECT n FROM series)"
    )
    sql = f"INSERT INTO events ({', '.join(spread)}) SELECT {', '.join(spread.values())} FROM {numbers}"
    began = time.perf_counter()

    def work(tx: Any) -> None:
        tx.text(sql)
        resum(tx, ledger.zone, "bench")
        spans.renew(tx, "bench")

    ledger.db.write(work)
    if ledger.db.shared:
        import psycopg

        with psycopg.connect(autocommit=True, **ledger.db.address.server) as connection:
            connection.execute("VACUUM ANALYZE")
    else:
        ledger.db.write(lambda tx: tx.text("ANALYZE") and None)
    return time.perf_counter() - began


QUERIES: dict[str, dict[str, Any]] = {
    "per module, 24 h": {"by": ("module",), "since": "day"},
    "day x module, 30 d": {"by": ("day", "module"), "since": "30 days"},
    "month, 12 m": {"by": ("month",)},
    "model mix, 30 d": {"by": ("model",), "since": "30 days"},
    "top 20 tasks, 30 d": {"by": ("task",), "since": "30 days"},
    "hourly burn, 24 h": {"by": ("hour",), "since": "day"},
}


def dashboard(ledger: Ledger) -> dict[str, float]:
    """Milliseconds of each question, the median of nine."""
    since = {"day": NOW - DAY, "30 days": NOW - 30 * DAY, None: None}
    found = {}
    for name, asked in QUERIES.items():
        took = []
        for _ in range(9):
            began = time.perf_counter()
            assert ledger.spend(asked["by"], since[asked.get("since")]).rows
            took.append((time.perf_counter() - began) * 1000)
        found[name] = round(statistics.median(took), 2)
    return {**found, "together": round(sum(found.values()), 2)}


def tasks(url: str, ledger: Ledger, seconds: float, name: str, kind: Kind) -> tuple[float, int]:
    """Tasks per second from sixteen processes on one budget, and by how much they overspent one that is too small."""
    spender = Spender(url, "bench", name, limit_nano=10**15, cost_nano=1_000_000, seconds=seconds, kind=kind)
    done = spend_from_processes(16, spender)
    assert Budgets(ledger).month(name).spent_nano() == done * 1_000_000, "a task was lost or counted twice"
    tight = spender._replace(module=name + "-tight", limit_nano=done // 4 * 1_000_000, seconds=seconds * 4)
    admitted = spend_from_processes(16, tight)
    month = Budgets(ledger).month(tight.module)
    assert admitted * 1_000_000 <= month.spent_nano() + month.reserved_nano
    return done / seconds, max(0, month.spent_nano() + month.reserved_nano - tight.limit_nano)


def rounds(url: str, ledger: Ledger, seconds: float) -> dict[str, Any]:
    """Tasks that each ask the database, without and with their event, in turn with tasks on leases."""
    rates: dict[Kind, list[float]] = {"bare": [], "recorded": [], "leased": []}
    over = 0
    for number in range(3):
        for kind, made in rates.items():
            say(f"round {number + 1} of 3: {kind} tasks")
            rate, overspent = tasks(url, ledger, seconds, f"{kind}{number}", kind)
            made.append(rate)
            over += overspent
    return {
        "reserve_and_settle_per_s": round(statistics.median(rates["bare"])),
        "with_the_event_recorded_per_s": round(statistics.median(rates["recorded"])),
        "leased_tasks_per_s": round(statistics.median(rates["leased"])),
        "leased_to_recorded": round(
            statistics.median(b / a for a, b in zip(rates["recorded"], rates["leased"], strict=True)), 1
        ),
        "overspend_nano": over,
    }


def measure(
    url: str, floor: SqliteFloor | PostgresFloor, options: argparse.Namespace, found: list[Event]
) -> dict[str, Any]:
    with Ledger.open(url, settings=SETTINGS) as ledger:
        # tasks come first: else they wait for the disk that a million events are still on their way to
        result: dict[str, Any] = rounds(url, ledger, options.seconds) if options.seconds else {}
        say(f"{url.split(':')[0]}: ingest")
        result |= ingest(ledger, floor, found) if found else {}
        floor.close()
        if options.rows:
            say("history, then questions")
            result["history_s"] = round(history(ledger, options.rows))
            result["queries_ms"] = dashboard(ledger)
        if options.verify:
            say("verify")
            result["problems"] = len(verify(ledger))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument(
        "--events", type=int, default=1_000_000, help="events to take in (default: a million)"
    )
    parser.add_argument(
        "--rows", type=int, default=10_000_000, help="events under the questions (default: ten million)"
    )
    parser.add_argument("--seconds", type=float, default=3, help="length of a round of tasks (default: 3)")
    parser.add_argument("--verify", action="store_true", help="prove the ledgers at the end")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that its server ends with it
    found = synthetic(options.events)
    gc.freeze()  # a million events are no garbage to look through
    result: dict[str, Any] = {"events": options.events, "rows": options.rows}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        if options.only != "postgresql":
            url = f"sqlite:///{(folder / 'ledger.db').as_posix()}"
            result["sqlite"] = measure(url, SqliteFloor(folder), options, found)
        if options.only != "sqlite":
            server = Server()
            stack.callback(server.remove)
            floor = PostgresFloor(server.create("bare"))
            result["postgresql"] = measure(server.create("ledger"), floor, options, found)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

"""The ledger's speed on SQLite and PostgreSQL, each against its own floor, in one run.

    python bench/ledger.py                      small figures, a minute or two
    python bench/ledger.py --events 1000000 --history 10000000 --seconds 10

Prints one JSON document. `floor` is the same rows without the ledger's work: `executemany` into a bare table of
SQLite, `COPY` into a bare table of PostgreSQL. Ratios hold from machine to machine; absolute figures do not.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import msgspec

from gaia_budget.ledger import Ledger
from gaia_budget.ledger.resum import resum
from gaia_budget.ledger.schema import EVENT_FIELDS, events
from gaia_budget.ledger.verify import verify
from gaia_budget.model import Event
from gaia_budget.settings import Settings
from support.postgres import Server
from support.spending import Spender, spend_from_processes

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400_000_000
NOW = time.time_ns() // 1000 // DAY * DAY
MODULES = [f"module{number}" for number in range(18)]
MODELS = ["claude-haiku-5-5", "claude-sonnet-5-5", "claude-opus-5-5", "gpt-4o-mini", "gemini-2.0-flash"]
BATCH = 50_000
SETTINGS = Settings().model_copy(update={"timezone": "UTC", "org": "bench"})


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


def sqlite_floor(folder: Path, rows: list[tuple[Any, ...]]) -> float:
    """Rows per second of a bare executemany."""
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    quoted = [f'"{name}"' for name in EVENT_FIELDS]
    connection.execute(f"CREATE TABLE bare ({', '.join(quoted)})")
    sql = f"INSERT INTO bare VALUES ({', '.join('?' * len(EVENT_FIELDS))})"
    began = time.perf_counter()
    for part in batches(rows):
        connection.execute("BEGIN")
        connection.executemany(sql, part)
        connection.execute("COMMIT")
    seconds = time.perf_counter() - began
    connection.close()
    return len(rows) / seconds


def postgres_floor(url: str, rows: list[tuple[Any, ...]]) -> float:
    """Rows per second of COPY into a bare table."""
    import psycopg

    with psycopg.connect(url) as connection, connection.cursor() as cursor:
        kinds = {column.name: column.type.compile(dialect=None) for column in events.c}
        columns = ", ".join(f'"{name}" {kinds[name]}' for name in EVENT_FIELDS)
        cursor.execute(f"CREATE TABLE bare ({columns})")
        connection.commit()
        began = time.perf_counter()
        for part in batches(rows):
            with cursor.copy("COPY bare FROM STDIN") as copy:
                for row in part:
                    copy.write_row(row)
            connection.commit()
        return len(rows) / (time.perf_counter() - began)


def ingest(ledger: Ledger, found: list[Event]) -> float:
    """Events per second through `Ledger.record`, with dedup and sums."""
    began = time.perf_counter()
    for part in batches(found):
        assert ledger.record(part).new == len(part)
    return len(found) / (time.perf_counter() - began)


def duplicates(ledger: Ledger, found: list[Event]) -> float:
    """Events per second when every one is known already."""
    began = time.perf_counter()
    for part in batches(found):
        assert ledger.record(part).duplicates == len(part)
    return len(found) / (time.perf_counter() - began)


def history(ledger: Ledger, count: int) -> float:
    """Make a year of events by one statement in the database, and their sums; returns seconds."""
    spread = {
        "org": "'bench'", "event_id": "'h' || n", "ts": f"{NOW} - (n * 7919 % 31536000) * 1000000",
        "kind": "'response'", "source": "'app'", "billing": "'api'", "module": "'module' || (n % 18)",
        "provider": "'anthropic'", "model": "'model' || (n / 18 % 5 % 3)", "task": "'task' || (n / 18 % 5)",
        "session_id": "'s' || (n / 50)", "input_tokens": "n % 3000", "output_tokens": "n % 900",
        "cost_nano": "n % 90000000",
    }  # fmt: skip
    numbers = (
        f"generate_series(1, {count}) AS n"
        if ledger.db.shared
        else f"(WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series LIMIT {count}) "
        "SELECT n FROM series)"
    )
    if ledger.db.shared:
        spread["ts"] = f"{NOW} - (n::bigint * 7919 % 31536000) * 1000000"
    sql = f"INSERT INTO events ({', '.join(spread)}) SELECT {', '.join(spread.values())} FROM {numbers}"
    began = time.perf_counter()

    def work(tx: Any) -> None:
        tx.text(sql)
        resum(tx, ledger.zone, "bench")

    ledger.db.write(work)
    if ledger.db.shared:
        with ledger.db.engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("VACUUM ANALYZE")
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


def tasks(url: str, ledger: Ledger, seconds: float, *, leased: bool) -> dict[str, Any]:
    """Reserve and settle from sixteen processes on one budget, which is too small for all of it."""
    module = "leased" if leased else "direct"
    spender = Spender(
        url, "bench", module, limit_nano=10**15, cost_nano=1_000_000, seconds=seconds, leased=leased
    )
    done = spend_from_processes(16, spender)
    spent = ledger.month(module).spent_nano()
    tight = spender._replace(module=module + "-tight", limit_nano=5_000 * 1_000_000)
    admitted = spend_from_processes(16, tight)
    month = ledger.month(tight.module)
    return {
        "tasks_per_s": round(done / seconds),
        "every_task_recorded": spent == done * 1_000_000,
        "overspend_nano": max(0, month.spent_nano() + month.reserved_nano - tight.limit_nano),
        "admitted_of_5000": admitted,
    }


def measure(url: str, floor: float, options: argparse.Namespace, found: list[Event]) -> dict[str, Any]:
    with Ledger.open(url, settings=SETTINGS) as ledger:
        say(f"{url.split(':')[0]}: ingest")
        rate, again = ingest(ledger, found), duplicates(ledger, found)
        result: dict[str, Any] = {
            "ingest_per_s": round(rate),
            "floor_per_s": round(floor),
            "ingest_to_floor": round(rate / floor, 3),
            "known_again_per_s": round(again),
        }
        say("tasks, each asking the database")
        result["tasks"] = tasks(url, ledger, options.seconds, leased=False)
        say("tasks on leases")
        result["leased_tasks"] = tasks(url, ledger, options.seconds, leased=True)
        direct = result["tasks"]["tasks_per_s"]
        result["leases_to_direct"] = round(result["leased_tasks"]["tasks_per_s"] / direct, 1)
        if options.history:
            say("history and questions")
            result["history_s"] = round(history(ledger, options.history))
            result["queries_ms"] = dashboard(ledger)
        if options.verify:
            result["problems"] = len(verify(ledger))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--history", type=int, default=200_000)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--verify", action="store_true")
    parser.add_argument("--only", choices=["sqlite", "postgresql"])
    options = parser.parse_args()
    found = synthetic(options.events)
    rows = [msgspec.structs.astuple(event) for event in found]
    result: dict[str, Any] = {"events": options.events, "history": options.history}
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        if options.only != "postgresql":
            floor = sqlite_floor(folder, rows)
            url = f"sqlite:///{(folder / 'ledger.db').as_posix()}"
            result["sqlite"] = measure(url, floor, options, found)
        if options.only != "sqlite":
            server = Server()
            stack.callback(server.remove)
            floor = postgres_floor(server.create("bare"), rows)
            result["postgresql"] = measure(server.create("ledger"), floor, options, found)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()

"""A year of events for benchmarks that ask a large ledger, made inside SQLite by a few statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget.ledger import spans
from gaia_budget.ledger.database.measures import DIMENSIONS, MEASURES
from gaia_budget.ledger.questions import bucket
from gaia_budget.ledger.sums import CHARGES
from gaia_budget.ledger.zone import DAY, HOUR, month_name

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger

FIELDS = {
    "event_id": "printf('e%09d', n)",
    "kind": "'response'",
    "source": "CASE n % 2 WHEN 0 THEN 'app' ELSE 'claude_code' END",
    "billing": "'api'",
    "provider": "'anthropic'",
    "model": "'claude-' || (n % 18 % 5)",
    "task": "'task' || (n % 4)",
    "session_id": "'s' || (n / 200)",
    "input_tokens": "n % 3000",
    "output_tokens": "n % 900",
    "cost_nano": "n % 90000000",
}
SUMMED = {
    "events": "count(*)",
    "responses": "count(*)",
    "input_tokens": "sum(input_tokens)",
    "output_tokens": "sum(output_tokens)",
    "cost_nano": "sum(cost_nano)",
}


def make(ledger: Ledger, count: int, modules: int = 18) -> None:
    """Fill an empty embedded ledger whose zone is UTC: events in the order of their time, their sums and spans."""
    end, step = ledger.now(), 365 * DAY // count
    fields = {"org": f"'{ledger.org}'", "ts": f"{end} - ({count} - n) * {step}", **FIELDS}
    fields["module"] = f"'module' || (n % {modules})"
    series = f"WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series LIMIT {count})"
    names = ", ".join(fields)
    sums = {name: SUMMED.get(name, "0") for name in MEASURES}
    from_hours = {name: f"sum({name})" for name in MEASURES}
    month = "CAST(strftime('%Y', {0}) AS INT) * 12 + CAST(strftime('%m', {0}) AS INT) - 1"

    def work(tx: Any) -> None:
        tx.text(f"INSERT INTO events ({names}) {series} SELECT {', '.join(fields.values())} FROM series")
        tx.text(_sums("hour", f"ts / {HOUR}", sums, "events"))
        tx.text(_sums("day", "bucket / 24", from_hours, "rollups WHERE grain = 'hour'"))
        at = month.format("bucket * 86400, 'unixepoch'")
        tx.text(_sums("month", at, from_hours, "rollups WHERE grain = 'day'"))
        last = bucket(ledger.zone, "month", end)
        for number in range(last - 12, last + 1):
            tx.text(CHARGES, (month_name(number), ledger.org, number))
        spans.renew(tx, ledger.org)

    ledger.db.write(work)
    ledger.db.write(lambda tx: tx.text("ANALYZE") and None)


def _sums(grain: str, bucket: str, sums: dict[str, str], source: str) -> str:
    keys = ", ".join(DIMENSIONS)
    return (
        f"INSERT INTO rollups (org, grain, bucket, {keys}, {', '.join(sums)}) "
        f"SELECT org, '{grain}', {bucket} AS at, {keys}, {', '.join(sums.values())} FROM {source} "
        f"GROUP BY org, at, {keys}"
    )

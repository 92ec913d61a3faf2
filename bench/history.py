"""A year of events for benchmarks that ask a large ledger, made inside SQLite by a few statements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gaia_budget.ledger import spans
from gaia_budget.ledger.sums import resum
from gaia_budget.ledger.zone import DAY

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


def make(ledger: Ledger, count: int, modules: int = 18) -> None:
    """Fill an empty embedded ledger: events in the order of their time, and what the ledger itself makes of them."""
    end, step = ledger.now(), 365 * DAY // count
    fields = {"org": f"'{ledger.org}'", "ts": f"{end} - ({count} - n) * {step}", **FIELDS}
    fields["module"] = f"'module' || (n % {modules})"
    series = f"WITH RECURSIVE series(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM series LIMIT {count})"
    names = ", ".join(fields)

    def work(tx: Any) -> None:
        tx.text(f"INSERT INTO events ({names}) {series} SELECT {', '.join(fields.values())} FROM series")
        resum(tx, ledger.zone, ledger.org)
        spans.renew(tx, ledger.org)

    ledger.db.write(work)
    ledger.db.write(lambda tx: tx.text("ANALYZE") and None)

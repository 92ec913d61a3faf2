"""`/metrics`: what the ledger knows, for Prometheus, by its official client; asked anew at each scrape."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from gaia_budget.alerts.fired import Fired
from gaia_budget.reports.asked import Asked, sums
from gaia_budget.reports.books import Books, here
from gaia_budget.reports.money.month import months

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.core import Metric

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

NANO = 10**9
LABELS = ("source", "module", "provider", "model")
TOKENS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")


def exposition(ledger: Ledger, settings: Settings) -> bytes:
    """The text that Prometheus reads. Raises ConfigError, LedgerError."""
    registry = CollectorRegistry()
    registry.register(_Figures(ledger, settings))
    return generate_latest(registry)


class _Figures:
    def __init__(self, ledger: Ledger, settings: Settings) -> None:
        self.ledger, self.settings = ledger, settings

    def collect(self) -> Iterator[Metric]:
        """Counters of all that was ever spent, gauges of the month and the alerts."""
        cost = CounterMetricFamily("gaia_budget_cost_usd", "Dollars spent, at API prices.", labels=LABELS)
        tokens = CounterMetricFamily("gaia_budget_tokens", "Tokens used.", labels=(*LABELS, "kind"))
        responses = CounterMetricFamily("gaia_budget_responses", "Billed responses.", labels=LABELS)
        for row in sums(self.ledger, LABELS, Asked()).rows:
            cost.add_metric(row.key, row.figures.cost_nano / NANO)
            responses.add_metric(row.key, row.figures.responses)
            for kind in TOKENS:
                tokens.add_metric((*row.key, kind), getattr(row.figures, f"{kind}_tokens"))
        yield from (cost, tokens, responses)
        spent = GaugeMetricFamily(
            "gaia_budget_month_spent_usd", "Dollars of the month against the cap.", labels=["module"]
        )
        cap = GaugeMetricFamily(
            "gaia_budget_month_limit_usd", "The month's cap in dollars.", labels=["module"]
        )
        end = GaugeMetricFamily(
            "gaia_budget_month_projected_usd", "Dollars at the month's end.", labels=["module"]
        )
        for one in months(Books(self.settings, self.ledger, here(), self.ledger.now())):
            spent.add_metric([one.month.module], one.spent_nano / NANO)
            cap.add_metric([one.month.module], one.cap_nano / NANO)
            projected = one.outlook.counted.projected_nano if one.outlook else None
            if projected is not None:
                end.add_metric([one.month.module], projected / NANO)
        yield from (spent, cap, end)
        firing = GaugeMetricFamily(
            "gaia_budget_alerts", "Alerts that hold, by severity.", labels=["severity"]
        )
        found = [one.severity for one in Fired(self.ledger).alerts_lately() if one.resolved_ts is None]
        for severity in ("warning", "critical"):
            firing.add_metric([severity], found.count(severity))
        yield firing

"""What the middleware must know to decide: limits and rules of modules, prices and who asks them, as they are now."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.middleware.books.bill import Seller

if TYPE_CHECKING:
    from gaia_budget.middleware.passage import Line
    from gaia_budget.owner import TokenBudget
    from gaia_budget.prices.table import PriceTable
    from gaia_budget.settings.keys import Settings

log = logging.getLogger("gaia_budget")
FRESH_SECONDS = 30.0
"""How long limits and prices are held: a change of the owner's files is in force after that."""
REMEMBERED = 1_000  # hosts


class Rules(NamedTuple):
    """A module's month. `models` is empty where every model is allowed; downgraded calls go on to the hard stop.

    `chosen`: the limit is somebody's own, not our default.
    """

    limit_nano: int
    counts_claude_code: bool
    downgrade: bool
    models: tuple[str, ...]
    hard_stop_nano: int = 0
    chosen: bool = True


class Policy:
    """Settings, the owner's budget and the price table, read together."""

    def __init__(self, settings: Settings, budget: TokenBudget, prices: PriceTable) -> None:
        self.settings, self.budget, self.prices = settings, budget, prices
        self.read_at = time.monotonic()
        self._rules: dict[str, Rules] = {}
        self._sellers: dict[tuple[str, bytes, str], Seller] = {}

    @property
    def fresh(self) -> bool:
        """Whether it may still be used without looking at the files."""
        return time.monotonic() - self.read_at < FRESH_SECONDS

    def keep(self) -> None:
        """Use it for as long as one that was read now."""
        self.read_at = time.monotonic()

    def rules(self, module: str) -> Rules:
        """What holds for a module; the default policy where it has no entry."""
        found = self._rules.get(module)
        if found is None:
            entry = self.budget.module_or_default(module, self.settings)
            chosen = self.settings.module(module)
            found = self._rules[module] = Rules(
                entry.limit_nano,
                chosen.counts_claude_code,
                chosen.on_exceeded == "downgrade",
                tuple(entry.models),
                self.settings.hard_stop_nano(entry.limit_nano),
                self.budget.module(module) is not None or "default_monthly_budget_usd" in self.settings.given,
            )
        return found

    def seller(self, line: Line, url: Any) -> Seller:
        """Who answers at a URL, by whose prices."""
        asked = (url.scheme, url.netloc, line.provider)
        found = self._sellers.get(asked)
        if found is None:
            if len(self._sellers) > REMEMBERED:
                self._sellers.clear()
            found = self._sellers[asked] = self._seller(line, url)
        return found

    def _seller(self, line: Line, url: Any) -> Seller:
        host, place, local = url.host, url.netloc.decode("ascii", "replace"), self.settings.local_hosts
        if host in local or place in local:
            return Seller(line.provider, host, known=True, free=True)
        found = self.prices.provider_at(f"{url.scheme}://{place}/")
        if not found and host.endswith((".api.openai.com", ".api.anthropic.com")):
            found = line.provider
        known = bool(found) or line.provider != line.wire.provider
        return Seller(found or line.provider, host, known=known)


def load() -> Policy:
    """Read everything as it is now. Raises ConfigError."""
    from gaia_budget import owner, settings
    from gaia_budget.prices import table

    return Policy(settings.load(), owner.load_token_budget(), table.load())


def notice_of_default(policy: Policy, module: str) -> None:
    """Say that a module without an entry is held to the default cap."""
    if policy.budget.module(module) is None:
        place = policy.budget.file or "token_budget.json (there is none)"
        log.warning(
            "module %s has no entry in %s: its month is capped at $%s, the setting default_monthly_budget_usd",
            module,
            place,
            policy.settings.default_monthly_budget_usd,
        )

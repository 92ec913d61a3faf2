"""One session: what it has used, against the limit of its type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.forecast.standing import hundredths
from gaia_budget.ledger.database.measures import Figures
from gaia_budget.ledger.zone import iso
from gaia_budget.reports.money.cache import CachePrices, CacheUse, use
from gaia_hooks.facts import session_types
from gaia_hooks.facts.prices import billing
from gaia_hooks.facts.prices.money import usd
from gaia_hooks.session import state, state_file

if TYPE_CHECKING:
    from gaia_budget.ledger.sessions import SessionSpend
    from gaia_budget.reports.books import Books


class SessionReport(NamedTuple):
    """A session against the limit of its type. Its figures come from the ledger, its type from the hooks.

    `figures` are those of its messages. `unattributed_nano` is what the client's own written totals know beyond them;
    `client_nano` is the running total that the client shows, for comparison alone: it is never added to anything.
    """

    id: str
    type: str
    chosen_by: str
    limit_tokens: int
    figures: Figures
    unattributed_nano: int
    spend: SessionSpend | None
    module: str = ""
    running: bool = False
    client_nano: int = 0
    context_percent: float | None = None
    """How full the context was when the status line was last told."""

    @property
    def cost_nano(self) -> int:
        """Nano-dollars of the session, with what is unattributed."""
        return self.figures.cost_nano + self.unattributed_nano

    @property
    def beyond_client_nano(self) -> int:
        """What is billed beyond the running total that the client shows; 0 where it shows none, or more."""
        return max(0, self.cost_nano - self.client_nano) if self.client_nano else 0

    @property
    def percent(self) -> float:
        """Share of the limit, cut to hundredths: 79.999 is not yet 80."""
        return hundredths(self.figures.budget_tokens, self.limit_tokens)

    @property
    def cache(self) -> CacheUse:
        """What the prompt cache saved and what was written to it again, by each model's prices of the session's end."""
        found, last = CacheUse(self.id, Figures(), 0, 0), self.spend.last_ts if self.spend else 0
        prices = CachePrices()
        for part in self.spend.models if self.spend else ():
            found = found.plus(use(self.id, (billing.CLAUDE_CODE, part.key), part.figures, last, prices))
        return found

    def document(self) -> dict[str, Any]:
        """The key `session` of `status --json`; dollars include what is unattributed."""
        parts, cache = self.spend, self.cache
        return {
            "id": self.id,
            "running": self.running,
            "module": self.module,
            "last_at": iso(self.spend.last_ts) if self.spend else None,
            "type": self.type,
            "chosen_by": self.chosen_by,
            "limit_tokens": self.limit_tokens,
            "budget_tokens": self.figures.budget_tokens,
            "recached_tokens": self.figures.recached_tokens,
            "recached_usd": usd(cache.again_nano),
            "cache_saved_usd": usd(cache.saved_nano),
            "percent": self.percent,
            "context_percent": self.context_percent,
            "cost_usd": usd(self.cost_nano),
            "unattributed_usd": usd(self.unattributed_nano),
            "client_usd": usd(self.client_nano) if self.client_nano else None,
            "unpriced_responses": self.figures.unpriced_responses,
            "cache_read_tokens": self.figures.cache_read_tokens,
            "models": [{"model": part.key, **part.figures.document()} for part in parts.models]
            if parts
            else [],
            "agents": [
                {"agent": part.key, "type": part.name, **part.figures.document()} for part in parts.agents
            ]
            if parts
            else [],
        }


def session(books: Books, session_id: str) -> SessionReport:
    """A session that the ledger or the hooks know. Raises NotFoundError, which names the nearest; ConfigError."""
    found = find(books, session_id)
    if found is None:
        raise books.no_session(session_id)
    return found


def find(books: Books, session_id: str) -> SessionReport | None:
    """The same; None where nobody knows the session yet."""
    spent, noted = books.ledger.session(session_id), noted_by_hooks(books, session_id)
    if spent is None and noted.fresh:
        return None
    noted.module = noted.module or (spent.module if spent else "")
    session_types.choose(noted, books.policy)
    return SessionReport(
        session_id,
        noted.type,
        noted.chosen_by,
        books.budget.session(noted.type).max_tokens,
        spent.figures if spent else Figures(),
        spent.unattributed_nano if spent else 0,
        spent,
        noted.module,
        session_id == books.here.session_id,
        noted.client_nano,
        noted.shown.get("context_percent"),
    )


def noted_by_hooks(books: Books, session_id: str) -> state.State:
    """What the hooks keep of a session; a fresh state where they have not seen it."""
    return state_file.load(books.home, session_id) if state.is_session_id(session_id) else state.State("")

"""Where a session and its module's month stand: what `status` shows on every face."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import owner, places
from gaia_budget.errors import NotFoundError
from gaia_budget.forecast.outlook import forecast
from gaia_budget.forecast.standing import MonthStatus, hundredths
from gaia_budget.reports.asked import known_session
from gaia_budget.reports.seen import Seen
from gaia_hooks.facts import modules, plan, session_types, snapshot
from gaia_hooks.facts.money import usd, usd_short
from gaia_hooks.machine import clock
from gaia_hooks.session import state

NOT_BILLED = " at API prices, not billed"

if TYPE_CHECKING:
    from gaia_budget.ledger.ledger import Ledger
    from gaia_budget.ledger.questions import Figures
    from gaia_budget.ledger.sessions import Part, SessionSpend
    from gaia_budget.settings import Settings


class SessionStatus(NamedTuple):
    """A session against the limit of its type. Its figures come from the ledger, its type from the hooks."""

    id: str
    type: str
    chosen_by: str
    limit_tokens: int
    figures: Figures
    unattributed_nano: int
    spend: SessionSpend | None

    @property
    def percent(self) -> float:
        """Share of the limit, cut to hundredths: 79.999 is not yet 80."""
        return hundredths(self.figures.budget_tokens, self.limit_tokens)

    @property
    def recached_nano(self) -> int:
        """About what the re-cached tokens cost, at the write prices of the models that wrote them."""
        return sum(map(_recached_nano, self.spend.models)) if self.spend else 0

    def document(self) -> dict[str, Any]:
        """The key `session` of `status --json`; dollars include what is unattributed."""
        parts = self.spend
        return {
            "id": self.id,
            "type": self.type,
            "chosen_by": self.chosen_by,
            "limit_tokens": self.limit_tokens,
            "budget_tokens": self.figures.budget_tokens,
            "recached_tokens": self.figures.recached_tokens,
            "recached_usd": usd(self.recached_nano),
            "percent": self.percent,
            "cost_usd": usd(self.figures.cost_nano + self.unattributed_nano),
            "unattributed_usd": usd(self.unattributed_nano),
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


class Status(NamedTuple):
    """Where things stand for one session (None where there is none yet), its module, and the user's plan."""

    session: SessionStatus | None
    month: MonthStatus
    seen: Seen
    on_a_plan: bool
    hook_ms: float | None
    """Milliseconds of processor time that our hook took, on average, before each tool call of the session."""

    def document(self) -> dict[str, Any]:
        """The JSON document of `status`; what nobody has told us is null."""
        return {
            "session": self.session.document() if self.session else None,
            "month": self.month.document(),
            **self.seen.document(),
            "footprint": {"ms_per_tool_call": self.hook_ms},
        }

    def line(self) -> str:
        """The same in one line for people."""
        month = self.month
        parts = []
        if self.session is not None:
            mine = self.session
            cost = usd_short(mine.figures.cost_nano + mine.unattributed_nano)
            parts.append(
                f"This {mine.type} session has used {mine.figures.budget_tokens:,} of {mine.limit_tokens:,} tokens "
                f"({mine.percent:g} %), {cost}{NOT_BILLED if self.on_a_plan else ''}"
            )
        granted = month.month.override_nano + month.override_left_nano
        added = f" and {usd_short(granted)} by override" if granted else ""
        parts.append(
            f"{month.month.module} has spent {usd_short(month.spent_nano)} of {usd_short(month.limit_nano)}{added} "
            f"this month ({month.percent:g} %); it starts anew on {month.month.resets_on}"
        )
        return ". ".join(parts) + "."


def _recached_nano(part: Part) -> int:
    found = part.figures
    if not found.recached_tokens:
        return 0
    from gaia_budget.prices import table

    written = found.cache_write_5m_tokens + found.cache_write_1h_tokens
    one_hour = found.recached_tokens * found.cache_write_1h_tokens // written if written else 0
    usage = (0, 0, 0, found.recached_tokens - one_hour, one_hour, 0, 0)
    return table.load().price(part.key, usage).cost_nano or 0


def status(ledger: Ledger, settings: Settings, session_id: str | None = None) -> Status:
    """Where a session stands: the one named, else the running one, else the newest.

    Raises NotFoundError where neither the ledger nor the hooks know the session, ConfigError for broken files.
    """
    home, budget = str(places.home()), owner.load_token_budget()
    wanted = session_id or os.environ.get("CLAUDE_CODE_SESSION_ID") or ledger.latest_session()
    session, noted = None, state.State("")
    if wanted:
        session, noted = session_status(
            ledger, budget, known_session(ledger, wanted), asked=session_id is not None
        )
    module = noted.module or _module_here()
    month = MonthStatus(
        ledger.month(module),
        budget.module_or_default(module, settings).limit_nano,
        settings.module(module).counts_claude_code,
        next(iter(forecast(ledger, settings, module)), None),
        sum(one.left_nano for one in ledger.active_overrides(module)),
    )
    calls, micros = noted.took
    return Status(
        session,
        month,
        Seen(plan.read(home), noted.shown, clock.now(), plan.week_of(snapshot.load(home))),
        settings.billing == "plan",
        round(micros / calls / 1000, 1) if calls else None,
    )


def session_status(
    ledger: Ledger, budget: owner.TokenBudget, session_id: str, *, asked: bool
) -> tuple[SessionStatus | None, state.State]:
    """A session and what the hooks noted of it; without either, NotFoundError where somebody `asked` for it."""
    from gaia_budget.ledger.questions import Figures

    spent = ledger.session(session_id)
    home = str(places.home())
    noted = state.load(home, session_id) if state.is_session_id(session_id) else state.State("")
    if spent is None and noted.fresh:
        if asked:
            last = ", ".join(ledger.recent_sessions()) or "none yet"
            cure = f"The last ones: {last}. `gaia-budget spend --by session` shows all."
            raise NotFoundError("session", session_id, cure=cure)
        return None, noted
    noted.module = noted.module or (spent.module if spent else "")
    session_types.choose(noted, snapshot.load(home))
    found = SessionStatus(
        session_id,
        noted.type,
        noted.chosen_by,
        budget.session(noted.type).max_tokens,
        spent.figures if spent else Figures(),
        spent.unattributed_nano if spent else 0,
        spent,
    )
    return found, noted


def _module_here() -> str:
    folder = os.environ.get("CLAUDE_PROJECT_DIR") or str(Path.cwd())
    return modules.module_of(folder, owner.load_registry().roots())

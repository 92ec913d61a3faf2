"""Where things stand: the month of the project first, then the session; what `status` shows on every face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.ledger.zone import iso
from gaia_budget.reports.money.month import month
from gaia_budget.reports.seen import ShownByClient
from gaia_budget.reports.sessions.session import find, noted_by_hooks, session
from gaia_hooks.facts import snapshot
from gaia_hooks.facts.prices import plan
from gaia_hooks.facts.prices.billing import PLAN
from gaia_hooks.facts.prices.money import usd_short
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from gaia_budget.forecast.standing import MonthStatus
    from gaia_budget.ledger.zone import Zone
    from gaia_budget.reports.books import Books
    from gaia_budget.reports.sessions.session import SessionReport

NOT_BILLED = " at API prices, not billed"


class Status(NamedTuple):
    """Where things stand for one session (None where there is none yet), its module, and the user's plan.

    `newest` says that the session was not named and does not run here: it is the newest of any project, and the month
    is that of the folder that was asked in.
    """

    session: SessionReport | None
    month: MonthStatus
    seen: ShownByClient
    billing: str
    hook_ms: float | None
    """Milliseconds of processor time that our hook took, on average, before each tool call of the session."""
    as_of: int
    zone: Zone
    newest: bool = False

    def document(self) -> dict[str, Any]:
        """The JSON document of `status`; what nobody has told us is null."""
        return {
            "as_of": iso(self.as_of),
            "session": self.session.document() if self.session else None,
            "month": self.month.document(),
            "billing": self.billing,
            **self.seen.document(),
            "footprint": {"ms_per_tool_call": self.hook_ms},
        }

    def line(self) -> str:
        """The same in one line for people."""
        behind = self.session is None or self.newest
        parts = [self.month.says()] if behind else [self._session(), self.month.says()]
        return ". ".join(parts) + "."

    def says(self) -> list[str]:
        """What belongs beside the line: the newest session where none runs here, and doubts."""
        said = [self._newest()] if self.newest and self.session else []
        return [*said, *([self.month.doubt + "."] if self.month.doubt else [])]

    def _session(self) -> str:
        mine = self.session
        assert mine is not None
        whose = "This" if mine.running else f"Session {mine.id[:8]}: this"
        return f"{whose} {self._used(mine)}"

    def _used(self, mine: SessionReport) -> str:
        cost = f"{usd_short(mine.cost_nano)}{NOT_BILLED if self.billing == PLAN else ''}"
        return (
            f"{mine.type} session has used {mine.figures.budget_tokens:,} of {mine.limit_tokens:,} tokens "
            f"({mine.percent:g} %), {cost}"
        )

    def _newest(self) -> str:
        mine = self.session
        assert mine is not None
        at = f", {self.zone.local(mine.spend.last_ts):%Y-%m-%d %H:%M}" if mine.spend else ""
        return f"newest session: {mine.id}, {mine.module or 'no project'}{at}: this {self._used(mine)}"


def status(books: Books, session_id: str | None = None) -> Status:
    """Where a session stands: the one named, else the running one, else the newest, behind the project's month.

    Raises NotFoundError where neither the ledger nor the hooks know the session, ConfigError for broken files.
    """
    running = books.here.session_id
    newest = not session_id and not running
    if session_id:
        found: SessionReport | None = session(books, books.session_id(session_id))
    else:
        wanted = running or books.ledger.latest_session()
        found = find(books, wanted) if wanted else None
    noted = noted_by_hooks(books, found.id if found else "")
    module = books.module_here if newest or not found or not found.module else found.module
    calls, micros = noted.took
    return Status(
        found,
        month(books, module),
        ShownByClient(
            plan.read(books.home), noted.shown, clock.now(), plan.week_of(snapshot.load(books.home))
        ),
        books.settings.billing,
        round(micros / calls / 1000, 1) if calls else None,
        books.now,
        books.ledger.zone,
        newest,
    )

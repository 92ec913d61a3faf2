"""What fills the context of all sessions of a stretch, by tool: estimates, from the transcripts that are still here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import owner, places
from gaia_budget.ingest.context import ContextQuestion, ContextRow, fills
from gaia_budget.reports.asked import module_named, session_named

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.asked import Asked

BY = ("tool",)


class Filling(NamedTuple):
    """The tools, what was carried most first; of this machine's sessions alone: file and tool names do not leave it."""

    lines: list[ContextRow]

    @property
    def total(self) -> ContextRow:
        """All of them together."""
        columns = list(zip(*self.lines, strict=True))[1:] or [(0,)] * 3
        return ContextRow(("",), *map(sum, columns))

    def document(self) -> dict[str, Any]:
        """The JSON document of `context`; every column of `rows` adds up to `total`."""
        return {
            "total": self.total.document(BY),
            "rows": [one.document(BY) for one in self.lines],
        }


def filling(ledger: Ledger, asked: Asked) -> Filling:
    """What fills the context in a stretch, of a project or session where one is named.

    Raises InputError, NotFoundError, ConfigError for a broken registry, LedgerError.
    """
    module, session = asked.where.get("module"), asked.where.get("session")
    question = ContextQuestion(
        BY,
        ledger.instant(asked.since),
        ledger.instant(asked.until, end=True),
        module and module_named(ledger, module),
        session and session_named(ledger, session),
    )
    return Filling(fills(places.claude_config_dirs(), owner.load_registry().roots(), question))

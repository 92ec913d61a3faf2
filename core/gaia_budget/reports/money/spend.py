"""What was spent: by any axis, over any time, of one project, module or session."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.reports.asked import as_stored

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.ledger.questions import Spend
    from gaia_budget.ledger.zone import When
    from gaia_budget.reports.books import Books


def spend(
    books: Books,
    by: Sequence[str] = ("module",),
    since: When = None,
    until: When = None,
    module: str | None = None,
    session: str | None = None,
) -> Spend:
    """What was spent in [since, until). A session may be named by the first letters of its id; `project` is the module.

    Raises InputError for an unknown axis or time, NotFoundError for a module or session that nobody knows.
    """
    answer = books.ledger.spend(
        as_stored(by),
        since,
        until,
        books.module(module) if module else None,
        books.session_id(session) if session else None,
    )
    return answer._replace(by=tuple(by))

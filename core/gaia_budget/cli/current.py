"""The books for a command: what was spent a moment ago is in them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from gaia_budget.cli.output import note
from gaia_budget.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.books import Books
    from gaia_budget.settings.keys import Settings


@contextmanager
def books_now(settings: Settings | None = None) -> Iterator[Books]:
    """The books with everything new taken in; what the figures may lack is said on stderr."""
    from gaia_budget.reports import books

    with ExitStack() as opened:
        with progress(
            "reading transcripts"
        ) as advance:  # over before anything is printed: it holds the terminal
            found = opened.enter_context(books.opened(settings, advance))
        for remark in found.notes:
            note(remark)
        yield found


@contextmanager
def current_ledger(settings: Settings | None = None) -> Iterator[Ledger]:
    """The ledger of those books, for questions that are not asked of `Books` yet."""
    with books_now(settings) as found:
        yield found.ledger


@contextmanager
def opened_ledger(*, lean: bool = False) -> Iterator[tuple[Ledger, Settings]]:
    """The ledger as it is, and the settings whose it is: nothing is taken in first."""
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import load

    settings = load()
    with Ledger.open(settings=settings, lean=lean) as ledger:
        yield ledger, settings

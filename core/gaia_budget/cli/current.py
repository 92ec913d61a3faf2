"""The ledger for a question: what was spent a moment ago is in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gaia_budget.cli.output import note
from gaia_budget.cli.progress import progress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings import Settings


@contextmanager
def current_ledger(settings: Settings) -> Iterator[Ledger]:
    """The ledger, with everything new of transcripts and logs taken in first.

    Where that cannot be, such as in a ledger that may only be read, it answers as it is, and stderr says so.
    Raises LedgerError when there is no ledger to be had.
    """
    from gaia_budget.errors import ConfigError, LedgerError
    from gaia_budget.ingest.run import take_in
    from gaia_budget.ledger import Ledger

    with Ledger.open(settings=settings) as ledger:
        try:
            with progress("reading transcripts") as advance:
                report = take_in(settings, ledger, advance)
        except (ConfigError, LedgerError, OSError) as error:
            note(f"these figures may lack what is newest: {error}")
        else:
            if report.skipped:
                note(f"{len(report.skipped)} lines or files were skipped; `gaia-budget ingest` names them")
        yield ledger

"""Where the page's figures are from: the endpoint's own answers, asked within this process."""

from __future__ import annotations

from typing import Any

from gaia_budget.dashboard.answers import QUESTIONS
from gaia_budget.dashboard.fresh import Fresh
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load

_ANSWERS = {one.name: one.answer for one in QUESTIONS}


class PageSource:
    """The ledger, kept fresh while the page is open anywhere. Safe for many sessions at once."""

    def __init__(self) -> None:
        """Raises ConfigError, LedgerError."""
        self._settings = load()
        self._ledger = Ledger.open(settings=self._settings)
        self._fresh = Fresh(self._ledger, self._settings)
        self._fresh.start()

    @property
    def version(self) -> int:
        """A number that grows whenever something new was spent or fired."""
        return self._fresh.version

    @property
    def on_a_plan(self) -> bool:
        """Whether a plan pays for Claude Code here."""
        return self._settings.billing == "plan"

    def ask(self, name: str, **given: str) -> dict[str, Any]:
        """The document of `/api/v1/NAME`. Raises InputError, NotFoundError, LedgerError."""
        return _ANSWERS[name](
            self._ledger, self._settings, {key: value for key, value in given.items() if value}
        )

    def close(self) -> None:
        """End the watch."""
        self._fresh.stop()
        self._ledger.close()

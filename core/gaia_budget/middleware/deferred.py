"""Answers that come later, perhaps to another process on another machine: batches, responses in the background.

What is held for one is kept in the ledger under a name that says who asked: provider and id, module, task, session,
correlation, model. Whoever reads the answer finds it there; what nobody reads settles at what was held when that
expires.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.errors import GaiaBudgetError
from gaia_budget.middleware.books.settlement import Attempt
from gaia_budget.middleware.passage import Passage
from gaia_budget.middleware.reserve.bounds import Bound
from gaia_budget.middleware.wire import Ask, decoded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.books.bill import Seller
    from gaia_budget.middleware.passage import BookedUnder, Line

log = logging.getLogger("gaia_budget")
KEPT_SECONDS = 48 * 3600
"""Providers answer within 24 hours (Anthropic, "Message Batches"; OpenAI, "Batch API"); another day to read it."""
SEPARATOR, FIELDS, LONGEST = "\n", 7, 200


class Asker(NamedTuple):
    """Who asked: what the answer is booked under, whoever reads it. `name` is that of the reservation."""

    name: str
    module: str
    task: str
    session_id: str
    correlation_id: str
    model: str

    def placed(self, place: BookedUnder) -> BookedUnder:
        """The place of the asker, seen from the reader's."""
        return place._replace(
            module=self.module, session_id=self.session_id, correlation_id=self.correlation_id, task=None
        )


def key(provider: str, ident: str) -> str:
    """How the name of what is held for an answer begins."""
    return f"{provider}:{ident[:LONGEST]}{SEPARATOR}"


def keep(
    accounts: Accounts, call_id: str, provider: str, ident: str, place: BookedUnder, task: str, model: str
) -> None:
    """Keep what is held for a call until its answer is read. Never raises: else it stays held until it expires."""
    told = (place.module, task, place.session_id, place.correlation_id, model)
    name = key(provider, ident) + SEPARATOR.join(text.replace(SEPARATOR, " ")[:LONGEST] for text in told)
    try:
        accounts.books().keep_for(call_id, name, KEPT_SECONDS)
    except GaiaBudgetError as problem:
        log.warning("%s of %s stays held in full until it expires: %s", ident, provider, problem)
    accounts.books().kept(call_id)


def pass_on(accounts: Accounts, held: Asker, provider: str, ident: str) -> None:
    """Keep what is held under the name of what its answers stand in: a file of results. Raises LedgerError."""
    told = held.name.partition(SEPARATOR)[2]
    accounts.books().keep_for(held.name, key(provider, ident) + told, KEPT_SECONDS)


def asker(accounts: Accounts, provider: str, ident: str) -> Asker | None:
    """Who asked for an answer that is not settled yet; None where nobody did, or it is settled. Raises LedgerError."""
    name = accounts.books().budgets.kept_for(key(provider, ident))
    parts = name.split(SEPARATOR) if name else []
    return Asker(str(name), *parts[1:]) if len(parts) == FIELDS - 1 else None


class Retrieval(Passage):
    """The look at a response that was asked for in the background: once it is complete, it is settled."""

    def __init__(self, accounts: Accounts, line: Line, seller: Seller, held: Asker) -> None:
        self._accounts, self._line = accounts, line
        ask = Ask(line.wire.provider, held.model, held.task, {})
        bound = Bound(0, None, False)
        self._attempt = Attempt(ask, held.placed(accounts.place()), accounts.policy().prices, bound, seller)
        self._attempt.call_id = held.name
        self._held = held

    def take_headers(self, headers: Any) -> None:
        """Take in what the headers tell."""
        self._line.wire.headers(headers, self._attempt.seen)

    def take_whole(self, body: bytes) -> None:
        """Take in the response as it stands."""
        document = decoded(body)
        if isinstance(document, dict):
            self._line.wire.whole(document, self._attempt.seen)

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """Settle what is held where the response is complete."""
        self.is_settled = True
        seen = self._attempt.seen
        if not seen.ended or not seen.final:
            return
        ident = self._held.name.partition(SEPARATOR)[0].replace(":", "-")
        settlement = self._attempt.answered(None)
        event = msgspec.structs.replace(settlement.event, event_id=f"app-{ident}", task=self._held.task)
        self._accounts.books().settle(msgspec.structs.replace(settlement, event=event))

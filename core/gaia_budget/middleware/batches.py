"""Batches: held when they are handed in as far as they can be read, and booked once, whoever reads what came of them.

What is held is kept in the ledger (`deferred`), so another process on another machine may read the results. OpenAI
tells the usage of a batch as a whole, Gemini and Anthropic that of each answer; files of results tell it line by line.
What a batch asks in a file that was uploaded before cannot be held: at a limit it is refused all the same.
"""

from __future__ import annotations

import logging
import re
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from gaia_budget.errors import GaiaBudgetError
from gaia_budget.middleware import deferred
from gaia_budget.middleware.books import bill
from gaia_budget.middleware.books.journal import Settlement
from gaia_budget.middleware.books.settlement import UNKNOWN, event_at
from gaia_budget.middleware.passage import Passage
from gaia_budget.middleware.reserve import bounds
from gaia_budget.middleware.wire import Ask, Seen, body_of, claude, count, entries, gemini, openai, part, text
from gaia_hooks.facts.tokens import usage
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.books.bill import Seller
    from gaia_budget.middleware.deferred import Asker
    from gaia_budget.middleware.passage import Line
    from gaia_budget.middleware.wire import Body
    from gaia_budget.model import Event

log = logging.getLogger("gaia_budget")
VARIANT, TASK = "batch", "batch"
SUBMIT = re.compile(r"/batches$|:(?:batchGenerateContent|asyncBatchEmbedContent)$")
READ = re.compile(r"/batches(?:/(?P<batch>[A-Za-z0-9_-]+))?(?:/cancel)?$")
RESULTS = re.compile(r"/batches/(?P<batch>[A-Za-z0-9_-]+)/results$")
CONTENT = re.compile(r"/files/(?P<file>[A-Za-z0-9_-]+)(?:/content|:download)$")
OVER = frozenset({"completed", "expired", "cancelled", "failed"})
LISTED = ("data", "operations", "batches")


def admit(accounts: Accounts, line: Line, request: Any) -> Passage | None:
    """The batch that a request hands in, looks at, or whose results it reads; None for every other request.

    Raises BudgetExceededError, LedgerError.
    """
    method, path = request.method, request.url.path
    if method == "POST" and SUBMIT.search(path):
        return Submission(accounts, line, request) if _can_be_counted(accounts) else Passage()
    if method != "GET" and not path.endswith("/cancel"):
        return None
    results, looked = RESULTS.search(path), READ.search(path)
    file = CONTENT.search(path) if method == "GET" else None
    if not (results or looked or file):
        return None
    if not _can_be_counted(accounts):
        return Passage()
    seller = accounts.policy().seller(line, request.url)
    if results:
        return Lines(accounts, line, seller, results["batch"])
    if file:
        return Lines(accounts, line, seller, "", file["file"])
    return Looked(accounts, line, seller, cancels=path.endswith("/cancel"))


def _can_be_counted(accounts: Accounts) -> bool:
    """Whether the ledger can be used; it alone knows what was counted before."""
    if accounts.place().scopes:
        return True
    accounts.notice_once(
        "batches without ledger",
        "batches are not counted while the ledger cannot be used: read their results again once it can",
    )
    return False


class Submission(Passage):
    """A batch that is handed in."""

    def __init__(self, accounts: Accounts, line: Line, request: Any) -> None:
        self._accounts, self._line, self._place = accounts, line, accounts.place()
        self._seller = accounts.policy().seller(line, request.url)
        self._id, self._batch, self._model = f"batch-{uuid.uuid4().hex}", "", ""
        self._task = self._place.task.name if self._place.task else TASK
        worst = self._worst(request)
        accounts.books().hold(self._place.scopes, worst, deferred.KEPT_SECONDS, in_ledger=True)

    def _worst(self, request: Any) -> Settlement:
        most, total = self._accounts.unbounded_output_tokens, bounds.LEAST
        for ask in self._asked(request):
            size = len(msgspec.json.encode(ask.body))
            total += bounds.bound(self._accounts.policy().prices, ask, self._seller, size, most).nano
            self._model = ask.model
        if total == bounds.LEAST:
            self._accounts.notice_once(
                f"{self._seller.provider} batch",
                f"what batches of {self._seller.provider} ask stands in a file: they are counted when the finished "
                "batch is read, and no limit holds for them until then",
            )
        event = event_at(
            self._place,
            event_id=self._id,
            ts=clock.now(),
            kind="failed",
            provider=self._seller.provider,
            model=self._model or UNKNOWN,
            task=self._task,
            used=usage.NOTHING,
            cost_nano=total,
            price_source="reserve",
            status="process_ended",
        )
        return Settlement(call_id=self._id, actual_nano=total, event=event)

    def _asked(self, request: Any) -> Iterator[Ask]:
        """The requests of the batch, where they stand in it."""
        body, wire, path = body_of(request.content), self._line.wire, request.url.path
        for one in entries(body, "requests") if wire is claude else ():
            yield claude.ask("", part(one, "params"))._replace(variant=VARIANT)
        inner = part(part(part(body, "batch"), "inputConfig"), "requests")
        single = re.sub(r":(?:batchGenerateContent|asyncBatchEmbedContent)$", ":generateContent", path)
        for one in entries(inner, "requests") if wire is gemini else ():
            yield gemini.ask(single, part(one, "request"))._replace(variant=VARIANT)

    def take_whole(self, body: bytes) -> None:
        """The provider has taken the batch, and named it."""
        document = body_of(body)
        self._batch = (text(document, "id") or text(document, "name")).rpartition("/")[2]

    def never_sent(self) -> None:
        """Give back what was held."""
        self.is_settled = True
        self._accounts.books().release(self._id)

    def failed(self, error: BaseException) -> None:
        """Nobody knows whether the provider has it: it stays held until it expires."""
        self.is_settled = True
        self._accounts.books().kept(self._id)

    def refused(self, status_code: int) -> None:
        """The provider did not take it."""
        self.never_sent()

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """Keep what is held for the batch, for whoever reads its results."""
        self.is_settled = True
        if self._batch:
            provider = self._line.wire.provider
            deferred.keep(
                self._accounts, self._id, provider, self._batch, self._place, self._task, self._model
            )
        else:
            self._accounts.books().kept(self._id)


class _Read(Passage):
    """What is read of batches: answers, each booked once."""

    def __init__(self, accounts: Accounts, line: Line, seller: Seller) -> None:
        self._accounts, self._line, self._seller = accounts, line, seller
        self._place = accounts.place()

    def _asker(self, batch: str) -> Asker | None:
        return deferred.asker(self._accounts, self._line.wire.provider, batch) if batch else None

    def _event(self, event_id: str, seen: Seen, held: Asker | None) -> Event:
        """The event of one answer, at the batch price, booked to whoever asked."""
        place = held.placed(self._place) if held else self._place
        task = held.task if held else self._place.task.name if self._place.task else TASK
        ask = Ask(self._line.wire.provider, held.model if held else "", task, {}, variant=VARIANT)
        used, now = seen.usage or usage.NOTHING, clock.now()
        seen.variant = f"{VARIANT}-us" if (seen.variant or "").endswith("us") else VARIANT
        prices = self._accounts.policy().prices
        found = bill.bill(prices, self._seller, ask, seen, used, now / clock.MICRO)
        self._accounts.tell_unpriced(found.unpriced, self._seller)
        return event_at(
            place,
            event_id=event_id,
            ts=now,
            kind="response",
            provider=self._seller.provider,
            model=seen.model or ask.model or UNKNOWN,
            task=task,
            used=used,
            cost_nano=found.nano,
            price_source=found.source,
            status="success",
        )

    def _book(self, events: list[Event], over: Asker | None, what: str) -> None:
        """Book answers that may have been read before; what was held is given back once all are. Never raises."""
        try:
            for event in events:
                settled = Settlement(call_id=event.event_id, actual_nano=event.cost_nano or 0, event=event)
                self._accounts.books().book_once(settled)
        except (GaiaBudgetError, OSError) as problem:
            log.warning("batch %s could not be booked: %s. Read its results again", what, problem)
            return
        if over is not None:
            self._accounts.books().release(over.name)


class Looked(_Read):
    """Batches that are looked at, one or a list; their usage is there once they have finished."""

    def __init__(self, accounts: Accounts, line: Line, seller: Seller, *, cancels: bool = False) -> None:
        super().__init__(accounts, line, seller)
        self._batches: list[Body] = []
        self._cancels = cancels

    def take_whole(self, body: bytes) -> None:
        """Take in what is told of them."""
        document = body_of(body)
        listed = next(
            (entries(document, name) for name in LISTED if isinstance(document.get(name), list)), None
        )
        self._batches = [document] if listed is None else listed

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """Book what they tell. Never raises."""
        self.is_settled = True
        tell = {"anthropic": self._anthropic, "openai": self._openai, "gemini": self._gemini}
        for batch in self._batches:
            name = (text(batch, "id") or text(batch, "name")).rpartition("/")[2]
            try:
                tell[self._line.wire.provider](name, batch)
                if self._cancels and self._asker(name):
                    self._accounts.notice(
                        f"batch {name} is being cancelled: what it was handed in with stays held until somebody looks "
                        "at it once it has ended, and counts in full after 48 hours: what was answered is billed"
                    )
            except GaiaBudgetError as problem:
                log.warning("batch %s could not be booked: %s. Look at it again", name, problem)

    def _anthropic(self, name: str, batch: Body) -> None:
        """One in which nothing succeeded is not billed, and has no results to read."""
        if text(batch, "processing_status") == "ended" and not count(
            part(batch, "request_counts").get("succeeded")
        ):
            self._book([], self._asker(name), name)

    def _openai(self, name: str, batch: Body) -> None:
        seen, file = Seen(), text(batch, "output_file_id")
        if text(batch, "status") not in OVER:
            return
        openai.whole(batch, seen)
        answered = count(part(batch, "request_counts").get("completed"))
        held = self._asker(name) or self._asker(file)
        if not any(seen.usage or ()):
            if not answered and not file:
                self._book([], held, name)  # nothing was answered
            elif held is not None and file:
                deferred.pass_on(self._accounts, held, self._line.wire.provider, file)
            return
        if self._accounts.books().has_any(name, file, f"{file}-0"):
            self._book([], held, name)
        else:
            self._book([self._event(file or name, seen, held)], held, name)

    def _gemini(self, name: str, batch: Body) -> None:
        output = part(part(batch, "metadata"), "output") or part(batch, "response")
        held, events, model = None, [], text(part(batch, "metadata"), "model").rpartition("/")[2]
        for kind in ("inlinedResponses", "inlinedEmbedContentResponses"):
            for number, answer in enumerate(entries(part(output, kind), kind)):
                held = held or self._asker(name)
                seen = _gemini_answer(part(answer, "response"), model)
                if seen.usage is not None:
                    events.append(self._event(f"{name}-{number}", seen, held))
        if events or text(part(batch, "metadata"), "state") in (
            "BATCH_STATE_FAILED",
            "BATCH_STATE_CANCELLED",
        ):
            self._book(events, held or self._asker(name), name)


def _gemini_answer(answer: Body, model: str) -> Seen:
    seen = Seen()
    gemini.whole(answer, seen)
    seen.model = seen.model or model
    if seen.usage is None and (tokens := count(answer.get("tokenCount"))):
        seen.add((tokens, 0, 0, 0, 0, 0, 0))
    return seen


class Lines(_Read):
    """The results of a batch, one line each, as they are read; a file that holds none is passed on as it is."""

    takes_parts = True
    drain_bytes, drain_seconds = 256 << 20, 120.0

    def __init__(self, accounts: Accounts, line: Line, seller: Seller, batch: str, file: str = "") -> None:
        super().__init__(accounts, line, seller)
        self._batch, self._file, self._rest, self._complete = batch, file, b"", False
        self._lines = 0
        self._events: list[Event] = []
        self._held = self._asker(batch or file)
        self._counted = bool(file) and accounts.books().has_any(file)

    @property
    def awaits_figures(self) -> bool:
        """Whether more lines are to come: what a caller leaves is read on for its figures."""
        return not self._complete and not self.is_settled and bool(self._batch or self._events)

    def take_chunk(self, chunk: bytes) -> bytes:
        """Take in a part of the results."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        for line in lines:
            self._take_line(line)
        return chunk

    def take_rest(self) -> bytes:
        """All results are read."""
        self._take_line(self._rest)
        self._complete, self._rest = True, b""
        return b""

    def _take_line(self, line: bytes) -> None:
        if self._counted or line[:1] != b"{":
            return
        document = body_of(line)
        number, self._lines = self._lines, self._lines + 1
        result, response = part(document, "result"), part(document, "response")
        seen = Seen()
        if message := part(result, "message"):
            if result.get("type") != "succeeded":
                return  # what failed, expired or was cancelled is not billed
            claude.whole(message, seen)
            event_id = text(message, "id") or f"{self._batch}-{number}"
        elif body := part(response, "body"):
            openai.whole(body, seen)
            event_id = f"{self._file or self._batch}-{number}"
        elif "key" in document or "usageMetadata" in response:
            seen = _gemini_answer(response, "")
            event_id = f"{self._file or self._batch}-{number}"
        else:
            return
        if seen.usage is not None or seen.content:
            self._events.append(self._event(event_id, seen, self._held))

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """Book every answer that was read; once all are, what was held is given back."""
        self.is_settled = True
        self._book(self._events, self._held if self._complete else None, self._batch or self._file)

"""What a request on its way through the guard is to the parts that handle it: the words they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gaia_budget.budgets.limits import Scope
    from gaia_budget.middleware.tasks import Task
    from gaia_budget.middleware.wire import Wire

DRAIN_SECONDS, DRAIN_BYTES = 3.0, 1 << 20
"""How long, and how far, an answer is read on for its figures after the caller has left it."""


class Line(NamedTuple):
    """How a client speaks, and who answers where its host is no provider's own."""

    wire: Wire
    provider: str


class BookedUnder(NamedTuple):
    """What a call is booked under, and the budgets that it counts against."""

    module: str
    task: Task | None
    session_id: str
    correlation_id: str
    org: str
    user: str
    machine: str
    scopes: tuple[Scope, ...]


class Answer(NamedTuple):
    """An answer worth keeping, with what it cost."""

    content_type: str
    body: bytes
    model: str
    usage: tuple[int, ...]
    cost_nano: int | None


class Passage:
    """A request on its way through the guard, as `http` and `streams` treat it: as plain as can be, to build on."""

    replay: Answer | None = None
    """A kept answer, to be given in place of asking."""
    body: bytes | None = None
    """What to send in place of the caller's own body."""
    path: str | None = None
    """Where to send it instead."""
    streams = False
    """Whether the answer comes as events."""
    takes_parts = False
    """Whether an answer that is no event stream is taken in as it comes, not as a whole."""
    cache_key = ""
    """Under what the answer may be kept; empty: not at all."""
    hides_usage = False
    """The figures were asked for by us: their chunk is not the caller's."""
    sent = False
    """From here on the provider may bill it."""
    is_settled = False
    """Whether nothing more will be booked."""
    drain_bytes, drain_seconds = DRAIN_BYTES, DRAIN_SECONDS

    @property
    def awaits_figures(self) -> bool:
        """Whether the answer is complete but for its figures, which come next; not where it is settled."""
        return False

    @property
    def altered(self) -> bool:
        """Whether something of ours stands in the body that is sent."""
        return False

    def as_asked(self) -> None:
        """Send the caller's own body after all: the provider does not take ours."""

    def take_headers(self, headers: Any) -> None:
        """Take in what the headers of the answer tell."""

    def take_whole(self, body: bytes) -> None:
        """Take in the body of a complete answer; never raises."""

    def take_chunk(self, chunk: bytes) -> bytes:
        """Take in a part of an answer; returns what the caller gets of it. Never raises."""
        return chunk

    def take_rest(self) -> bytes:
        """The answer has ended: what was held back of it."""
        return b""

    def never_sent(self) -> None:
        """The caller is gone before anything was sent."""
        self.is_settled = True

    def failed(self, error: BaseException) -> None:
        """No answer came."""
        self.is_settled = True

    def refused(self, status_code: int) -> None:
        """The provider answered with an error, which it does not bill."""
        self.is_settled = True

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """The answer is over: complete, broken off by `error`, or by the caller (GeneratorExit). Never raises."""
        self.is_settled = True

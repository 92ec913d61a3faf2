"""What a request on its way through the guard is to the parts that handle it: the words they share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

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


class Passage(Protocol):
    """A request on its way through the guard, as `http` and `streams` treat it."""

    @property
    def replay(self) -> Answer | None:
        """A kept answer, to be given in place of asking."""

    @property
    def body(self) -> bytes | None:
        """What to send in place of the caller's own body."""

    @property
    def path(self) -> str | None:
        """Where to send it instead."""

    @property
    def streams(self) -> bool:
        """Whether the answer comes as events."""

    @property
    def takes_parts(self) -> bool:
        """Whether an answer that is no event stream is taken in as it comes, not as a whole."""

    @property
    def cache_key(self) -> str:
        """Under what the answer may be kept; empty: not at all."""

    @property
    def is_settled(self) -> bool:
        """Whether nothing more will be booked."""

    @property
    def awaits_figures(self) -> bool:
        """Whether the answer is complete but for its figures, which come next."""

    @property
    def altered(self) -> bool:
        """Whether something of ours stands in the body that is sent."""

    hides_usage: bool
    sent: bool
    drain_bytes: int
    drain_seconds: float

    def as_asked(self) -> None:
        """Send the caller's own body after all: the provider does not take ours."""

    def take_headers(self, headers: Any) -> None:
        """Take in what the headers of the answer tell."""

    def take_whole(self, body: bytes) -> None:
        """Take in the body of a complete answer; never raises."""

    def take_chunk(self, chunk: bytes) -> bytes:
        """Take in a part of an answer; returns what the caller gets of it. Never raises."""

    def take_rest(self) -> bytes:
        """The answer has ended: what was held back of it."""

    def never_sent(self) -> None:
        """The caller is gone before anything was sent."""

    def failed(self, error: BaseException) -> None:
        """No answer came."""

    def refused(self, status_code: int) -> None:
        """The provider answered with an error."""

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """The answer is over; never raises."""


class Handled:
    """A passage that neither replaces nor streams anything: as plain as can be, for others to build on."""

    replay: Answer | None = None
    body: bytes | None = None
    path: str | None = None
    streams, takes_parts, cache_key = False, False, ""
    drain_bytes, drain_seconds = DRAIN_BYTES, DRAIN_SECONDS
    hides_usage = sent = altered = False

    def __init__(self) -> None:
        self.is_settled = False

    @property
    def awaits_figures(self) -> bool:
        """Nothing of the answer is waited for."""
        return False

    def as_asked(self) -> None:
        """Nothing of ours is in it."""

    def take_headers(self, headers: Any) -> None:
        """Take in what the headers of the answer tell."""

    def take_whole(self, body: bytes) -> None:
        """Take in a complete answer."""

    def take_chunk(self, chunk: bytes) -> bytes:
        """Take in a part of an answer; returns what the caller gets of it."""
        return chunk

    def take_rest(self) -> bytes:
        """The answer has ended."""
        return b""

    def never_sent(self) -> None:
        """Nothing was sent."""
        self.is_settled = True

    def failed(self, error: BaseException) -> None:
        """No answer came."""
        self.is_settled = True

    def refused(self, status_code: int) -> None:
        """The provider answered with an error."""
        self.is_settled = True

    def ended(self, error: BaseException | None, content_type: str = "", body: Sequence[bytes] = ()) -> None:
        """The answer is over."""
        self.is_settled = True

"""Before a request goes out: a kept answer in its place, or the money for it held, or a refusal."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from gaia_budget.errors import BudgetExceededError
from gaia_budget.middleware import batches, beside, deferred, tasks
from gaia_budget.middleware.books.settlement import Attempt
from gaia_budget.middleware.call import Call
from gaia_budget.middleware.reserve import bounds, downgrade
from gaia_budget.middleware.wire import body_of
from gaia_budget.model import DOWNGRADED, REFUSED
from gaia_hooks.facts.prices.money import usd_short

if TYPE_CHECKING:
    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.books.bill import Seller
    from gaia_budget.middleware.passage import BookedUnder, Line, Passage
    from gaia_budget.middleware.policy import Policy
    from gaia_budget.middleware.reserve.bounds import Bound
    from gaia_budget.middleware.wire import Ask, Wire

LATER = re.compile(r"/(?:responses|interactions)/(?P<id>[A-Za-z0-9_-]+)(?:/cancel)?$")
ADMITTED = "gaia_budget.call"
FREE = (
    "count_tokens", "countTokens", "computeTokens", "/input_tokens", "/moderations", "/files", "/uploads", "cancel",
)  # fmt: skip


def admit_early(client: Any, request: Any) -> None:
    """Pass the guard while SDKs still let exceptions through unchanged; `send` finds the call in the request."""
    call = beside.within(lambda: admit(client.gaia_accounts, client.gaia_line, request))
    request.extensions = {**request.extensions, ADMITTED: call or False}


async def admit_early_beside(client: Any, request: Any) -> None:
    """The same from an event loop."""
    call = await _admit_beside(client, request)
    request.extensions = {**request.extensions, ADMITTED: call or False}


def admitted(client: Any, request: Any) -> Any:
    """The call that was admitted early, or is now where nobody looked; none for a request that costs nothing."""
    call = request.extensions.pop(ADMITTED, None)
    if call is None:
        call = beside.within(lambda: admit(client.gaia_accounts, client.gaia_line, request))
    return call


async def admitted_beside(client: Any, request: Any) -> Any:
    """The same from an event loop."""
    call = request.extensions.pop(ADMITTED, None)
    return await _admit_beside(client, request) if call is None else call


async def _admit_beside(client: Any, request: Any) -> Passage | None:
    """Pass the guard without holding the event loop up; who is cancelled meanwhile leaves nothing held."""
    work = partial(beside.within, partial(admit, client.gaia_accounts, client.gaia_line, request))
    return await beside.run(tasks.carried(work), undo=_unsent)


def _unsent(call: Passage | None) -> None:
    if call is not None:
        beside.within(call.never_sent)


def admit(accounts: Accounts, line: Line, request: Any) -> Passage | None:
    """Let a request through: None for one that costs nothing.

    Raises BudgetExceededError before anything is sent, LedgerError when nothing can be accounted for.
    """
    path, wire = request.url.path, line.wire
    if (batch := batches.admit(accounts, line, request)) is not None:
        return batch
    later = LATER.search(path)
    if later and accounts.place().scopes and (held := deferred.asker(accounts, wire.provider, later["id"])):
        return deferred.Retrieval(accounts, line, accounts.policy().seller(line, request.url), held)
    if request.method != "POST" or not wire.billable(path):
        _notice_uncounted(accounts, wire, request.method, path)
        return None
    content = _content(request)
    ask = wire.ask(path, body_of(content) or _form(request))
    place, policy = accounts.place(), accounts.policy()
    gate = _Gate(accounts, policy, wire, place, policy.seller(line, request.url), len(content))
    if ask.unpriced and not gate.seller.free:
        _notice_unpriced(accounts, wire, path)
    key = accounts.key_of(ask, request, place.task)
    kept = accounts.answers.get(key) if key else None
    if kept is not None:
        found = gate.call(ask)
        found.replay = kept
        accounts.book_hit(found, kept)
        return found
    try:
        if is_signed(request):
            return gate.held(ask)
        made = gate.prepared(ask, key, path)
    except BudgetExceededError:
        accounts.turned(gate.call(ask), REFUSED)
        raise
    if made.attempt.ask.model != ask.model:
        accounts.turned(gate.call(ask), DOWNGRADED)
    return made


class _Gate(NamedTuple):
    """Where a request passes: what decides on it, what it is booked under, who answers, and how many bytes it has."""

    accounts: Accounts
    policy: Policy
    wire: Wire
    place: BookedUnder
    seller: Seller
    size: int

    def bound(self, ask: Ask) -> Bound:
        """The most that the request can cost."""
        unbounded = self.accounts.unbounded_output_tokens
        return bounds.bound(self.policy.prices, ask, self.seller, self.size, unbounded)

    def call(self, ask: Ask) -> Call:
        """A call with its upper bound; nothing is held yet."""
        attempt = Attempt(ask, self.place, self.policy.prices, self.bound(ask), self.seller)
        attempt.details = self.place.task.details if self.place.task else ""
        return Call(self.wire, attempt, self.accounts)

    def held(self, ask: Ask) -> Call:
        """A call with its money held."""
        made = self.call(ask)
        try:
            made.attempt.place = self.accounts.hold(self.place, made.attempt.worst())
        except BudgetExceededError as refusal:
            left = refusal.limit_nano - refusal.spent_nano - refusal.reserved_nano
            cure = made.attempt.bound.cure(ask, self.bound(ask._replace(max_output=0)), left)
            raise (refusal.advised(cure) if cure else refusal) from None
        made.held = True
        return made

    def prepared(self, ask: Ask, key: str, path: str) -> Call:
        """The call with its money held, and with the guard's own marks in its body."""
        prompt_key, marked = self.accounts.prompt_cache.key(ask), ask
        if prompt_key:
            task = self.place.task.name if self.place.task else ask.operation
            marked = self.accounts.prompt_cache.marked(ask, prompt_key, self.policy.prices, task)
        wanted, hides_usage = marked, False
        if self.seller.host not in self.accounts.no_usage_asked:
            wanted, hides_usage = _asking_for_usage(marked)
        try:
            made = self.held(wanted)
        except BudgetExceededError as refusal:
            made = self._downgraded(wanted, refusal)
        sent = made.attempt.ask
        if sent.body is not ask.body:
            made.body = msgspec.json.encode(sent.body)
        if ask.provider == "gemini" and sent.model != ask.model:
            made.path = path.replace(f"/models/{ask.model}:", f"/models/{sent.model}:")
        made.hides_usage, made.prompt_key, made.marked = hides_usage, prompt_key, marked is not ask
        made.cache_key = key if sent.model == ask.model else ""
        return made

    def _downgraded(self, ask: Ask, refusal: BudgetExceededError) -> Call:
        """The call on the cheapest allowed model, where that is wanted, up to the hard stop; else it is refused."""
        rules = self.policy.rules(self.place.module)
        cheaper = None
        if rules.downgrade:
            cheaper = downgrade.cheapest(self.policy.prices, ask, self.seller, rules.models)
        if cheaper is None:
            raise refusal
        month, *others = self.place.scopes
        beyond = month._replace(limit_nano=max(month.limit_nano, rules.hard_stop_nano))
        try:
            made = self._replace(place=self.place._replace(scopes=(beyond, *others))).held(cheaper)
        except BudgetExceededError as stopped:
            raise (refusal if cheaper.model != ask.model else stopped) from None
        made.attempt.details = f"downgraded from {ask.model}: {refusal.scope} is nearly used up"
        what = "no allowed model is cheaper: it goes on"
        if cheaper.model != ask.model:
            what = f"{cheaper.model} answers instead"
        self.accounts.notice(
            f"{ask.model} would cost up to {usd_short(self.bound(ask).nano)}, more than is left of {refusal.scope}: "
            f"{what}, until {usd_short(rules.hard_stop_nano)}"
        )
        return made


def is_signed(request: Any) -> bool:
    """Whether a signature covers the request's headers and body (AWS Signature Version 4): it goes as it is."""
    return header_of(request, b"authorization").startswith(b"AWS4-")


def header_of(request: Any, name: bytes) -> bytes:
    """A header as it is sent; empty where there is none. The mapping of httpx would decode all headers first."""
    size = len(name)
    for key, value in request.headers.raw:
        if len(key) == size and key.lower() == name:
            return bytes(value)
    return b""


def _content(request: Any) -> bytes:
    """A request's body; nothing of one that is streamed to the provider, such as a file."""
    try:
        content: bytes = request.content
    except RuntimeError:  # RequestNotRead, of httpx as of httpx2
        return b""
    return content


def _form(request: Any) -> dict[str, Any]:
    """What an upload of sound or images says beside its files: the model, for one."""
    fields = getattr(request.stream, "fields", ())
    told = {
        str(one.name): one.value for one in fields if isinstance(getattr(one, "value", None), str | bytes)
    }
    return {name: value.decode() if isinstance(value, bytes) else value for name, value in told.items()}


def _notice_uncounted(accounts: Accounts, wire: Wire, method: str, path: str) -> None:
    """Say once of each kind of request that may cost money, but whose cost the answer does not tell."""
    if method == "POST" and not any(part in path for part in FREE):
        text = f"calls of {wire.provider} to {path} are not counted: their answers carry no token usage"
        accounts.notice_once(f"{wire.provider} {path.rsplit('/', 1)[-1]}", text)


def _notice_unpriced(accounts: Accounts, wire: Wire, path: str) -> None:
    text = (
        f"calls of {wire.provider} to {path} have no price by the token unless their answers tell tokens: they are "
        "logged as unpriced, refused once a limit is reached, and count nothing against it"
    )
    accounts.notice_once(f"{wire.provider} {path.rsplit('/', 1)[-1]}", text)


def _asking_for_usage(ask: Ask) -> tuple[Ask, bool]:
    """A streamed chat tells its figures only when asked to; the chunk that carries them is then ours."""
    if ask.operation not in ("chat", "completions") or not ask.streams:
        return ask, False
    options = ask.body.get("stream_options")
    options = options if isinstance(options, dict) else {}
    if options.get("include_usage") is True:
        return ask, False
    body = {**ask.body, "stream_options": {**options, "include_usage": True}}
    return ask._replace(body=body), True

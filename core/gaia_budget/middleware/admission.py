"""Before a request goes out: a kept answer in its place, or the money for it held, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gaia_budget.errors import BudgetExceededError
from gaia_budget.middleware import batches, bounds
from gaia_budget.middleware.call import Call
from gaia_budget.middleware.outcome import Case
from gaia_budget.middleware.wire import body_of
from gaia_hooks.facts import pricing
from gaia_hooks.facts.money import usd_short
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from gaia_budget.middleware.accounts import Accounts
    from gaia_budget.middleware.passage import Passage, Place
    from gaia_budget.middleware.wire import Ask, Wire

PROBE = (1_000, 1_000, 0, 0, 0, 0, 0)  # the call by whose price models are compared
FREE = (
    "count_tokens", "countTokens", "computeTokens", "/input_tokens", "/moderations", "/files", "/uploads", "/cancel",
)  # fmt: skip


def admit(accounts: Accounts, wire: Wire, request: Any) -> Passage | None:
    """Let a request through: None for one that costs nothing.

    Raises BudgetExceededError before anything is sent, LedgerError when nothing can be accounted for.
    """
    path = request.url.path
    if (batch := batches.admit(accounts, wire.provider, request)) is not None:
        return batch
    if request.method != "POST" or not wire.billable(path):
        _notice_uncounted(accounts, wire, request.method, path)
        return None
    content = _content(request)
    ask = wire.ask(path, body_of(content))
    if ask.unpriced:
        _notice_unpriced(accounts, wire, path)
    place = accounts.place()
    key = accounts.key_of(ask, request, place.task)
    kept = accounts.answers.get(key) if key else None
    if kept is not None:
        found = _call(accounts, wire, ask, place, 0)
        found.replay = kept
        accounts.book_hit(found, kept)
        return found
    if is_signed(request):
        return _held(accounts, wire, ask, place, len(content))
    return _prepared(accounts, wire, ask, place, key, request)


def is_signed(request: Any) -> bool:
    """Whether a signature covers the request's headers and body (AWS Signature Version 4): it goes as it is."""
    return str(request.headers.get("authorization", "")).startswith("AWS4-")


def _prepared(accounts: Accounts, wire: Wire, ask: Ask, place: Place, key: str, request: Any) -> Call:
    """The call with its money held, and with the guard's own marks in its body."""
    prompt_key, task = accounts.prompt_cache.key(ask), place.task.name if place.task else ask.operation
    marked = accounts.prompt_cache.marked(ask, prompt_key, accounts.policy().prices, task)
    wanted, hides_usage = _asking_for_usage(marked)
    size = len(_content(request))
    try:
        made = _held(accounts, wire, wanted, place, size)
    except BudgetExceededError as refusal:
        made = _downgraded(accounts, wire, wanted, place, size, refusal)
    sent = made.case.ask
    if sent.body is not ask.body:
        made.body = msgspec.json.encode(sent.body)
    if ask.provider == "gemini" and sent.model != ask.model:
        made.path = request.url.path.replace(f"/models/{ask.model}:", f"/models/{sent.model}:")
    made.hides_usage, made.prompt_key, made.marked = hides_usage, prompt_key, marked is not ask
    made.cache_key = key if sent.model == ask.model else ""
    return made


def _content(request: Any) -> bytes:
    """A request's body; nothing of one that is streamed to the provider, such as a file."""
    try:
        content: bytes = request.content
    except RuntimeError:  # RequestNotRead, of httpx as of httpx2
        return b""
    return content


def _notice_uncounted(accounts: Accounts, wire: Wire, method: str, path: str) -> None:
    """Say once of each kind of request that may cost money, but whose cost the answer does not tell."""
    if method == "POST" and not any(part in path for part in FREE):
        text = f"calls of {wire.provider} to {path} are not counted: their answers carry no token usage"
        accounts.notice_once(f"{wire.provider} {path.rsplit('/', 1)[-1]}", text)


def _notice_unpriced(accounts: Accounts, wire: Wire, path: str) -> None:
    text = (
        f"calls of {wire.provider} to {path} have no price by the token: they are logged as unpriced, "
        "refused once a limit is reached, and count nothing against it"
    )
    accounts.notice_once(f"{wire.provider} {path.rsplit('/', 1)[-1]}", text)


def _call(accounts: Accounts, wire: Wire, ask: Ask, place: Place, size: int) -> Call:
    """A call with its upper bound; nothing is held yet."""
    prices = accounts.policy().prices
    bound = bounds.bound(prices, ask, size, accounts.unbounded_output_tokens)
    made = Call(wire, Case(ask, place, prices, bound), accounts)
    made.case.details = place.task.details if place.task else ""
    return made


def _held(accounts: Accounts, wire: Wire, ask: Ask, place: Place, size: int) -> Call:
    made = _call(accounts, wire, ask, place, size)
    accounts.books().hold(place.scopes, made.case.worst())
    made.held = True
    return made


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


def _downgraded(
    accounts: Accounts, wire: Wire, ask: Ask, place: Place, size: int, refusal: BudgetExceededError
) -> Call:
    """The call on the cheapest allowed model, where that is wanted and fits; else the refusal is raised."""
    rules = accounts.policy().rules(place.module)
    cheaper = _cheapest(accounts, ask, rules.models) if rules.downgrade else None
    if cheaper is None:
        raise refusal
    try:
        made = _held(accounts, wire, cheaper, place, size)
    except BudgetExceededError:
        raise refusal from None
    made.case.details = f"downgraded from {ask.model}: {refusal.scope} is nearly used up"
    asked = bounds.bound(accounts.policy().prices, ask, size, accounts.unbounded_output_tokens)
    accounts.notice(
        f"{ask.model} would cost up to {usd_short(asked.nano)}, more than is left of {refusal.scope}: "
        f"{cheaper.model} answers instead"
    )
    return made


def _cheapest(accounts: Accounts, ask: Ask, models: tuple[str, ...]) -> Ask | None:
    """The same request to the provider's cheapest allowed model; None where the one asked for is no dearer."""
    prices, now = accounts.policy().prices, clock.now() / clock.MICRO
    asked = prices.name(ask.model, ask.provider)
    found: dict[str, int] = {}
    for listed in models:
        name = prices.name(listed, ask.provider)
        if name is not None:
            cost = pricing.cost_nano(PROBE, pricing.row_at(prices.rows(name), now))
            if cost is not None:
                found[name.model] = cost
    row = pricing.row_at(prices.rows(asked), now) if asked else None
    limit = pricing.cost_nano(PROBE, row)
    model = min(found, key=lambda name: (found[name], name), default=None)
    if model is None or (limit is not None and found[model] >= limit):
        return None
    body = ask.body if ask.provider == "gemini" else {**ask.body, "model": model}
    return ask._replace(model=model, body=body)

"""Before a request goes out: a kept answer in its place, or the money for it held, or a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from gaia_budget.errors import BudgetExceededError
from gaia_budget.middleware import batches
from gaia_budget.middleware import call as calls
from gaia_hooks import clock, pricing
from gaia_hooks.money import usd_short

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.middleware.call import Call, Passage, Place
    from gaia_budget.middleware.guard import BudgetGuard
    from gaia_budget.middleware.wire import Ask, Body, Wire

PROBE = (1_000, 1_000, 0, 0, 0, 0, 0)  # the call by whose price models are compared


def admit(guard: BudgetGuard, wire: Wire, request: Any) -> Passage | None:
    """Let a request through: None for one that costs nothing.

    Raises BudgetExceededError before anything is sent, LedgerError when nothing can be accounted for.
    """
    path = request.url.path
    if wire.provider == "anthropic" and "/messages/batches" in path:
        return batches.admit(guard, request.method, path, request.content)
    if request.method != "POST" or not wire.billable(path):
        guard.notice_uncounted(wire.provider, request.method, path)
        return None
    content = request.content
    ask = wire.ask(path, _body(content))
    place = guard.place()
    key = guard.key_of(ask, request, place.task)
    kept = guard.answers.get(key) if key else None
    if kept is not None:
        found = _started(guard, wire, ask, place, 0)
        found.replay = kept
        guard.book_hit(found, kept)
        return found
    prompt_key, task = guard.prompt_cache.key(ask), place.task.name if place.task else ask.operation
    marked = guard.prompt_cache.marked(ask, prompt_key, guard.policy().prices, task)
    wanted, hides_usage = _asking_for_usage(marked)
    made = _held(guard, wire, wanted, place, path, len(content))
    if made.ask.body is not ask.body:
        made.body = msgspec.json.encode(made.ask.body)
    made.hides_usage, made.prompt_key, made.marked = hides_usage, prompt_key, marked is not ask
    made.cache_key = key if made.ask.model == ask.model else ""
    return made


def _body(content: bytes) -> Body:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return {}
    return body if isinstance(body, dict) else {}


def _started(guard: BudgetGuard, wire: Wire, ask: Ask, place: Place, size: int) -> Call:
    return calls.start(
        wire, ask, size, place, guard.policy().prices, guard.unbounded_output_tokens, guard.desk
    )


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


def _held(guard: BudgetGuard, wire: Wire, ask: Ask, place: Place, path: str, size: int) -> Call:
    """The call with its money held; for a cheaper model where the asked one does not fit and that is wanted."""
    made = _started(guard, wire, ask, place, size)
    try:
        guard.books().hold(place.scopes, made.worst())
    except BudgetExceededError as refusal:
        if not guard.policy().rules(place.module).downgrade:
            raise
        for cheaper in _cheaper(guard, ask, place.module):
            other = _started(guard, wire, cheaper, place, size)
            try:
                guard.books().hold(place.scopes, other.worst())
            except BudgetExceededError:
                continue
            other.details = f"downgraded from {ask.model}: {refusal.scope} is nearly used up"
            if ask.provider == "gemini":
                other.path = path.replace(f"/models/{ask.model}:", f"/models/{cheaper.model}:")
            guard.notice(
                f"{ask.model} would cost up to {usd_short(made.bound.nano)}, more than is left of {refusal.scope}: "
                f"{cheaper.model} answers instead"
            )
            return other
        raise
    return made


def _cheaper(guard: BudgetGuard, ask: Ask, module: str) -> Iterator[Ask]:
    """The same request to each cheaper allowed model of the provider, the strongest (dearest) first."""
    prices, now = guard.policy().prices, clock.now() / clock.MICRO
    asked = prices.name(ask.model, ask.provider)
    found: dict[str, int] = {}
    for listed in guard.policy().rules(module).models:
        name = prices.name(listed, ask.provider)
        if name is not None:
            cost = pricing.cost_nano(PROBE, pricing.row_at(prices.rows(name), now))
            if cost is not None:
                found[name.model] = cost
    row = pricing.row_at(prices.rows(asked), now) if asked else None
    limit = pricing.cost_nano(PROBE, row)
    for model in sorted(found, key=lambda name: -found[name]):
        if limit is None or found[model] < limit:
            body = ask.body if ask.provider == "gemini" else {**ask.body, "model": model}
            yield ask._replace(model=model, body=body)

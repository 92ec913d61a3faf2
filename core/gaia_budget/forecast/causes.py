"""What most likely made a day dear: another model, a cold cache, one session, larger, dearer or more calls."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_hooks.facts.names import called
from gaia_hooks.facts.prices.money import usd_short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SAME_PRICE, OTHER_PRICE = 1.3, 4.0
"""Prices that differ by less are the same, since the weights below are rough; by more it is no new list price."""
SIMILAR_SIZE = 2.0
"""Calls whose prompts differ by less are of one kind: a price per token tells more then."""
MOST = 0.5
"""The share of the excess, or of the day, from which on something is its cause."""
SHARE_MOVED = 0.25
"""By how much a model's share of the calls, or the cache's share of the prompts, must have moved."""
LARGER = 1.8
"""How many times larger calls are a cause."""
WEIGHTS = (1.0, 5.0, 0.1, 1.25, 2.0)
"""What the kinds of tokens of `Use` cost in proportion, roughly: to compare prices, never to reckon them."""


class DayUse(NamedTuple):
    """What was used: nano-dollars, responses and tokens."""

    nano: int = 0
    responses: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0

    @property
    def prompt(self) -> int:
        """All tokens of the prompts."""
        return (
            self.input_tokens
            + self.cache_read_tokens
            + self.cache_write_5m_tokens
            + self.cache_write_1h_tokens
        )

    @property
    def cached(self) -> float:
        """The share of the prompts that came from the cache."""
        return self.cache_read_tokens / self.prompt if self.prompt else 0.0

    @property
    def size(self) -> float:
        """Tokens of a response and its prompt."""
        return (self.prompt + self.output_tokens) / self.responses if self.responses else 0.0

    @property
    def price(self) -> float:
        """Nano-dollars per token, each kind of token weighed by what it costs in proportion."""
        tokens = sum(map(float.__mul__, map(float, self[2:]), WEIGHTS))
        return self.nano / tokens if tokens else 0.0


Mix = dict[tuple[str, str], DayUse]
"""Use by task and model."""


def together(uses: Iterable[DayUse]) -> DayUse:
    """The sum."""
    return DayUse(*map(sum, zip(*uses, strict=True))) if (uses := list(uses)) else DayUse()


def by(mix: Mapping[tuple[str, str], DayUse], place: int) -> dict[str, DayUse]:
    """The mix by task (0) or by model (1) alone."""
    names = dict.fromkeys(key[place] for key in mix)
    return {name: together(use for key, use in mix.items() if key[place] == name) for name in names}


def price_change(day: Mapping[tuple[str, str], DayUse], before: Mapping[tuple[str, str], DayUse]) -> float:
    """How many times dearer a day was than the same tokens would have been before; 1 where that is not clear.

    Models are compared with themselves, and only where their calls are of about the same size: a price that rises
    with the length of the prompt is no other price.
    """
    models, known = by(day, 1), by(before, 1)
    actual = at_old = 0.0
    for model, use in models.items():
        earlier = known.get(model, DayUse())
        ratio = use.price / earlier.price if earlier.price else 1.0
        sizes = use.size / earlier.size if earlier.size else 0.0
        repriced = SAME_PRICE < max(ratio, 1 / ratio if ratio else 0.0) <= OTHER_PRICE
        comparable = 1 / SIMILAR_SIZE < sizes < SIMILAR_SIZE
        actual += use.nano
        at_old += use.nano / ratio if repriced and comparable else use.nano
    return actual / at_old if at_old else 1.0


def cause(day: Mix, usual: Mix, expected: float, session: tuple[str, int] | None) -> str:
    """In words, the kind first: model, cache, session, task (among several), size, price, calls.

    `usual` is the mix of days that cost about `expected` together; `session` is the dearest one of the day.
    """
    now, then = together(day.values()), together(usual.values())
    excess = max(1.0, now.nano - expected)
    scale = expected / then.nano if then.nano else 0.0
    return (
        _model(day, usual, now, then, excess, scale)
        or _cache(now, then)
        or _session(session, now)
        or _task(day, usual, excess, scale)
        or _size(now, then)
        or _price(now, then)
        or f"calls: {now.responses:,}, usually {round(then.responses * scale):,}"
    )


def _model(day: Mix, usual: Mix, now: DayUse, then: DayUse, excess: float, scale: float) -> str:
    known = by(usual, 1)
    for model, use in sorted(by(day, 1).items(), key=lambda entry: -entry[1].nano):
        earlier = known.get(model, DayUse())
        share, before = _share(use.responses, now.responses), _share(earlier.responses, then.responses)
        if model and use.nano - earlier.nano * scale >= MOST * excess and share - before >= SHARE_MOVED:
            return f"model: {called(model)} answered {share:.0%} of the calls, usually {before:.0%}"
    return ""


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _cache(now: DayUse, then: DayUse) -> str:
    if then.cached - now.cached >= SHARE_MOVED:
        return f"cache: {now.cached:.0%} of the prompts came from it, usually {then.cached:.0%}"
    return ""


def _session(session: tuple[str, int] | None, now: DayUse) -> str:
    if session is None or not session[0] or session[1] < MOST * now.nano:
        return ""
    return f"session: {session[0]} took {usd_short(session[1])} of it"


def _task(day: Mix, usual: Mix, excess: float, scale: float) -> str:
    tasks, known = by(day, 0), by(usual, 0)
    if len(tasks.keys() | known.keys()) < 2:
        return ""
    name, use = max(tasks.items(), key=lambda entry: entry[1].nano)
    earlier = known.get(name, DayUse()).nano * scale
    if use.nano - earlier < MOST * excess:
        return ""
    return f"task: {called(name) or 'none named'} cost {usd_short(use.nano)}, usually {usd_short(round(earlier))}"


def _size(now: DayUse, then: DayUse) -> str:
    if then.size and now.size >= LARGER * then.size:
        return f"size: {round(now.size):,} tokens a call, usually {round(then.size):,}"
    return ""


def _price(now: DayUse, then: DayUse) -> str:
    if then.price and now.price >= LARGER * then.price:
        return f"price: the same tokens cost {now.price / then.price:.1f} times as much"
    return ""

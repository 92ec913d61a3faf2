"""From figures to readings: the exact value of a metric for each module, task or session, without a float."""

from __future__ import annotations

from collections import defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.ledger.database.measures import Figures
from gaia_budget.ledger.zone import day_name
from gaia_budget.routing.vocabulary import task_name
from gaia_hooks.facts.names import called
from gaia_hooks.facts.prices.money import NANO, usd_short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from gaia_budget.alerts.facts import Facts, Key
    from gaia_budget.alerts.rules import Rule
    from gaia_budget.forecast.anomalies import Anomaly

AXES: Mapping[str, tuple[str, ...]] = {
    "module": ("module",),
    "task": ("module", "task"),
    "session": ("module", "session"),
    "all": (),
}
WEEK = 7
THINNEST_DAYS = 3  # with spend, of the seven before: fewer are no mean to compare with


class MetricReading(NamedTuple):
    """A metric's value for one module and subject (task, session, window, file), and what it says in words."""

    module: str
    subject: str
    value: Fraction
    said: str


def readings(rule: Rule, facts: Facts) -> list[MetricReading]:
    """The values that a rule is judged by. Raises ConfigError, LedgerError."""
    place = (rule.metric, rule.scope, rule.span, rule.at_least_usd, rule.at_least_tokens)
    found = facts.readings.get(place)
    if found is None:  # several rules judge the same figures
        found = facts.readings[place] = list(METRICS[rule.metric](rule, facts))
    tasks = (rule.task, task_name(rule.task))  # as an older version may have booked it, and as it is booked
    return [
        one
        for one in found
        if (not rule.module or one.module == rule.module) and (not rule.task or one.subject in tasks)
    ]


def _reading(rule: Rule, key: Key, value: Fraction, what: str) -> MetricReading:
    """What a row says of its module and subject."""
    module, subject = key[0] if key else "", key[1] if len(key) > 1 else ""
    who = "All modules together" if rule.scope == "all" else called(module)
    if subject:
        who += f", {rule.scope} {called(subject)}"
    return MetricReading(module, subject, value, f"{who}: {what}")


def _worth(rule: Rule, figures: Figures) -> bool:
    """Whether there is enough in the window to judge."""
    return figures.cost_nano >= rule.at_least_usd * NANO and figures.prompt_tokens >= rule.at_least_tokens


def _rows(rule: Rule, facts: Facts) -> Iterator[tuple[Key, Figures]]:
    for key, figures in facts.spent(AXES[rule.scope], facts.since(rule.span)).items():
        named = rule.scope in ("module", "all") or bool(key[1])  # calls without a task are no task
        if named and _worth(rule, figures):
            yield key, figures


def _spend_percent(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for module, month in facts.months.items():
        whole = month.cap_nano
        if whole or month.spent_nano:
            value = _share(month.spent_nano, whole)
            lifted = month.month.override_nano
            granted = f" ({usd_short(lifted)} of it by override)" if lifted else ""
            said = (
                f"{called(module)} has spent {usd_short(month.spent_nano)} of {usd_short(whole)}{granted} this month "
                f"({_hundredths(value)} %)"
            )
            yield MetricReading(module, "", value, said)


def _share(part: int, whole: int) -> Fraction:
    """In percent; anything of a budget of nothing is all of it."""
    return Fraction(part * 100, whole) if whole else Fraction(100)


def _projected(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for module, outlook in facts.outlooks.items():
        whole = outlook.cap_nano
        expected = outlook.counted.projected_nano
        if expected is not None and (whole or expected):
            value = _share(expected, whole)
            share = f"{usd_short(expected)} of {usd_short(whole)} ({_hundredths(value)} %)"
            said = f"{called(module)} is expected to spend {share}; {outlook.says()}"
            yield MetricReading(module, "", value, said)


def _total(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    limit = facts.settings.total_limit_nano
    if limit is None:
        return
    projected = rule.metric == "total_projected_percent"
    found = facts.together.counted
    amount = found.projected_nano if projected else found.spent_nano
    if amount is not None:
        value = _share(amount, limit)
        verb = "are expected to spend" if projected else "have spent"
        share = f"{usd_short(amount)} of {usd_short(limit)} this month ({_hundredths(value)} %)"
        yield MetricReading("", "", value, f"all modules together {verb} {share}")


def _threshold(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    counted = facts.counted(facts.since(rule.span))
    if rule.scope == "all":
        counted = {"": sum(counted.values())}
    for module, nano in counted.items():
        whole = facts.settings.threshold_nano(rule.span.unit, module)
        if whole is not None:
            value = _share(nano, whole)
            when = "today" if rule.span.unit == "day" else "this week"
            who, whose = (
                ("all modules together have", "their") if not module else (f"{called(module)} has", "its")
            )
            share = f"{whose} threshold is {usd_short(whole)} ({_hundredths(value)} %)"
            said = f"{who} spent {usd_short(nano)} {when}; {share}"
            yield MetricReading(module, "", value, said)


def _spend_usd(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for key, figures in _rows(rule, facts):
        said = f"{usd_short(figures.cost_nano)} in {rule.span.name}"
        yield _reading(rule, key, Fraction(figures.cost_nano, NANO), said)


def _burn(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for key, figures in _rows(rule, facts):
        value = Fraction(figures.cost_nano, NANO * rule.span.length)
        said = f"{usd_short(figures.cost_nano // rule.span.length)} per hour in {rule.span.name}"
        yield _reading(rule, key, value, said)


def _before(rule: Rule, facts: Facts) -> dict[Key, list[Figures]]:
    """The days of the week before today that have something, by module or task."""
    found: dict[Key, list[Figures]] = defaultdict(list)
    for key, figures in facts.spent((*AXES[rule.scope], "day"), facts.day(WEEK), facts.day(0)).items():
        found[key[:-1]].append(figures)
    return found


def _change(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    before = _before(rule, facts)
    for key, today in _rows(rule, facts):
        days = [figures.cost_nano for figures in before.get(key, []) if figures.cost_nano]
        if len(days) >= THINNEST_DAYS:
            value = (Fraction(today.cost_nano * WEEK, sum(days)) - 1) * 100
            said = (
                f"{usd_short(today.cost_nano)} today, {_hundredths(value)} % over the mean of the "
                f"{WEEK} days before ({usd_short(sum(days) // WEEK)})"
            )
            yield _reading(rule, key, value, said)


def _anomaly(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    """The dearest of the days that stand out, for each task, or for each module as a whole."""
    found: dict[tuple[str, str], Anomaly] = {}
    for one in facts.anomalies:
        if (one.task is not None) == (rule.scope == "task"):
            place = (one.module, one.task or "")
            if place not in found or one.actual_nano > found[place].actual_nano:
                found[place] = one
    for (module, task), one in found.items():
        over = one.actual_nano - one.expected_nano
        said = (
            f"{called(module)}{f', task {called(task)}' if task else ''}: {usd_short(one.actual_nano)} "
            f"on {day_name(one.day)} where {usd_short(one.expected_nano)} is usual; {one.cause}"
        )
        yield MetricReading(module, task, Fraction(over, NANO), said)


def _hits(figures: Figures) -> Fraction | None:
    prompt = figures.prompt_tokens
    return Fraction(figures.cache_read_tokens * 100, prompt) if prompt else None


def _cache_hits(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for key, figures in _rows(rule, facts):
        value = _hits(figures)
        if value is not None:
            said = f"{_hundredths(value)} % of prompt tokens came from the cache in {rule.span.name}"
            yield _reading(rule, key, value, said)


def _cache_drop(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    before = _before(rule, facts)
    for key, today in _rows(rule, facts):
        days = before.get(key, [])
        was, now = _hits(Figures.sum(days)), _hits(today)
        if len(days) >= THINNEST_DAYS and was is not None and now is not None:
            said = (
                f"{_hundredths(now)} % of prompt tokens came from the cache today, "
                f"{_hundredths(was)} % in the {WEEK} days before"
            )
            yield _reading(rule, key, was - now, said)


def _unpriced(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for key, figures in _rows(rule, facts):
        if figures.responses:
            value = Fraction(figures.unpriced_responses * 100, figures.responses)
            said = (
                f"{figures.unpriced_responses:,} of {figures.responses:,} responses have no known "
                f"price ({_hundredths(value)} %) in {rule.span.name}"
            )
            yield _reading(rule, key, value, said)


def _session_tokens(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for key, figures in _rows(rule, facts):
        said = f"{figures.budget_tokens:,} tokens that count in {rule.span.name}"
        yield _reading(rule, key, Fraction(figures.budget_tokens), said)


def _failed(rule: Rule, facts: Facts) -> dict[Key, int]:
    """Failed calls by the rule's scope."""
    axes = len(AXES[rule.scope])
    found: dict[Key, int] = defaultdict(int)
    for key, count in facts.failed(facts.since(rule.span)).items():
        if rule.scope != "task" or key[1]:
            found[key[:axes]] += count
    return found


def _failed_calls(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for key, count in _failed(rule, facts).items():
        yield _reading(rule, key, Fraction(count), f"{count:,} calls failed in {rule.span.name}")


def _errors(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    spent = facts.spent(AXES[rule.scope], facts.since(rule.span))
    for key, count in _failed(rule, facts).items():
        calls = count + (spent[key].responses if key in spent else 0)
        value = Fraction(count * 100, calls)
        said = f"{count:,} of {calls:,} calls failed ({_hundredths(value)} %) in {rule.span.name}"
        yield _reading(rule, key, value, said)


def _plan(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    name = rule.span.name
    window = facts.plan_window(name)
    paced = rule.metric == "plan_pace_percent"
    value = None if window is None else window.pace if paced else window.percent
    if value is not None:
        exact = Fraction(str(value))
        title = name.replace("_", "-")
        words = f"at this pace the plan's {title} window will be {{}} % full when it resets"
        said = (words if paced else f"the plan's {title} window is {{}} % full").format(_hundredths(exact))
        yield MetricReading("", name, exact, said)


REVIEWED = {"token budget": "token_budget.json", "routing table": "the routing table"}


def _price_age(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for name, days in facts.ages.items():
        said = f"{REVIEWED[name]} was last reviewed {days:,} days ago"
        yield MetricReading("", name, Fraction(days), said)


def _model_end(rule: Rule, facts: Facts) -> Iterator[MetricReading]:
    for one, days in facts.ending:
        yield MetricReading("", one.model, Fraction(days), str(one))


METRICS: Mapping[str, Callable[[Rule, Facts], Iterator[MetricReading]]] = {
    "spend_percent": _spend_percent,
    "projected_percent": _projected,
    "threshold_percent": _threshold,
    "total_percent": _total,
    "total_projected_percent": _total,
    "spend_usd": _spend_usd,
    "burn_usd_per_hour": _burn,
    "change_percent": _change,
    "anomaly_usd": _anomaly,
    "cache_hit_percent": _cache_hits,
    "cache_drop_points": _cache_drop,
    "unpriced_percent": _unpriced,
    "session_tokens": _session_tokens,
    "plan_percent": _plan,
    "plan_pace_percent": _plan,
    "error_percent": _errors,
    "failed_calls": _failed_calls,
    "price_age_days": _price_age,
    "model_end_days": _model_end,
}


def _hundredths(value: Fraction) -> str:
    """A value cut, not rounded, to two decimals: 79.999 is not yet 80."""
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value.numerator) * 100 // value.denominator, 100)
    return f"{sign}{whole}.{part:02d}"

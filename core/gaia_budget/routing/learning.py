"""What recorded outcomes say about a model's work on a task: pure, from evidence to a share of good answers.

Each model's share of sufficient answers is the mean of a beta distribution: an expectation from the routing
table, worth a few outcomes, moved by what was recorded. Outcomes fade with time, and count less for another
version of the same family. A change of model must pay: the expected cost of an answer is its price plus, when
it is insufficient, the price of the strongest allowed model's answer (times `insufficient_costs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.prices import families

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

DAY_MICROSECONDS = 86_400 * 1_000_000


class TaskVerdict(NamedTuple):
    """One verdict: the model sufficed for the task, or did not. `ts` is in microseconds since the epoch.

    `kind` is how it is known: `said` by a person, an app's `escalation`, or what happened (`ledger.outcomes`).
    """

    ts: int
    model: str
    ok: bool
    kind: str = "said"


class Candidate(NamedTuple):
    """A model that may be chosen; `rank` orders tiers, `nano` is the price of one answer in nano-dollars."""

    model: str
    rank: int
    nano: int


class Evidence(NamedTuple):
    """What is known of one model: plain counts, their faded weight, and the share of good answers expected."""

    model: str
    ok: int
    insufficient: int
    weight: float
    share: float

    def __str__(self) -> str:
        recorded = self.ok + self.insufficient
        return f"{self.model}: {self.ok} of {recorded} recorded answers sufficed, {self.share:.0%} expected"


class Choice(NamedTuple):
    """The model to use, what was known of each with a record, and a cheaper one worth a try (or None)."""

    model: str
    evidence: list[Evidence]
    worth_a_try: str | None


def choose(
    candidates: Sequence[Candidate],
    default: str,
    outcomes: Iterable[TaskVerdict],
    now: int,
    settings: Mapping[str, float],
) -> Choice:
    """The model that the outcomes of one task speak for; without any, `default` (the routing table's).

    `candidates` are all allowed models, `settings` the table's `[learning]`, `now` in microseconds.
    """
    seen = sorted(one for one in outcomes if one.ts <= now)
    known = {one.model: _evidence(one, candidates, default, seen, now, settings) for one in candidates}
    evidence = [one for one in known.values() if one.weight]
    if not evidence:
        return Choice(default, [], None)
    strongest = max(candidates, key=lambda one: (one.rank, one.nano))
    penalty = strongest.nano * settings["insufficient_costs"]
    expected = {one.model: one.nano + (1 - known[one.model].share) * penalty for one in candidates}
    best = min(candidates, key=lambda one: (expected[one.model], one.rank)).model
    clear = expected[best] < expected[default] * (1 - settings["clear_gain"])
    chosen = best if clear else default
    return Choice(chosen, evidence, _worth_a_try(candidates, chosen, seen, settings))


def _evidence(
    candidate: Candidate,
    candidates: Sequence[Candidate],
    default: str,
    outcomes: Sequence[TaskVerdict],
    now: int,
    settings: Mapping[str, float],
) -> Evidence:
    base = next(one for one in candidates if one.model == default)
    if candidate.rank < base.rank:
        expected, belief = settings["share_below_tier"], settings["cheaper_belief_outcomes"]
    else:
        above = candidate.rank > base.rank
        expected, belief = (
            settings["share_above_tier" if above else "share_at_tier"],
            settings["belief_outcomes"],
        )
    good = bad = 0.0
    counts = {True: 0, False: 0}
    weighed = [(one, _weight(one, candidate.model, now, settings)) for one in outcomes]
    for one, weight in [pair for pair in weighed if pair[1]][-int(settings["remembered_outcomes"]) :]:
        counts[one.ok] += 1
        good, bad = good + weight * one.ok, bad + weight * (not one.ok)
    share = (belief * expected + good) / (belief + good + bad)
    return Evidence(candidate.model, counts[True], counts[False], good + bad, share)


def _weight(outcome: TaskVerdict, model: str, now: int, settings: Mapping[str, float]) -> float:
    if outcome.model != model:
        family = families.family_of(model)
        if family is None or families.family_of(outcome.model) != family:
            return 0.0
    version = 1.0 if outcome.model == model else settings["other_version_weight"]
    days: float = (now - outcome.ts) / DAY_MICROSECONDS
    known = settings.get(f"{outcome.kind}_weight", 1.0)
    return float(known * version * 0.5 ** (days / settings["half_life_days"]))


def _worth_a_try(
    candidates: Sequence[Candidate],
    chosen: str,
    outcomes: Sequence[TaskVerdict],
    settings: Mapping[str, float],
) -> str | None:
    """The next cheaper model once the chosen one has sufficed often in a row since that one last failed."""
    price = next(one.nano for one in candidates if one.model == chosen)
    cheaper = [one for one in candidates if one.nano < price]
    if not cheaper:
        return None
    model = max(cheaper, key=lambda one: one.nano).model
    row, failures = 0, 0
    for one in outcomes:
        if one.model == chosen:
            row = row + 1 if one.ok else 0
        elif one.model == model and not one.ok:
            row, failures = 0, failures + 1
    return model if row >= settings["try_cheaper_after"] * 2**failures else None

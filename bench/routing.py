"""What learning is worth: the learned recommendation against fixed choices, chance and an oracle, in one table.

    python bench/routing.py [--modules 24] [--outcomes 200] [--seed 1]

Simulated modules have six task types each. What a type truly needs is drawn at random: often the tier that the
routing table says, sometimes the one above or below, and for some of them it changes half-way (a harder input,
a better model). A model at or above the need suffices in 96 % of its answers, one below in 15 %. An
insufficient answer costs what the routing table says: `insufficient_costs` answers of the strongest model. Prices
are those of today; loss is dollars plus that. The oracle knows what each type needs at each moment.

"learned" takes every recommendation, "learned, trying" follows the hint to try a cheaper model once as well.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.routing.learning import Candidate, TaskVerdict

TASKS_PER_MODULE = 6
ABLE, UNABLE = 0.96, 0.15
TABLE_IS_RIGHT, TABLE_IS_TOO_LOW = 0.6, 0.25  # the rest: too high
DRIFTS = 0.3
HOURS_BETWEEN = 6
LEARNERS = ("learned", "learned, trying")
LEARNT_AFTER = 50
NEAR_ORACLE, NEVER_WORSE = 1.1, 1.02


class TaskType(NamedTuple):
    """What the table says of a type (a place in the models' list), and what it needs: at first and later."""

    table: int
    need: int
    later: int
    drift_at: int


class Score:
    """Dollars, insufficient answers and loss of one policy, in nano-dollars, per outcome number."""

    def __init__(self) -> None:
        self.nano = self.bad = self.count = 0
        self.loss = self.settled = 0.0

    def add(self, price: int, ok: bool, penalty: float, settled: bool) -> None:
        loss = price + (0 if ok else penalty)
        self.nano, self.bad, self.count = self.nano + price, self.bad + (not ok), self.count + 1
        self.loss += loss
        self.settled += loss if settled else 0


def models() -> list[Candidate]:
    """Claude's three families at today's prices, for an answer of the table's typical size of quality work."""
    from datetime import UTC, datetime

    from gaia_budget.prices.table import load
    from gaia_budget.routing import table
    from gaia_budget.routing.candidates import Catalog
    from gaia_budget.routing.learning import Candidate

    routing, now = table.load(), datetime.now(UTC)
    catalog = Catalog(routing, load(), now.date(), now.timestamp(), routing.typical["quality"])
    listed = catalog.of_provider("anthropic")[:3]
    return [Candidate(one.model, one.rank, one.nano) for one in listed]


def draw(chance: random.Random, outcomes: int) -> TaskType:
    """A task type: its place in the table, its need, and whether and when that changes."""
    table = chance.randrange(3)
    fate = chance.random()
    need = (
        table
        if fate < TABLE_IS_RIGHT
        else table + 1
        if fate < TABLE_IS_RIGHT + TABLE_IS_TOO_LOW
        else table - 1
    )
    need = min(2, max(0, need))
    later = (
        chance.choice([place for place in range(3) if place != need]) if chance.random() < DRIFTS else need
    )
    return TaskType(table, need, later, chance.randrange(outcomes // 3, 2 * outcomes // 3))


def simulate(
    kind: TaskType, chance: random.Random, outcomes: int, listed: list[Candidate], scores: dict[str, Score]
) -> None:
    """One task type under every policy, each seeing only the outcomes that it caused itself."""
    from gaia_budget.routing import table
    from gaia_budget.routing.learning import DAY_MICROSECONDS, TaskVerdict, choose

    learning = table.load().learning
    penalty = listed[-1].nano * learning["insufficient_costs"]
    default = listed[kind.table].model
    place = {one.model: at for at, one in enumerate(listed)}
    seen: dict[str, list[TaskVerdict]] = {name: [] for name in LEARNERS}

    def learnt(name: str, now: int) -> int:
        found = choose(listed, default, seen[name], now, learning)
        return place[found.worth_a_try if name.endswith("trying") and found.worth_a_try else found.model]

    for number in range(outcomes):
        now = number * HOURS_BETWEEN * DAY_MICROSECONDS // 24
        need = kind.later if number >= kind.drift_at else kind.need
        luck = chance.random()
        since = number - kind.drift_at if number >= kind.drift_at and kind.later != kind.need else number
        policies: dict[str, Callable[[], int]] = {
            "the table": lambda: kind.table,
            "learned": lambda now=now: learnt("learned", now),  # type: ignore[misc]
            "learned, trying": lambda now=now: learnt("learned, trying", now),  # type: ignore[misc]
            "always cheapest": lambda: 0,
            "always strongest": lambda: 2,
            "random": lambda: chance.randrange(3),
            "oracle": lambda need=need: need,  # type: ignore[misc]
        }
        for name, policy in policies.items():
            chosen = policy()
            ok = luck < (ABLE if chosen >= need else UNABLE)
            scores.setdefault(name, Score()).add(listed[chosen].nano, ok, penalty, since >= LEARNT_AFTER)
            if name in seen:
                seen[name].append(TaskVerdict(now, listed[chosen].model, ok))


def main() -> int:
    """Print the table; 1 when the learned recommendation is out of its bounds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--modules", type=int, default=24)
    parser.add_argument("--outcomes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    chance = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as home:
        os.environ["GAIA_BUDGET_HOME"] = home
        listed = models()
        totals: dict[str, Score] = {}
        worst = dict.fromkeys(LEARNERS, 0.0)
        for _ in range(given.modules):
            scores: dict[str, Score] = {}
            for _ in range(TASKS_PER_MODULE):
                simulate(draw(chance, given.outcomes), chance, given.outcomes, listed, scores)
            for name in LEARNERS:
                worst[name] = max(worst[name], scores[name].loss / scores["the table"].loss)
            for name, score in scores.items():
                total = totals.setdefault(name, Score())
                for field in ("nano", "bad", "count", "loss", "settled"):
                    setattr(total, field, getattr(total, field) + getattr(score, field))
    oracle = totals["oracle"]
    print(
        f"{'policy':18}{'dollars':>10}{'insufficient':>14}{'loss / oracle':>15}{f'after {LEARNT_AFTER}':>12}"
    )
    for name, score in sorted(totals.items(), key=lambda entry: entry[1].loss):
        print(f"{name:18}{score.nano / 1e9:>10.2f}{score.bad / score.count:>14.1%}"
              f"{score.loss / oracle.loss:>15.2f}{score.settled / oracle.settled:>12.2f}")  # fmt: skip
    near = totals["learned, trying"].settled / oracle.settled
    print(f"after {LEARNT_AFTER} outcomes: {near:.2f} x the oracle's loss (at most {NEAR_ORACLE})")
    for name, share in worst.items():
        print(f"worst module, {name}: {share:.3f} x the loss of its table (at most {NEVER_WORSE})")
    return int(near > NEAR_ORACLE or max(worst.values()) > NEVER_WORSE)


if __name__ == "__main__":
    sys.exit(main())

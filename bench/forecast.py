"""How far month-end projections miss, how often their range holds, what anomaly detection finds, and how soon a
plan's window is seen to be full: on made-up series whose truth is known, and on real ones.

    python bench/forecast.py [--months 40] [--first-seed 0]

Seeds from 0 on are reported; the constants of the forecast were chosen on seeds from 1000 on.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from gaia_budget.forecast.month import Days, project
from support.spend_series import KINDS, SpendMonth, spend_month

CUTS = (7, 14, 21)


class Score:
    """Errors of ours and of the straight line, as shares of the true month, and whether the range held."""

    def __init__(self) -> None:
        self.ours: list[float] = []
        self.straight: list[float] = []
        self.held: list[bool] = []
        self.width: list[float] = []

    def add(self, month: SpendMonth, cut: int) -> None:
        day, truth = month.month_start + cut, month.total()
        past = month.until(day)
        found = project(Days(month.first, past, 0, 1.0), (month.month_start, month.month_end), None)
        line = found.spent_nano / cut * (month.month_end - month.month_start)
        if found.projected_nano is None or found.low_nano is None or found.high_nano is None or not truth:
            return
        self.ours.append(abs(found.projected_nano - truth) / truth)
        self.straight.append(abs(line - truth) / truth)
        self.held.append(found.low_nano <= truth <= found.high_nano)
        self.width.append((found.high_nano - found.low_nano) / truth)


def print_scores(months: list[SpendMonth]) -> None:
    kinds = list(dict.fromkeys(month.kind for month in months))
    print(
        f"{'months':16}{'day':>5}{'n':>6}{'ours':>9}{'line':>9}{'ratio':>8}{'median':>9}{'line':>9}{'held':>8}{'width':>8}"
    )
    for kind in [*kinds, "all"]:
        for cut in (*CUTS, 0):
            score = Score()
            for month in months:
                if kind in (month.kind, "all"):
                    for one in (cut,) if cut else CUTS:
                        score.add(month, one)
            ours, line = statistics.mean(score.ours), statistics.mean(score.straight)
            print(
                f"{kind:16}{cut or 'any':>5}{len(score.ours):>6}{ours:>9.1%}{line:>9.1%}{ours / line:>8.2f}"
                f"{statistics.median(score.ours):>9.1%}{statistics.median(score.straight):>9.1%}"
                f"{statistics.mean(score.held):>8.1%}{statistics.median(score.width):>8.2f}"
            )


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--months", type=int, default=40, help="per kind")
    parser.add_argument("--first-seed", type=int, default=0)
    given = parser.parse_args()
    seeds = range(given.first_seed, given.first_seed + given.months)
    print_scores([spend_month(kind, seed) for kind in KINDS[:5] for seed in seeds])
    print_scores([spend_month("changed", seed) for seed in seeds])
    return 0


if __name__ == "__main__":
    sys.exit(main())

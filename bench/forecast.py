"""How far month-end projections miss, how often their range holds, what anomaly detection finds, and how well the
filling of a plan's window is foreseen: on made-up series whose truth is known, and on recorded ones.

    python bench/forecast.py [--months 40] [--first-seed 0]

Seeds from 0 on are reported; the constants of the statistics were chosen on seeds from 1000 on. Recorded series are
in commits.tsv: commits of two public repositories per day (astral-sh/uv `team`, simonw/datasette `solo`) in place of
spend, and the minutes of one contributor's commits through a year, in place of requests against a plan.
Exits with 1 when a bar is missed. Ends by itself in about a minute on a quiet machine.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from gaia_budget.forecast.levels import spikes
from gaia_budget.forecast.month import Days, project
from gaia_budget.forecast.rate import fit
from gaia_budget.reports.money.plan import shares
from gaia_hooks.facts.prices import plan
from support.spend_series import KINDS, SpendMonth, TaskDays, spend_month, task_days
from support.work_windows import DAY_MINUTES, MINUTE, WEEK_MINUTES, Window, five_hours, seven_days

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

RECORDED = Path(__file__).resolve().parent / "commits.tsv"
CUTS = (7, 14, 21)
LEAST_COMMITS = 30
NOISE = 2.0
"""Standard errors of the paired difference that may be chance."""
MODULES, TASKS = 50, 3
failed: list[str] = []


def bar(holds: bool, what: str) -> None:
    """Note a bar, and say whether it holds."""
    print(f"  {'ok    ' if holds else 'MISSED'} {what}")
    if not holds:
        failed.append(what)


class Score:
    """Errors of ours and of the straight line, as shares of the true month, and whether the range held."""

    def __init__(self) -> None:
        self.ours: list[float] = []
        self.line: list[float] = []
        self.held: list[bool] = []
        self.width: list[float] = []

    def add(self, month: SpendMonth, cut: int) -> None:
        day, truth = month.month_start + cut, month.total()
        found = project(
            Days(month.first, month.until(day), 0, 1.0), (month.month_start, month.month_end), None
        )
        if found.projected_nano is None or found.low_nano is None or found.high_nano is None or not truth:
            return
        line = found.spent_nano / cut * (month.month_end - month.month_start)
        self.ours.append(abs(found.projected_nano - truth) / truth)
        self.line.append(abs(line - truth) / truth)
        self.held.append(found.low_nano <= truth <= found.high_nano)
        self.width.append((found.high_nano - found.low_nano) / truth)

    def worse(self) -> float:
        """By how many standard errors of the paired difference ours is worse than the straight line."""
        gaps = [ours - line for ours, line in zip(self.ours, self.line, strict=True)]
        return statistics.mean(gaps) / (statistics.stdev(gaps) / len(gaps) ** 0.5)

    def __str__(self) -> str:
        ours, line = statistics.mean(self.ours), statistics.mean(self.line)
        return (
            f"{len(self.ours):>6}{ours:>8.1%}{line:>8.1%}{ours / line:>8.2f}{self.worse():>8.1f}"
            f"{statistics.median(self.ours):>9.1%}{statistics.median(self.line):>8.1%}"
            f"{statistics.mean(self.held):>8.1%}{statistics.median(self.width):>8.2f}"
        )


def scored(months: Iterable[SpendMonth], *cuts: int) -> Score:
    score = Score()
    for month in months:
        for cut in cuts:
            score.add(month, cut)
    return score


def months(made: list[SpendMonth], title: str, *, held_to_bars: bool = False) -> None:
    """The table of projections, by kind and by day."""
    print(f"\n{title}\n{'kind':14}{'day':>5}{'n':>6}{'ours':>8}{'line':>8}{'ratio':>8}{'worse':>8}"
          f"{'median':>9}{'line':>8}{'held':>8}{'width':>8}")  # fmt: skip
    kinds = list(dict.fromkeys(month.kind for month in made))
    for kind in kinds:
        of_kind = [month for month in made if month.kind == kind]
        for cut in CUTS:
            print(f"{kind:14}{cut:>5}{scored(of_kind, cut)}")
        together = scored(of_kind, *CUTS)
        print(f"{kind:14}{'any':>5}{together}")
        bar(together.worse() <= NOISE, f"{kind}: not worse than the straight line beyond noise")
    if not held_to_bars:
        return
    for cut in CUTS:
        score = scored(made, cut)
        print(f"{'all':14}{cut:>5}{score}")
        bar(statistics.mean(score.held) >= 0.8, f"the range holds the truth in 80 % at day {cut}")
    together = scored(made, *CUTS)
    print(f"{'all':14}{'any':>5}{together}")
    bar(together.worse() < -NOISE, "better than the straight line overall")


def recorded(label: str) -> list[tuple[str, list[int]]]:
    """The recorded series of a label: (name, figures)."""
    rows = [line.split("\t") for line in RECORDED.read_text("utf-8").splitlines()]
    return [
        (name, [int(figure) for figure in figures.split() if figure != "-"])
        for kind, name, figures in rows
        if kind == label
    ]


def day_number(text: str) -> int:
    return date.fromisoformat(text).toordinal() - date(1970, 1, 1).toordinal()


def recorded_months(label: str) -> list[SpendMonth]:
    """Each month after the first with enough commits, with all that came before it; a commit stands for a dollar."""
    found, past, first = [], [], 0
    for name, commits in recorded(label):
        start = day_number(f"{name}-01")
        first = first or start
        past += [count * 10**9 for count in commits]
        if start > first and sum(commits) >= LEAST_COMMITS:
            found.append(SpendMonth(label, first, start, start + len(commits), tuple(past)))
    return found


def anomalies(first_seed: int) -> None:
    """Precision and recall on planted spikes, and false alarms per module and quarter without any."""

    def of_module(tasks: Sequence[TaskDays]) -> set[tuple[int, int]]:
        return {
            (number, spike.day)
            for number, task in enumerate(tasks)
            for spike in spikes(task.nano, task.first, task.since, task.price_change)
        }

    hits = told = planted = 0
    quiet = []
    for module in range(MODULES):
        seeds = range(first_seed + module * TASKS, first_seed + (module + 1) * TASKS)
        loud = [task_days(seed, spikes=2) for seed in seeds]
        truth = {(number, day) for number, task in enumerate(loud) for day in task.spikes}
        found = of_module(loud)
        hits, told, planted = hits + len(found & truth), told + len(found), planted + len(truth)
        quiet.append(len(of_module([task_days(seed + 500, spikes=0) for seed in seeds])))
    print(f"\nanomalies: {MODULES} modules with {TASKS} tasks, a quarter each; {planted} planted spikes")
    bar(hits >= 0.9 * told, f"precision {hits / told:.1%} (at least 90 %)")
    bar(hits >= 0.9 * planted, f"recall {hits / planted:.1%} (at least 90 %)")
    bar(
        max(quiet) <= 1,
        f"false alarms: at most {max(quiet)} in a module and quarter (1), mean {statistics.mean(quiet):.2f}",
    )


def recorded_windows(minutes: int, name: str, least: int, seed: int) -> list[Window]:
    """Windows that begin with a commit and hold enough of them; the limit is drawn as for the made-up ones."""
    days = recorded("minutes")
    first = day_number(days[0][0])
    commits = [number * DAY_MINUTES + minute for number, (_, found) in enumerate(days) for minute in found]
    chance = random.Random(seed)
    found: list[Window] = []
    begins = 8 * WEEK_MINUTES
    while (start := next((at for at in commits if at >= begins), None)) is not None:
        work = [0.0] * minutes
        for at in commits:
            if start <= at < start + minutes:
                work[at - start] += 1.0
        if sum(work) >= least:
            today = start // DAY_MINUTES
            past = [float(len(found_then)) for _, found_then in days[max(0, today - 56) : today]]
            week = fit(past, first + today - len(past)).profile
            limit = sum(work) / chance.uniform(0.4, 2.5)
            found.append(Window(name, (first * DAY_MINUTES + start) * MINUTE, work, limit, week))
        begins = start + minutes
    return found


def windows(made: Iterable[Window], title: str, *, held_to_bar: bool = True) -> None:
    """How often the instant at which a window is full is foreseen at its half, within 15 % of its length."""
    cases: list[tuple[float, float, bool]] = []
    for window in made:
        half, end = len(window.work) // 2, window.start + window.length
        if (percent := window.percent(half)) >= 100 or not percent:
            continue
        seen, as_of = {"percent": percent, "resets_at": end}, window.start + half * MINUTE
        week = [max(0.1, share) for share in window.week]
        told = [plan.reached_at(window.name, seen, as_of, days) or end for days in (week, plan.EVEN_WEEK)]
        ours, even = (abs(instant - window.reached()) / window.length for instant in told)
        cases.append((ours, even, window.reached() < end))
    reached = [case for case in cases if case[2]]
    share, even = (statistics.mean(case[which] <= 0.15 for case in cases) for which in (0, 1))
    among = statistics.mean(case[0] <= 0.15 for case in reached)
    what = (f"{title}: within 15 % in {share:.1%} of {len(cases)} windows (even pace {even:.1%}); "
            f"{among:.1%} of the {len(reached)} that filled up; median error "
            f"{statistics.median(case[0] for case in cases):.1%}")  # fmt: skip
    if held_to_bar:
        bar(share >= 0.8, what)
    else:
        print(f"         {what}")


def attribution(seeds: range) -> None:
    """A plan shared with another machine: how often a project's true percent lies in its band, and how wide that is."""
    held, width, alone = [], [], []
    for seed in seeds:
        chance = random.Random(f"shares {seed}")
        others = chance.choice((0.0, chance.uniform(0.1, 0.7)))
        steps = chance.randrange(8, 40)
        mine = [
            {name: (chance.random() < 0.6 and chance.lognormvariate(0, 0.7)) or 0.0 for name in "abc"}
            for _ in range(steps)
        ]
        away = [(chance.random() < others and chance.lognormvariate(1, 0.7)) or 0.0 for _ in range(steps)]
        worth = chance.uniform(40, 95) / (sum(sum(part.values()) for part in mine) + sum(away))
        marks, done = [0], 0.0
        for part, other in zip(mine, away, strict=True):
            done += worth * (sum(part.values()) + other)
            marks.append(int(done))
        stretches = [
            (float(after - before), round(sum(part.values()) * 1e9))
            for before, after, part in zip(marks, marks[1:], mine, strict=False)
        ]
        nano = {name: round(sum(part[name] for part in mine) * 1e9) for name in "abc"}
        for share in shares(marks[-1], nano, stretches):
            truth = worth * nano[share.name] / 1e9
            held.append(share.low - 0.5 <= truth <= share.percent + 0.5)
            width.append((share.percent - share.low) / share.percent)
            if not others:
                alone.append(abs(share.percent - truth))
    what = f"a project's percent: in its band in {statistics.mean(held):.1%}, width {statistics.median(width):.0%}"
    bar(statistics.mean(held) >= 0.8, f"{what}; on one machine off by at most {max(alone):.1f} points")


def speed() -> None:
    """Milliseconds of the two commands' questions over a year of 18 modules, against a plain count of its events."""
    from gaia_budget.forecast.anomalies import anomalies as odd
    from gaia_budget.forecast.outlook import forecast
    from gaia_budget.ledger import Ledger
    from gaia_budget.model import Event
    from gaia_budget.owner import load_token_budget

    limits = load_token_budget()
    from gaia_budget.settings.keys import Settings
    from support.components import found
    from support.postgres import Server

    day, settings = 86_400_000_000, Settings().but(timezone="UTC")
    now, chance = time.time_ns() // 1000, random.Random(5)
    events = [
        Event(event_id=f"{module}-{task}-{back}", ts=now - back * day, source="app", billing="api",
              module=f"module{module}", task=f"task{task}", model=f"model{task % 3}", input_tokens=1000,
              cost_nano=round(chance.lognormvariate(0, 0.3) * 1e9))
        for module in range(18) for task in range(4) for back in range(365)
    ]  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        urls = {"SQLite": f"sqlite:///{(Path(folder) / 'ledger.db').as_posix()}"}
        server = Server() if found("postgresql") else None
        if server is not None:
            urls["PostgreSQL"] = server.create("forecast")
        for name, url in urls.items():
            with Ledger.open(url, settings=settings) as ledger:
                ledger.record(events)
                took = {
                    "forecast": median_ms(
                        lambda ledger=ledger: forecast(ledger, settings, load_token_budget())
                    ),  # type: ignore[misc]
                    "one module": median_ms(
                        lambda ledger=ledger: forecast(ledger, settings, limits, "module3")
                    ),  # type: ignore[misc]
                    "anomalies": median_ms(lambda ledger=ledger: odd(ledger)),  # type: ignore[misc]
                }
            print(
                f"  {name}, 18 modules, a year: "
                + ", ".join(f"{what} {ms:.1f} ms" for what, ms in took.items())
            )
        if server is not None:
            server.remove()


def median_ms(work: Callable[[], object], runs: int = 7) -> float:
    """CPU milliseconds of this process, in the median."""
    times = []
    for _ in range(runs):
        before = time.process_time()
        work()
        times.append(1000 * (time.process_time() - before))
    return statistics.median(times)


def main() -> int:
    """Print every table; 1 when a bar is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--months", type=int, default=40, help="made-up months per kind")
    parser.add_argument("--first-seed", type=int, default=0)
    given = parser.parse_args()
    os.environ["TZ"] = "UTC"
    if hasattr(time, "tzset"):
        time.tzset()
    first = given.first_seed
    seeds = range(first, first + given.months)
    print(
        "Errors are shares of the true month; `worse`: standard errors of the paired difference to the straight line."
    )
    months(
        [spend_month(kind, seed) for kind in KINDS[:5] for seed in seeds], "made-up months", held_to_bars=True
    )
    months([spend_month("changed", seed) for seed in seeds], "made-up months whose work took another size")
    months(recorded_months("team"), "recorded: a team's commits")
    months(recorded_months("solo"), "recorded: a single maintainer's commits")
    anomalies(first)
    print("\nplan windows, seen at half their length")
    windows(map(five_hours, range(first, first + 400)), "made-up five hours")
    windows(map(seven_days, range(first, first + 60)), "made-up weeks")
    windows(recorded_windows(WEEK_MINUTES, "seven_day", 20, first), "recorded weeks")
    windows(
        recorded_windows(300, "five_hour", 5, first),
        "recorded five hours, often 5 commits in all",
        held_to_bar=False,
    )
    attribution(range(first, first + 200))
    print("\nspeed, CPU of the asking process")
    with tempfile.TemporaryDirectory() as home:
        os.environ["GAIA_BUDGET_HOME"] = home
        speed()
    print(f"\n{'every bar holds' if not failed else f'missed: {failed}'}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())

"""`gaia-budget` alone: one screen that says where everything stands and what to do next."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from gaia_budget.cli.seeing.grid import listed
from gaia_budget.cli.seeing.paper import SIGNS, Paper, here, state
from gaia_budget.cli.seeing.windows import plan_windows
from gaia_budget.owner import THRESHOLDS
from gaia_budget.reports import shown

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.money.tables import TableRow
    from gaia_budget.reports.overview import Overview, ProjectSpend

WIDE, WIDEST = 80, 110
MOST_PROJECTS = 7
MOST_ALERTS = 3
LONGEST_NAME = 18
NEEDLESS = re.compile(r"; most by | \(https?://")
"""What follows in an alert's cause stands in `gaia-budget alerts`."""


def overview(as_json: bool) -> None:
    """Draw the first screen, or give its figures as JSON."""
    from gaia_budget.cli.current import current_ledger
    from gaia_budget.cli.output import emit_json, warn_of_broken_files
    from gaia_budget.cli.seeing.empty import say_nothing
    from gaia_budget.reports.overview import overview as ask
    from gaia_budget.settings import load

    settings = load()
    warn_of_broken_files()
    with current_ledger(settings) as ledger:
        found = ask(ledger, settings)
        if as_json:
            emit_json(found.document())
        elif found.empty:
            say_nothing(ledger, " this month")
        else:
            paper = here()
            screen = _Screen(found, ledger, settings.billing == "plan", paper)
            paper.draw(screen.wide() if paper.width >= WIDE else screen.narrow())


class _Screen:
    """One overview on one paper."""

    def __init__(self, found: Overview, ledger: Ledger, on_a_plan: bool, paper: Paper) -> None:
        self.found, self.zone, self.paper = found, ledger.zone, paper
        self.width = min(paper.width, WIDEST)
        self.now = self.zone.local(found.at)
        self.when = f"{self.now:%a} {self.now.day} {self.now:%b}, {self.now:%H:%M}"
        self.billed = "not billed" if on_a_plan else "API prices"
        self.capped = found.total.limit_nano > 0
        rest = found.projects[MOST_PROJECTS:]
        self.projects = found.projects[:MOST_PROJECTS] if len(rest) > 1 else found.projects
        self.others = rest if len(rest) > 1 else []

    def wide(self) -> list[Text]:
        """From 80 columns on."""
        plan = plan_windows(self.found, self.zone, self.paper._replace(width=self.width))
        blocks = [self._periods(), plan, self._projects(), self._models() + self._attention(1)]
        return [line for block in blocks if block for line in (*block, Text(""))][:-1]

    def _periods(self) -> list[Text]:
        found, month = self.found, f"{self.now:%B}"
        total = found.total
        rows = [[f"{self.when} {self.now:%Z}", "today", "7 days", month, ""]]
        if self.capped:
            of = f"of {shown.money(total.limit_nano)}"
            spent = [shown.money(one.counted_nano) for one in found.periods[:2]]
            label = "Apps, against the caps" if found.apps_alone else "Counts against the caps"
            rows.append([label, *spent, shown.money(total.spent_nano), of])
        code = [shown.money(one.line.claude_code_nano) for one in found.periods]
        rows.append([f"Claude Code, {self.billed}", *code, ""])
        widths = [max(cell_len(row[place]) for row in rows) for place in range(5)]
        lines = []
        for row in rows:
            line = Text(row[0].ljust(widths[0] + 2), "dim" if row is rows[0] else "")
            for place in (1, 2, 3):
                style = "dim" if row is rows[0] else "bold" if place == 1 else ""
                line.append(row[place].rjust(widths[place]) + ("  " if place < 3 else " "), style)
            line.append(row[4], "dim")
            lines.append(line)
        if self.capped and (ends := total.counted.ends):
            end = f"{shown.money(ends[1])}-{shown.money(ends[2])[1:]}"
            lines[0].append(Text("month's end".rjust(self.width - lines[0].cell_len), "dim"))
            lines[1].append(end.rjust(self.width - lines[1].cell_len))
        return lines

    def _projects(self) -> list[Text]:
        if not self.found.projects:
            return []
        month = f"{self.now:%B}"
        rows = list(self.projects)
        code, code_total = shown.cents([one.line.claude_code_nano for one in [*rows, *self.others]])
        if self.others:
            code = [*code[: len(rows)], shown.cents([one.line.claude_code_nano for one in self.others])[1]]
        names = [shown.name(one.name or "no project", LONGEST_NAME) for one in rows]
        names += [f"{len(self.others)} others"] if self.others else []
        first = max(map(cell_len, [*names, month]))
        cap = _CapColumns(self.found, rows, self.others, self.paper, 12 if self.width < 100 else 24)
        last = max(map(len, (*code, code_total, "Claude Code")))
        head = Text(month.ljust(first) + "  ", "dim")
        if self.capped:
            head.append(cap.head + "  ", "dim")
        head.append("Claude Code".rjust(last) + "  14 days", "dim")
        lines = [head]
        for place, name in enumerate(names):
            line = Text(set_cell_size(name, first) + "  ")
            if self.capped:
                line += cap.cells[place]
                line.append("  ")
            line.append(code[place].rjust(last) + "  ")
            if place < len(rows):
                line += self.paper.trend(rows[place].trend)
            lines.append(line)
        total = Text("Total".ljust(first) + "  ", "bold")
        if self.capped:
            total += cap.total
            total.append("  ")
        total.append(code_total.rjust(last))
        return [*lines, total]

    def _models(self) -> list[Text]:
        lines: list[Text] = []
        for label, source in (("Apps", "app"), ("Claude Code", "claude_code")):
            names = [f"{shown.model(model)} {share} %" for model, share in self.found.models.percents(source)]
            if not names:
                continue
            lines.append(Text(("Models" if not lines else "").ljust(8) + label.ljust(13) + listed(names, 3)))
        return lines

    def _attention(self, most_lines: int) -> list[Text]:
        lines = []
        for alert in self.found.alerts[:MOST_ALERTS]:
            sign, style = SIGNS[alert.severity]
            cause = shown.name(NEEDLESS.split(alert.cause)[0], 1000)
            parts = wrap(cause, self.width - 2, max_lines=most_lines, placeholder="…", break_on_hyphens=False)
            lines += [
                Text(sign if not place else " ", style) + Text(f" {part}") for place, part in enumerate(parts)
            ]
        more = len(self.found.alerts) - MOST_ALERTS
        if more > 0:
            lines.append(Text(f"  and {more} more: gaia-budget alerts"))
        if not lines:
            return [Text("Nothing needs you.")]
        step = wrap(shown.name(self.found.alerts[0].next_step, 1000), self.width - 6, break_on_hyphens=False)
        return lines + [
            Text("      " if place else "Next  ") + Text(part, "cyan") for place, part in enumerate(step)
        ]

    def narrow(self) -> list[Text]:
        """Below 80 columns: figures below one another."""
        found, width = self.found, self.width
        lines = [Text("Token spend"), Text(self.when, "dim"), Text("")]
        heads = ["Apps" if found.apps_alone else "Counts", "Claude Code"] if self.capped else ["Claude Code"]
        lines.append(Text(" " * (width - 13 * len(heads)) + "".join(head.rjust(13) for head in heads), "dim"))
        for one, label in zip(found.periods, ("Today", "7 days", f"{self.now:%B}"), strict=True):
            amounts = [one.counted_nano] if self.capped else []
            if self.capped and one is found.periods[-1]:
                amounts = [found.total.spent_nano]
            amounts.append(one.line.claude_code_nano)
            cells = "".join(shown.money(nano).rjust(13) for nano in amounts)
            lines.append(Text(label.ljust(width - len(cells)) + cells, "bold" if label == "Today" else ""))
        if self.capped:
            lines.append(self._apps_narrow("of caps", shown.money(found.total.limit_nano)))
            lines += self._end_narrow()
        blocks = [
            lines,
            plan_windows(found, self.zone, self.paper),
            self._projects_narrow(),
            self._attention(2),
        ]
        return [line for block in blocks if block for line in (*block, Text(""))][:-1]

    def _apps_narrow(self, label: str, cell: str) -> Text:
        room = self.width - 13 - len(label)
        return Text(label + cell.rjust(room), "dim")

    def _end_narrow(self) -> list[Text]:
        ends = self.found.total.counted.ends
        if not ends:
            return []
        return [self._apps_narrow("Month's end", f"{shown.money(ends[1])}-{shown.money(ends[2])[1:]}")]

    def _projects_narrow(self) -> list[Text]:
        rows = [one for one in self.projects if one.month is not None]
        spent = [shown.money(one.month.spent_nano) for one in rows if one.month]
        widest = max(map(len, spent), default=0)
        return [self._project_narrow(one, text.rjust(widest)) for one, text in zip(rows, spent, strict=True)]

    def _project_narrow(self, one: ProjectSpend, spent: str) -> Text:
        assert one.month is not None
        sign, style = state(one.month.percent, one.month.thresholds)
        line = Text(set_cell_size(shown.name(one.name, 9), 10))
        line += self.paper.bar(one.month.percent / 100, 8, style or "cyan")
        line.append(f" {int(one.month.percent):3d} %{sign or ' '}", style)
        line.append(f" {spent}")
        limit = one.month.cap_nano
        cap = f" of {shown.money(limit).removesuffix('.00')}"
        return line + Text(cap, "dim") if limit and line.cell_len + len(cap) <= self.width else line


class _CapColumns:
    """Spent, cap, percent and bar of each project, as wide as the widest of each."""

    def __init__(
        self, found: Overview, rows: list[ProjectSpend], others: list[ProjectSpend], paper: Paper, cells: int
    ) -> None:
        amounts = [one.month.spent_nano if one.month else 0 for one in [*rows, *others]]
        spent, spent_total = shown.cents(amounts)
        if others:
            spent = [*spent[: len(rows)], shown.cents(amounts[len(rows) :])[1]]
        limits = [one.month.cap_nano if one.month else 0 for one in rows]
        caps = [shown.money(limit) if limit else "" for limit in limits]
        total_cap = shown.money(found.total.limit_nano)
        head = "Apps" if found.apps_alone else "Counts"
        self.spent_width = max(map(len, (*spent, spent_total, head)))
        self.cap_width = max(map(len, (*caps, total_cap)))
        self.paper, self.bar_cells = paper, cells
        self.head = head.rjust(self.spent_width) + "  cap".ljust(self.cap_width + 5) + " " * (7 + cells)
        self.cells = [
            self._row(spent[place], caps[place], one.month.percent, one.month.thresholds)
            if one.month
            else self._row(spent[place], caps[place], None)
            for place, one in enumerate(rows)
        ]
        if others:
            self.cells.append(self._row(spent[-1], "", None))
        self.total = self._row(spent_total, total_cap, found.total.percent or 0)

    def _row(
        self, spent: str, cap: str, percent: float | None, thresholds: tuple[float, float] = THRESHOLDS
    ) -> Text:
        line = Text(spent.rjust(self.spent_width))
        line.append("  of " if cap else "     ", "dim")
        line.append(cap.rjust(self.cap_width))
        if percent is None or not cap:
            return line + Text(" " * (self.bar_cells + 7))
        sign, style = state(percent, thresholds)
        line.append(f"{int(percent):4d} %", style)
        line.append(f"{sign or ' '}", style)
        return line + self.paper.bar(percent / 100, self.bar_cells, style or "cyan")


def shares(line: TableRow, most: int) -> str:
    """The models of a row, the dearest first."""
    return listed([shown.model(model) for model in line.models], most)

"""Limits: one row for each budget, on which one conditional update decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.budgets.overrides import draw, task_of
from gaia_budget.errors import BudgetExceededError
from gaia_budget.ledger.charges import CREATE, is_module
from gaia_hooks.facts.prices.money import usd_short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gaia_budget.ledger.database.connection import Transaction


class Scope(NamedTuple):
    """A budget that a call counts against. Its limit comes with every reservation: configuration may change.

    `key` is `module:<id>:<YYYY-MM>` (see `Budgets.module_scope`), `session:<id>` or `task:<module>:<task>:<id>`.
    `counts_claude_code`: Claude Code spend counts too, but for what a plan pays (module scopes). `tasks`: what the
    call is for.
    """

    key: str
    limit_nano: int
    counts_claude_code: bool = False
    resets_on: str | None = None
    tasks: tuple[str, ...] = ()

    @property
    def module(self) -> str | None:
        """The module whose month or task this is, or None for other scopes."""
        if is_module(self.key):
            return self.key.split(":", 1)[1].rsplit(":", 1)[0]
        return self.key.split(":", 2)[1] if self.key.startswith("task:") else None

    @property
    def task(self) -> str:
        """The task whose own cap this is; empty for other scopes."""
        return task_of(self.key)


SPENT = "app_nano + claude_code_nano * ? + assumed_nano"
"""`MonthSpend.spent_nano` in SQL: the row's columns hold only what can count."""
ADMIT = (
    "UPDATE budgets SET reserved_nano = reserved_nano + ?, limit_nano = ? WHERE org = ? AND scope = ? "  # noqa: S608 (words of our own)
    f"AND {SPENT} + reserved_nano + ? <= ? + override_nano"
)
LOOK = f"SELECT {SPENT}, reserved_nano, override_nano FROM budgets WHERE org = ? AND scope = ?"  # noqa: S608 (words of our own)


def admit(tx: Transaction, org: str, scopes: Iterable[Scope], estimate_nano: int, now: int) -> None:
    """Hold an amount in every scope, or raise BudgetExceededError (the transaction must then be given up)."""
    wanted = sorted(scopes, key=lambda scope: scope.key)
    waiting = [scope for scope in wanted if not _held(tx, org, scope, estimate_nano)]
    if not waiting:
        return
    states: dict[str, tuple[int, int, int]] = {}
    for scope in waiting:
        tx.text(CREATE, (org, scope.key))
        states[scope.key] = look(tx, org, scope)
    _lift(tx, org, wanted, {scope: states[scope.key] for scope in waiting}, estimate_nano, now)
    for scope in waiting:
        if not _held(tx, org, scope, estimate_nano):
            raise exceeded(scope, *states[scope.key], estimate_nano)


def _lift(
    tx: Transaction,
    org: str,
    wanted: Sequence[Scope],
    waiting: Mapping[Scope, tuple[int, int, int]],
    estimate_nano: int,
    now: int,
) -> None:
    """Draw on the module's overrides for what is missing in its month and in the caps of the call's tasks."""
    by_module: dict[str, dict[str, int]] = {}
    for scope, (spent, reserved, drawn) in waiting.items():
        missing = spent + reserved + estimate_nano - scope.limit_nano - drawn
        if scope.module is not None and missing > 0:
            by_module.setdefault(scope.module, {})[scope.key] = missing
    tasks = [name for scope in wanted for name in (scope.task, *scope.tasks) if name]
    for module, short in sorted(by_module.items()):
        draw(tx, org, module, short, tasks, now, partly=False)


def cover(tx: Transaction, org: str, scope: Scope, now: int) -> None:
    """Draw on a module's overrides for what was spent beyond its month without asking first (Claude Code's share)."""
    tx.text(CREATE, (org, scope.key))
    spent, reserved, drawn = look(tx, org, scope)
    missing = spent + reserved - scope.limit_nano - drawn
    if scope.module is not None and missing > 0:
        draw(tx, org, scope.module, {scope.key: missing}, (), now, partly=True)


def _held(tx: Transaction, org: str, scope: Scope, estimate_nano: int) -> bool:
    counts = int(scope.counts_claude_code)
    values = (estimate_nano, scope.limit_nano, org, scope.key, counts, estimate_nano, scope.limit_nano)
    return bool(tx.text(ADMIT, values).rowcount)


def look(tx: Transaction, org: str, scope: Scope) -> tuple[int, int, int]:
    """What is spent, reserved and drawn from overrides, with the row locked against rivals."""
    row = tx.locked(LOOK, (int(scope.counts_claude_code), org, scope.key)).fetchone()
    return int(row[0]), int(row[1]), int(row[2])


def exceeded(scope: Scope, spent: int, reserved: int, drawn: int, estimate_nano: int) -> BudgetExceededError:
    """The refusal, with the way out."""
    name = scope.key.replace(":", " ", 1).replace(":", ", ")
    granted = f" and {usd_short(drawn)} granted on top" if drawn else ""
    resets = f" It starts anew on {scope.resets_on}." if scope.resets_on else ""
    cure = (
        f" To allow more: gaia-budget override add {scope.module}{f' --task {scope.task}' if scope.task else ''} "
        "--usd N --reason R"
        if scope.module
        else ""
    )
    return BudgetExceededError(
        f"{name}: {usd_short(spent)} spent and {usd_short(reserved)} reserved of {usd_short(scope.limit_nano)}"
        f"{granted}; this call may cost {usd_short(estimate_nano)}.{resets}{cure}",
        scope=name,
        spent_nano=spent,
        reserved_nano=reserved,
        limit_nano=scope.limit_nano + drawn,
        resets_on=scope.resets_on,
    )

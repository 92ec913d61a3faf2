"""What splits have saved: per file the tokens less in a session, and what that adds up to over its sessions."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.errors import GaiaBudgetError
from gaia_claude_md.files import finding, loads, reading, server_words
from gaia_claude_md.files.savings import Scenario, Use, compounded, dollars_nano, scenarios
from gaia_hooks.facts import modules
from gaia_hooks.facts.prices import billing
from gaia_hooks.facts.prices.money import usd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gaia_budget.ledger import Ledger
    from gaia_budget.ledger.database.measures import Figures
    from gaia_claude_md.files.loads import Load

DAYS = 30
EVERYWHERE = "every project"
Roots = list[list[str]]
"""[folded root, module] pairs, as the owner's registry has them."""


class Saving(NamedTuple):
    """A file's sessions of the last days, and its tokens per request without the split and with it."""

    l1: Path
    module: str | None
    """None: the user's own file, which every session loads."""
    found: list[Load]
    scenarios: list[Scenario]
    use: Use

    @property
    def typical(self) -> Scenario:
        """As sessions really loaded sections, where some did."""
        return self.scenarios[-1]

    @property
    def tokens(self) -> int:
        """Tokens that were not loaded: what a session saves, in every session."""
        return compounded(self.typical.saved, self.use.sessions / self.use.days, self.use.days)

    def document(self) -> dict[str, Any]:
        """One of `rows` of the endpoint's `claude_md`."""
        cost = self.cost_nano
        return {
            "key": self.module or EVERYWHERE,
            "module": self.module,
            "days": self.use.days,
            "before_tokens": self.typical.before,
            "after_tokens": self.typical.after,
            "saved_tokens_per_session": self.typical.saved,
            "sessions": self.use.sessions,
            "saved_tokens": self.tokens,
            "cost_usd": None if cost is None else usd(cost),
        }

    @property
    def cost_nano(self) -> int | None:
        """What they would have cost; None where nothing of that time has a price."""
        from gaia_budget.prices import table

        return dollars_nano(self.typical.saved, self.use, table.load()) if self.use.requests else None


def of_file(
    ledger: Ledger, l1: Path, roots: Roots, days: int = DAYS, tokens: Callable[[str], int] | None = None
) -> Saving:
    """What the split of one file saves; `tokens` counts a text (None: an estimate).

    Raises InputError, ConflictError, LedgerError.
    """
    everywhere = l1.parent == places.claude_config_dir()
    module = None if everywhere else modules.module_of(str(l1.parent), roots)
    found = loads.loads(l1, days)
    rows = scenarios(l1, server_words.added(), found, tokens or _estimated)
    return Saving(l1, module, found, rows, _use(ledger, module, days))


def everywhere(ledger: Ledger, roots: Roots) -> list[Saving]:
    """Every file that is split, the user's own first. What cannot be read is left out. Raises LedgerError."""
    found = []
    for l1 in _split_files(roots):
        state = ("split", l1, ledger.zone.local(ledger.now()).date(), *_stamps(l1))
        found.append(ledger.cache.of(state, lambda l1=l1: of_file(ledger, l1, roots)))  # type: ignore[misc]
    return found


def _stamps(l1: Path) -> list[int]:
    """When the files that tell of a split were written."""
    return [
        file.stat().st_mtime_ns if file.exists() else 0 for file in (l1, finding.l2_of(l1), loads.place())
    ]


def _split_files(roots: Roots) -> Iterator[Path]:
    folders = [str(places.claude_config_dir()), *sorted({root for root, _ in roots})]
    for folder in folders:
        try:
            l1 = finding.locate(folder)
            if finding.l2_of(l1).exists() and reading.read(l1).l2_data is not None:
                yield l1
        except (GaiaBudgetError, OSError):
            continue


def _use(ledger: Ledger, module: str | None, days: int) -> Use:
    """Claude Code's sessions and requests of a project; of all of them without one."""
    today = ledger.zone.local(ledger.now()).date()
    since = ledger.zone.start_of_day(today - timedelta(days=days - 1))
    models: dict[str, Figures] = {}
    sessions = set()
    for row in ledger.spend(("source", "model", "session"), since, None, module).rows:
        source, model, session = row.key
        if source != billing.CLAUDE_CODE:
            continue
        models[model] = models[model].plus(row.figures) if model in models else row.figures
        if session and row.figures.responses:
            sessions.add(session)
    return Use(days, len(sessions), models)


def _estimated(text: str) -> int:
    from gaia_budget.prices.estimate import estimate_tokens

    return estimate_tokens(text).tokens

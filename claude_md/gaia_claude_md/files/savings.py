"""What a split saves: tokens per kind of session, and dollars at what such tokens really cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gaia_claude_md.files.source import read_source
from gaia_claude_md.files.startup import also_loaded
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.sections import sections_of
from gaia_claude_md.markdown.tokens import loaded_text
from gaia_claude_md.plan import vocabulary as words

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from gaia_budget.ledger.database.measures import Figures
    from gaia_budget.prices.table import PriceTable
    from gaia_claude_md.files.loads import Load

SCENARIOS: dict[str, words.Sign | None] = {
    "quick question": None,
    "code task": words.CODE_TITLE,
    "architecture task": words.ARCHITECTURE_TITLE,
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of session: estimated tokens of instructions without the split and with it."""

    name: str
    before: int
    after: int
    sections: tuple[str, ...]

    @property
    def saved(self) -> int:
        """Tokens per request that need not be sent."""
        return self.before - self.after

    @property
    def percent(self) -> int:
        """The same of what was sent before."""
        return self.saved * 100 // self.before if self.before else 0


@dataclass(frozen=True, slots=True)
class Use:
    """What the ledger knows of a period: how often instructions were sent, by model."""

    days: int
    sessions: int
    models: Mapping[str, Figures]

    @property
    def requests(self) -> int:
        """Requests, each of which carries the instructions."""
        return sum(figures.responses for figures in self.models.values())


def scenarios(
    path: Path | str, server_text: str, found: Sequence[Load], tokens: Callable[[str], int]
) -> list[Scenario]:
    """Tokens without and with the split for each kind of session, imports and our server's own text counted.

    `tokens` estimates a text. The last kind, where sessions have loaded sections, is what they really loaded, on
    average.
    """
    source = read_source(path)
    files = source.files
    beside = "".join(file.text for file in also_loaded(files.l1) if file.at_start)
    before = tokens(loaded_text(source.text) + beside)
    base = tokens(loaded_text(files.l1_text) + beside + (server_text if source.manifest else ""))
    sections = sections_of(parse(source.text)) if source.manifest else []
    rows = []
    for name, sign in SCENARIOS.items():
        needed = [s for s in sections if sign and sign.within(s.title)]
        after = base + sum(tokens(section.text) for section in needed)
        rows.append(Scenario(name, before, after, tuple(section.slug for section in needed)))
    if found and sections:
        sizes = {section.slug: tokens(section.text) for section in sections}
        rows.append(_as_loaded(before, base, sizes, found))
    return rows


def _as_loaded(before: int, base: int, sizes: Mapping[str, int], found: Sequence[Load]) -> Scenario:
    once = {(load.session, load.slug) for load in found}
    sessions = len({session for session, _ in once})
    loaded = sum(sizes.get(slug, 0) for _, slug in once)
    slugs = tuple(sorted({slug for _, slug in once}))
    return Scenario(f"as {sessions} sessions really loaded", before, base + -(-loaded // sessions), slugs)


def compounded(saved_tokens: int, sessions_per_day: float, days: int) -> int:
    """Tokens saved over some days: saved per session x sessions per day x days (requirement R31)."""
    return round(saved_tokens * sessions_per_day * days)


def dollars_nano(saved_tokens: int, use: Use, prices: PriceTable) -> int | None:
    """What the saved tokens would have cost over the period, in nano-dollars; None when no model has a price.

    Every request of a model carries them, in the mix of cache reads, cache writes and fresh input that the
    prompts of that model really had.
    """
    total: int | None = None
    for model, figures in use.models.items():
        kinds = (
            figures.input_tokens,
            0,
            figures.cache_read_tokens,
            figures.cache_write_5m_tokens,
            figures.cache_write_1h_tokens,
        )
        prompt = sum(kinds)
        if not prompt:
            continue
        carried = saved_tokens * figures.responses
        usage = (*(kind * carried // prompt for kind in kinds), 0, 0)
        cost = prices.price(model, usage).cost_nano
        if cost is not None:
            total = (total or 0) + cost
    return total

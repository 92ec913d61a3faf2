"""The replay of local history: what this machine's sessions have spent, and which would have been warned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

from gaia_budget import owner, places
from gaia_budget.transcripts.discovery import find
from gaia_budget.transcripts.lines import bounded
from gaia_hooks.facts import session_types
from gaia_hooks.facts.first_prompt import infer
from gaia_hooks.facts.prices.billing import CLAUDE_CODE
from gaia_hooks.facts.prices.money import usd, usd_short
from gaia_hooks.session import sessions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gaia_budget.ledger import Ledger
    from gaia_budget.owner import TokenBudget
    from gaia_budget.reports.overview import Overview
    from gaia_budget.settings.keys import Settings
    from gaia_budget.transcripts.discovery import Transcript

HEAD_BYTES = 256 << 10  # the first human prompt stands near the top of a transcript
BACKGROUND = "<"  # reports of background tasks and slash commands are in tags; they are no prompt


class Replay(NamedTuple):
    """Local sessions against today's limits. `cost_nano` is at API prices, in nano-dollars, `since` a date."""

    sessions: int
    warned: int
    over: int
    first_threshold: int
    cost_nano: int
    unpriced_responses: int
    billing: str
    since: str = ""
    folders: int = 0

    def document(self) -> dict[str, Any]:
        """The key `replay` of `init --json`."""
        return {
            "sessions": self.sessions,
            "since": self.since,
            "folders": self.folders,
            "would_have_warned": self.warned,
            "would_have_passed_the_limit": self.over,
            "first_threshold_percent": self.first_threshold,
            "cost_usd": usd(self.cost_nano),
            "unpriced_responses": self.unpriced_responses,
            "text": self.text(),
        }

    def judged(self) -> str:
        """What today's limits would have said."""
        sessions = "session" if self.sessions == 1 else "sessions"
        return (
            f"{self.warned:,} of your {self.sessions:,} {sessions} would have warned at {self.first_threshold} % of its"
            f" limit of tokens, {self.over:,} would have passed it (nothing is stopped). Other limits: gaia-budget"
            " settings"
        )

    def text(self) -> str:
        """The same in plain language."""
        if not self.sessions:
            return "This machine has no Claude Code sessions yet; the first one will be counted."
        label = ", at API prices, not billed" if self.billing == "plan" else ""
        unpriced = (
            f" ({self.unpriced_responses:,} responses without a known price)"
            if self.unpriced_responses
            else ""
        )
        return (
            f"This machine's {self.sessions:,} sessions have spent {usd_short(self.cost_nano)}{label}{unpriced}. "
            f"With these limits, {self.judged()}."
        )


class LocalHistory(NamedTuple):
    """What `init` found on this machine, all of it taken in."""

    replay: Replay
    overview: Overview
    read: list[tuple[str, str]]
    """The owner's files, each with what stands in it."""


def found(settings: Settings, progress: Callable[[int, int], None] | None = None) -> LocalHistory:
    """Take local history in and look at it. Raises ConfigError and LedgerError."""
    from gaia_budget.ingest.run import run
    from gaia_budget.ledger import Ledger
    from gaia_budget.reports.overview import overview

    with Ledger.open(settings=settings) as ledger:
        run(settings, ledger, progress)
        return LocalHistory(replay(settings, ledger), overview(ledger, settings), owners_files())


def owners_files() -> list[tuple[str, str]]:
    """The owner's files that are there, each with what stands in it. Raises ConfigError."""
    budget, registry, rows = owner.load_token_budget(), owner.load_registry(), []
    if budget.file:
        rows.append(("token_budget.json", f"{len(budget.per_module):,} monthly caps"))
    if registry.file:
        rows.append(("registry.json", f"{len(registry.projects):,} projects"))
    return rows


def replay(settings: Settings, ledger: Ledger) -> Replay:
    """What today's limits would have meant for the sessions whose transcripts are still here."""
    budget = owner.load_token_budget()
    spent = {row.key[0]: row.figures for row in ledger.spend(("session",)).rows}
    counted = warned = over = cost = unpriced = 0
    folders = set()
    for transcript in find(places.claude_config_dirs()):
        figures = spent.get(transcript.session_id)
        if transcript.agent_id or figures is None or not figures.responses:
            continue
        limit = _limit(transcript, budget)
        counted += 1
        folders.add(Path(transcript.path).parent)
        warned += figures.budget_tokens * 100 >= limit * settings.thresholds[0]
        over += figures.budget_tokens >= limit
        cost += figures.cost_nano
        unpriced += figures.unpriced_responses
    days = [str(row.key[0]) for row in ledger.spend(("day", "source")).rows if row.key[1] == CLAUDE_CODE]
    first, since = settings.thresholds[0], min(days, default="")
    return Replay(counted, warned, over, first, cost, unpriced, settings.billing, since, len(folders))


def _limit(transcript: Transcript, budget: TokenBudget) -> int:
    """The limit of the type that a hook would have chosen: the one it did choose, else the first prompt's."""
    state = sessions.read(str(places.home()), transcript.session_id)
    chosen = state.type if state is not None else infer(first_prompt(transcript))
    return budget.session(chosen or session_types.FEATURE_DEV).max_tokens


def first_prompt(transcript: Transcript) -> str:
    """The first prompt that a human typed, or the empty string; it is read, judged and forgotten."""
    try:
        with open(transcript.path, "rb") as file:  # noqa: PTH123 (as plain as the path is)
            return next(filter(None, map(_prompt, _head(file))), "")
    except OSError:
        return ""


def _head(file: BinaryIO) -> Iterator[bytes]:
    left = HEAD_BYTES
    for line, length in bounded(file):
        yield line
        left -= length
        if left <= 0:
            return


def _prompt(line: bytes) -> str:
    try:
        row = json.loads(line)
    except ValueError:
        return ""
    if not isinstance(row, dict) or row.get("type") != "user" or row.get("isMeta") or row.get("isSidechain"):
        return ""
    message = row.get("message")
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        parts = [
            part.get("text") for part in content if isinstance(part, dict) and part.get("type") == "text"
        ]
        content = next((part for part in parts if isinstance(part, str)), "")
    return content if isinstance(content, str) and not content.startswith(BACKGROUND) else ""

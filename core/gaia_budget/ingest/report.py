"""What a run of `ingest` did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gaia_budget.transcripts.reading import Skip
from gaia_hooks.facts.prices import money

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.ledger import Recorded

__all__ = ["Report", "Skip"]


@dataclass
class Report:
    """Counts of one run. `files` and `bytes` are what was read, not what is there.

    `repriced` counts events with the tokens they had and another price, `repriced_nano` is what they cost more.
    `other` counts log lines that tell of no billed call. `unreconciled` lists sessions whose own total could not
    be compared with their rows, with the reason. `rotated` lists the logs that were rotated afterwards.
    """

    files: int = 0
    bytes: int = 0
    responses_new: int = 0
    events_new: int = 0
    completed: int = 0
    repriced: int = 0
    repriced_nano: int = 0
    duplicates: int = 0
    other: int = 0
    skipped: list[Skip] = field(default_factory=list)
    unreconciled: dict[str, str] = field(default_factory=dict)
    rotated: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def recorded(self, outcome: Recorded, *, responses: bool) -> None:
        """Add what the ledger said of one batch; `responses`: whether they were billed API responses."""
        self.events_new += outcome.new
        self.responses_new += outcome.new - outcome.parts if responses else 0
        self.completed += outcome.completed
        self.repriced += outcome.repriced
        self.repriced_nano += outcome.repriced_nano
        self.duplicates += outcome.duplicates

    def skip(self, file: Path | str, line: int, reason: str) -> None:
        """Note a line (0: the whole file) that was not taken in."""
        self.skipped.append(Skip(str(file), line, reason))

    def document(self) -> dict[str, Any]:
        """The report as JSON values, with the keys of the command line."""
        return {
            "files": self.files,
            "bytes": self.bytes,
            "responses_new": self.responses_new,
            "events_new": self.events_new,
            "completed": self.completed,
            "repriced": self.repriced,
            "repriced_usd": money.usd(self.repriced_nano),
            "duplicates": self.duplicates,
            "other": self.other,
            "skipped": [skip._asdict() for skip in self.skipped],
            "unreconciled": self.unreconciled,
            "rotated": self.rotated,
            "seconds": round(self.seconds, 3),
        }

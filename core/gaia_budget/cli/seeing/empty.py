"""What a screen says when it has nothing to show: where it looked, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget import places

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger


def nothing(ledger: Ledger, stretch: str = "") -> list[str]:
    """In a ledger with events: that none lies in the stretch, and when there are some. Else the first steps."""
    months = [row.key[0] for row in ledger.spend(("month",)).rows]
    if months:
        return [
            f"Nothing was spent{stretch}. What is known begins in {months[0]} and ends in {months[-1]}.",
            f"Next  gaia-budget monthly --since {months[0]}",
        ]
    found = [str(folder / "projects") for folder in places.claude_config_dirs()]
    return [
        "Nothing has been counted yet.",
        *(f"Looked in  {folder}    sessions of Claude Code" for folder in found),
        f"           {places.logs_dir()}    logs of apps",
        "Next       gaia-budget init    connects Claude Code and takes in the sessions that are still there",
    ]

"""What a screen says when it has nothing to show: where it looked, and what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.cli.output import say

if TYPE_CHECKING:
    from gaia_budget.ledger import Ledger


def say_nothing(ledger: Ledger, stretch: str) -> None:
    """In a ledger with events: that none lies in the stretch, and when there are some. Else the first steps."""
    months = [row.key[0] for row in ledger.spend(("month",)).rows]
    if months:
        say(f"Nothing was spent{stretch}. What is known begins in {months[0]} and ends in {months[-1]}.")
        say(f"Next  gaia-budget monthly --since {months[0]}")
        return
    say("Nothing has been counted yet.")
    for folder in places.claude_config_dirs():
        say(f"Looked in  {folder / 'projects'}    sessions of Claude Code")
    say(f"           {places.logs_dir()}    logs of apps")
    say("Next       gaia-budget init    connects Claude Code and takes in the sessions that are still there")

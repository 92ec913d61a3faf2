"""Claude Code's transcripts, read in bulk: which files there are, and what each tells of usage and cost."""

from gaia_budget.transcripts.discovery import Transcript, find
from gaia_budget.transcripts.heading import Heading, heading
from gaia_budget.transcripts.reading import ClientTotal, Reading, ReadingPosition, Skip, read

__all__ = [
    "ClientTotal",
    "Heading",
    "Reading",
    "ReadingPosition",
    "Skip",
    "Transcript",
    "find",
    "heading",
    "read",
]

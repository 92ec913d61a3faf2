"""Claude Code's transcripts, read in bulk: which files there are, and what each tells of usage and cost."""

from gaia_budget.transcripts.discovery import Transcript, find
from gaia_budget.transcripts.heading import Heading, heading
from gaia_budget.transcripts.reading import Bookmark, ClientTotal, Reading, Skip, read

__all__ = ["Bookmark", "ClientTotal", "Heading", "Reading", "Skip", "Transcript", "find", "heading", "read"]

"""Claude Code's transcripts, read in bulk: which files there are, and what each tells of usage and cost."""

from gaia_budget.transcripts.discovery import Transcript, find
from gaia_budget.transcripts.reading import Bookmark, Skip, read

__all__ = ["Bookmark", "Skip", "Transcript", "find", "read"]

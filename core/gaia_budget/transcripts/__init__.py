"""Claude Code's transcripts, read in bulk: which files there are, and what each tells of usage and cost."""

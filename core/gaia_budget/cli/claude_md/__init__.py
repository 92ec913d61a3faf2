"""Commands on CLAUDE.md and its sections."""

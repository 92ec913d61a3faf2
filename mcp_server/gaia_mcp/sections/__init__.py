"""The sections of CLAUDE.md as resources, kept up with the files."""

"""What is said and decided: one answer to each event of Claude Code."""

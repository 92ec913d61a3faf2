"""Wiring into Claude Code and taking it out again, and the explanation of what is wired and what is not."""

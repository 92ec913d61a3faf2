"""The hot path: what Claude Code starts on every event. Standard library only, Python 3.9 and newer."""

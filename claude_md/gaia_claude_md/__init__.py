"""The splitter: CLAUDE.md stays under 30 lines, everything else loads on demand from CLAUDE_L2.md."""

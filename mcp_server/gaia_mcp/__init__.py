"""The MCP server `gaia-budget`: thin tools over the core, for one Claude Code session or over loopback HTTP."""

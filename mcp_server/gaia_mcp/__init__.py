"""The MCP server `gaia-budget`: thin tools over the core."""

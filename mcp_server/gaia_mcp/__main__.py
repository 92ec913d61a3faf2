"""`python -m gaia_mcp`: the server on stdin and stdout, as Claude Code starts it."""

from gaia_mcp.transport import serving

if __name__ == "__main__":
    serving.stdio()

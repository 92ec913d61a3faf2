"""How many tokens a text costs, as far as that can be known without asking the provider."""

from __future__ import annotations

from gaia_claude_md.blocks import Document, comment_text, parse

ASCII_PER_TOKEN = 4
BAND_PERCENT = (
    25  # how far the estimate was off, at most, on nine of ten Markdown files (see docs/claude-md.md)
)


def estimate(text: str) -> int:
    """A quick estimate of a text's tokens: four ASCII characters, or one other character, to the token."""
    ascii_characters = len(text.encode("ascii", "ignore"))
    return -(-ascii_characters // ASCII_PER_TOKEN) + len(text) - ascii_characters


def loaded(document: Document) -> str:
    """A file's text as a session gets it: Claude Code strips comments that are blocks of their own."""
    lines = list(document.lines)
    for block in document.blocks:
        if comment_text(block, document.lines) is not None:
            lines[block.start : block.end] = [""] * (block.end - block.start)
    return "".join(lines)


def loaded_tokens(text: str) -> int:
    """The estimate for a file that is loaded at the start of every session."""
    return estimate(loaded(parse(text)) if "<!--" in text else text)

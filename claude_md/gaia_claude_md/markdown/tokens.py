"""A quick measure of text in tokens: the same on every machine, so that plans and limits are too.

What tokens cost is asked of `gaia_budget.prices.estimate`, which knows the models' tokenizers (see `savings`).
"""

from __future__ import annotations

from gaia_claude_md.markdown.blocks import Document, comment_text, parse

ASCII_PER_TOKEN = 4


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


def loaded_text(text: str) -> str:
    """The same for a text."""
    return loaded(parse(text)) if "<!--" in text else text


def loaded_tokens(text: str) -> int:
    """The estimate for a file that is loaded at the start of every session."""
    return estimate(loaded_text(text))

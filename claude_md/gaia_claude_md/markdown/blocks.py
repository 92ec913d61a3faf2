"""A source as its top-level blocks, each a range of lines: sliced by the parser's line maps, never rendered."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from gaia_claude_md.markdown.lines import bare, frontmatter_length, is_blank, line_end, split_lines

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

_ENDS_BEFORE_BLANKS = {"bullet_list", "ordered_list", "blockquote", "table"}
_TAG = re.compile(r" {0,3}<(/?)([A-Za-z][\w.-]*)(?:\s[^<>]*)?(/?)>")
_COMMENT = re.compile(r"\s{0,3}<!--((?:(?!-->).)*)-->\s*$", re.DOTALL)
_COMMENTS = re.compile(r"<!--((?:(?!-->)[^\n]){0,200})-->")
_BORDER = re.compile(r"(?<![A-Za-z])(?:(begin|start)|(end|stop))(?![A-Za-z])", re.IGNORECASE)
_VOID_TAGS = {"br", "hr", "img", "input", "link", "meta", "source", "col", "wbr"}


@dataclass(frozen=True, slots=True)
class Block:
    """One top-level block: `kind` is markdown-it's name for it, `start` and `end` count lines of the source.

    `level` and `title` belong to headings; `first_number` to ordered lists.
    """

    kind: str
    start: int
    end: int
    level: int = 0
    title: str = ""
    first_number: int = 1


@dataclass(frozen=True, slots=True)
class Region:
    """Lines that belong together: a tag wrapper, or a block that a tool manages between two comments."""

    start: int
    end: int
    managed: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed source. `lines` keep their terminators (mostly `line_end`); `prefix` counts frontmatter lines."""

    lines: list[str]
    prefix: int
    blocks: list[Block]
    regions: list[Region]
    line_end: str

    def text(self, start: int, end: int) -> str:
        """The exact text of a range of lines."""
        return "".join(self.lines[start:end])


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").disable(["inline", "text_join"])


def blocks_of(text: str) -> list[Block]:
    """The top-level blocks of a Markdown text (without frontmatter) in order; they never overlap."""
    lines = split_lines(text)
    tokens = _parser().parse(text)
    return [
        _block(token, tokens, place, lines)
        for place, token in enumerate(tokens)
        if token.level == 0 and token.nesting >= 0 and token.map is not None
    ]


def _block(token: Token, tokens: list[Token], place: int, lines: list[str]) -> Block:
    assert token.map is not None  # the caller has looked
    start, end = token.map
    end = min(end, len(lines))
    kind = token.type.removesuffix("_open")
    if kind in _ENDS_BEFORE_BLANKS:
        while end > start + 1 and is_blank(lines[end - 1]):
            end -= 1
    if kind == "heading":
        return Block(kind, start, end, int(token.tag[1]), tokens[place + 1].content.strip())
    return Block(kind, start, end, first_number=int(token.attrs.get("start", 1)))


def parse(text: str) -> Document:
    """Parse a source: text without byte order mark and NUL."""
    lines = split_lines(text)
    prefix = frontmatter_length(lines)
    blocks = [
        Block(b.kind, b.start + prefix, b.end + prefix, b.level, b.title, b.first_number)
        for b in blocks_of("".join(lines[prefix:]))
    ]
    return Document(lines, prefix, blocks, _regions(lines, blocks), line_end(lines))


def is_torn(text: str) -> bool:
    """Whether a text opens a tag on a line of its own that it does not close, or the other way round."""
    depth: Counter[str] = Counter()
    for line in split_lines(text):
        tag = _TAG.match(bare(line))
        if (
            tag
            and not tag[3]
            and tag[2].lower() not in _VOID_TAGS
            and f"</{tag[2]}>" not in line[tag.end() :]
        ):
            depth[tag[2]] += -1 if tag[1] else 1
    return any(depth.values())


def comment_text(block: Block, lines: list[str]) -> str | None:
    """What a block that is one HTML comment says; None for every other block."""
    if block.kind != "html_block":
        return None
    found = _COMMENT.match("".join(lines[block.start : block.end]))
    return found[1].strip() if found else None


def _regions(lines: list[str], blocks: list[Block]) -> list[Region]:
    """The outermost wrappers and managed blocks, in order; a tag around most of a file is none, but opened."""
    around = [
        r for r in _wrappers(lines, blocks) if (r.end - r.start) * 2 <= len(lines) or not _holds(r, blocks)
    ]
    found = sorted([*_managed(lines, blocks), *around], key=lambda r: (r.start, -r.end))
    outermost: list[Region] = []
    for region in found:
        if not outermost or region.start >= outermost[-1].end:
            outermost.append(region)
    return outermost


def _managed(lines: list[str], blocks: list[Block]) -> list[Region]:
    """Pairs of comments such as `<!-- BEGIN x -->` and `<!-- END x -->`, `<!-- x:start -->` and `<!-- x:end -->`."""
    opened: list[tuple[list[str], int]] = []
    regions: list[Region] = []
    for block in blocks:
        if block.kind != "html_block":
            continue
        marks = [_border(text) for text in _COMMENTS.findall("".join(lines[block.start : block.end]))]
        borders = [mark for mark in marks if mark]
        if len(borders) > 1 and borders[0][0] and not borders[-1][0]:
            regions.append(Region(block.start, block.end, managed=True))
        elif borders and comment_text(block, lines) is not None:
            begins, name = borders[0]
            if begins:
                opened.append((name, block.start))
                continue
            place = next((at for at in range(len(opened) - 1, -1, -1) if _same_name(opened[at][0], name)), -1)
            if place >= 0:
                regions.append(Region(opened[place][1], block.end, managed=True))
                del opened[place:]
    return regions


def _border(comment: str) -> tuple[bool, list[str]] | None:
    """Whether a comment begins or ends a managed block, and the words that name it."""
    found = _BORDER.search(comment)
    if not found:
        return None
    return bool(found[1]), re.sub(r"[\W_]+", " ", _BORDER.sub(" ", comment)).lower().split()


def _same_name(begun: list[str], ended: list[str]) -> bool:
    """Whether two marks are of one block: tools put versions and hashes behind the name in one of them."""
    shorter = min(len(begun), len(ended))
    return begun[:shorter] == ended[:shorter]


def _holds(region: Region, blocks: list[Block]) -> bool:
    """Whether a heading stands in a region."""
    return any(block.kind == "heading" and region.start <= block.start < region.end for block in blocks)


def _wrappers(lines: list[str], blocks: list[Block]) -> list[Region]:
    """Tags that open on a line of one block and close on a line of a later one."""
    open_tags: list[tuple[str, Block]] = []
    regions: list[Region] = []
    for block in blocks:
        if block.kind in {"fence", "code_block"}:
            continue
        for line in lines[block.start : block.end]:
            tag = _TAG.match(bare(line))
            if not tag or tag[3] or tag[2].lower() in _VOID_TAGS or f"</{tag[2]}>" in line[tag.end() :]:
                continue
            if not tag[1]:
                open_tags.append((tag[2], block))
                continue
            names = [name for name, _ in open_tags]
            if tag[2] in names:
                depth = len(names) - 1 - names[::-1].index(tag[2])
                opener = open_tags[depth][1]
                del open_tags[depth:]
                if opener is not block:
                    regions.append(Region(opener.start, block.end, managed=False))
    return regions

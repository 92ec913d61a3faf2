"""JSON that remembers where everything stands: for errors with a line, and for edits that touch nothing else.

`parse` keeps the text and the span of every key and value. It reads what the JSON standard allows and a byte
order mark; comments, trailing commas and NaN are errors with line and column. Numbers with a fraction are
`Decimal`, since they may be money.
"""

from __future__ import annotations

import re
from decimal import Decimal
from json import JSONDecodeError, JSONDecoder
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BOM = "\ufeff"
MAX_DEPTH = 200
_WHITE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
_STRING = JSONDecoder()
_LITERALS = (("true", True), ("false", False), ("null", None))


class JsonSyntaxError(ValueError):
    """The text is not JSON; `line` and `column` count from 1."""

    def __init__(self, problem: str, line: int, column: int) -> None:
        self.problem, self.line, self.column = problem, line, column
        super().__init__(f"{line}:{column}: {problem}")


class Node(NamedTuple):
    """A value and its place: `content` is a list of Nodes, a dict of Members, or a plain value."""

    start: int
    end: int
    content: Any

    def plain(self) -> Any:
        """The value without places; where a key stands twice, the last one counts, as in every reader."""
        if isinstance(self.content, dict):
            return {key: member.value.plain() for key, member in self.content.items()}
        if isinstance(self.content, list):
            return [item.plain() for item in self.content]
        return self.content


class Member(NamedTuple):
    """A key of an object: where the key begins, and its value."""

    start: int
    value: Node


class JsonText(NamedTuple):
    """A parsed text; `doubled` lists the keys that stand twice in one object, with their offsets."""

    text: str
    root: Node
    doubled: list[tuple[str, int]]

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset, from 1."""
        return line_column(self.text, offset)

    def offset_of(self, path: Sequence[str | int]) -> int:
        """Where the deepest part of a path that exists begins (its key, where it has one)."""
        node, offset = self.root, self.root.start
        for step in path:
            if isinstance(node.content, dict) and step in node.content:
                offset, node = node.content[step].start, node.content[step].value
            elif isinstance(node.content, list) and isinstance(step, int) and step < len(node.content):
                node = node.content[step]
                offset = node.start
            else:
                break
        return offset

    def nodes(self) -> Iterator[tuple[tuple[str | int, ...], int, Node]]:
        """Every value with its path and the offset where its key, else itself, begins."""
        waiting: list[tuple[tuple[str | int, ...], int, Node]] = [((), self.root.start, self.root)]
        while waiting:
            path, offset, node = waiting.pop(0)
            yield path, offset, node
            if isinstance(node.content, dict):
                waiting += [((*path, key), part.start, part.value) for key, part in node.content.items()]
            elif isinstance(node.content, list):
                waiting += [((*path, index), part.start, part) for index, part in enumerate(node.content)]


def line_column(text: str, offset: int) -> tuple[int, int]:
    """Line and column of an offset, from 1; a byte order mark is no column."""
    before = text[:offset].removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n")
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def parse(text: str) -> JsonText:
    """Read one JSON value. Raises JsonSyntaxError."""
    parser = _Parser(text)
    position = parser.skip(len(BOM) if text.startswith(BOM) else 0)
    root = parser.value(position, 0)
    end = parser.skip(root.end)
    if end != len(text):
        raise parser.error("text after the end of the JSON value", end)
    return JsonText(text, root, parser.doubled)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.doubled: list[tuple[str, int]] = []

    def error(self, problem: str, offset: int) -> JsonSyntaxError:
        if self.text.startswith(("//", "/*"), offset):
            problem = "a comment; JSON has none"
        elif offset >= len(self.text):
            problem = "the text ends too early"
        return JsonSyntaxError(problem, *line_column(self.text, offset))

    def skip(self, offset: int) -> int:
        match = _WHITE.match(self.text, offset)
        return match.end() if match else offset

    def value(self, start: int, depth: int) -> Node:
        if depth > MAX_DEPTH:
            raise self.error(f"nested more than {MAX_DEPTH} deep", start)
        sign = self.text[start : start + 1]
        if sign == "{":
            return self._object(start, depth)
        if sign == "[":
            return self._array(start, depth)
        if sign == '"':
            content, end = self._string(start)
            return Node(start, end, content)
        return self._scalar(start)

    def _scalar(self, start: int) -> Node:
        for word, content in _LITERALS:
            if self.text.startswith(word, start):
                return Node(start, start + len(word), content)
        match = _NUMBER.match(self.text, start)
        if match is None:
            raise self.error("a value was expected here", start)
        digits = match.group()
        try:
            number = Decimal(digits) if match.group(1) or match.group(2) else int(digits)
        except (ArithmeticError, ValueError):
            raise self.error("the number is too large", start) from None
        return Node(start, match.end(), number)

    def _string(self, start: int) -> tuple[str, int]:
        try:
            content, end = _STRING.raw_decode(self.text, start)
        except JSONDecodeError as error:
            raise JsonSyntaxError(
                f"in a string: {error.msg}", *line_column(self.text, min(error.pos, len(self.text)))
            ) from None
        return str(content), end

    def _object(self, start: int, depth: int) -> Node:
        members: dict[str, Member] = {}
        offset = self.skip(start + 1)
        while self.text[offset : offset + 1] != "}" or members:
            if self.text[offset : offset + 1] != '"':
                raise self.error("a key in double quotes was expected here", offset)
            key_start = offset
            key, offset = self._string(offset)
            offset = self.skip(offset)
            if self.text[offset : offset + 1] != ":":
                raise self.error(f"a colon was expected after {key!r}", offset)
            value = self.value(self.skip(offset + 1), depth + 1)
            if key in members:
                self.doubled.append((key, key_start))
            members[key] = Member(key_start, value)
            offset, more = self._next(value.end, "}")
            if not more:
                return Node(start, offset, members)
        return Node(start, offset + 1, members)

    def _array(self, start: int, depth: int) -> Node:
        items: list[Node] = []
        offset = self.skip(start + 1)
        while self.text[offset : offset + 1] != "]" or items:
            items.append(self.value(offset, depth + 1))
            offset, more = self._next(items[-1].end, "]")
            if not more:
                return Node(start, offset, items)
        return Node(start, offset + 1, items)

    def _next(self, offset: int, closing: str) -> tuple[int, bool]:
        """After a member or item: (where the next begins, True) or (behind the closing sign, False)."""
        offset = self.skip(offset)
        sign = self.text[offset : offset + 1]
        if sign == closing:
            return offset + 1, False
        if sign != ",":
            raise self.error(f"a comma or {closing!r} was expected here", offset)
        offset = self.skip(offset + 1)
        if self.text[offset : offset + 1] == closing:
            raise self.error("a comma before the closing bracket; JSON has none there", offset)
        return offset, True

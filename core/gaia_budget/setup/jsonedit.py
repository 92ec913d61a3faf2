"""Edits of a JSON text that leave every other byte alone: indentation, key order, line ends, byte order mark.

Each function takes a text and returns a text. Paths are keys and list positions from the root.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from gaia_budget.jsontext import JsonText, Node, parse

if TYPE_CHECKING:
    from collections.abc import Sequence

    Path = Sequence[str | int]

DEFAULT_INDENT = "  "


def node_at(document: JsonText, path: Path) -> Node | None:
    """The value at a path, or None."""
    node = document.root
    for step in path:
        if isinstance(node.content, dict) and step in node.content:
            node = node.content[step].value
        elif isinstance(node.content, list) and isinstance(step, int) and 0 <= step < len(node.content):
            node = node.content[step]
        else:
            return None
    return node


def replace(text: str, path: Path, value: Any) -> str:
    """Put another value in the place of an existing one."""
    document = parse(text)
    node = _existing(document, path)
    inline = "\n" not in text[node.start : node.end] and isinstance(node.content, dict | list)
    shown = _compact(value, text) if inline and node.content else _indented(value, text, node.start)
    return text[: node.start] + shown + text[node.end :]


def insert(text: str, path: Path, value: Any) -> str:
    """Add a key at the end of an object (the last step is the key), or an item at the end of a list (`-1`).

    Objects missing on the way are made.
    """
    document = parse(text)
    *above, last = path
    if above and node_at(document, above) is None:
        return insert(text, above, [value] if last == -1 else {last: value})
    container = _existing(document, above)
    name = "" if last == -1 else f"{json.dumps(last, ensure_ascii=False)}: "
    children = _spans(container)
    if not children:
        return _fill(text, document, container, name, value)
    first, end = children[0][0], children[-1][1]
    lead = text[container.start + 1 : first]
    if "\n" not in lead and "\r" not in lead:
        gap = " " if re.search(r"[,:]\s", text[container.start : container.end]) else ""
        addition = f",{gap}{name if gap else name.rstrip()}{_compact(value, text)}"
        return text[:end] + addition + text[end:]
    addition = f",{_newline(text)}{_margin(text, first)}{name}"
    return text[:end] + addition + _indented(value, text, first) + text[end:]


def remove(text: str, path: Path) -> str:
    """Take a key or item away, with its comma; the white space of its neighbours stays."""
    document = parse(text)
    container, gone = _existing(document, path[:-1]), _existing(document, path)
    spans = _spans(container)
    position = next(index for index, span in enumerate(spans) if span[1] == gone.end)
    if len(spans) == 1:
        return text[: container.start + 1] + text[container.end - 1 :]
    if position == len(spans) - 1:
        return text[: spans[position - 1][1]] + text[spans[position][1] :]
    return text[: spans[position][0]] + text[spans[position + 1][0] :]


def _existing(document: JsonText, path: Path) -> Node:
    node = node_at(document, path)
    if node is None:
        raise KeyError(tuple(path))
    return node


def _spans(container: Node) -> list[tuple[int, int]]:
    if isinstance(container.content, dict):
        return [(member.start, member.value.end) for member in container.content.values()]
    return [(item.start, item.end) for item in container.content]


def _fill(text: str, document: JsonText, container: Node, name: str, value: Any) -> str:
    """The first child of an empty container: on lines of its own unless the whole text is one line."""
    opening, closing = ("{", "}") if isinstance(container.content, dict) else ("[", "]")
    one_line = "\n" not in text[document.root.start : document.root.end]
    if one_line and container is not document.root:
        body = name + _compact(value, text)
    else:
        newline, margin = _newline(text), _margin(text, container.start)
        inner = margin + _unit(text)
        shown = json.dumps(value, ensure_ascii=False, indent=_unit(text)).replace("\n", newline + inner)
        body = f"{newline}{inner}{name}{shown}{newline}{margin}"
    return text[: container.start] + opening + body + closing + text[container.end :]


def _compact(value: Any, text: str) -> str:
    blanks = re.search(r'":\s', text) is not None
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": ") if blanks else (",", ":"))


def _indented(value: Any, text: str, offset: int) -> str:
    shown = json.dumps(value, ensure_ascii=False, indent=_unit(text))
    return shown.replace("\n", _newline(text) + _margin(text, offset))


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"


def _margin(text: str, offset: int) -> str:
    """The white space at the beginning of the line that an offset is in."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return line[: len(line) - len(line.lstrip(" \t"))]


def _unit(text: str) -> str:
    """One step of the text's own indentation."""
    found = re.search(r'[{\[]\r?\n([ \t]+)["{\[]', text)
    return found.group(1) if found else DEFAULT_INDENT

"""Configuration files as people write them: UTF-8 with or without a byte order mark, any line ends.

Whatever is wrong becomes a ConfigError with file, line, column and cure.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from gaia_budget.errors import ConfigError
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from gaia_budget.jsontext import JsonText


def read_text(path: Path) -> str:
    """The text of a file, byte order mark included. Raises ConfigError; FileNotFoundError when it is missing."""
    try:
        return decoded(files.read(str(path)), path)  # a pipe or a device makes nobody wait
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(
            path, f"cannot be read: {error.strerror or error}", slug="config-unreadable"
        ) from error


def decoded(data: bytes, path: Path) -> str:
    """The text of a file's bytes, line ends and byte order mark as they are. Raises ConfigError."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        if data.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise ConfigError(
                path, "is UTF-16", line=1, cure="Save it as UTF-8", slug="config-encoding"
            ) from None
        raise ConfigError(
            path, "is not UTF-8", line=line, cure="Save it as UTF-8", slug="config-encoding"
        ) from None


def read_json(path: Path) -> JsonText:
    """A JSON file with the places of its keys. Raises ConfigError; FileNotFoundError when it is missing."""
    return json_document(path, read_text(path))


def json_document(path: Path, text: str, cure: str = "Fix the JSON there") -> JsonText:
    """The text of a JSON file with the places of its keys. Raises ConfigError."""
    from gaia_budget.jsontext import JsonSyntaxError, parse

    try:
        return parse(text)
    except JsonSyntaxError as error:
        raise ConfigError(
            path, error.problem, line=error.line, column=error.column, cure=cure, slug="config-syntax"
        ) from None


def read_toml(path: Path, parse_float: Callable[[str], Any] = float) -> dict[str, Any]:
    """A TOML file as a table; empty when it is missing. `parse_float` as in tomllib. Raises ConfigError."""
    import tomllib

    try:
        text = read_text(path)
    except FileNotFoundError:
        return {}
    try:
        return tomllib.loads(text.removeprefix("\ufeff"), parse_float=parse_float)
    except tomllib.TOMLDecodeError as error:
        problem, _, place = str(error).partition(" (at ")
        numbers = [int(number) for number in re.findall(r"\d+", place)]
        line, column = numbers if len(numbers) == 2 else (None, None)
        raise ConfigError(
            path,
            problem[:1].lower() + problem[1:],
            line=line,
            column=column,
            cure="Fix the TOML there",
            slug="config-syntax",
        ) from None
    except (ValueError, ArithmeticError):  # Python takes 4,300 digits, and no exponent of twenty
        raise ConfigError(
            path, "a number in it is too large", cure="Fix the TOML there", slug="config-syntax"
        ) from None
    except RecursionError:
        raise ConfigError(
            path, "is nested too deeply", cure="Fix the TOML there", slug="config-syntax"
        ) from None


def toml_line(text: str, keys: Sequence[str | int]) -> int | None:
    """The line (from 1) where a key of a TOML file stands: `modules.via.on_exceeded` in its table, or inline."""
    table: list[str] = []
    best, depth = None, 0
    wanted = [str(key) for key in keys]
    for number, line in enumerate(text.removeprefix("\ufeff").splitlines(), 1):
        header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
        assignment = re.match(r"\s*([\w\-.\"' ]+?)\s*=", line)
        if header:
            table = _dotted(header.group(1))
            found = table
        elif assignment:
            found = table + _dotted(assignment.group(1))
        else:
            continue
        if len(found) > depth and found == wanted[: len(found)]:
            best, depth = number, len(found)
    return best


def toml_with(text: str, key: str | None, entry: str) -> str:
    """A TOML text with a line in the place of a top-level key's, or as its first; all else stays as it is."""
    mark = "\ufeff" if text.startswith("\ufeff") else ""
    lines = text.removeprefix(mark).splitlines(keepends=True)
    number = None if key is None else toml_line(text, (key,))
    if number is None:
        lines.insert(0, f"{entry}\n")
    else:
        before = lines[number - 1]
        lines[number - 1] = entry + before[len(before.rstrip("\r\n")) :]
    return mark + "".join(lines)


def _dotted(name: str) -> list[str]:
    return [part.strip().strip("\"'") for part in name.split(".")]


def refuse_doubled(document: JsonText, file: Path) -> None:
    """Raise ConfigError where a key of a file stands twice: nobody can tell which of the values is meant."""
    if document.doubled:
        key, offset = document.doubled[0]
        line, column = document.line_column(offset)
        raise ConfigError(
            file,
            "stands twice",
            line=line,
            column=column,
            key=key,
            cure="Keep one of them",
            slug="config-twice",
        )


def day(value: Any, source: Path, key: str) -> date:
    """A day in a TOML file. Raises ConfigError for anything else."""
    if not isinstance(value, date) or isinstance(value, datetime):
        raise ConfigError(
            source, f"{value!r} is not a day", key=key, cure="Write it as 2026-10-01, without quotes"
        )
    return value

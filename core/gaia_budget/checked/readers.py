"""How values are read: a text, a number, a list of them. Each gives the value, or raises Wrong."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast, get_args

from gaia_budget.checked import Wrong, at, wrong

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
LARGEST = 10**18
"""Whole numbers stay below this: a database has no larger ones."""
DIGITS = 100
"""Any number stays below ten to this power: reckoning with money ends in an overflow somewhere above."""
YES, NO = ("true", "yes", "on", "t", "y", "1"), ("false", "no", "off", "f", "n", "0")


class Secret:
    """A text that is never shown: not by `str`, by `repr` or in a document."""

    def __init__(self, text: str) -> None:
        self._text = text

    def revealed(self) -> str:
        """The text itself."""
        return self._text

    def __str__(self) -> str:
        return "**********" if self._text else ""

    def __repr__(self) -> str:
        return f"Secret({str(self)!r})"

    def __bool__(self) -> bool:
        return bool(self._text)


def text(value: Any) -> str:
    """A text."""
    if not isinstance(value, str):
        raise wrong(value, "must be a text, in quotes")
    try:
        value.encode()
    except UnicodeEncodeError:  # bytes of the environment, or half a character of JSON
        raise wrong(value, "must be a text in UTF-8") from None
    return value


def filled(value: Any) -> str:
    """A text that is not empty."""
    if not text(value):
        raise wrong(value, "must not be empty")
    return str(value)


def path(value: Any) -> Path:
    """A file or a folder; its name may be any bytes that a system allows."""
    return Path(value if isinstance(value, str) else text(value))


def secret(value: Any) -> Secret:
    """A text that is never shown."""
    return Secret(text(value))


def flag(value: Any) -> bool:
    """Yes or no; of the environment in any usual word."""
    word = str(value).lower()
    if isinstance(value, bool | int | str) and word in (*YES, *NO):
        return word in YES
    raise wrong(value, "must be true or false")


def number(value: Any) -> Decimal:
    """An exact number; of the environment as a text."""
    try:
        found = None if isinstance(value, bool) else Decimal(str(value).strip())
    except InvalidOperation:
        found = None
    if found is None or not found.is_finite():
        raise wrong(value, "must be a number")
    if found.adjusted() >= DIGITS:
        raise Wrong(f"must be a number below 10^{DIGITS}")
    return found


def whole(value: Any) -> int:
    """A whole number."""
    found = number(value)
    if found != found.to_integral_value() or abs(found) >= LARGEST:
        raise wrong(value, "must be a whole number below 10^18")
    return int(found)


def within(
    read: Callable[[Any], T], *, over: int | None = None, least: int | None = None, most: int | None = None
) -> Callable[[Any], T]:
    """A reader of numbers with bounds."""

    def bounded(value: Any) -> T:
        found: Any = read(value)
        if over is not None and found <= over:
            raise wrong(value, f"must be greater than {over}")
        if least is not None and found < least:
            raise wrong(value, f"must be greater than or equal to {least}")
        if most is not None and found > most:
            raise wrong(value, f"must be less than or equal to {most}")
        return cast("T", found)

    return bounded


def one_of(words: Any) -> Callable[[Any], Any]:
    """A reader of one of a Literal's words."""
    choices = get_args(words)

    def chosen(value: Any) -> Any:
        if value not in choices:
            shown = f"{value!r} is not valid" if isinstance(value, str | int | float) else "is not valid"
            raise Wrong(shown, choices=choices)
        return value

    return chosen


def maybe(read: Callable[[Any], T]) -> Callable[[Any], T | None]:
    """A reader of what may also be null."""
    return lambda value: None if value is None else read(value)


def listed(read: Callable[[Any], T]) -> Callable[[Any], list[T]]:
    """A reader of lists."""

    def each(value: Any) -> list[T]:
        if not isinstance(value, list):
            raise wrong(value, "must be a list")
        return [at(place, read, one) for place, one in enumerate(value)]

    return each


def from_json(value: str, otherwise: str) -> Any:
    """What a text says as JSON; `otherwise` is the problem where it is none, or none that can be read."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):  # also a number of too many digits
        raise wrong(value, otherwise) from None


def parted(separator: str, read: Callable[[Any], list[T]]) -> Callable[[Any], list[T]]:
    """A reader of lists that also takes a text, as the environment has it: JSON, else its parts."""

    def each(value: Any) -> list[T]:
        if not isinstance(value, str):
            return read(value)
        if not value.lstrip().startswith("["):
            return read([part.strip() for part in value.split(separator) if part.strip()])
        return read(from_json(value, "begins like a JSON list and is none"))

    return each


def table(read: Callable[[Any], T]) -> Callable[[Any], dict[str, T]]:
    """A reader of tables whose keys are names."""

    def each(value: Any) -> dict[str, T]:
        if not isinstance(value, dict):
            raise wrong(value, "must be a table")
        return {name: at(name, read, one) for name, one in value.items()}

    return each

"""Tables as people write them, checked: a class lists the keys of one, and each key says how its value is read.

A reader takes what a file or an environment variable holds and gives the value, or raises Wrong. Every command reads
settings, so this is small and quick to load; a library for it took as long as all the rest of a command.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
REQUIRED: Any = object()


class Wrong(ValueError):
    """What is wrong with a value, where it lies below the table that was read, and what is valid instead."""

    def __init__(self, problem: str, path: Sequence[str | int] = (), choices: Sequence[str] = ()) -> None:
        super().__init__(problem)
        self.problem, self.path, self.choices = problem, tuple(path), list(choices)

    def below(self, part: str | int) -> Wrong:
        """The same, told by whoever holds the value under this key or number."""
        return Wrong(self.problem, (part, *self.path), self.choices)


def wrong(given: object, problem: str) -> Wrong:
    """The error for a value: what was given stands before what is wrong with it, where it is no table and no list."""
    plain = given is None or isinstance(given, str | int | float)
    return Wrong(f"{given!r}: {problem}" if plain else problem)


class Key(NamedTuple):
    """A key of a record: how its value is read, what holds without it, and what it means.

    `made` gives the default where that is found out; `written` is the key's name in the file where that is no name.
    """

    read: Callable[[Any], Any]
    default: Any = REQUIRED
    meaning: str = ""
    made: Callable[[], Any] | None = None
    written: str = ""


def key(
    read: Callable[[Any], T],
    default: T = REQUIRED,
    meaning: str = "",
    *,
    made: Callable[[], T] | None = None,
    written: str = "",
) -> T:
    """A key of the record that is being defined; to its readers it has the type of its value."""
    return cast("T", Key(read, default, meaning, made, written))


class Keyed:
    """What a table says: one attribute for each key. `given` are the keys that it had.

    A subclass with `others=True` lets keys pass that it does not know, and holds them in `others`.
    """

    keys: ClassVar[dict[str, Key]] = {}
    lets_pass: ClassVar[bool] = False
    given: frozenset[str]
    others: dict[str, Any]

    def __init_subclass__(cls, *, others: bool = False) -> None:
        cls.keys = cls.keys | {name: one for name, one in vars(cls).items() if isinstance(one, Key)}
        cls.lets_pass = cls.lets_pass or others

    def __init__(self, /, **table: Any) -> None:
        """Read the values of a table. Raises Wrong."""
        given = set()
        for name, one in self.keys.items():
            said = one.written or name
            if said in table:
                given.add(name)
                setattr(self, name, at(said, one.read, table.pop(said)))
            elif one.made is not None:
                setattr(self, name, one.made())
            elif one.default is REQUIRED:
                raise Wrong("is missing", [said])
            else:
                setattr(self, name, copy.copy(one.default))
        for unknown in () if self.lets_pass else table:
            raise Wrong(
                "is not a known key", [unknown], sorted(one.written or n for n, one in self.keys.items())
            )
        self.given, self.others = frozenset(given), table
        self.completed()

    def completed(self) -> None:
        """What is found out, or refused, once all values are there. Raises Wrong."""

    @classmethod
    def of(cls, value: Any) -> Self:
        """The record of a table; a reader as the others. Raises Wrong."""
        if not isinstance(value, dict):
            raise wrong(value, "must be a table")
        return cls(**value)

    def but(self, **changes: Any) -> Self:
        """The same with other values, which are taken as they are."""
        other = copy.copy(self)
        vars(other).update(changes)
        other.given = self.given | changes.keys()
        return other

    def document(self) -> dict[str, Any]:
        """Every key's value as JSON has it."""
        return {name: _plain(getattr(self, name)) for name in self.keys}


def at(part: str | int, read: Callable[[Any], T], value: Any) -> T:
    """What a reader makes of the value under a key or number; what is wrong there is told with it."""
    try:
        return read(value)
    except Wrong as error:
        raise error.below(part) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Keyed):
        return value.document()
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, str | int | float) else str(value)

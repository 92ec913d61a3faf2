"""How a table of the ledger is written down, and the columns that many tables have."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable


class Column(NamedTuple):
    """A column, text or (`number`) an integer of 64 bits. Without a default whoever inserts a row names a value."""

    name: str
    meaning: str
    number: bool = False
    default: str | int | None = None
    nullable: bool = False
    check: str = ""


class Index(NamedTuple):
    """An index, of those rows alone for which `where` holds."""

    name: str
    columns: tuple[str, ...]
    where: str = ""


class Table(NamedTuple):
    """A table as it is after the last migration; `rules` hold for every row, beside the checks of its columns."""

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    rules: tuple[str, ...] = ()
    indexes: tuple[Index, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its columns."""
        return tuple(column.name for column in self.columns)

    @property
    def checks(self) -> list[str]:
        """What holds of every row, in SQL."""
        return sorted([*self.rules, *(column.check for column in self.columns if column.check)])


def text(name: str, meaning: str) -> Column:
    """A text that is empty where nothing is known."""
    return Column(name, meaning, default="")


def count(name: str, meaning: str) -> Column:
    """A figure that is never negative and starts at 0."""
    return Column(name, meaning, number=True, default=0, check=f"{name} >= 0")


def figures(named: dict[str, str]) -> Iterable[Column]:
    """Figures that `never_negative` guards together: one check costs less than one for each, on every insert."""
    return (Column(name, meaning, number=True, default=0) for name, meaning in named.items())


def instant(name: str, meaning: str, *, nullable: bool = False) -> Column:
    return Column(name, f"{meaning} (UTC microseconds)", number=True, nullable=nullable)


def never_negative(names: Iterable[str]) -> str:
    """A bitwise or is negative when one of its operands is."""
    return f"({' | '.join(names)}) >= 0"


def one_of(name: str, *values: str) -> str:
    """Comparisons: SQLite builds a table for each IN, which made an insert half as slow again."""
    return " OR ".join(f"{name} = '{value}'" for value in values)

"""Task names: the one place that says which spellings mean the same task.

Whoever names a task (`recommend`, `outcome`, `guard.task`, `guard.escalate`, the log, what is learnt) asks here, so
that `JD parse`, `jd-parse`, `jdParse` and `jd_parsing` are one task with one record everywhere.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gaia_budget.routing.tiers import TaskKind

MAX_NAME = 60
"""Characters of the longest name; more is a description."""
NEAREST = 5
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_BETWEEN = re.compile(r"[\W_]+")


def folded(name: str) -> str:
    """A name in one spelling, lower case with underscores: case, blanks, hyphens and `camelCase` do not count."""
    apart = _CAMEL.sub("_", unicodedata.normalize("NFKC", name).strip())
    return _BETWEEN.sub("_", apart.casefold()).strip("_")


def task_name(name: str) -> str:
    """The name by which a task is logged, capped and learnt from, however it was written; aliases are followed.

    A name that the routing table lacks stands for itself. Raises nothing for a table that cannot be read: what an
    app's call is booked under must not depend on a typing error there, and `recommend` names the error.
    """
    from gaia_budget.errors import ConfigError
    from gaia_budget.routing import table

    try:
        return named(name, table.names())
    except (ConfigError, OSError):
        return folded(name)


def recorded_as(name: str) -> tuple[str, ...]:
    """Every name that outcomes of a task may have been recorded under, by this version or an older one.

    Raises ConfigError for a table that cannot be read.
    """
    from gaia_budget.routing import table

    known = table.load().task(name)
    names = (known.name, *known.also) if known else (folded(name),)
    return tuple(dict.fromkeys([*names, *(one.replace("_", " ") for one in names), name]))


def index(tasks: Iterable[TaskKind]) -> dict[str, str]:
    """{spelling without separators: name} of all tasks; a task's own name goes before another's alias."""
    found = {_bare(other): task.name for task in tasks for other in task.also}
    return found | {_bare(task.name): task.name for task in tasks}


def named(name: str, known: Mapping[str, str]) -> str:
    """The name that an `index` has for a spelling, else the spelling itself, folded."""
    return known.get(_bare(folded(name))) or folded(name)


def find(name: str, tasks: Mapping[str, TaskKind]) -> TaskKind | None:
    """The task of a name in any spelling; None when it is none."""
    return tasks.get(named(name, index(tasks.values())))


def nearest(name: str, names: Sequence[str]) -> list[str]:
    """All names, those that resemble one most first, for whoever has to name choices."""
    first = difflib.get_close_matches(folded(name), names, NEAREST, 0.4)
    return [*first, *sorted(set(names).difference(first))]


def _bare(spelling: str) -> str:
    return spelling.replace("_", "")

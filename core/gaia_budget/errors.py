"""Every exception of the project, in one tree. A message says what is wrong, where, and how to mend it.

Each carries the `slug` of its kind; `troubles.toml` beside this file has cause and cure of every one.

GaiaBudgetError
├── InputError            the user's input or files are wrong (exit 1)
│   ├── ConfigError       a configuration file: file, line, key, valid choices
│   └── NotFoundError     a name that does not exist, with the nearest choices
├── BudgetExceededError   a call would go over a limit (exit 1)
├── ChannelError          an alert could not be sent: it is tried again (exit 1)
├── InstallError          the program could not be installed; nothing was wired (exit 1)
├── LedgerError           the ledger cannot be used: locked, read-only, newer, unreachable (exit 1)
└── InternalError         a fault of ours (exit 3)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


class GaiaBudgetError(Exception):
    """Base of all errors that the project raises. `exit_code` is what the command line ends with."""

    exit_code = 1

    def __init__(self, message: str, *, slug: str) -> None:
        self.slug = slug
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        """From process to process as it is: an app's pool of workers hands errors over."""
        return _again, (type(self), self.args), self.__dict__


def told(slug: str, message: str) -> dict[str, dict[str, str]]:
    """An error as a document: `--json` prints it."""
    known = {name: text for group in troubles().values() for name, text in group.items()}
    return {"error": {"slug": slug, "message": message, "cure": known[slug][1]}}


def troubles() -> dict[str, dict[str, tuple[str, str]]]:
    """Cause and cure of every slug, by the class of error; and of what the program says that is no error."""
    import tomllib

    return tomllib.loads(Path(__file__).with_name("troubles.toml").read_text("utf-8"))


def _again(kind: type[GaiaBudgetError], args: tuple[Any, ...]) -> GaiaBudgetError:
    return kind.__new__(kind, *args)


class InputError(GaiaBudgetError):
    """What the user gave is wrong; the message says how to mend it."""


class ConfigError(InputError):
    """A configuration file is wrong at a known place."""

    def __init__(
        self,
        file: Path | str,
        problem: str,
        *,
        line: int | None = None,
        column: int | None = None,
        key: str | None = None,
        choices: Sequence[str] = (),
        cure: str = "",
        slug: str = "config-value",
    ) -> None:
        self.file, self.line, self.column, self.key = file, line, column, key
        place = str(file)
        if line is not None:
            place += f":{line}" if column is None else f":{line}:{column}"
        text = f"{place}: {problem}" if key is None else f"{place}: {key}: {problem}"
        if choices:
            text += f" (valid: {', '.join(choices)})"
        if cure:
            text += f". {cure}"
        super().__init__(text, slug=slug)


class NotFoundError(InputError):
    """A name that does not exist; `choices` are the valid ones, or the nearest where `cure` tells how to see all."""

    def __init__(self, what: str, name: str, choices: Sequence[str] = (), cure: str = "") -> None:
        self.name, self.choices = name, list(choices)
        hint = f" {'Nearest' if cure else 'Valid'}: {', '.join(choices)}." if choices else ""
        super().__init__(f"unknown {what} {name!r}.{hint}{' ' if cure else ''}{cure}", slug="unknown-name")


class BudgetExceededError(GaiaBudgetError):
    """A call was refused before any request was sent: it would go over a limit.

    Attributes: `scope` (such as "module jseeker, November 2026"), `spent_nano`, `reserved_nano`, `limit_nano`
    (nano-dollars), `resets_on` (ISO date or None).
    """

    def __init__(
        self,
        message: str,
        *,
        scope: str,
        spent_nano: int,
        reserved_nano: int,
        limit_nano: int,
        resets_on: str | None = None,
    ) -> None:
        self.scope, self.resets_on = scope, resets_on
        self.spent_nano, self.reserved_nano, self.limit_nano = spent_nano, reserved_nano, limit_nano
        super().__init__(message, slug="over-limit")

    def advised(self, cure: str) -> BudgetExceededError:
        """The same refusal with one more way out."""
        return BudgetExceededError(
            f"{self}{cure}",
            scope=self.scope,
            spent_nano=self.spent_nano,
            reserved_nano=self.reserved_nano,
            limit_nano=self.limit_nano,
            resets_on=self.resets_on,
        )


class LedgerError(GaiaBudgetError):
    """The ledger cannot be used; nothing was written."""


class ChannelError(GaiaBudgetError):
    """An alert could not be sent; the message holds no address and no secret."""


class InstallError(GaiaBudgetError):
    """The program could not be installed; nothing was wired, and what was there before goes on."""


class InternalError(GaiaBudgetError):
    """A fault of ours."""

    exit_code = 3

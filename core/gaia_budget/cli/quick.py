"""Commands that answer at once: typer checks values with pydantic, which takes longer to load than the answer.

Text and flags are taken as they come, and an absent option as absent; all other values go typer's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
import typer.core

if TYPE_CHECKING:
    from collections.abc import Callable


WANTED = {
    "See what was spent": (
        "daily",
        "weekly",
        "monthly",
        "projects",
        "sessions",
        "blocks",
        "spend",
        "status",
        "top",
        "dashboard",
        "receipt",
        "report",
    ),
    "Plan ahead": ("forecast", "anomalies", "recommend", "outcome", "prices", "tokens"),
    "Set limits": ("alerts", "override", "session"),
    "Files": ("claude-md", "ingest", "import", "export"),
    "Set up": (
        "init",
        "pay",
        "doctor",
        "demo",
        "selftest",
        "settings",
        "mcp",
        "hook",
        "statusline",
        "verify",
        "rebuild",
        "migrate-db",
    ),
}
"""The commands by what people want."""
WHOLE = 300
"""Characters that a sentence may have."""


class QuickCommand(typer.core.TyperCommand):
    """A command whose text options need no check."""

    def get_params(self, context: Any) -> list[Any]:
        """The parameters, `--help` among them."""
        return [_quick(parameter) for parameter in super().get_params(context)]


class QuickGroup(typer.core.TyperGroup):
    """The same for what stands before a verb; its help gives the whole first sentence of each."""

    def get_params(self, context: Any) -> list[Any]:
        """The parameters, `--help` among them."""
        return [_quick(parameter) for parameter in super().get_params(context)]

    def format_commands(self, context: Any, formatter: Any) -> None:
        """The commands."""
        self._list(context, formatter, {"Commands": tuple(self.list_commands(context))})

    def _list(self, context: Any, formatter: Any, titles: dict[str, tuple[str, ...]]) -> None:
        for title, names in titles.items():
            known = [
                (name, one) for name in names if (one := self.get_command(context, name)) and not one.hidden
            ]
            if known:
                with formatter.section(title):
                    formatter.write_dl([(name, one.get_short_help_str(WHOLE)) for name, one in known])


class ByPurpose(QuickGroup):
    """The whole command line, whose help lists commands by what people want."""

    def format_commands(self, context: Any, formatter: Any) -> None:
        """The commands by what people want."""
        grouped = {name for names in WANTED.values() for name in names}
        rest = tuple(name for name in self.list_commands(context) if name not in grouped)
        self._list(context, formatter, {**WANTED, "More": rest})


def quicken(app: typer.Typer) -> None:
    """Let every command of a command line, and of its groups, answer at once."""
    for command in app.registered_commands:
        command.cls = QuickCommand
    for group in app.registered_groups:
        group.cls = QuickGroup
        if group.typer_instance is not None:
            quicken(group.typer_instance)


def _quick(parameter: Any) -> Any:
    if "process_value" not in vars(parameter):
        parameter.process_value = _taking_text(parameter, parameter.process_value)
    return parameter


def _taking_text(parameter: Any, checked: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    calls_back = parameter.callback is not None
    wanted = parameter.type_descriptor.annotation

    def process(context: Any, value: Any) -> Any:
        if value is None:
            quick = not parameter.required and (not calls_back or parameter.name == "help")
        else:
            quick = wanted in (str, bool) and type(value) is wanted and not calls_back
        return value if quick else checked(context, value)

    return process

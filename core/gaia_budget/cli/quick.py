"""Commands that answer at once: typer checks values with pydantic, which takes longer to load than the answer.

Text is taken as it comes, and an absent option as absent; all other values go typer's way.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    "Plan ahead": ("forecast", "anomalies", "recommend", "outcome", "prices"),
    "Set limits": ("alerts", "override", "session"),
    "Files": ("claude-md", "ingest", "import", "export"),
    "Set up": (
        "init",
        "pay",
        "doctor",
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
    """The same for what stands before the verb."""

    def get_params(self, context: Any) -> list[Any]:
        """The parameters, `--help` among them."""
        return [_quick(parameter) for parameter in super().get_params(context)]

    def format_commands(self, context: Any, formatter: Any) -> None:
        """The commands by what people want, each with its whole first sentence."""
        found = {name: self.get_command(context, name) for name in self.list_commands(context)}
        grouped = {name for names in WANTED.values() for name in names}
        rest = tuple(name for name in found if name not in grouped)
        for title, names in {**WANTED, "More": rest}.items():
            known = [(name, one) for name in names if (one := found.get(name)) and not one.hidden]
            rows = [(name, command.get_short_help_str(WHOLE)) for name, command in known]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)


def _quick(parameter: Any) -> Any:
    if "process_value" not in vars(parameter):
        parameter.process_value = _taking_text(parameter, parameter.process_value)
    return parameter


def _taking_text(parameter: Any, checked: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    hooked = (
        parameter.callback is not None and parameter.name != "help"
    )  # help's does nothing without a value
    is_text = parameter.type_descriptor.annotation is str

    def process(context: Any, value: Any) -> Any:
        absent = value is None and not parameter.required
        text = is_text and type(value) is str
        return value if (absent or text) and not hooked else checked(context, value)

    return process

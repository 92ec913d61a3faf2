"""The verbs of the command line: which there are, and commands that answer at once.

typer checks values with pydantic, which takes longer to load than the answer. So text and flags are taken as they
come, and an absent option as absent; all other values go typer's way.
"""

from __future__ import annotations

import importlib
from collections import UserDict
from typing import TYPE_CHECKING, Any

import typer
import typer.core
import typer.main

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


VERBS = {
    "See what was spent": {
        "daily": "seeing.tables",
        "weekly": "seeing.tables",
        "monthly": "seeing.tables",
        "projects": "seeing.tables",
        "sessions": "seeing.sessions",
        "blocks": "seeing.sessions",
        "spend": "figures.spend",
        "status": "figures.status",
        "top": "seeing.top",
        "dashboard": "seeing.page",
        "receipt": "seeing.receipt",
        "report": "seeing.page",
    },
    "Plan ahead": {
        "forecast": "figures.forecast",
        "anomalies": "figures.forecast",
        "recommend": "deciding.recommend",
        "outcome": "deciding.recommend",
        "prices": "deciding.prices",
        "tokens": "deciding.tokens",
    },
    "Set limits": {
        "alerts": "figures.alerts",
        "override": "deciding.override",
        "session": "deciding.override",
    },
    "Files": {
        "claude-md": "claude_md.commands",
        "ingest": "ingest",
        "import": "ingest",
        "export": "export",
    },
    "Set up": {
        "init": "setup.init",
        "pay": "deciding.pay",
        "doctor": "setup.trying",
        "demo": "setup.trying",
        "selftest": "setup.trying",
        "settings": "setup.settings",
        "mcp": "setup.programs",
        "hook": "setup.programs",
        "statusline": "setup.programs",
        "verify": "upkeep",
        "rebuild": "upkeep",
        "migrate-db": "upkeep",
    },
}
"""The verbs by what people want, each with the module (below this package) that registers it."""
MODULES = {verb: module for verbs in VERBS.values() for verb, module in verbs.items()}
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
        self._list(context, formatter, {"Commands": self.list_commands(context)})

    def _list(self, context: Any, formatter: Any, titles: dict[str, Iterable[str]]) -> None:
        for title, names in titles.items():
            known = [
                (name, one) for name in names if (one := self.get_command(context, name)) and not one.hidden
            ]
            if known:
                with formatter.section(title):
                    formatter.write_dl([(name, one.get_short_help_str(WHOLE)) for name, one in known])


class Whole(QuickGroup):
    """The whole command line, whose help lists commands by what people want."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands = _Verbs(dict.fromkeys(MODULES))

    def format_commands(self, context: Any, formatter: Any) -> None:
        """The commands by what people want."""
        self._list(context, formatter, {title: [*verbs] for title, verbs in VERBS.items()})


class _Verbs(UserDict[str, Any]):
    """Commands by name. One is made, and its module loaded, when it is asked for: a run needs one of them."""

    def __getitem__(self, name: str) -> Any:
        if self.data[name] is None:
            self.data[name] = _made(name)
        return self.data[name]


def _made(name: str) -> Any:
    alone = typer.Typer(rich_markup_mode=None)
    importlib.import_module(f"gaia_budget.cli.{MODULES[name]}").register(alone)
    alone.registered_commands = [one for one in alone.registered_commands if one.name == name]
    alone.registered_groups = [one for one in alone.registered_groups if one.name == name]
    _quicken(alone)
    return typer.main.get_group(alone).commands[name]


def _quicken(app: typer.Typer) -> None:
    """Let every command, and those of its groups, answer at once."""
    for command in app.registered_commands:
        command.cls = QuickCommand
    for group in app.registered_groups:
        group.cls = QuickGroup
        if group.typer_instance is not None:
            _quicken(group.typer_instance)


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

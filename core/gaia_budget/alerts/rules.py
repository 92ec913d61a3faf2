"""Alert rules as data: those that come with the program, and the user's `alerts.toml` laid over them by name.

A rule that is wrong is refused with file, line and the valid keys; the others go on working.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast, get_args

from gaia_budget import places
from gaia_budget.alerts.kinds import KINDS, Kind, Span, span_named
from gaia_budget.checked import Keyed, Wrong, key, wrong
from gaia_budget.checked.readers import flag, listed, number, one_of, text, whole, within
from gaia_budget.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

Channel = Literal["terminal", "argus", "mcp", "desktop", "webhook"]
Comparison = Literal[">=", ">", "<=", "<"]
Scope = Literal["module", "task", "session", "all"]
Severity = Literal["warning", "critical"]
CHANNELS: tuple[Channel, ...] = get_args(Channel)
MICRO = 1_000_000
UNITS = {"m": 60 * MICRO, "h": 3600 * MICRO, "d": 86_400 * MICRO}


def _metric(value: Any) -> str:
    if text(value) not in KINDS:
        raise wrong(value, f"no such metric (valid: {', '.join(sorted(KINDS))})")
    return str(value)


def _lower(value: Any) -> str:
    return text(value).lower()


def _threshold(value: Any) -> Any:
    number_given = (
        isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()
    )
    if not number_given and value not in ("warning", "critical"):
        raise wrong(value, "must be a number, without quotes, or warning or critical")
    return value if isinstance(value, str) else number(value)


def _duration(value: Any) -> str:
    _micros(text(value))
    return str(value)


class Rule(Keyed):
    """One rule: when a metric of each module (task, session) compares so with the value, an alert fires.

    `value` is exact; `warning` and `critical` stand for the module's own thresholds. Less than `at_least_usd` or
    `at_least_tokens` in the window is too little to judge. Once over, the same alert may fire again after
    `cooldown`, and in the same calendar month not at all where its window is the month.
    """

    name: str = key(text, "")
    metric: str = key(_metric, meaning="what is measured")
    scope: Scope = key(one_of(Scope), "all", "one alert for each of these")
    module: str = key(_lower, "", "this module alone")
    task: str = key(text, "", "this task alone (scope task)")
    window: str = key(text, "", "how far back: month, day, or such as 6h or 7d")
    comparison: Comparison = key(one_of(Comparison), ">=", "how the metric is compared with the value")
    value: Decimal | Literal["warning", "critical"] = key(
        _threshold, meaning="the threshold, in the metric's unit"
    )
    severity: Severity = key(one_of(Severity), "warning", "how bad it is")
    cooldown: str = key(_duration, "1d", "how long the same alert keeps quiet after it has fired")
    channels: list[Channel] = key(listed(one_of(Channel)), list(CHANNELS), "where it is told")
    at_least_usd: Decimal = key(
        within(number, least=0), Decimal(0), "spend in the window that is worth judging"
    )
    at_least_tokens: int = key(
        within(whole, least=0), 0, "prompt tokens in the window that are worth judging"
    )
    next_step: str = key(text, "", "what to do; {module}, {subject}, {resets_on} and {beyond} are filled in")
    enabled: bool = key(flag, True, "false: the rule is off")

    def completed(self) -> None:
        """Refuse what does not go together."""
        self.kind: Kind = KINDS[self.metric]
        scopes = self.kind.scopes
        if "scope" not in self.given:  # then the metric's first one holds
            self.scope = cast("Scope", scopes[0])
        if self.scope not in scopes:
            raise Wrong(f"{self.metric} has no {self.scope} (valid: {', '.join(scopes)})", ["scope"])
        self.span: Span = span_named(self.window, self.kind)
        if problem := self._out_of_reach():
            raise Wrong(problem, ["value"])

    def _out_of_reach(self) -> str:
        """Why the value is none for the metric; empty where it is one."""
        if isinstance(self.value, str):
            one = self.metric == "spend_percent"
            return "" if one else "warning and critical are thresholds of spend_percent alone"
        if self.value < 0:
            return "must be a number from 0"
        if self.kind.highest is not None and self.value > self.kind.highest:
            return f"{self.metric} is never over {self.kind.highest}"
        always = f"{self.comparison} {self.value} is always so, and the alert would never end"
        return always if self._always() else ""

    def _always(self) -> bool:
        upwards = self.comparison == ">=" and self.value == 0
        return upwards or (self.comparison == "<=" and self.value == self.kind.highest)

    @property
    def cooldown_micros(self) -> int:
        """How long it keeps quiet, in microseconds."""
        return _micros(self.cooldown)


class RulesInForce(NamedTuple):
    """The rules in force, and what is wrong with those that are not."""

    rules: list[Rule]
    problems: list[ConfigError]


def file() -> Path:
    """The user's rules, `alerts.toml` in the state folder. It may not exist."""
    return places.home() / "alerts.toml"


def load() -> RulesInForce:
    """The rules in force; never raises for what a user wrote."""
    found = dict(_ours())
    problems: list[ConfigError] = []
    try:
        own = _own()
    except ConfigError as error:
        return RulesInForce([rule for rule in found.values() if rule.enabled], [error])
    for name, table in own.items():
        try:
            found[name] = _read(name, table)
        except ConfigError as error:
            problems.append(error)
    return RulesInForce([rule for rule in found.values() if rule.enabled], problems)


@cache
def _ours() -> dict[str, Rule]:
    """The rules that come with the program."""
    return {name: _made(name, table) for name, table in _shipped().items()}


@cache
def _shipped() -> dict[str, dict[str, Any]]:
    written = resources.files(__package__).joinpath("builtin.toml").read_text(encoding="utf-8")
    rules: dict[str, dict[str, Any]] = tomllib.loads(written, parse_float=Decimal)["rules"]
    return rules


def _own() -> dict[str, Any]:
    from gaia_budget.configfile import read_text, read_toml, toml_line

    source = file()
    document = read_toml(source, parse_float=Decimal)
    for name, content in document.items():
        if name != "rules":
            line = toml_line(read_text(source), (name, *(content if isinstance(content, dict) else ())))
            raise ConfigError(
                source,
                "is not a known key",
                line=line,
                key=name,
                choices=["rules"],
                cure="Write [rules.NAME]",
            )
    rules = document.get("rules", {})
    if not isinstance(rules, dict):
        raise ConfigError(source, "must be tables", key="rules", cure="Write [rules.NAME]")
    return rules


def _made(name: str, table: dict[str, Any]) -> Rule:
    return Rule(**{**table, "name": name})


def _read(name: str, table: Any) -> Rule:
    """A rule of the user's, over ours of that name. Raises ConfigError."""
    from gaia_budget.configfile import read_text, toml_line

    source = file()
    if not isinstance(table, dict) or "name" in table:
        line = toml_line(read_text(source), ("rules", name))
        raise ConfigError(source, "must be a table without the key name", line=line, key=f"rules.{name}",
                          cure="Write [rules.NAME]")  # fmt: skip
    try:
        return _made(name, {**_shipped().get(name, {}), **table})
    except Wrong as error:
        place = ("rules", name, *error.path)
        line = toml_line(read_text(source), place)
        choices = [choice for choice in error.choices if choice != "name"]
        keys = ".".join(map(str, place))
        raise ConfigError(source, error.problem, line=line, key=keys, choices=choices) from None


def _micros(duration: str) -> int:
    count, unit = duration[:-1], duration[-1:]
    if not (count.isdecimal() and len(count) < 7) or unit not in UNITS or not int(count):
        raise wrong(duration, "must be such as 30m, 6h or 7d")
    return int(count) * UNITS[unit]

"""Alert rules as data: those that come with the program, and the user's `alerts.toml` laid over them by name.

A rule that is wrong is refused with file, line and the valid keys; the others go on working.
"""

from __future__ import annotations

import tomllib
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from gaia_budget import places
from gaia_budget.alerts.kinds import KINDS, Kind, Span, span_named
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


class Rule(BaseModel):
    """One rule: when a metric of each module (task, session) compares so with the value, an alert fires.

    `value` is exact; `warning` and `critical` stand for the module's own thresholds. Less than `at_least_usd` or
    `at_least_tokens` in the window is too little to judge. Once over, the same alert may fire again after
    `cooldown`, and in the same calendar month not at all where its window is the month.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = ""
    metric: str = Field(description="what is measured")
    scope: Scope = Field(default="module", description="one alert for each of these")
    module: str = Field(default="", description="this module alone")
    task: str = Field(default="", description="this task alone (scope task)")
    window: str = Field(default="", description="how far back: month, day, or such as 6h or 7d")
    comparison: Comparison = Field(default=">=", description="how the metric is compared with the value")
    value: Decimal | Literal["warning", "critical"] = Field(description="the threshold, in the metric's unit")
    severity: Severity = Field(default="warning", description="how bad it is")
    cooldown: str = Field(default="1d", description="how long the same alert keeps quiet after it has fired")
    channels: tuple[Channel, ...] = Field(default=CHANNELS, description="where it is told")
    at_least_usd: Decimal = Field(
        default=Decimal(0), ge=0, description="spend in the window that is worth judging"
    )
    at_least_tokens: int = Field(
        default=0, ge=0, description="prompt tokens in the window that are worth judging"
    )
    next_step: str = Field(
        default="", description="what to do; {module}, {subject}, {resets_on} and {beyond} are filled in"
    )
    enabled: bool = Field(default=True, description="false: the rule is off")

    @model_validator(mode="before")
    @classmethod
    def _own_scope(cls, table: Any) -> Any:
        """Where no scope is named, the metric's first one holds."""
        kind = KINDS.get(str(table.get("metric"))) if isinstance(table, dict) else None
        return {"scope": kind.scopes[0], **table} if kind else table

    @field_validator("metric")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in KINDS:
            raise ValueError(f"no such metric (valid: {', '.join(sorted(KINDS))})")
        return value

    @field_validator("value", mode="before")
    @classmethod
    def _threshold(cls, value: Any) -> Any:
        number = (
            isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()
        )
        if not number and value not in ("warning", "critical"):
            raise ValueError("must be a number, without quotes, or warning or critical")
        return value

    @field_validator("cooldown")
    @classmethod
    def _duration(cls, value: str) -> str:
        _micros(value)
        return value

    @field_validator("module", "task")
    @classmethod
    def _lower(cls, value: str, info: Any) -> str:
        return value.lower() if info.field_name == "module" else value

    @model_validator(mode="after")
    def _fits(self) -> Rule:
        kind = self.kind
        if self.scope not in kind.scopes:
            raise ValueError(f"scope: {self.metric} has no {self.scope} (valid: {', '.join(kind.scopes)})")
        self.span  # noqa: B018 (raises ValueError for a window that does not go with the metric)
        if isinstance(self.value, str):
            if self.metric != "spend_percent":
                raise ValueError("value: warning and critical are thresholds of spend_percent alone")
            return self
        if self.value < 0:
            raise ValueError("value: must be a number from 0")
        if kind.highest is not None and self.value > kind.highest:
            raise ValueError(f"value: {self.metric} is never over {kind.highest}")
        if self._always():
            raise ValueError(
                f"value: {self.comparison} {self.value} is always so, and the alert would never end"
            )
        return self

    def _always(self) -> bool:
        upwards = self.comparison == ">=" and self.value == 0
        return upwards or (self.comparison == "<=" and self.value == self.kind.highest)

    @property
    def kind(self) -> Kind:
        """The metric's kind."""
        return KINDS[self.metric]

    @property
    def span(self) -> Span:
        """The window. Raises ValueError where it does not go with the metric."""
        return span_named(self.window, self.kind)

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
    text = resources.files(__package__).joinpath("builtin.toml").read_text(encoding="utf-8")
    rules: dict[str, dict[str, Any]] = tomllib.loads(text, parse_float=Decimal)["rules"]
    return rules


def _own() -> dict[str, Any]:
    from gaia_budget.configfile import read_text, read_toml, toml_line

    source = file()
    document = read_toml(source, parse_float=Decimal)
    for key, content in document.items():
        if key != "rules":
            line = toml_line(read_text(source), (key, *(content if isinstance(content, dict) else ())))
            raise ConfigError(
                source, "is not a known key", line=line, key=key, choices=["rules"], cure="Write [rules.NAME]"
            )
    rules = document.get("rules", {})
    if not isinstance(rules, dict):
        raise ConfigError(source, "must be tables", key="rules", cure="Write [rules.NAME]")
    return rules


def _made(name: str, table: dict[str, Any]) -> Rule:
    return Rule.model_validate({**table, "name": name})


def _read(name: str, table: Any) -> Rule:
    """A rule of the user's, over ours of that name. Raises ConfigError."""
    from gaia_budget.configfile import explain, read_text, toml_line

    source = file()
    if not isinstance(table, dict) or "name" in table:
        line = toml_line(read_text(source), ("rules", name))
        raise ConfigError(source, "must be a table without the key name", line=line, key=f"rules.{name}",
                          cure="Write [rules.NAME]")  # fmt: skip
    try:
        return _made(name, {**_shipped().get(name, {}), **table})
    except ValidationError as error:
        path, problem, choices = explain(error)
        if not path:  # told of the rule as a whole: "value: …" names the key
            problem = problem.rpartition("}: ")[2]
            key, _, problem = problem.partition(": ")
            path = (key,)
        if problem == "is not a known key":
            choices = sorted(set(Rule.model_fields) - {"name"})
        line = toml_line(read_text(source), ("rules", name, *path))
        keys = ".".join(str(part) for part in ("rules", name, *path))
        raise ConfigError(source, problem, line=line, key=keys, choices=choices) from None


def _micros(text: str) -> int:
    number, unit = text[:-1], text[-1:]
    if not number.isdigit() or unit not in UNITS or not int(number):
        raise ValueError("must be such as 30m, 6h or 7d")
    return int(number) * UNITS[unit]

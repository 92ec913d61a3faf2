"""The owner's files, `token_budget.json` and `registry.json` in the ecosystem's folder: read, never written.

Unknown keys are kept. A missing file means the documented defaults and a notice; a broken one, or a wrong
value, is a ConfigError that names file, line and key.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, cast

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    field_validator,
    model_validator,
)

from gaia_budget import places
from gaia_budget.configfile import explain, json_document, read_text, refuse_doubled
from gaia_budget.errors import ConfigError, NotFoundError
from gaia_hooks.facts import modules
from gaia_hooks.facts.prices.money import NANO
from gaia_hooks.facts.snapshot import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gaia_budget.jsontext import JsonText
    from gaia_budget.settings import Settings

CRITICAL_PCT = 95


def _number(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number, without quotes")
    return value


Number = Annotated[Decimal, BeforeValidator(_number)]
Count = Annotated[int, BeforeValidator(_number)]


class OwnerModel(BaseModel):
    """A part of an owner's file; keys that we do not know are kept."""

    model_config = ConfigDict(extra="allow", populate_by_name=True)


class OwnerFile(OwnerModel):
    """A whole file: where it was read (None: it is missing), and what its reader should know about it."""

    _file: Path | None = PrivateAttr(default=None)
    _notices: list[str] = PrivateAttr(default_factory=list)

    def _remark(self) -> None:
        """Note what a reader of the file should know."""

    @property
    def file(self) -> Path | None:
        """The file that was read; None where there is none."""
        return self._file

    @property
    def notices(self) -> list[str]:
        """Remarks in plain language: defaults in force, contradictions."""
        return self._notices


class SessionBudget(OwnerModel):
    """The limit of one session type in budget tokens, and the model families it is meant for."""

    max_tokens: Count = Field(gt=0)
    models: list[str] = []


class ModuleBudget(OwnerModel):
    """A module's month. `models` is empty where every model is allowed; thresholds are percent of the cap."""

    provider: str = ""
    models: list[str] = []
    monthly_budget_usd: Number = Field(ge=0)
    alert_threshold_pct: Number = Field(default=Decimal(80), gt=0, le=100)
    critical_threshold_pct: Number = Field(default=Decimal(CRITICAL_PCT), gt=0, le=100)

    @model_validator(mode="after")
    def _rising(self) -> ModuleBudget:
        if "critical_threshold_pct" not in self.model_fields_set:
            self.critical_threshold_pct = max(self.critical_threshold_pct, self.alert_threshold_pct)
        elif self.critical_threshold_pct < self.alert_threshold_pct:
            raise ValueError("critical_threshold_pct must not be below alert_threshold_pct")
        return self

    @property
    def limit_nano(self) -> int:
        """The monthly cap in nano-dollars."""
        return int((self.monthly_budget_usd * NANO).to_integral_value())


class SnapshotPrice(OwnerModel):
    """A family's price in the owner's snapshot, in USD per million tokens."""

    input_per_1m: Number = Field(ge=0)
    output_per_1m: Number = Field(ge=0)
    cache_read_per_1m: Number | None = Field(default=None, ge=0)


class Defaults(OwnerModel):
    """Routing by tier or task (a model, or several in the order of preference) and limits by session type."""

    model_routing: dict[str, str | list[str]] = {
        "cheap_tasks": "haiku",
        "quality_tasks": "sonnet",
        "architecture_tasks": "opus",
    }
    session_budgets: dict[str, SessionBudget] = {}

    @model_validator(mode="after")
    def _complete(self) -> Defaults:
        for name, entry in DEFAULTS["session_types"].items():
            self.session_budgets.setdefault(name, SessionBudget.model_validate(entry))
        return self

    @property
    def routing_asked(self) -> dict[str, str | list[str]]:
        """`model_routing` where the file has it; empty where it is our default."""
        return self.model_routing if "model_routing" in self.model_fields_set else {}


class TokenBudget(OwnerFile):
    """`token_budget.json`."""

    schema_name: Literal["gaia-token-budget-v1"] = Field(default="gaia-token-budget-v1", alias="$schema")
    updated: date | None = None
    defaults: Defaults = Field(default_factory=Defaults)
    per_module: dict[str, ModuleBudget] = {}
    pricing_snapshot: dict[str, dict[str, SnapshotPrice]] = {}

    @field_validator("per_module")
    @classmethod
    def _each_once(cls, value: dict[str, ModuleBudget]) -> dict[str, ModuleBudget]:
        if len({name.lower() for name in value}) < len(value):
            raise ValueError(f"a module stands twice (case does not count): {', '.join(value)}")
        return value

    def _remark(self) -> None:
        if self.defaults.session_budgets["architecture"].models == ["opus"]:
            self.notices.append(
                f"{self.file}: defaults.session_budgets.architecture.models is ['opus'], but the document that "
                "defines it implements with sonnet: both are treated as meant"
            )

    def session(self, session_type: str) -> SessionBudget:
        """The limit of a session type. Raises NotFoundError."""
        found = self.defaults.session_budgets.get(session_type)
        if found is None:
            raise NotFoundError("session type", session_type, sorted(self.defaults.session_budgets))
        return found

    def module(self, name: str) -> ModuleBudget | None:
        """The entry of a module, its name compared without case; None where it has none."""
        return self.folded.get(name.lower())

    @cached_property
    def folded(self) -> dict[str, ModuleBudget]:
        """The entries of modules by their names in lower case."""
        return {key.lower(): entry for key, entry in self.per_module.items()}

    def module_or_default(self, name: str, settings: Settings) -> ModuleBudget:
        """The entry of a module, else the default policy of the settings (every module has a cap).

        Thresholds of the settings win; a critical one below the warning then counts as equal to it.
        """
        entry = self.module(name) or ModuleBudget(monthly_budget_usd=settings.default_monthly_budget_usd)
        chosen = settings.module(name)
        if chosen.alert_threshold_pct is None and chosen.critical_threshold_pct is None:
            return entry
        warning = chosen.alert_threshold_pct or entry.alert_threshold_pct
        critical = max(warning, chosen.critical_threshold_pct or entry.critical_threshold_pct)
        return entry.model_copy(update={"alert_threshold_pct": warning, "critical_threshold_pct": critical})

    def contradictions(self, settings: Settings) -> list[str]:
        """Modules whose thresholds stand in both files, and what holds then."""
        found = []
        for name, chosen in settings.modules.items():
            entry, held = self.module(name), self.module_or_default(name, settings)
            for key in ("alert_threshold_pct", "critical_threshold_pct"):
                ours = getattr(chosen, key)
                if ours is None:
                    continue
                if getattr(held, key) != ours:
                    found.append(
                        f"settings.toml: modules.{name}.{key} is {ours}, which is below the warning: "
                        f"{getattr(held, key)} holds"
                    )
                elif entry is not None and key in entry.model_fields_set and getattr(entry, key) != ours:
                    found.append(
                        f"module {name} stands in two files: {key} is {ours} in settings.toml, which holds, and "
                        f"{getattr(entry, key)} in {self.file}"
                    )
        return found


class Project(OwnerModel):
    """One module of the ecosystem."""

    name: str = ""
    path: str
    providers: list[str] = []


class Registry(OwnerFile):
    """`registry.json`: the modules and their folders."""

    schema_name: Literal["gaia-registry-v1"] = Field(default="gaia-registry-v1", alias="$schema")
    projects: dict[str, Project] = {}

    def roots(self) -> list[list[str]]:
        """[folded root, module] pairs, in the form of `gaia_hooks.facts.modules`; relative paths start at the file."""
        base = str(self.file.parent) if self.file else ""
        return modules.roots_of({key: project.path for key, project in self.projects.items()}, base)

    def module_of(self, cwd: str) -> str | None:
        """The module whose root holds the folder (the longest one), or None."""
        return modules.registered(cwd, self.roots())


Owned = TypeVar("Owned", TokenBudget, Registry)


def load_token_budget() -> TokenBudget:
    """Read `token_budget.json`. Raises ConfigError; a missing file gives the defaults and a notice."""
    return _load(TokenBudget, "token_budget.json", "session limits and monthly caps are the built-in ones")


def load_registry() -> Registry:
    """Read `registry.json`. Raises ConfigError; a missing file gives no modules and a notice."""
    return _load(Registry, "registry.json", "modules are named after their git folder")


def without_effect(
    settings: Settings, budget: TokenBudget, registry: Registry, seen: Iterable[str] = ()
) -> list[str]:
    """What the settings say and nothing follows from: a module that is none, a session type that is none.

    `seen` are modules that have spent something: a project without an entry anywhere is a module by its own name.
    A name that is like no other is taken to be a project that is still to come.
    """
    from difflib import get_close_matches

    known = sorted({name.lower() for name in (*budget.per_module, *registry.projects, *seen)})
    found = []
    for name, chosen in settings.modules.items():
        near = [] if name in known else get_close_matches(name, known, 1, 0.75)
        if near:
            found.append(
                f"settings.toml: [modules.{name}] has no effect: there is no such module (nearest: {near[0]})"
            )
        types = budget.defaults.session_budgets
        if chosen.session_type and chosen.session_type not in types:
            valid = ", ".join(sorted(types))
            found.append(
                f"settings.toml: modules.{name}.session_type {chosen.session_type!r} has no effect: there is no such "
                f"session type (valid: {valid})"
            )
    return found


def problems() -> list[str]:
    """What is wrong with the two files, in the words of their errors; a file that is not there is in order."""
    found = []
    for load in (load_token_budget, load_registry):
        try:
            load()
        except ConfigError as error:
            found.append(str(error))
    return found


def _load(kind: type[Owned], name: str, without: str) -> Owned:
    root = places.gaia_root()
    if root is None:
        return _missing(kind, f"GAIA_ROOT is not set, so there is no {name}: {without}")
    file = root / name
    try:
        text = read_text(file)
    except FileNotFoundError:
        return _missing(kind, f"{file} is not there: {without}")
    return cast("Owned", _read(kind, file, text))


@lru_cache(maxsize=4)
def _read(kind: type[TokenBudget | Registry], file: Path, text: str) -> TokenBudget | Registry:
    """The same text is read once; what comes of it is shared, and nobody changes it."""
    document = json_document(file, text)
    refuse_doubled(document, file)
    try:
        owned = kind.model_validate(document.root.plain())
    except ValidationError as error:
        raise _located(error, document, file) from None
    owned._file = file
    owned._remark()
    return owned


def _missing(kind: type[Owned], notice: str) -> Owned:
    owned = kind()
    owned.notices.append(notice)
    return owned


def _located(error: ValidationError, document: JsonText, file: Path) -> ConfigError:
    path, problem, choices = explain(error)
    line, column = document.line_column(document.offset_of(path))
    key: Any = ".".join(str(part) for part in path) or None
    return ConfigError(file, problem, line=line, column=column, key=key, choices=choices)

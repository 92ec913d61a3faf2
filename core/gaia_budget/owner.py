"""The owner's files, `token_budget.json` and `registry.json` in the ecosystem's folder: read, never written.

Unknown keys are kept. A missing file means the documented defaults and a notice; a broken one, or a wrong
value, is a ConfigError that names file, line and key.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

from gaia_budget import places
from gaia_budget.checked import Keyed, Wrong, key, wrong
from gaia_budget.checked.readers import listed, maybe, number, one_of, table, text, whole, within
from gaia_budget.configfile import json_document, read_text, refuse_doubled
from gaia_budget.errors import ConfigError, NotFoundError
from gaia_hooks.facts import modules
from gaia_hooks.facts.prices.money import NANO
from gaia_hooks.facts.snapshot import DEFAULTS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.jsontext import JsonText
    from gaia_budget.settings.keys import Settings

WARNS, CRITICAL = THRESHOLDS = (80, 95)
"""Percent of a limit that warn and that are critical where nobody has said others."""


def _number(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise wrong(value, "must be a number, without quotes")
    return number(value)


def _count(value: Any) -> int:
    return whole(_number(value))


def _date(value: Any) -> date:
    try:
        return datetime.fromisoformat(text(value)).date()
    except ValueError:
        raise wrong(value, "must be a date such as 2026-11-23") from None


def _models(value: Any) -> str | list[str]:
    if not isinstance(value, str | list):
        raise wrong(value, "must be a model or a list of them")
    return value if isinstance(value, str) else listed(text)(value)


class OwnerFile(Keyed, others=True):
    """A whole file: where it was read (None: it is missing), and what its reader should know about it."""

    def completed(self) -> None:
        """Nothing is known of the file yet."""
        self.file: Path | None = None
        self.notices: list[str] = []

    def remark(self) -> None:
        """Note what a reader of the file should know: defaults in force, contradictions."""


class SessionBudget(Keyed, others=True):
    """The limit of one session type in budget tokens, and the model families it is meant for."""

    max_tokens: int = key(within(_count, over=0))
    models: list[str] = key(listed(text), [])


class ModuleBudget(Keyed, others=True):
    """A module's month. `models` is empty where every model is allowed; thresholds are percent of the cap."""

    provider: str = key(text, "")
    models: list[str] = key(listed(text), [])
    monthly_budget_usd: Decimal = key(within(_number, least=0))
    alert_threshold_pct: Decimal = key(within(_number, over=0, most=100), Decimal(WARNS))
    critical_threshold_pct: Decimal = key(within(_number, over=0, most=100), Decimal(CRITICAL))

    def completed(self) -> None:
        """Refuse thresholds the wrong way round."""
        if "critical_threshold_pct" not in self.given:
            self.critical_threshold_pct = max(self.critical_threshold_pct, self.alert_threshold_pct)
        elif self.critical_threshold_pct < self.alert_threshold_pct:
            raise Wrong("critical_threshold_pct must not be below alert_threshold_pct")

    @property
    def limit_nano(self) -> int:
        """The monthly cap in nano-dollars."""
        return int((self.monthly_budget_usd * NANO).to_integral_value())


class SnapshotPrice(Keyed, others=True):
    """A family's price in the owner's snapshot, in USD per million tokens."""

    input_per_1m: Decimal = key(within(_number, least=0))
    output_per_1m: Decimal = key(within(_number, least=0))
    cache_read_per_1m: Decimal | None = key(maybe(within(_number, least=0)), None)


class Defaults(Keyed, others=True):
    """Routing by tier or task (a model, or several in the order of preference) and limits by session type."""

    model_routing: dict[str, str | list[str]] = key(
        table(_models), {"cheap_tasks": "haiku", "quality_tasks": "sonnet", "architecture_tasks": "opus"}
    )
    session_budgets: dict[str, SessionBudget] = key(table(SessionBudget.of), {})

    def completed(self) -> None:
        """Session types that the file does not have keep our limits."""
        for name, entry in DEFAULTS["session_types"].items():
            self.session_budgets.setdefault(name, SessionBudget.of(entry))

    @property
    def routing_asked(self) -> dict[str, str | list[str]]:
        """`model_routing` where the file has it; empty where it is our default."""
        return self.model_routing if "model_routing" in self.given else {}


def _modules(value: Any) -> dict[str, ModuleBudget]:
    found = table(ModuleBudget.of)(value)
    if len({name.lower() for name in found}) < len(found):
        raise Wrong(f"a module stands twice (case does not count): {', '.join(found)}")
    return found


class TokenBudget(OwnerFile):
    """`token_budget.json`."""

    schema_name: str = key(one_of(Literal["gaia-token-budget-v1"]), "gaia-token-budget-v1", written="$schema")
    updated: date | None = key(maybe(_date), None)
    defaults: Defaults = key(Defaults.of, made=Defaults)
    per_module: dict[str, ModuleBudget] = key(_modules, {})
    pricing_snapshot: dict[str, dict[str, SnapshotPrice]] = key(table(table(SnapshotPrice.of)), {})

    def remark(self) -> None:
        """Note that the built-in type for architecture is read as it is meant."""
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
        return {name.lower(): entry for name, entry in self.per_module.items()}

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
        return entry.but(alert_threshold_pct=warning, critical_threshold_pct=critical)


class Project(Keyed, others=True):
    """One module of the ecosystem."""

    name: str = key(text, "")
    path: str = key(text)
    providers: list[str] = key(listed(text), [])


class Registry(OwnerFile):
    """`registry.json`: the modules and their folders."""

    schema_name: str = key(one_of(Literal["gaia-registry-v1"]), "gaia-registry-v1", written="$schema")
    projects: dict[str, Project] = key(table(Project.of), {})

    def roots(self) -> list[list[str]]:
        """[folded root, module] pairs, in the form of `gaia_hooks.facts.modules`; relative paths start at the file."""
        base = str(self.file.parent) if self.file else ""
        return modules.roots_of({key: project.path for key, project in self.projects.items()}, base)


Owned = TypeVar("Owned", TokenBudget, Registry)


def load_token_budget() -> TokenBudget:
    """Read `token_budget.json`. Raises ConfigError; a missing file gives the defaults and a notice."""
    return _load(TokenBudget, "token_budget.json", "session limits and monthly caps are the built-in ones")


def load_registry() -> Registry:
    """Read `registry.json`. Raises ConfigError; a missing file gives no modules and a notice."""
    return _load(Registry, "registry.json", "modules are named after their git folder")


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
        written = read_text(file)
    except FileNotFoundError:
        return _missing(kind, f"{file} is not there: {without}")
    return cast("Owned", _read(kind.of, file, written))


@lru_cache(maxsize=4)
def _read(of: Callable[[object], TokenBudget | Registry], file: Path, written: str) -> TokenBudget | Registry:
    """The same text is read once; what comes of it is shared, and nobody changes it."""
    document = json_document(file, written)
    refuse_doubled(document, file)
    try:
        owned = of(document.root.plain())
    except Wrong as error:
        raise _located(error, document, file) from None
    owned.file = file
    owned.remark()
    return owned


def _missing(kind: type[Owned], notice: str) -> Owned:
    owned = kind()
    owned.notices.append(notice)
    return owned


def _located(error: Wrong, document: JsonText, file: Path) -> ConfigError:
    line, column = document.line_column(document.offset_of(error.path))
    keys = ".".join(map(str, error.path)) or None
    return ConfigError(file, error.problem, line=line, column=column, key=keys, choices=error.choices)

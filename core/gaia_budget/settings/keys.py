"""What can be set: every key with its type, default and meaning, and what is made of the values."""

from __future__ import annotations

import getpass
import json
import os
import platform
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    field_validator,
)

from gaia_budget import places
from gaia_budget.calendar_month import SystemZone
from gaia_budget.model import DEFAULT_ORG, Billing
from gaia_budget.settings.module_keys import ModuleSettings, OnExceeded
from gaia_hooks.facts import snapshot
from gaia_hooks.facts.prices import billing, plan
from gaia_hooks.facts.prices.money import NANO
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from datetime import tzinfo

LinePart = Literal["plan", "session", "context", "cache", "month", "alerts"]


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no account of that number, as in some containers
        return ""


class Settings(BaseModel):
    """Every setting, checked; `load` reads them, without it each has its default."""

    model_config = ConfigDict(extra="forbid")

    gaia_root: Path | None = Field(
        default=None, description="the ecosystem's folder; the environment variable GAIA_ROOT wins over it"
    )
    db: str = Field(default="", description="database URL; empty: ledger.db in the state folder")
    timezone: str = Field(
        default="",
        description="IANA time zone of months and days, such as Europe/Berlin; empty: the system's",
    )
    org: str = Field(default=DEFAULT_ORG, min_length=1, description="organisation that the spend belongs to")
    user: str = Field(
        default_factory=_user, description="who is named in the ledger; default: your login name"
    )
    machine: str = Field(default_factory=platform.node, description="machine named in the ledger")
    claude_code_billing: Literal["auto", "api", "plan"] = Field(
        default="auto",
        description="how Claude Code is paid for here: by API price, by a plan, or auto: found out where it can be",
    )
    counts_claude_code: bool = Field(
        default=False,
        description="Claude Code spend counts against each module's monthly cap, unless a plan pays for it",
    )
    pricing_source: Literal["genai-prices", "snapshot"] = Field(
        default="genai-prices",
        description="genai-prices: the real, dated price; snapshot: pricing_snapshot of token_budget.json",
    )
    prices_file: Path | None = Field(
        default=None,
        description="a newer data.json (prices/new_data/v2) of genai-prices that you fetched, for the installed one",
    )
    claude_config_dirs: list[Path] = Field(
        default=[],
        description="further Claude Code configuration folders (WSL, a second account); * is any part of a name",
    )
    session_policy: OnExceeded = Field(
        default="warn", description="what happens when a session reaches its limit"
    )
    refuse_uncounted_sessions: bool = Field(
        default=False, description="refuse prompts and tool calls of sessions that cannot be counted"
    )
    protected_agents: list[str] = Field(default=[], description="subagent types whose model is never changed")
    warn_model: bool = Field(default=False, description="tell Claude about budget warnings too")
    thresholds: list[int] = Field(
        default=[80, 95, 100], description="percent of a session's limit at which one warning is given"
    )
    statusline: list[LinePart] = Field(
        default=list(snapshot.DEFAULTS["statusline"]),
        description="parts of the status line in their order: plan, session, context, cache, month, alerts",
    )
    subagent_allowance_tokens: int = Field(
        default=30_000, gt=0, description="tokens reserved for a subagent when sessions are blocked"
    )
    default_monthly_budget_usd: Decimal = Field(
        default=Decimal(10), gt=0, description="monthly cap of a module without an entry in token_budget.json"
    )
    total_monthly_budget_usd: Decimal | None = Field(
        default=None, gt=0, description="monthly cap of all modules together; empty: none"
    )
    daily_threshold_usd: Decimal | None = Field(
        default=None,
        gt=0,
        description="dollars of all modules together in one day from which an alert fires; empty: none",
    )
    weekly_threshold_usd: Decimal | None = Field(
        default=None, gt=0, description="dollars of all modules together in one week, Monday first, likewise"
    )
    hard_stop_pct: Decimal = Field(
        default=Decimal(110),
        ge=100,
        le=1000,
        description="percent of its month at which a module with on_exceeded = downgrade stops, too",
    )
    development_component: bool = Field(
        default=False,
        description="Claude Code's lines in the logs name <module>_dev, so that sums by component stay product cost",
    )
    leases: Decimal | None = Field(
        default=None,
        gt=0,
        description="dollars of a month that an app's process sets aside at once and spends without asking the "
        "ledger for each call; empty: it asks",
    )
    local_hosts: list[str] = Field(
        default=[],
        description="hosts whose answers cost nothing, such as localhost:11434 (Ollama, vLLM); also without a port",
    )
    l1_token_cap: int = Field(default=1_500, gt=0, description="most tokens that a split CLAUDE.md may have")
    add_matching_section: bool = Field(
        default=False,
        description="add the one section of CLAUDE_L2.md that a prompt names by its trigger words",
    )
    desktop_alerts: bool = Field(
        default=False, description="show alerts as notifications of the desktop, too"
    )
    webhook_url: SecretStr = Field(
        default=SecretStr(""),
        description="https address that alerts are posted to as Slack-compatible JSON; see docs/alerts.md",
    )
    modules: dict[str, ModuleSettings] = Field(default={}, description="settings per module, by registry id")
    _billing: Billing = PrivateAttr(default="unknown")

    @property
    def has_hard_cap(self) -> bool:
        """Whether something is refused in Claude Code where a limit is used up."""
        return "block" in (self.session_policy, *(module.on_exceeded for module in self.modules.values()))

    @field_validator("claude_config_dirs", mode="before")
    @classmethod
    def _split_folders(cls, value: Any) -> Any:
        return _listed(value, os.pathsep)

    @field_validator("protected_agents", "local_hosts", "statusline", mode="before")
    @classmethod
    def _split_names(cls, value: Any) -> Any:
        return _listed(value, ",")

    @field_validator("thresholds", mode="before")
    @classmethod
    def _split_numbers(cls, value: Any) -> Any:
        return _listed(value, ",")

    @field_validator("claude_code_billing", mode="before")
    @classmethod
    def _old_word(cls, value: Any) -> Any:
        return billing.AUTO if value == billing.UNKNOWN else value

    @field_validator("thresholds")
    @classmethod
    def _rising(cls, value: list[int]) -> list[int]:
        if not value or sorted(set(value)) != value or value[0] < 1 or value[-1] > 100:
            raise ValueError("must be rising percentages between 1 and 100")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        from zoneinfo import ZoneInfo

        if value:
            try:
                ZoneInfo(value)
            except (KeyError, ValueError, OSError):
                raise ValueError("no such time zone; use an IANA name such as America/Mexico_City") from None
        return value

    @field_validator("modules", mode="before")
    @classmethod
    def _lower_names(cls, value: Any) -> Any:
        if isinstance(value, str):  # of the environment
            try:
                value = json.loads(value)
            except ValueError:
                raise ValueError('must be JSON, such as {"shop": {"on_exceeded": "block"}}') from None
        if not isinstance(value, dict):
            return value
        lower = {str(name).lower(): entry for name, entry in value.items()}
        if len(lower) < len(value):
            raise ValueError(f"a module stands twice (case does not count): {', '.join(value)}")
        return lower

    @property
    def zone(self) -> tzinfo:
        """The time zone of months and days."""
        from zoneinfo import ZoneInfo

        return ZoneInfo(self.timezone) if self.timezone else SystemZone()

    @property
    def state_folder(self) -> Path:
        """Our state folder. It may not exist yet."""
        return places.home()

    @property
    def ledger_url(self) -> str:
        """Where the ledger lies: as `db` says, else in the state folder, which is made for it."""
        return self.db or f"sqlite:///{(places.ensure_home() / 'ledger.db').as_posix()}"

    def model_post_init(self, _: Any) -> None:
        """Find out how Claude Code is paid for, once: it stays the same for whoever holds these settings."""
        kept = {} if self.claude_code_billing != billing.AUTO else plan.read(str(places.home()))
        self._billing = billing.resolved(self.claude_code_billing, kept, clock.now())  # type: ignore[assignment]

    @property
    def lease_nano(self) -> int:
        """What an app's process sets aside at once, in nano-dollars; 0: nothing."""
        return 0 if self.leases is None else max(1, int((self.leases * NANO).to_integral_value()))

    @property
    def total_limit_nano(self) -> int | None:
        """The monthly cap of all modules together in nano-dollars; None where there is none."""
        return _nano(self.total_monthly_budget_usd)

    def hard_stop_nano(self, limit_nano: int) -> int:
        """Where a month with this cap ends for a module that goes on beyond it on cheaper models."""
        return int(limit_nano * self.hard_stop_pct / 100)

    @property
    def billing(self) -> Billing:
        """How Claude Code is paid for here: as the setting says, else as it was found out when this was loaded."""
        return self._billing

    def threshold_nano(self, axis: str, module: str = "") -> int | None:
        """Nano-dollars that a `day` or a `week` of a module, or of all together, is compared with; None: nothing."""
        mine = self.module(module) if module else self
        return _nano(mine.daily_threshold_usd if axis == "day" else mine.weekly_threshold_usd)

    def module(self, name: str) -> ModuleSettings:
        """What is set for a module; the defaults where nothing is."""
        found = self.modules.get(name.lower())
        if found is None:
            return _usual(self.counts_claude_code)
        if "counts_claude_code" in found.model_fields_set:
            return found
        return found.model_copy(update={"counts_claude_code": self.counts_claude_code})


@cache
def _usual(counts_claude_code: bool) -> ModuleSettings:
    return ModuleSettings(counts_claude_code=counts_claude_code)


def _nano(amount: Decimal | None) -> int | None:
    return None if amount is None else int((amount * NANO).to_integral_value())


def _listed(value: Any, separator: str) -> Any:
    """A list in an environment variable: as JSON, else its parts."""
    if not isinstance(value, str):
        return value
    if value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except ValueError:
            raise ValueError("begins like a JSON list and is none") from None
    return [part.strip() for part in value.split(separator) if part.strip()]

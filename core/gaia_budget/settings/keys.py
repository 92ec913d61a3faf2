"""What can be set: every key with its type, default and meaning, and what is made of the values."""

from __future__ import annotations

import getpass
import os
import platform
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from gaia_budget import places
from gaia_budget.checked import Keyed, Wrong, key, wrong
from gaia_budget.checked.readers import (
    Secret,
    filled,
    flag,
    from_json,
    listed,
    maybe,
    number,
    one_of,
    parted,
    path,
    secret,
    table,
    text,
    whole,
    within,
)
from gaia_budget.model import DEFAULT_ORG, Billing
from gaia_hooks.facts import snapshot
from gaia_hooks.facts.prices import billing, plan
from gaia_hooks.facts.prices.money import NANO
from gaia_hooks.machine import clock

if TYPE_CHECKING:
    from pathlib import Path

LinePart = Literal["plan", "session", "context", "cache", "month", "alerts"]
OnExceeded = Literal["warn", "block", "downgrade"]
USD = within(number, over=0)
PERCENT = within(number, over=0, most=100)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no account of that number, as in some containers
        return ""


def _zone_name(value: Any) -> str:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(value).key if text(value) else ""
    except (KeyError, ValueError, OSError):
        raise wrong(value, "no such time zone; use an IANA name such as America/Mexico_City") from None


def _paid(value: Any) -> Any:
    """How Claude Code is paid for; an older word for `auto` is still read."""
    return one_of(Literal["auto", "api", "plan"])(billing.AUTO if value == billing.UNKNOWN else value)


def _rising(value: Any) -> list[int]:
    found = parted(",", listed(whole))(value)
    if not found or sorted(set(found)) != found or found[0] < 1 or found[-1] > 100:
        raise wrong(value, "must be rising percentages between 1 and 100")
    return found


def _modules(value: Any) -> dict[str, ModuleSettings]:
    """The tables of modules by their names in lower case; of the environment as JSON."""
    if isinstance(value, str):
        value = from_json(value, 'must be JSON, such as {"shop": {"on_exceeded": "block"}}')
    found = table(ModuleSettings.of)(value)
    lower = {name.lower(): entry for name, entry in found.items()}
    if len(lower) < len(found):
        raise Wrong(f"a module stands twice (case does not count): {', '.join(found)}")
    return lower


class ModuleSettings(Keyed):
    """What is set for one module, under `[modules.<id>]`."""

    on_exceeded: OnExceeded = key(
        one_of(OnExceeded), "warn", "what Claude Code hooks do when the module's month is used up"
    )
    counts_claude_code: bool = key(
        flag,
        False,
        "Claude Code spend counts against the monthly cap, unless a plan pays for it; without it the "
        "top-level counts_claude_code holds",
    )
    session_type: str | None = key(
        maybe(text), None, "the type of its sessions: one of token_budget.json, or of ours"
    )
    alert_threshold_pct: Decimal | None = key(
        maybe(PERCENT), None, "percent of its month that warns; wins over token_budget.json"
    )
    critical_threshold_pct: Decimal | None = key(
        maybe(PERCENT), None, "percent of its month that is critical; wins over token_budget.json"
    )
    daily_threshold_usd: Decimal | None = key(
        maybe(USD), None, "dollars against its cap in one day from which an alert fires; nothing stops"
    )
    weekly_threshold_usd: Decimal | None = key(
        maybe(USD), None, "dollars against its cap in one week, Monday first, likewise"
    )

    def completed(self) -> None:
        """Refuse thresholds the wrong way round."""
        warning, critical = self.alert_threshold_pct, self.critical_threshold_pct
        if warning is not None and critical is not None and critical < warning:
            raise Wrong("critical_threshold_pct must not be below alert_threshold_pct")


class Settings(Keyed):
    """Every setting, checked; `load` reads them, without it each has its default."""

    gaia_root: Path | None = key(
        maybe(path), None, "the ecosystem's folder; the environment variable GAIA_ROOT wins over it"
    )
    db: str = key(text, "", "database URL; empty: ledger.db in the state folder")
    timezone: str = key(
        _zone_name, "", "IANA time zone of months and days, such as Europe/Berlin; empty: the system's"
    )
    org: str = key(filled, DEFAULT_ORG, "organisation that the spend belongs to")
    user: str = key(text, meaning="who is named in the ledger; default: your login name", made=_user)
    machine: str = key(text, meaning="machine named in the ledger", made=platform.node)
    claude_code_billing: Literal["auto", "api", "plan"] = key(
        _paid,
        "auto",
        "how Claude Code is paid for here: by API price, by a plan, or auto: found out where it can be",
    )
    counts_claude_code: bool = key(
        flag, False, "Claude Code spend counts against each module's monthly cap, unless a plan pays for it"
    )
    pricing_source: Literal["genai-prices", "snapshot"] = key(
        one_of(Literal["genai-prices", "snapshot"]),
        "genai-prices",
        "genai-prices: the real, dated price; snapshot: pricing_snapshot of token_budget.json",
    )
    prices_file: Path | None = key(
        maybe(path),
        None,
        "a newer data.json (prices/new_data/v2) of genai-prices that you fetched, for the installed one",
    )
    claude_config_dirs: list[Path] = key(
        parted(os.pathsep, listed(path)),
        [],
        "further Claude Code configuration folders (WSL, a second account); * is any part of a name",
    )
    session_policy: OnExceeded = key(
        one_of(OnExceeded), "warn", "what happens when a session reaches its limit"
    )
    refuse_uncounted_sessions: bool = key(
        flag, False, "refuse prompts and tool calls of sessions that cannot be counted"
    )
    protected_agents: list[str] = key(
        parted(",", listed(text)), [], "subagent types whose model is never changed"
    )
    warn_model: bool = key(flag, False, "tell Claude about budget warnings too")
    thresholds: list[int] = key(
        _rising,
        list(snapshot.DEFAULTS["thresholds"]),
        "percent of a session's limit at which one warning is given",
    )
    statusline: list[LinePart] = key(
        parted(",", listed(one_of(LinePart))),
        list(snapshot.DEFAULTS["statusline"]),
        "parts of the status line in their order: plan, session, context, cache, month, alerts",
    )
    subagent_allowance_tokens: int = key(
        within(whole, over=0),
        snapshot.DEFAULTS["subagent_allowance_tokens"],
        "tokens reserved for a subagent when sessions are blocked",
    )
    default_monthly_budget_usd: Decimal = key(
        USD, Decimal(10), "monthly cap of a module without an entry in token_budget.json"
    )
    total_monthly_budget_usd: Decimal | None = key(
        maybe(USD), None, "monthly cap of all modules together; empty: none"
    )
    daily_threshold_usd: Decimal | None = key(
        maybe(USD),
        None,
        "dollars of all modules together in one day from which an alert fires; empty: none",
    )
    weekly_threshold_usd: Decimal | None = key(
        maybe(USD), None, "dollars of all modules together in one week, Monday first, likewise"
    )
    hard_stop_pct: Decimal = key(
        within(number, least=100, most=1000),
        Decimal(110),
        "percent of its month at which a module with on_exceeded = downgrade stops, too",
    )
    development_component: bool = key(
        flag,
        False,
        "Claude Code's lines in the logs name <module>_dev, so that sums by component stay product cost",
    )
    leases: Decimal | None = key(
        maybe(USD),
        None,
        "dollars of a month that an app's process sets aside at once and spends without asking the "
        "ledger for each call; empty: it asks",
    )
    local_hosts: list[str] = key(
        parted(",", listed(text)),
        [],
        "hosts whose answers cost nothing, such as localhost:11434 (Ollama, vLLM); also without a port",
    )
    l1_token_cap: int = key(within(whole, over=0), 1_500, "most tokens that a split CLAUDE.md may have")
    add_matching_section: bool = key(
        flag, False, "add the one section of CLAUDE_L2.md that a prompt names by its trigger words"
    )
    desktop_alerts: bool = key(flag, False, "show alerts as notifications of the desktop, too")
    webhook_url: Secret = key(
        secret,
        Secret(""),
        "https address that alerts are posted to as Slack-compatible JSON; see docs/alerts.md",
    )
    modules: dict[str, ModuleSettings] = key(_modules, {}, "settings per module, by registry id")

    @property
    def counts_anywhere(self) -> bool:
        """Whether Claude Code's spend counts against the cap of any module."""
        return self.counts_claude_code or any(one.counts_claude_code for one in self.modules.values())

    @property
    def has_hard_cap(self) -> bool:
        """Whether something is refused in Claude Code where a limit is used up."""
        return "block" in (self.session_policy, *(module.on_exceeded for module in self.modules.values()))

    @property
    def state_folder(self) -> Path:
        """Our state folder. It may not exist yet."""
        return places.home()

    @property
    def ledger_url(self) -> str:
        """Where the ledger lies: as `db` says, else in the state folder, which is made for it."""
        return self.db or f"sqlite:///{(places.ensure_home() / 'ledger.db').as_posix()}"

    def completed(self) -> None:
        """Find out how Claude Code is paid for, once: it stays the same for whoever holds these settings."""
        kept = {} if self.claude_code_billing != billing.AUTO else plan.read(str(places.home()))
        self._billing: Billing = billing.resolved(self.claude_code_billing, kept, clock.now())  # type: ignore[assignment]

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
        if "counts_claude_code" in found.given:
            return found
        return found.but(counts_claude_code=self.counts_claude_code)


@cache
def _usual(counts_claude_code: bool) -> ModuleSettings:
    return ModuleSettings(counts_claude_code=counts_claude_code)


def _nano(amount: Decimal | None) -> int | None:
    return None if amount is None else int((amount * NANO).to_integral_value())

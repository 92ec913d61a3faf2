"""What can be set for one module."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

OnExceeded = Literal["warn", "block", "downgrade"]


class ModuleSettings(BaseModel):
    """What is set for one module, under `[modules.<id>]`."""

    model_config = ConfigDict(extra="forbid")

    on_exceeded: OnExceeded = Field(
        default="warn", description="what Claude Code hooks do when the module's month is used up"
    )
    counts_claude_code: bool = Field(
        default=False,
        description="Claude Code spend counts against the monthly cap, unless a plan pays for it; without it the "
        "top-level counts_claude_code holds",
    )
    session_type: str | None = Field(
        default=None, description="the type of its sessions: one of token_budget.json, or of ours"
    )
    alert_threshold_pct: Decimal | None = Field(
        default=None, gt=0, le=100, description="percent of its month that warns; wins over token_budget.json"
    )
    critical_threshold_pct: Decimal | None = Field(
        default=None,
        gt=0,
        le=100,
        description="percent of its month that is critical; wins over token_budget.json",
    )
    daily_threshold_usd: Decimal | None = Field(
        default=None,
        gt=0,
        description="dollars against its cap in one day from which an alert fires; nothing stops",
    )
    weekly_threshold_usd: Decimal | None = Field(
        default=None, gt=0, description="dollars against its cap in one week, Monday first, likewise"
    )

    @model_validator(mode="after")
    def _rising(self) -> ModuleSettings:
        warning, critical = self.alert_threshold_pct, self.critical_threshold_pct
        if warning is not None and critical is not None and critical < warning:
            raise ValueError("critical_threshold_pct must not be below alert_threshold_pct")
        return self

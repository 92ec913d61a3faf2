"""ARGUS: one build line (shape A) per step, in the build log of the alert's module."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.alerts.fired import FIRED
from gaia_budget.errors import ChannelError
from gaia_budget.model import UNALLOCATED
from gaia_hooks.machine import clock, files
from gaia_hooks.session import argus

if TYPE_CHECKING:
    from gaia_budget.alerts.fired import Delivery
    from gaia_budget.settings.keys import Settings

AGENT = "gaia-budget"


def send(delivery: Delivery, _: Settings) -> None:
    """Append the line; written twice it has the same `event_id`. Raises ChannelError."""
    alert, begins = delivery.alert, delivery.step == FIRED
    module = alert.module or UNALLOCATED
    percent = "" if alert.percent is None else f" {alert.percent // 100}.{alert.percent % 100:02d}%"
    line = argus.build_line(
        module=module,
        session_id="",
        agent=AGENT,
        details=f"alert:{alert.rule}{percent}: {alert.cause}. Next: {alert.next_step}",
        event_id=f"{alert.alert_id}/{delivery.step}",
        status=f"alert_{alert.severity}" if begins else "alert_resolved",
        duration_ms=None,
        ts=alert.fired_ts if begins else alert.resolved_ts or clock.now(),
        source=AGENT,
    )
    try:
        places.logs_dir().mkdir(parents=True, exist_ok=True)
        files.append(argus.build_path(str(places.logs_dir()), module), line)
    except OSError as error:
        raise ChannelError(
            f"the ARGUS log cannot be written: {error.strerror or error}", slug="alert-log"
        ) from None

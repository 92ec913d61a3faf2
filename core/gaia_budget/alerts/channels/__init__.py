"""Where alerts are told: each channel's `send` tells one step of one alert, or raises ChannelError saying why not.

What is written down in the ledger is sent in order per alert, at least once, whatever ends a process in between.
Only what runs in the background comes here, never a hook. A channel that fails waits for its next turn; the others
go on.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from gaia_budget.alerts.fired import Fired
from gaia_budget.errors import ChannelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from gaia_budget.alerts.fired import Delivery
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

log = logging.getLogger("gaia_budget")
MOST_AT_ONCE = 100  # per channel and run: whoever runs us has other work
CHANNELS = ("argus", "desktop", "webhook")


def send(ledger: Ledger, settings: Settings) -> int:
    """Send what is due from this machine; returns how much has arrived. Raises LedgerError."""
    return sum(_drain(ledger, settings, name) for name in CHANNELS if is_ready(name, settings))


def is_ready(name: str, settings: Settings) -> bool:
    """Whether a channel is set up here: what waits for another machine's webhook is left to it."""
    return {"argus": True, "desktop": settings.desktop_alerts, "webhook": bool(settings.webhook_url)}[name]


def _sender(name: str) -> Callable[[Delivery, Settings], None]:
    """How a channel sends: loaded when something is due, since what talks HTTP costs a command's start."""
    from importlib import import_module

    send: Callable[[Delivery, Settings], None] = import_module(f"gaia_budget.alerts.channels.{name}").send
    return send


def _drain(ledger: Ledger, settings: Settings, name: str) -> int:
    for sent in range(MOST_AT_ONCE):
        delivery = Fired(ledger).claim_delivery(name)
        if delivery is None:
            return sent
        try:
            _sender(name)(delivery, settings)
        except ChannelError as error:
            Fired(ledger).delivery_failed(delivery, str(error))
            log.warning("alert %s was not sent: %s", delivery.alert.alert_id, error)
            return sent  # the next one would fail as well
        Fired(ledger).delivery_sent(delivery)
    return MOST_AT_ONCE

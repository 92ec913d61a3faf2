"""A notification of the desktop, by the program that each system brings along; it is given a moment and no more."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

from gaia_budget.alerts import telling
from gaia_budget.alerts.fired import FIRED
from gaia_budget.errors import ChannelError
from gaia_hooks.machine import beside

if TYPE_CHECKING:
    from gaia_budget.alerts.fired import Delivery
    from gaia_budget.settings.keys import Settings

SECONDS = 15.0  # a balloon of Windows lives for ten


def send(delivery: Delivery, _: Settings) -> None:
    """Show it; that something is over is not worth a notification. Raises ChannelError."""
    if delivery.step != FIRED:
        return
    command = beside.notifier(telling.line(delivery.alert))
    if not command:
        raise ChannelError(
            "this system has no notify-send: install it, or set desktop_alerts = false", slug="alert-desktop"
        )
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            creationflags=hidden,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise ChannelError("the notification was not shown in time", slug="alert-desktop") from None
    if done.returncode:
        raise ChannelError(
            f"the notification ended with {done.returncode}: is there a desktop session?",
            slug="alert-desktop",
        )

"""A notification of the desktop, by the program that each system brings along; it is given a moment and no more."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from gaia_budget.alerts import telling
from gaia_budget.errors import ChannelError
from gaia_budget.ledger.alerting import FIRED

if TYPE_CHECKING:
    from gaia_budget.ledger.alerting import Delivery
    from gaia_budget.settings import Settings

SECONDS = 5.0
TITLE = "GAIA Token Budget"
# the text comes as an argument or in the environment: no shell and no script ever reads it as code
MACOS = "on run argv\ndisplay notification (item 1 of argv) with title (item 2 of argv)\nend run"
WINDOWS = """\
$null = [Windows.UI.Notifications.ToastNotificationManager, Windows.UI.Notifications, ContentType = WindowsRuntime]
$kind = [Windows.UI.Notifications.ToastTemplateType]::ToastText02
$toast = [Windows.UI.Notifications.ToastNotificationManager]::GetTemplateContent($kind)
$texts = $toast.GetElementsByTagName('text')
$null = $texts.Item(0).AppendChild($toast.CreateTextNode($env:GAIA_ALERT_TITLE))
$null = $texts.Item(1).AppendChild($toast.CreateTextNode($env:GAIA_ALERT_TEXT))
$app = '{1AC14E77-02E7-4E5D-B744-2EB1AE5198B7}\\WindowsPowerShell\\v1.0\\powershell.exe'
$shown = [Windows.UI.Notifications.ToastNotification]::new($toast)
[Windows.UI.Notifications.ToastNotificationManager]::CreateToastNotifier($app).Show($shown)
"""


def send(delivery: Delivery, _: Settings) -> None:
    """Show it; that something is over is not worth a notification. Raises ChannelError."""
    if delivery.step != FIRED:
        return
    command, environment = _command(telling.line(delivery.alert), delivery.alert.severity == "critical")
    program = shutil.which(command[0])
    if program is None:
        raise ChannelError(f"this system has no {command[0]}: install it, or set desktop_alerts = false")
    hidden = getattr(subprocess, "CREATE_NO_WINDOW", 0)
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=SECONDS,
            check=False,
            env=environment,
            creationflags=hidden,
        )
    except (OSError, subprocess.TimeoutExpired):
        raise ChannelError(f"{command[0]} did not show the notification in {SECONDS:g} seconds") from None
    if done.returncode:
        raise ChannelError(f"{command[0]} ended with {done.returncode}: is there a desktop session?")


def _command(text: str, critical: bool) -> tuple[list[str], dict[str, str] | None]:
    if sys.platform == "darwin":
        return ["osascript", "-e", MACOS, text, TITLE], None
    if sys.platform == "win32":
        import os

        shown = {**os.environ, "GAIA_ALERT_TITLE": TITLE, "GAIA_ALERT_TEXT": text}
        return ["powershell", "-NoProfile", "-NonInteractive", "-Command", WINDOWS], shown
    urgency = "critical" if critical else "normal"
    return ["notify-send", f"--urgency={urgency}", "--app-name=gaia-budget", "--", TITLE, text], None

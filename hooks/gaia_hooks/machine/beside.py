"""What hooks start and do not wait for: the core's `ingest`, and a notification of the desktop."""

import sys

from gaia_hooks.machine import clock, files, log, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INTERVAL_MICROS = 300 * clock.MICRO  # between two ingests
SILENT_CLIENTS = (
    "claude-vscode",
    "claude-desktop",
    "claude-desktop-3p",
)  # the editor's panel, the desktop app
TITLE = "GAIA budget"
QUOTES = "'\u2018\u2019\u201a\u201b"  # each ends a quoted text of PowerShell unless it stands twice
BALLOON = (  # for Windows PowerShell; the icon goes when the balloon has been seen
    "Add-Type -AssemblyName System.Windows.Forms; $n = New-Object System.Windows.Forms.NotifyIcon; "
    "$n.Icon = [System.Drawing.SystemIcons]::Information; $n.Visible = $true; "
    "$n.ShowBalloonTip(10000, '%s', '%s', 'Warning'); Start-Sleep 10; $n.Dispose()"
)


def start_ingest(home: str, policy: "dict[str, Any]") -> None:
    """Start the command that the snapshot names, when the last start is long enough ago."""
    if policy["ingest"] and _is_due(home):
        _start(home, "ingest", policy["ingest"])


def _start(home: str, what: str, command: "list[str]") -> None:
    try:
        system.start_detached(command)
    except OSError as error:
        log.fault(home, what, error)


def _is_due(home: str) -> bool:
    marker = files.join(home, "ingest.started")
    try:
        with files.Lock(marker + ".lock", 0.0):
            try:
                last = int(files.read(marker))
            except (OSError, ValueError):
                last = 0
            if last <= clock.now() < last + INTERVAL_MICROS:
                return False
            files.replace(marker, b"%d" % clock.now(), durable=False)
            return True
    except OSError:
        return False  # another session's start is at it


def is_client_silent() -> bool:
    """Whether the client shows neither what a hook says nor a status line."""
    return system.variable("CLAUDE_CODE_ENTRYPOINT") in SILENT_CLIENTS


def notify(home: str, text: str) -> None:
    """Show a line on the desktop; a machine without a way to do so gets none."""
    command = notifier(text)
    if command:
        _start(home, "notify", command)


def notifier(text: str) -> "list[str]":
    """The command that shows a line on this system's desktop; empty where there is none."""
    if system.WINDOWS:
        script = BALLOON % (TITLE, "".join(sign * 2 if sign in QUOTES else sign for sign in text))
        return ["powershell.exe", "-NoProfile", "-NonInteractive", "-Command", script]
    if sys.platform == "darwin":
        lines = ("on run words", 'display notification (item 1 of words) with title "%s"' % TITLE, "end run")
        return ["/usr/bin/osascript", *(word for line in lines for word in ("-e", line)), text]
    for folder in system.variable("PATH").split(":"):
        program = files.join(folder, "notify-send")
        if folder and files.exists(program):
            return [program, "--app-name=" + TITLE, TITLE, text]
    return []

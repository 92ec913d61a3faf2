"""A desktop notification, where the client shows neither what a hook says nor a status line."""

import sys

from gaia_hooks.machine import files, log, system

VARIABLE = "CLAUDE_CODE_ENTRYPOINT"
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


def show(home: str, text: str) -> None:
    """Show a line on the desktop without waiting for it; a machine without a way to do so gets none."""
    words = command(text)
    if words:
        try:
            system.start_detached(words)
        except OSError as error:
            log.fault(home, "notify", error)


def command(text: str) -> "list[str]":
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

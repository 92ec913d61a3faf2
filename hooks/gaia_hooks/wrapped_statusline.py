"""Our status line below the user's own, where they had one before us.

Their command is the last argument, as hexadecimal UTF-8, so that no shell between can change it.
"""

import subprocess
import sys

from gaia_hooks import statusline
from gaia_hooks.machine import files, system

THEIRS_SECONDS = 5.0


def run() -> None:
    """Print what their command prints for the JSON on stdin, then our line for the same JSON."""
    data = system.read_stdin(statusline.STDIN_LIMIT)
    try:
        theirs = subprocess.run(  # noqa: S602 (it is the user's own shell command)
            bytes.fromhex(sys.argv[-1]).decode("utf-8"),
            shell=True,
            input=data,
            stdout=subprocess.PIPE,
            timeout=THEIRS_SECONDS,
            check=False,
        ).stdout.rstrip()
    except (OSError, subprocess.SubprocessError):
        theirs = b""  # their line is missing, as it would be without us
    if theirs:
        files.write_all(1, theirs + b"\n")
    statusline.run(data)

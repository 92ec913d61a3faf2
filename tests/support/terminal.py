"""A command in a terminal: tmux runs it in a server of its own, types into it and reads its screen."""

from __future__ import annotations

import os
import re
import subprocess
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PATIENCE = 60.0
"""Seconds that any one wait may take; a turn of the client takes 1-4."""


class Terminal:
    """A command in a tmux server of its own; see `Claude.terminal`."""

    def __init__(self, env: dict[str, str], cwd: Path, command: str, width: int, height: int) -> None:
        self._env = {**env, "TMUX_TMPDIR": env["HOME"]}
        self._tmux(
            "-f",
            os.devnull,
            "new-session",
            "-d",
            "-s",
            "t",
            "-x",
            str(width),
            "-y",
            str(height),
            "-c",
            str(cwd),
            command,
        )

    def screen(self, colours: bool = False) -> str:
        """What stands on the screen, with what has scrolled off it."""
        return self._tmux("capture-pane", "-p", "-J", "-S", "-", *(["-e"] if colours else []), "-t", "t")

    def wait_for(self, pattern: str) -> str:
        """Wait until the screen matches a regular expression; return the screen."""
        deadline = time.monotonic() + PATIENCE
        shown = self.screen()
        while not re.search(pattern, shown):
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} did not appear in {PATIENCE} s; the screen:\n{shown}")
            time.sleep(0.1)  # polls a foreign process: nothing announces a change of the screen
            shown = self.screen()
        return shown

    def type(self, words: str, enter: bool = True) -> None:
        """Type words, and press Enter once they stand on the screen."""
        self._tmux("send-keys", "-t", "t", "-l", words)
        if enter:
            self.wait_for(re.escape(words[:40]))
            self.press("Enter")

    def press(self, *keys: str) -> None:
        """Press keys by their tmux names, such as `Enter`, `Escape`, `C-c`."""
        self._tmux("send-keys", "-t", "t", *keys)

    def confirm(self, question: str, pattern: str) -> str:
        """Press Enter on a dialog until what follows is shown: one that was just drawn may not read keys yet."""
        self.wait_for(question)
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, shown := self.screen()):
            if time.monotonic() > deadline:
                raise AssertionError(f"{pattern!r} did not follow {question!r}; the screen:\n{shown}")
            if re.search(question, shown):
                self.press("Enter")
            time.sleep(0.5)  # polls a foreign process, as `wait_for` does
        return shown

    def close(self) -> None:
        """End the client and the tmux server."""
        self._tmux("kill-server", check=False)

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-L", "gaia", *arguments],
            env=self._env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=PATIENCE,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"tmux {arguments[0]} failed: {done.stderr}")
        return done.stdout

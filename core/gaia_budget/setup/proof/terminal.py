"""A program in a terminal that nobody sees (POSIX): what it draws is kept as text, and its whole group ends with it."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import struct
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Self

ROWS, COLUMNS = 40, 120
PIECE = 1 << 16
OTHER_MODE = b"\x1b[Z"  # shift and tab: the client's next mode of permissions
ENDING_SECONDS = 1.0
MOVES = re.compile(r"\x1b\[[0-9;]*[GCHf]|[\r\n]+")
"""To another place of the screen: a program jumps over blanks that stand there."""
STEERING = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b\[[0-?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\x1b.|[\x00-\x08\x0e-\x1f]"
)


class Terminal:
    """A started program; use it as a context manager."""

    def __init__(self, command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> None:
        self._near, far = os.openpty()
        self._drawn, self._rows = bytearray(), ROWS
        try:
            self._resize(far)
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdin=far, stdout=far, stderr=far, start_new_session=True
            )  # fmt: skip
        except BaseException:
            os.close(self._near)
            raise
        finally:
            os.close(far)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for kind in (signal.SIGTERM, signal.SIGKILL):
            self._signal(kind)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(ENDING_SECONDS)
        os.close(self._near)

    @property
    def runs(self) -> bool:
        """Whether the program has not ended."""
        return self._process.poll() is None

    def read(self, seconds: float) -> None:
        """Take what is drawn, waiting so long for it at most."""
        if select.select([self._near], [], [], seconds)[0]:
            with contextlib.suppress(OSError):  # the other side is closed
                self._drawn += os.read(self._near, PIECE)

    def redraw(self) -> None:
        """Let the program draw all of its screen anew, as a window does whose size is changed; what was before goes."""
        self._drawn.clear()
        self._rows = ROWS + 1 if self._rows == ROWS else ROWS
        self._resize(self._near)
        self._signal(signal.SIGWINCH)

    def press(self, keys: bytes) -> None:
        """Type keys."""
        with contextlib.suppress(OSError):
            os.write(self._near, keys)

    def text(self) -> str:
        """What was drawn since, without what steers a terminal."""
        drawn = self._drawn.decode("utf-8", "replace")
        return STEERING.sub("", MOVES.sub(" ", drawn))

    def _resize(self, side: int) -> None:
        import fcntl
        import termios

        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", self._rows, COLUMNS, 0, 0))

    def _signal(self, kind: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, kind)

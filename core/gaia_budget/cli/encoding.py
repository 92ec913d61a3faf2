"""In which encoding a stream is written to: the one that its reader expects, and no sign ever ends a command."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import TextIO


def fit(stream: TextIO) -> None:
    """Write as the reader of the stream expects; a sign that it does not know becomes a question mark."""
    if hasattr(stream, "reconfigure"):  # what stands for a stream in tests and notebooks takes all signs
        stream.reconfigure(encoding=_expected(stream), errors="replace")


def _expected(stream: TextIO) -> str | None:
    """The encoding to change to; None where Python has chosen well: by the locale, and in a console of Windows.

    In a pipe of Windows it chooses the page of its windows (cp1252), but PowerShell and cmd read a program by the
    page of the console (cp437, cp850), and the shells of Git and MSYS by UTF-8.
    """
    if sys.platform != "win32" or stream.isatty():
        return None
    if os.environ.get("PYTHONIOENCODING") or sys.flags.utf8_mode:
        return None
    if os.environ.get("MSYSTEM"):
        return "utf-8"
    import ctypes

    page = ctypes.windll.kernel32.GetConsoleOutputCP()
    return f"cp{page}" if page else "utf-8"  # without a console a program reads it

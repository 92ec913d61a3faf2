"""The page for the ecosystem's own dashboards as its owner has it, and Streamlit that serves it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from support import spent_month

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCS = (Path(__file__).parents[2] / "docs" / "argus-page.md").read_text("utf-8")
(SHOWN,) = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
OWNERS = re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL)[0]
PAGE = f"""
from gaia_budget.ledger import Ledger
from gaia_hooks.machine import clock

Ledger.now = lambda _: {spent_month.NOW}
clock.now = lambda: {spent_month.NOW}

{SHOWN}"""
CONFIG = OWNERS.replace("[server]", '[server]\nheadless = true\nfileWatcherType = "none"')


@contextmanager
def streamlit(page_file: Path) -> Iterator[str]:
    """The page as the ecosystem serves it, locked down as the documentation says."""
    folder = page_file.parent / ".streamlit"
    folder.mkdir()
    (folder / "config.toml").write_text(CONFIG, encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", page_file.name, "--server.port", str(port)]
    with (page_file.parent / "log").open("wb") as log:
        server = subprocess.Popen(words, cwd=page_file.parent, env={**os.environ}, stdout=log, stderr=log)
    try:
        while not _answers(port):
            assert server.poll() is None, (page_file.parent / "log").read_text("utf-8")
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True

"""What a user may do who is not root."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOBODY = 65534


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Root may write everything: be somebody else for a while."""
    root = hasattr(os, "geteuid") and os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@contextlib.contextmanager
def only_to_be_read(folder: Path) -> Iterator[None]:
    """A folder and all that is in it are this user's, who may do nothing but read them."""
    inside = [folder, *folder.rglob("*")]
    for path in inside:
        if os.geteuid() == 0:
            os.chown(path, NOBODY, -1)
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        with without_privileges():
            yield
    finally:
        for path in inside:
            path.chmod(0o700)

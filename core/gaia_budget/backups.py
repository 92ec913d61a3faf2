"""Files as they were before we changed them, each kept once under its SHA-256 in `backups/` of our state folder."""

from __future__ import annotations

import hashlib
import re

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_hooks.machine import files


def digest(content: bytes) -> str:
    """The name that a content is kept under."""
    return hashlib.sha256(content).hexdigest()


def is_digest(name: str) -> bool:
    """Whether a text is such a name, and so no path."""
    return bool(re.fullmatch(r"[0-9a-f]{64}", name))


def keep(content: bytes) -> str:
    """Keep a content for good and return its name. Raises OSError."""
    name = digest(content)
    file = places.ensure_home() / "backups" / name
    if not file.exists():
        files.replace(str(file), content)
    return name


def content(name: str) -> bytes:
    """A content that was kept. Raises InputError when it is missing or no longer what was kept."""
    if not is_digest(name):
        raise InputError(
            "the backup is named by no digest; nothing was read or written", slug="backup-damaged"
        )
    file = places.home() / "backups" / name
    try:
        found = file.read_bytes()
    except OSError as error:
        raise InputError(
            f"{file}: the backup cannot be read: {error.strerror or error}", slug="backup-damaged"
        ) from error
    if digest(found) != name:
        raise InputError(f"{file}: the backup is damaged; nothing was written", slug="backup-damaged")
    return found

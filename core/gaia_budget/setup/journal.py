"""What `init` has changed, so that `--undo` can give it back to the byte.

`backups/` holds files as they were, named by their SHA-256. `setup.json` says for each changed file which
content was there before and which one we wrote; it is saved before the file itself is changed.
"""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict

import msgspec

from gaia_budget import backups, places
from gaia_budget.configfile import read_json
from gaia_budget.errors import ConfigError, InputError
from gaia_hooks.machine import files
from gaia_hooks.say.namesake import JOURNAL

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = 1
LOCK_SECONDS = 30.0


class FileChange(NamedTuple):
    """A file's content before and after; None means that there is no file."""

    file: Path
    before: bytes | None
    after: bytes | None


class _Noted(TypedDict):
    before: str | None
    after: str | None
    made_folder: bool
    tools: list[str]


class _Server(TypedDict):
    scope: str
    project: str
    command: list[str]
    env: dict[str, str]


class _Stored(TypedDict, total=False):
    """The form of `setup.json`."""

    schema: int
    files: dict[str, _Noted]
    servers: list[_Server]


class Journal:
    """`setup.json`: the files we changed, and the MCP registrations we made."""

    def __init__(self, stored: _Stored) -> None:
        self.files: dict[str, dict[str, Any]] = {
            name: {**one} for name, one in stored.get("files", {}).items()
        }
        self.servers: list[dict[str, Any]] = [{**one} for one in stored.get("servers", [])]

    @classmethod
    def load(cls) -> Journal:
        """The journal as stored; empty when there is none. Raises ConfigError."""
        try:
            stored = read_json(_file()).root.plain()
        except FileNotFoundError:
            stored = {"schema": SCHEMA}
        if not isinstance(stored, dict) or stored.get("schema") != SCHEMA:
            raise ConfigError(
                _file(),
                f"is not of schema {SCHEMA}",
                cure="Use the version that wrote it",
                slug="config-newer",
            )
        try:
            return cls(msgspec.convert(stored, _Stored))
        except msgspec.ValidationError as error:
            cure = "Delete it: what is wired is found without it, but for files that only it names"
            raise ConfigError(_file(), f"was damaged or edited: {error}", cure=cure) from None

    def save(self) -> None:
        """Store the journal; without entries there is none."""
        if not self.files and not self.servers:
            _file().unlink(missing_ok=True)
            return
        document = {"schema": SCHEMA, "files": self.files, "servers": self.servers}
        files.replace(str(_file()), json.dumps(document, indent=2).encode() + b"\n")

    def note(self, change: FileChange, without_us: bytes | None, tools: list[str]) -> None:
        """Remember a change that is about to be made.

        `without_us` is the file as it would be without our entries, `tools` are the rules of `permissions.allow`
        in it that are ours. Where nobody edited the file since our last change, what stood there first stays what
        undo gives back.
        """
        entry = self.files.get(str(change.file))
        untouched = (
            entry is not None
            and change.before is not None
            and entry["after"] == backups.digest(change.before)
        )
        if entry is None or not untouched:
            made_folder = not change.file.parent.exists()
            entry = {
                "before": None if without_us is None else backups.keep(without_us),
                "made_folder": entry["made_folder"] if entry else made_folder,
            }
        entry["after"] = None if change.after is None else backups.digest(change.after)
        entry["tools"] = tools
        self.files[str(change.file)] = entry

    def tools(self, file: Path) -> list[str] | None:
        """The rules of `permissions.allow` that we added to a file; None where nothing is known of it."""
        entry = self.files.get(str(file))
        return None if entry is None else list(entry["tools"])

    def original(self, file: Path, now: bytes) -> tuple[bool, bytes | None]:
        """(True, what stood there before us) where `now` is what we wrote and the backup is whole.

        Else (False, None): somebody edited the file, or the backup is gone.
        """
        entry = self.files.get(str(file))
        if entry is None or entry["after"] != backups.digest(now):
            return False, None
        if entry["before"] is None:
            return True, None
        try:
            return True, backups.content(entry["before"])
        except InputError:
            return False, None


def content_of(file: Path) -> bytes | None:
    """A file's bytes, or None when it is missing. Raises ConfigError."""
    try:
        return files.read(str(file))
    except FileNotFoundError:
        return None
    except ValueError as error:  # a NUL, half a character
        raise ConfigError(ascii(str(file)), "is no name of a file", slug="config-unreadable") from error
    except OSError as error:
        raise ConfigError(
            file, f"cannot be read: {error.strerror or error}", slug="config-unreadable"
        ) from error


def refuse_outrun(change: FileChange) -> None:
    """Raise ConfigError when a file is no longer what the plan was made for."""
    if content_of(change.file) != change.before:
        raise ConfigError(
            change.file,
            "was changed by somebody else meanwhile",
            cure="Run init again",
            slug="config-changed",
        )


def write(change: FileChange) -> None:
    """Put the new content in place in one step, keeping the file's mode and following links. Raises ConfigError."""
    real = places.real(change.file)
    try:
        if change.after is None:
            real.unlink(missing_ok=True)
            return
        mode = stat.S_IMODE(real.stat().st_mode) if real.exists() else None
        real.parent.mkdir(parents=True, exist_ok=True)
        files.replace(str(real), change.after)
        if mode is not None:
            real.chmod(mode)
    except OSError as error:
        raise ConfigError(
            change.file, f"cannot be written: {error.strerror or error}", slug="config-unwritable"
        ) from error


def lock() -> files.Lock:
    """Held while settings are changed: one `init` at a time."""
    return files.Lock(str(places.home() / "setup.lock"), LOCK_SECONDS)


def _file() -> Path:
    return places.home() / JOURNAL

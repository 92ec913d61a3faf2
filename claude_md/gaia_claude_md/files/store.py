"""Writing the files of a split so that no kill at any moment loses a line, and going back to any earlier state."""

from __future__ import annotations

import json
import os
import re
import stat
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gaia_budget import backups, places
from gaia_budget.errors import InputError
from gaia_claude_md.files import finding, reading
from gaia_claude_md.markdown.sections import sections_of
from gaia_claude_md.pair import layout
from gaia_hooks.machine import files as primitives
from gaia_hooks.machine import jsonio
from gaia_hooks.say import sections as hook

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gaia_claude_md.files.reading import Files
    from gaia_claude_md.plan.splitting import SplitPlan

LOCK_SECONDS = 10.0
LONGEST_TEXT = 8_000  # characters; the client cuts longer additions to a prompt down to a preview


@dataclass(frozen=True, slots=True)
class StoredFiles:
    """The files as they were before we wrote: their SHA-256 in `backups/`, None for a file that was not there."""

    number: int
    at: str
    verb: str
    l1: str | None
    l2: str | None
    source: str
    rules: dict[str, str | None] = field(default_factory=dict)


@contextmanager
def lock(l1: Path) -> Iterator[None]:
    """Held while a pair is changed: one writer of ours at a time. Raises InputError when it does not come free."""
    held = primitives.Lock(str(_folder() / f"{_key(l1)}.lock"), LOCK_SECONDS)
    try:
        held.__enter__()
    except OSError as error:
        raise InputError(
            f"{l1}: cannot be locked for writing: {error}. Nothing was written", slug="file-unwritable"
        ) from error
    try:
        yield
    finally:
        held.__exit__(None, None, None)


def write(files: Files, verb: str, source: bytes, steps: Sequence[tuple[Path, bytes | None]]) -> None:
    """Replace or (None) remove files in the given order, after everything that stood there is kept.

    The caller holds the lock. Raises InputError when somebody else has written since `files` was read, or when a
    file cannot be written.
    """
    try:
        _refuse_unwritable(files, steps)
        _refuse_changed(files)
        _remember(files, verb, source)
        mode = stat.S_IMODE(files.l1.stat().st_mode) if files.l1.exists() else 0o644
        for path, data in steps:
            if data is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                kept = stat.S_IMODE(path.stat().st_mode) if path.exists() else mode
                primitives.replace(str(path), data)
                path.chmod(kept)
        _sweep(files)
    except OSError as error:
        raise InputError(
            f"{error.filename or files.l1}: cannot be written: {error.strerror or error}. "
            "`gaia-budget claude-md join` puts the whole text back",
            slug="file-unwritable",
        ) from error


def rules_to_write(
    files: Files, manifest: layout.Manifest | None, texts: Mapping[str, str]
) -> tuple[dict[Path, bytes | None], Files]:
    """The rule files to write, None for one to remove; and the files with what stands in their places.

    Raises InputError for a file of somebody else.
    """
    folder, there = reading.rules_folder(files.l1), files.our_rules(manifest)
    found: dict[Path, bytes | None] = dict.fromkeys(folder / name for name in there)
    now = dict(files.rules)
    for name, text in texts.items():
        path, data = folder / name, text.encode("utf-8")
        if name not in there:
            now[path] = reading.rule_bytes(path)
            if now[path] not in (None, data):
                raise InputError(
                    f"{path} exists and is not of this split. Rename it, or the section. Nothing was written",
                    slug="file-in-the-way",
                )
        found[path] = data
    return found, replace(files, rules=now)


def states(l1: Path) -> list[StoredFiles]:
    """The states that a file can go back to, oldest first."""
    try:
        lines = _journal(l1).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return []
    found: list[StoredFiles] = []
    for line in lines:
        try:
            found.append(StoredFiles(len(found) + 1, **json.loads(line)))
        except (ValueError, TypeError):
            continue  # a line torn by a kill: nothing had been written yet
    return found


def rules_to_restore(l1: Path, l2_data: bytes | None, kept: Mapping[str, str | None]) -> list[Path]:
    """The rule files that a return to an earlier state concerns: those of the split as it is, and those of then."""
    names = set(kept)
    with suppress(InputError):  # where the manifest cannot be read it is not known which are ours
        files = reading.Files(l1, finding.l2_of(l1), b"", l2_data, reading.rules_of(l1, l2_data))
        found = layout.read_l2(files.l2_text or "", files.l2.name)
        names |= files.ruled(found[1]).keys() if found else set()
    return [reading.rules_folder(l1) / name for name in sorted(names)]


def write_triggers(l1: Path, l2: Path, l2_data: bytes, plan: SplitPlan) -> None:
    """Leave the words and texts of the sections where the hook finds them (`gaia_hooks.say.sections`).

    It passes over them as soon as L2 has another size. Raises OSError.
    """
    folder = str(places.real(l1).parent)
    rows = [
        [section.slug, [word for word in plan.rows[section.slug].split(", ") if word], section.text]
        for section in sections_of(plan.document)
        if section.slug in plan.rows and len(section.text) <= LONGEST_TEXT
    ]
    content = {"folder": folder, "l2": str(places.real(l2)), "size": len(l2_data), "rows": rows}
    primitives.replace(hook.path_of(str(places.ensure_home()), folder), jsonio.dumps(content), durable=False)


def _remember(files: Files, verb: str, source: bytes) -> None:
    entry: dict[str, Any] = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "verb": verb,
        "l1": backups.keep(files.l1_data) if files.l1.exists() else None,
        "l2": None if files.l2_data is None else backups.keep(files.l2_data),
        "source": backups.keep(source),
    }
    if files.rules:
        kept = {path.name: None if data is None else backups.keep(data) for path, data in files.rules.items()}
        entry["rules"] = kept
    primitives.append(str(_journal(files.l1)), json.dumps(entry).encode() + b"\n")


def _refuse_changed(files: Files) -> None:
    for path, data in ((files.l1, files.l1_data), (files.l2, files.l2_data), *files.rules.items()):
        now = path.read_bytes() if path.exists() else None
        if now != data and not (now is None and data == b""):
            raise InputError(
                f"{path}: somebody else has just changed it; nothing was written. Run it again",
                slug="file-changed",
            )


def _refuse_unwritable(files: Files, steps: Sequence[tuple[Path, bytes | None]]) -> None:
    for path, _ in steps:
        if path.is_symlink():
            raise InputError(
                f"{path} is a symbolic link to {path.readlink()}; nothing was written. "
                "Name the file itself, or make it a file",
                slug="file-link",
            )
        if path.is_dir():
            raise InputError(f"{path} is a folder; nothing was written. Rename the folder", slug="not-a-text")
        if path.exists() and path.stat().st_nlink > 1:
            raise InputError(
                f"{path} is one file with several names (hard links), which a write would part; nothing was written. "
                "Put a copy in its place first",
                slug="file-link",
            )
        if path.exists() and not path.stat().st_mode & stat.S_IWUSR:
            raise InputError(
                f"{path} is read-only; nothing was written. Allow writing to it first", slug="file-unwritable"
            )
    if not os.access(files.l1.parent, os.W_OK):
        raise InputError(
            f"{files.l1.parent}: the folder cannot be written to; nothing was written", slug="file-unwritable"
        )


def _sweep(files: Files) -> None:
    """Remove temporary files that a killed writer left behind."""
    ours = [files.l1, files.l2, *files.rules]
    left = re.compile(rf"(?:{'|'.join(re.escape(path.name) for path in ours)})(?:\.\d+)+\.tmp")
    for folder in {path.parent for path in ours if path.parent.is_dir()}:
        for path in folder.iterdir():
            if left.fullmatch(path.name):
                path.unlink(missing_ok=True)
    for folder in {path.parent for path in files.rules}:
        with suppress(OSError):  # only an empty one goes
            folder.rmdir()


def _folder() -> Path:
    return places.ensure_home() / "claude-md"


def _journal(l1: Path) -> Path:
    return _folder() / f"{_key(l1)}.jsonl"


def _key(l1: Path) -> str:
    return backups.digest(os.path.normcase(places.real(l1)).encode("utf-8", "surrogatepass"))[:16]

"""The whole text behind a path, however it is stored: whole, split, or as a killed write has left it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gaia_budget import backups
from gaia_claude_md.files import reading
from gaia_claude_md.pair import layout
from gaia_claude_md.pair.index import BEGIN, Edits
from gaia_claude_md.pair.merge import ConflictError, merge
from gaia_claude_md.pair.rules import expanded

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_claude_md.files.reading import Files


@dataclass(frozen=True, slots=True)
class Source:
    """The whole text behind a path, however it is stored, without byte order mark.

    `state` is "whole" (not split), "split", "edited" (split, and changed since) or "interrupted" (a write was
    killed half-way; nothing is lost).
    """

    files: Files
    text: str
    state: str
    edits: Edits = field(default_factory=Edits)
    manifest: layout.Manifest | None = None

    @property
    def bytes(self) -> bytes:
        """The whole text as UTF-8, without byte order mark: what backups keep."""
        return self.text.encode("utf-8")


def read_source(path: Path | str) -> Source:
    """Put the whole text together. Raises InputError, ConflictError."""
    return source_of(reading.read(path))


def source_of(files: Files) -> Source:
    """The whole text behind files that have been read. Raises InputError, ConflictError."""
    l1, l2 = files.l1_text, files.l2_text
    for file, text in ((files.l1, l1), (files.l2, l2)):
        reading.refuse_conflicts(file, text or "")
    found = layout.read_l2(l2, str(files.l2)) if l2 is not None else None
    if found is None:
        reading.refuse_markers(files.l1, l1)
        return Source(files, l1, "whole")
    body, manifest = found
    marks = [mark[1] for mark in BEGIN.finditer(l1)]
    if manifest.id not in marks:
        return _interrupted(files, l1, body, manifest)
    merged = merge(l1, expanded(body, files.ruled(manifest)), manifest)
    edited = merged.edited or layout.sha256(body) != manifest.body or files.has_edited_rules(manifest)
    return Source(files, merged.source, "edited" if edited else "split", merged.edits, manifest)


def _interrupted(files: Files, l1: str, body: str, manifest: layout.Manifest) -> Source:
    """A write of L2 that was not followed by its L1: the text is L1 itself, or was kept before the write."""
    now = layout.sha256(l1)
    if layout.sha256(body) == manifest.body and not files.has_foreign_rules(manifest):
        if now == manifest.source:
            return Source(files, l1, "interrupted", manifest=manifest)
        if now == manifest.before:
            kept = backups.content(manifest.source).decode("utf-8")
            return Source(files, kept, "interrupted", manifest=manifest)
    raise ConflictError([f"{files.l1.name} and {files.l2.name} are not of one split"])

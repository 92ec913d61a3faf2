"""The rule files of a split on disk: which are ours, which are wanted, and what else may lie in their places."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from gaia_budget.errors import InputError
from gaia_claude_md.files import finding, reading
from gaia_claude_md.pair import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from gaia_claude_md.files.reading import Files
    from gaia_claude_md.pair.layout import Manifest


def in_tree(l1: Path, manifest: Manifest | None, wanted: bool | None) -> Callable[[str], str] | None:
    """What tells paths of the project from other names; None where no rules are wanted, or were (None) till now.

    Raises InputError where the client would read no rules.
    """
    before = bool(manifest and any(now for now, *_ in manifest.rules.values()))
    if not (before if wanted is None else wanted):
        return None
    root = reading.rules_folder(l1).parent.parent
    if wanted and (l1.name == finding.LOCAL or not (root / ".git").exists()):
        raise InputError(
            f"{l1}: --rules needs the CLAUDE.md or AGENTS.md of a repository's root, as the client reads the rules "
            "there. Nothing was written",
            slug="rules-need-root",
        )
    return lambda name: finding.pattern_in(root, name)


def ours(files: Files, manifest: Manifest | None) -> dict[str, str]:
    """The texts of the rule files that are there. A file of somebody else under such a name is none."""
    known = manifest.rules if manifest else {}
    texts = files.rule_texts.items()
    return {name: text for name, text in texts if known[name][0] or layout.sha256(text) == known[name][1]}


def current(files: Files, manifest: Manifest) -> dict[str, str]:
    """The texts of those that hold a section, by what L2 says."""
    return {name: text for name, text in files.rule_texts.items() if manifest.rules[name][0]}


def foreign(files: Files, manifest: Manifest) -> bool:
    """Whether a rule file holds what neither the last write nor the one before it has left there."""
    texts = current(files, manifest).items()
    return any(layout.sha256(text) not in manifest.rules[name][:2] for name, text in texts)


def edited(files: Files, manifest: Manifest) -> bool:
    """Whether a rule file has changed since the split."""
    texts = current(files, manifest).items()
    return any(layout.sha256(text) != manifest.rules[name][0] for name, text in texts)


def as_read(files: Files, manifest: Manifest) -> dict[str, list[str]]:
    """What a manifest knows of its rules, with what they hold now as what they should hold."""
    shas = {name: layout.sha256(text) for name, text in current(files, manifest).items()}
    return {name: [shas.get(name, known[0]), *known[1:]] for name, known in manifest.rules.items()}


def planned(
    files: Files, manifest: Manifest | None, texts: Mapping[str, str]
) -> tuple[dict[Path, bytes | None], Files]:
    """The rule files to write, None for one to remove; and the files with what stands in their places.

    Raises InputError for a file of somebody else.
    """
    folder, there = reading.rules_folder(files.l1), ours(files, manifest)
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


def to_restore(l1: Path, l2_data: bytes | None, kept: Mapping[str, str | None]) -> list[Path]:
    """The rule files that a return to an earlier state concerns: those of the split as it is, and those of then."""
    names = set(kept)
    with suppress(InputError):  # where the manifest cannot be read it is not known which are ours
        files = reading.Files(l1, reading.l2_of(l1), b"", l2_data, reading.rules_of(l1, l2_data))
        found = layout.read_l2(files.l2_text or "", files.l2.name)
        names |= current(files, found[1]).keys() if found else set()
    return [reading.rules_folder(l1) / name for name in sorted(names)]

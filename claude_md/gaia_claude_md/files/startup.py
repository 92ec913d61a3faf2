"""What Claude Code loads beside CLAUDE.md: imports, rules, local and nested files, each with its size."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_claude_md.files import finding, reading, tree
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.lines import bare
from gaia_claude_md.markdown.tokens import estimate, loaded_text

HOPS = 4  # as many as Claude Code follows
SHOWN = 5
LARGE = 500  # tokens, from which on a nested file is worth a word


@dataclass(frozen=True, slots=True)
class Loaded:
    """A file that a session loads, as it gets it: at its start, or (`nested`) on first reading a file near it."""

    path: Path
    text: str
    how: str

    @property
    def tokens(self) -> int:
        """Estimated tokens."""
        return estimate(self.text)

    @property
    def at_start(self) -> bool:
        """Whether every session pays for it."""
        return self.how != "nested"


def imported(l1: Path) -> list[Loaded]:
    """What an L1 imports, four hops deep, each file once. Files that cannot be read are left out."""
    return [Loaded(path, _loaded(path), "import") for path in _imported(l1, HOPS, {places.real(l1)})]


def also_loaded(l1: Path) -> list[Loaded]:
    """Everything besides L1 that loads because of where L1 stands. Files that cannot be read are left out."""
    root = l1.parent.parent if l1.parent.name == ".claude" else l1.parent
    found = imported(l1)
    folder = root / ".claude" / "rules"
    rules = sorted(folder / name for name in tree.below(folder) if name.endswith(".md"))
    found += [Loaded(path, _loaded(path), "rules") for path in rules if not _has_paths(path)]
    known = {places.real(path) for path in (l1, *(loaded.path for loaded in found))}
    beside = [path for path in finding.of_folder(root).files if places.real(path) not in known]
    known.update(places.real(path) for path in beside)
    found += [Loaded(path, _loaded(path), "beside") for path in beside]
    agents = finding.before_agents(root) is None
    nested = [
        path
        for path in finding.below(root)
        if places.real(path) not in known and (agents or path.name not in finding.INSTEAD)
    ]
    return found + [Loaded(path, _loaded(path), "nested") for path in nested]


def warnings(l1: Path, saved_tokens: int) -> list[str]:
    """What undoes a saving, in words: what else loads at every start, and nested files above the limit."""
    found = also_loaded(l1)
    rows = []
    for how in ("import", "rules", "beside"):
        files = [loaded for loaded in found if loaded.how == how and loaded.tokens]
        total = sum(loaded.tokens for loaded in files)
        if not files:
            continue
        names = ", ".join(shown(loaded.path, l1) for loaded in files[:SHOWN])
        more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
        undone = "; this undoes the saving" if total >= saved_tokens > 0 else ""
        rows.append(f"{how}: about {total} tokens more at every start from {names}{more}{undone}")
    rows += [
        f"nested: {shown(loaded.path, l1)} adds about {loaded.tokens} tokens whenever a file near it is read; "
        "split it too"
        for loaded in found
        if loaded.how == "nested" and loaded.tokens > max(saved_tokens, LARGE)
    ]
    instead = finding.before_agents(l1.parent) if l1.name in finding.INSTEAD else None
    if instead and l1 not in finding.upwards(l1.parent).files:
        rows.append(
            f"{l1.name} is loaded by no session of Claude Code, which reads {shown(instead, l1)} instead: a CLAUDE.md "
            f"that says `@{l1.name}` beside it would have it loaded"
        )
    if l1.name == finding.LOCAL and finding.l2_of(l1).exists():
        rows.append(f"{finding.l2_of(l1).name} is as private as {l1.name}: name it in .gitignore too")
    return rows


def shown(path: Path, l1: Path) -> str:
    """A path as it is named from the folder of an L1."""
    try:
        return Path(os.path.relpath(path, l1.parent)).as_posix()
    except ValueError:  # another drive
        return str(path)


def _imported(file: Path, hops: int, seen: set[Path]) -> list[Path]:
    found: list[Path] = []
    for path in finding.imports_of(file, _text(file)) if hops else []:
        if places.real(path) not in seen:
            seen.add(places.real(path))
            found += [path, *_imported(path, hops - 1, seen)]
    return found


def _has_paths(file: Path) -> bool:
    """Whether a rule names the paths it is for: then it loads only with a matching file."""
    document = parse(_text(file))
    return any(bare(line).startswith("paths:") for line in document.lines[: document.prefix])


def _loaded(file: Path) -> str:
    return loaded_text(_text(file))


def _text(file: Path) -> str:
    try:
        return reading.content_of(file).decode("utf-8", "replace").replace("\0", "\ufffd")
    except (OSError, InputError):
        return ""

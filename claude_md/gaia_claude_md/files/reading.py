"""From a path to the texts of L1 and L2, with a clear refusal of everything that is not a text to split."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_claude_md.files.finding import LOCAL, NAME, inside, l2_of, locate, pattern_in, project_root
from gaia_claude_md.markdown.lines import BOM, bare, split_lines
from gaia_claude_md.pair.layout import MARKER, read_l2, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gaia_claude_md.pair.layout import Manifest

MAX_BYTES = 1 << 20  # ten times the largest file known; Claude Code itself would load it whole


@dataclass(frozen=True, slots=True)
class Files:
    """L1, L2 and their content as read; `l2_data` is None when there is no L2. `rules` are the rule files of L2."""

    l1: Path
    l2: Path
    l1_data: bytes
    l2_data: bytes | None
    rules: Mapping[Path, bytes | None] = field(default_factory=dict)

    @property
    def rule_texts(self) -> dict[str, str]:
        """The texts of the rule files that are there, by name."""
        found = ((path.name, data) for path, data in self.rules.items() if data is not None)
        return {name: data.decode("utf-8").removeprefix(BOM) for name, data in found}

    def our_rules(self, manifest: Manifest | None) -> dict[str, str]:
        """The texts of the rule files that are there. A file of somebody else under such a name is none."""
        known = manifest.rules if manifest else {}
        texts = self.rule_texts.items()
        return {name: text for name, text in texts if known[name][0] or sha256(text) == known[name][1]}

    def ruled(self, manifest: Manifest) -> dict[str, str]:
        """The texts of those that hold a section, by what L2 says."""
        return {name: text for name, text in self.rule_texts.items() if manifest.rules[name][0]}

    def has_foreign_rules(self, manifest: Manifest) -> bool:
        """Whether one holds what neither the last write nor the one before it has left there."""
        texts = self.ruled(manifest).items()
        return any(sha256(text) not in manifest.rules[name][:2] for name, text in texts)

    def has_edited_rules(self, manifest: Manifest) -> bool:
        """Whether one has changed since the split."""
        texts = self.ruled(manifest).items()
        return any(sha256(text) != manifest.rules[name][0] for name, text in texts)

    def rules_as_read(self, manifest: Manifest) -> dict[str, list[str]]:
        """What a manifest knows of its rules, with what they hold now as what they should hold."""
        shas = {name: sha256(text) for name, text in self.ruled(manifest).items()}
        return {name: [shas.get(name, known[0]), *known[1:]] for name, known in manifest.rules.items()}

    def data_of(self, path: Path) -> bytes | None:
        """What a file of the split held; None for one that was not there."""
        return self.l1_data if path == self.l1 else self.l2_data if path == self.l2 else self.rules.get(path)

    @property
    def bom(self) -> str:
        """The byte order mark of L1, or the empty string."""
        return BOM if self.l1_data.startswith(BOM.encode()) else ""

    @property
    def l1_text(self) -> str:
        """The text of L1 without byte order mark."""
        return self.l1_data.decode("utf-8").removeprefix(BOM)

    @property
    def l2_text(self) -> str | None:
        """The text of L2, or None."""
        return None if self.l2_data is None else self.l2_data.decode("utf-8").removeprefix(BOM)


def read(path: Path | str) -> Files:
    """Read L1 and, where there is one, L2. Raises InputError for anything that is not UTF-8 text."""
    l1 = locate(path)
    l2 = l2_of(l1)
    if l2.is_symlink():
        raise InputError(
            f"{l2} is a symbolic link to {l2.readlink()}; it is not followed. Make it a file",
            slug="file-link",
        )
    l2_data = text_bytes(l2) if l2.exists() else None
    return Files(l1, l2, text_bytes(l1), l2_data, rules_of(l1, l2_data))


def rules_folder(l1: Path) -> Path:
    """Where the client looks for rules of the project that an L1 is for."""
    folder = l1.parent
    return (folder if folder.name == ".claude" else folder / ".claude") / "rules"


def in_tree(l1: Path, manifest: Manifest | None, wanted: bool | None) -> Callable[[str], str] | None:
    """What tells paths of the project from other names; None where no rules are wanted, or were (None) till now.

    Raises InputError where the client would read no rules.
    """
    before = bool(manifest and any(now for now, *_ in manifest.rules.values()))
    if not (before if wanted is None else wanted):
        return None
    root = rules_folder(l1).parent.parent
    if wanted and (l1.name == LOCAL or not (root / ".git").exists()):
        raise InputError(
            f"{l1}: --rules needs the CLAUDE.md or AGENTS.md of a repository's root, as the client reads the rules "
            "there. Nothing was written",
            slug="rules-need-root",
        )
    return lambda name: pattern_in(root, name)


def rules_of(l1: Path, l2_data: bytes | None) -> dict[Path, bytes | None]:
    """The rule files that an L2 names, as they are. Raises InputError for one that is a link, or no text."""
    if not l2_data or b'"rules":{' not in l2_data:
        return {}
    found = read_l2(l2_data.decode("utf-8").removeprefix(BOM), l2_of(l1).name)
    folder = rules_folder(l1)
    return {folder / name: rule_bytes(folder / name) for name in (found[1].rules if found else ())}


def rule_bytes(path: Path) -> bytes | None:
    """A rule file as it is; None where there is none. Raises InputError for a link, and for what is no text."""
    root = project_root(str(path.parent.parent.parent))
    if path.is_symlink() or not inside(root, str(path.parent)):
        raise InputError(
            f"{path} is behind a symbolic link; it is not followed. Make it a file of its own",
            slug="file-link",
        )
    return text_bytes(path) if path.exists() else None


def shown_name(l2: Path) -> str:
    """How L1 names its L2: from the repository's root, or from the home folder for the user's own file."""
    name = l2.name
    own = Path(os.path.realpath(places.claude_config_dir() / NAME))
    if l2.parent == places.claude_config_dir() or l2.parent == own.parent:
        name = l2.as_posix()
        if l2.is_relative_to(Path.home()):
            name = "~/" + l2.relative_to(Path.home()).as_posix()
    else:
        root = next((folder for folder in l2.parents if (folder / ".git").exists()), None)
        if root:
            name = l2.relative_to(root).as_posix()
    return name if re.fullmatch(r"[^\x00-\x1f`*<>]+", name) else l2.name


def text_bytes(file: Path) -> bytes:
    """The bytes of a text. Raises InputError for what is none, and for more than the limit."""
    try:
        data = content_of(file)
    except FileNotFoundError:
        split = l2_of(file).is_file()
        cure = "`gaia-budget claude-md restore` brings it back" if split else "Name the file, or its folder"
        raise InputError(f"{file}: there is no such file. {cure}", slug="file-missing") from None
    except OSError as error:
        raise InputError(
            f"{file}: cannot be read: {error.strerror or error}", slug="file-unreadable"
        ) from error
    if len(data) > MAX_BYTES:
        raise InputError(
            f"{file}: {file.stat().st_size:,} bytes; the limit is {MAX_BYTES:,}. "
            "This is no file of instructions: name another",
            slug="not-a-text",
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{file}: the text is UTF-16. Save it as UTF-8", slug="file-encoding")
    if b"\0" in data:
        raise InputError(
            f"{file}:{_line_at(data, data.index(0))}: a NUL byte; this is no text. Bring the file back as text",
            slug="not-a-text",
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}:{_line_at(data, error.start)}: byte {data[error.start]:#04x} is not UTF-8. Save the file as UTF-8",
            slug="file-encoding",
        ) from error
    return data


def content_of(file: Path) -> bytes:
    """The bytes of a file up to one beyond the limit; what is no regular file is refused before it can block.

    Raises OSError, InputError.
    """
    if file.is_dir():
        raise InputError(f"{file} is a folder; a file was expected. Rename the folder", slug="not-a-text")
    descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with os.fdopen(descriptor, "rb") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise InputError(
                f"{file} is no regular file (a pipe or a device). Name a text file", slug="not-a-text"
            )
        return stream.read(MAX_BYTES + 1)


def _line_at(data: bytes, offset: int) -> int:
    return len(split_lines(data[:offset].decode("utf-8", "replace"))) or 1


def refuse_conflicts(file: Path, text: str) -> None:
    """Raises InputError where a half-merged git conflict stands in the text."""
    if "<<<<<<<" not in text:
        return
    opened, divided = 0, False
    for number, line in enumerate(map(bare, split_lines(text)), start=1):
        if line == "<<<<<<<" or line.startswith("<<<<<<< "):
            opened, divided = opened or number, False
        elif opened and line == "=======":
            divided = True
        elif divided and (line == ">>>>>>>" or line.startswith(">>>>>>> ")):
            raise InputError(
                f"{file}:{opened}: a git conflict marker. Resolve the conflict first", slug="conflict-markers"
            )


def refuse_markers(file: Path, text: str) -> None:
    """Raises InputError where a text that was never split holds our own markers."""
    for number, line in enumerate(split_lines(text), start=1):
        if MARKER.search(line):
            l2 = l2_of(file)
            missing = f"{l2.name} beside it holds no split" if l2.exists() else f"{l2.name} is not beside it"
            raise InputError(
                f"{file}:{number}: a gaia marker, but {missing}. Delete the marker, or "
                "bring both files back with `gaia-budget claude-md restore`",
                slug="split-damaged",
            )

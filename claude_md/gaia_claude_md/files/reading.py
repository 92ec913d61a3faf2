"""From a path to the texts of L1 and L2, with a clear refusal of everything that is not a text to split."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_claude_md.markdown.lines import BOM, split_lines
from gaia_claude_md.pair.layout import MARKER

NAME = "CLAUDE.md"
MAX_BYTES = 1 << 20  # ten times the largest file known; Claude Code itself would load it whole
SKIPPED_FOLDERS = {".git", "node_modules", ".venv", "venv", "__pycache__", ".tox", "dist", "build", "target"}
_CONFLICT = re.compile(r"^<{7}(?: .*)?$(?:.|\n)*?^={7}$(?:.|\n)*?^>{7}(?: .*)?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Files:
    """L1, L2 and their content as read; `l2_data` is None when there is no L2."""

    l1: Path
    l2: Path
    l1_data: bytes
    l2_data: bytes | None

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


def locate(path: Path | str) -> Path:
    """The L1 file that a path means: the file itself, or `CLAUDE.md` or `.claude/CLAUDE.md` of a folder.

    Raises InputError.
    """
    text = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 (resolve would follow links)
    given = Path(text)
    if not os.path.isdir(text):  # noqa: PTH112 (this is asked for each answer of the server: see gaia_mcp.place)
        if given.stem.endswith("_L2") and given.with_name(given.name.replace("_L2", "", 1)).is_file():
            return given.with_name(given.name.replace("_L2", "", 1))
        return given
    if given.name == NAME:
        raise InputError(f"{given} is a folder; a file was expected. Rename the folder")
    for candidate in (given / NAME, given / ".claude" / NAME):
        if candidate.is_file():
            return candidate
    if (given / NAME).is_dir():
        raise InputError(f"{given / NAME} is a folder; a file was expected. Rename the folder")
    raise InputError(f"there is no {NAME} in {given}. Name the file, or a folder that holds one")


def below(folder: Path) -> list[Path]:
    """Every CLAUDE.md in a folder and the folders below it, dependencies and hidden caches left out."""
    found = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        if NAME in names:
            found.append(Path(place) / NAME)
    return found


def l2_of(l1: Path) -> Path:
    """Where the L2 of an L1 stands: beside it, so that relative links go on working."""
    return l1.with_name(f"{l1.stem}_L2{l1.suffix}")


def read(path: Path | str) -> Files:
    """Read L1 and, where there is one, L2. Raises InputError for anything that is not UTF-8 text."""
    l1 = locate(path)
    l2 = l2_of(l1)
    return Files(l1, l2, _text_bytes(l1), _text_bytes(l2) if l2.exists() else None)


def shown_name(l2: Path) -> str:
    """How L1 names its L2: from the repository's root, or from the home folder for the user's own file."""
    name = l2.name
    if l2.parent == places.claude_config_dir():
        name = l2.as_posix()
        if l2.is_relative_to(Path.home()):
            name = "~/" + l2.relative_to(Path.home()).as_posix()
    else:
        root = next((folder for folder in l2.parents if (folder / ".git").exists()), None)
        if root:
            name = l2.relative_to(root).as_posix()
    return name if re.fullmatch(r"[^\x00-\x1f`*<>]+", name) else l2.name


def _text_bytes(file: Path) -> bytes:
    try:
        if file.is_dir():
            raise InputError(f"{file} is a folder; a file was expected. Rename the folder")
        size = file.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"{file}: {size:,} bytes; the limit is {MAX_BYTES:,}. This is no file of instructions: name another"
            )
        data = file.read_bytes()
    except FileNotFoundError:
        split = l2_of(file).is_file()
        cure = "`gaia-budget claude-md restore` brings it back" if split else "Name the file, or its folder"
        raise InputError(f"{file}: there is no such file. {cure}") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{file}: the text is UTF-16. Save it as UTF-8")
    if b"\0" in data:
        raise InputError(
            f"{file}:{_line_at(data, data.index(0))}: a NUL byte; this is no text. Bring the file back as text"
        )
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"{file}:{_line_at(data, error.start)}: byte {data[error.start]:#04x} is not UTF-8. Save the file as UTF-8"
        ) from error
    return data


def _line_at(data: bytes, offset: int) -> int:
    return len(split_lines(data[:offset].decode("utf-8", "replace"))) or 1


def refuse_conflicts(file: Path, text: str) -> None:
    """Raises InputError where a half-merged git conflict stands in the text."""
    if "<<<<<<<" in text and (found := _CONFLICT.search(text.replace("\r\n", "\n"))):
        line = text.replace("\r\n", "\n").count("\n", 0, found.start()) + 1
        raise InputError(f"{file}:{line}: a git conflict marker. Resolve the conflict first")


def refuse_markers(file: Path, text: str) -> None:
    """Raises InputError where a text that was never split holds our own markers."""
    for number, line in enumerate(split_lines(text), start=1):
        if MARKER.search(line):
            l2 = l2_of(file)
            missing = f"{l2.name} beside it holds no split" if l2.exists() else f"{l2.name} is not beside it"
            raise InputError(
                f"{file}:{number}: a gaia marker, but {missing}. Delete the marker, or "
                "bring both files back with `gaia-budget claude-md restore`"
            )

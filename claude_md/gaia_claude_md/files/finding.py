"""Which files of instructions a path means, and which ones a session sees together: links and imports followed."""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget import places
from gaia_budget.errors import InputError
from gaia_claude_md.files import tree
from gaia_claude_md.markdown.blocks import comment_text, parse
from gaia_claude_md.markdown.units import imports_in, without_fences

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "CLAUDE.md"
LOADED = (NAME, ".claude/CLAUDE.md")
"""What the client loads from each folder, at its start or when a file near it is read."""
LOCAL = "CLAUDE.local.md"
INSTEAD = ("AGENTS.md", ".claude/AGENTS.md")
"""What it loads where neither a folder nor any above it has something of the above (tried with 2.1.332)."""
NAMES = (*LOADED, LOCAL, *INSTEAD)
_SMALL = 2_000  # bytes of a file that says nothing but where the instructions are
_OWN_WORDS = 2  # lines of prose that such a file may have
_LAYER = re.compile(r"_L2(?=\.[^.]*$)")


class FilesSeen(NamedTuple):
    """The files that a session in a folder sees, nearest first, and what was left out and why."""

    files: list[Path]
    problems: list[str]


def locate(path: Path | str) -> Path:
    """The L1 file that a path means: the file itself, or the one that the client loads from a folder.

    A symbolic link is followed to its file, and a file that only imports another one to that; neither leaves the
    project. Raises InputError.
    """
    text = os.path.abspath(os.path.expanduser(path))
    if not os.path.isdir(text):
        layer = _LAYER.sub("", text)
        return _followed(layer if layer != text and os.path.isfile(layer) else text)
    if os.path.basename(text) in (NAME, LOCAL, INSTEAD[0]):
        raise InputError(f"{text} is a folder; a file was expected. Rename the folder", slug="not-a-text")
    for name in (*LOADED, *INSTEAD):
        file = os.path.join(text, name)
        if os.path.lexists(file):
            return _followed(file)
    raise InputError(
        f"there is no {NAME} or {INSTEAD[0]} in {text}. {_elsewhere(Path(text))}", slug="no-claude-md"
    )


def l2_of(l1: Path) -> Path:
    """Where the L2 of an L1 stands: beside it, so that relative links go on working."""
    return l1.with_name(f"{l1.stem}_L2{l1.suffix}")


def before_agents(folder: Path | str) -> Path | None:
    """The file for which a session in a folder reads no AGENTS.md: one of the client's own, there or above."""
    for place in _with_those_above(os.path.abspath(folder)):
        for name in (*LOADED, LOCAL):
            if os.path.lexists(os.path.join(place, name)):
                return Path(place, name)
    return None


def of_folder(folder: Path | str, *, agents: bool = True) -> FilesSeen:
    """The L1 files that the client loads from one folder, each once; without `agents` no AGENTS.md of its own right."""
    found: dict[str, Path] = {}
    problems: list[str] = []
    names = [name for name in (*LOADED, LOCAL) if os.path.lexists(os.path.join(folder, name))]
    if agents and not names:
        names = [name for name in INSTEAD if os.path.lexists(os.path.join(folder, name))]
    for name in names:
        try:
            l1 = _followed(os.path.join(folder, name))
        except InputError as error:
            problems.append(str(error))
        else:
            if l1.is_file():
                found.setdefault(os.path.realpath(l1), l1)
    return FilesSeen(list(found.values()), problems)


def upwards(folder: Path | str, top: Path | str | None = None) -> FilesSeen:
    """The L1 files that a session in a folder sees: its own, then those above, up to the repository's root."""
    first = os.path.abspath(folder)
    last = os.path.abspath(top) if top else project_root(first)
    agents = before_agents(first) is None
    found: dict[str, Path] = {}
    problems: list[str] = []
    for place in _with_those_above(first):
        here = of_folder(place, agents=agents)
        problems += here.problems
        for l1 in here.files:
            found.setdefault(os.path.realpath(l1), l1)
        if place == last:
            break
    return FilesSeen(list(found.values()), problems)


def below(folder: Path) -> list[Path]:
    """Every L1 in a folder and the folders below it, dependencies and hidden caches left out.

    Files that are refused are left out too: naming one says why.
    """
    found: dict[str, Path] = {}
    for place, folders, _ in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if name not in tree.SKIPPED_FOLDERS and name != ".claude"
        )
        for l1 in of_folder(place).files:
            found.setdefault(os.path.realpath(l1), l1)
    return list(found.values())


def project_root(folder: str) -> str:
    """The root of the git repository that a folder lies in; the folder itself where there is none."""
    holding = (at for at in _with_those_above(folder) if os.path.lexists(os.path.join(at, ".git")))
    return next(holding, folder)


def _with_those_above(folder: str) -> Iterator[str]:
    """A folder and all above it, the nearest first."""
    place = None
    while place != folder:
        yield folder
        place, folder = folder, os.path.dirname(folder)


def inside(root: str, file: str) -> bool:
    """Whether a file really lies in a folder, links resolved."""
    inner, outer = (os.path.normcase(os.path.realpath(path)) for path in (file, root))
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)


def pattern_in(root: Path, name: str) -> str:
    """The pattern of files that a name means in a project's tree: of a folder all below it; empty for other names."""
    plain = name.removeprefix("./").rstrip("/")
    if not tree.is_pattern(plain):
        return ""
    with suppress(OSError, ValueError):
        path = root / plain
        if path.is_dir():
            return f"{plain}/**" if plain not in tree.SKIPPED_FOLDERS and plain != ".claude" else ""
        if path.is_file():
            return plain if "/" in plain or path.name not in NAMES else ""
        if "*" in plain and tree.has(root, plain):
            return plain
    return ""


def imported_file(file: Path, target: str) -> Path | None:
    """The file that an import target of a file means; None when there is none."""
    try:
        path = file.parent / Path(target).expanduser()
        return path if path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


def imports_of(file: Path, text: str) -> list[Path]:
    """The files that a text imports where code does not, in order, as far as they exist."""
    if "@" not in text:
        return []
    document = parse(text)
    found: list[Path | None] = []
    for block in document.blocks:
        if block.kind in {"fence", "code_block"} or comment_text(block, document.lines) is not None:
            continue
        prose = without_fences(document.text(block.start, block.end))
        targets = imports_in(prose, lambda name: imported_file(file, name) is not None)
        found += [imported_file(file, target) for target in targets]
    return list(dict.fromkeys(path for path in found if path))


def _followed(text: str) -> Path:
    """The file that holds the instructions: behind links, and behind files that only import another one."""
    text = os.path.normpath(text)
    chain: list[str] = []
    while True:
        text = _behind_links(text)
        if text in chain:
            names = " imports ".join(os.path.basename(name) for name in [*chain, text])
            raise InputError(
                f"{names}: the imports run in a circle. Put the instructions into one of them",
                slug="imports-circle",
            )
        chain.append(text)
        target = _only_import(text)
        if target is None:
            return Path(text)
        text = str(target)


def _behind_links(text: str) -> str:
    """The path without a link as its last part. Raises InputError where links lead out of the project."""
    if not os.path.lexists(text):
        return text
    roots = _roots(text)
    try:
        real = os.path.realpath(text, strict=True)
    except OSError as error:
        raise InputError(
            f"{text}: a symbolic link that leads nowhere ({error.strerror}). Fix the link", slug="file-link"
        ) from None
    if not any(inside(root, real) for root in roots):
        raise InputError(
            f"{text}: a symbolic link leads to {real}, out of {roots[0]}; nothing was read or written. "
            "Name that file itself, or make this one a file",
            slug="file-link",
        )
    return real if os.path.islink(text) else text


def _roots(text: str) -> list[str]:
    """The folders that a link may lead to: the project, and for the user's own file the home folder too."""
    folder = os.path.dirname(text)
    root = project_root(folder)
    if root == folder and os.path.basename(folder) == ".claude":
        root = os.path.dirname(folder)
    config = str(places.claude_config_dir())
    return [root, config, str(Path.home())] if folder == config else [root]


def _only_import(text: str) -> Path | None:
    """What a file imports that has hardly a word besides: the instructions are there."""
    with suppress(OSError, UnicodeDecodeError):
        status = os.stat(text)
        if stat.S_ISREG(status.st_mode) and status.st_size <= _SMALL:
            file = Path(text)
            content = file.read_bytes().decode("utf-8-sig")
            found = imports_of(file, content)
            if len(found) == 1 and found[0].suffix == ".md" and _says_little(content):
                project = _roots(text)
                return found[0] if any(inside(root, str(found[0])) for root in project) else None
    return None


def _says_little(content: str) -> bool:
    """Whether a text has but a line or two besides headings, comments and imports."""
    document = parse(content)
    own = 0
    for block in document.blocks:
        if block.kind == "heading" or comment_text(block, document.lines) is not None:
            continue
        lines = document.lines[block.start : block.end]
        own += sum(not line.lstrip("-* ").startswith("@") for line in lines if line.strip())
    return own <= _OWN_WORDS


def _elsewhere(folder: Path) -> str:
    """Where the nearest file above stands, or what to do."""
    above = upwards(folder).files
    return f"The nearest is {above[0]}" if above else "Name the file, or a folder that holds one"

"""What is wired for one project stays out of its repository: two lines in git's own list, which is never committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.configfile import decoded
from gaia_budget.setup.journal import FileChange, content_of

if TYPE_CHECKING:
    from pathlib import Path

MARK = "# gaia-budget: this machine alone\n"


def file_of(project: Path) -> Path | None:
    """The list of the repository that the project lies in; None where there is none, or it leads elsewhere."""
    for folder in (project, *project.parents):
        git = folder / ".git"
        if git.is_dir():
            found = git / "info" / "exclude"
            linked = any(place.is_symlink() for place in (git, found.parent, found))
            return None if linked else found
    return None


def is_list(file: Path) -> bool:
    """Whether a file is such a list."""
    return (file.name, file.parent.name) == ("exclude", "info")


def change(project: Path, private: list[Path]) -> FileChange | None:
    """The lines that keep these files out; None where they stand there, or there is no list."""
    file = file_of(project)
    if file is None:
        return None
    before, root = content_of(file), file.parent.parent.parent
    text = decoded(before or b"", file)
    present = text.splitlines()
    wanted = [f"/{path.relative_to(root).as_posix()}" for path in private]
    missing = [line for line in wanted if line not in present]
    if not missing:
        return None
    text += "" if not text or text.endswith("\n") else "\n"
    return FileChange(file, before, (text + "".join(f"{MARK}{line}\n" for line in missing)).encode("utf-8"))


def without(text: str) -> str:
    """A list without our lines."""
    first, *parts = text.split(MARK)
    return first + "".join(part.partition("\n")[2] for part in parts)

"""Where the server stands: its project, and the only files whose text its tools may show.

What finds and reads those files is imported by the first who asks for one: the client waits for the start.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from gaia_budget.errors import ConfigError, InputError

if TYPE_CHECKING:
    from gaia_claude_md.files.finding import FilesSeen

L1S = ("CLAUDE.md", "CLAUDE.local.md", "AGENTS.md")
REFUSED = (
    "path must be a folder of this project, or a CLAUDE.md, AGENTS.md, CLAUDE_L2.md or AGENTS_L2.md in it"
)


def project() -> Path:
    """The project's folder: `CLAUDE_PROJECT_DIR`, else the working directory."""
    return Path(_project())


def module() -> str:
    """The project's module; by its folder alone where the owner's registry cannot be read."""
    from gaia_budget.owner import load_registry
    from gaia_hooks.facts import modules

    try:
        roots = load_registry().roots()
    except ConfigError:
        roots = []
    return modules.module_of(_project(), roots)


def folders() -> list[Path]:
    """Where the project's own files of instructions may stand: in its folder or in `.claude` there."""
    root = project()
    return [folder for folder in (root, root / ".claude") if folder.is_dir()]


def _project() -> str:
    return os.path.realpath(os.environ.get("CLAUDE_PROJECT_DIR") or os.curdir)


def known() -> frozenset[str]:
    """The names that such files have."""
    from gaia_claude_md.files.finding import l2_of

    return frozenset(name for l1 in L1S for name in (l1, l2_of(Path(l1)).name))


def handbooks(path: str = "") -> FilesSeen:
    """The files whose sections are meant; the L2 of each stands beside it.

    Without a path what a session in the project's folder sees, up to the root of its repository; else `path` is a
    folder or such a file inside that repository. Raises InputError for every other file, for one that a link leads
    out of it, and where there is none.
    """
    from gaia_claude_md.files import finding

    place = _project()
    root = finding.project_root(place)
    if not path:
        seen = finding.upwards(place, root)
    else:
        try:
            seen = _named(root, os.path.join(place, path))
        except (OSError, ValueError) as error:  # too long, a NUL
            raise InputError(REFUSED, slug="outside-project") from error
    files = [file for file in seen.files if finding.inside(root, str(file))]
    if not files:
        finding.locate(place if not path else os.path.join(place, path))  # says what is wrong
        raise InputError(REFUSED, slug="outside-project")
    return finding.FilesSeen(files, seen.problems)


def shown(file: Path) -> str:
    """How a file is named in answers: from the project's folder."""
    try:
        return Path(os.path.relpath(os.path.realpath(file), _project())).as_posix()
    except ValueError:  # another drive
        return file.name


def _named(root: str, wanted: str) -> FilesSeen:
    from gaia_claude_md.files import finding

    if not finding.inside(root, wanted):
        raise InputError(REFUSED, slug="outside-project")
    if os.path.isdir(wanted):
        return finding.of_folder(wanted)
    if os.path.basename(wanted) not in known():
        raise InputError(REFUSED, slug="outside-project")
    return finding.FilesSeen([finding.locate(wanted)], [])

"""Where the server stands: its project, and the only files whose text its tools may show."""

from __future__ import annotations

import os
from pathlib import Path

from gaia_budget.errors import InputError

L1, L2 = "CLAUDE.md", "CLAUDE_L2.md"
KNOWN = (L1, L2)
REFUSED = f"path must be a folder of this project, or a {L1} or {L2} in it"


def project() -> Path:
    """The project's folder: `CLAUDE_PROJECT_DIR`, else the working directory."""
    return Path(_project())


def folders() -> list[Path]:
    """Where the project's CLAUDE.md may stand: in its folder or in `.claude` there."""
    root = project()
    return [folder for folder in (root, root / ".claude") if folder.is_dir()]


def _project() -> str:
    return os.path.realpath(os.environ.get("CLAUDE_PROJECT_DIR") or os.curdir)


def claude_md(path: str = "") -> Path:
    """The CLAUDE.md whose sections are meant; its CLAUDE_L2.md, if any, stands beside it.

    `path` is a folder, a CLAUDE.md or a CLAUDE_L2.md inside the project. Raises InputError for every other file,
    for one that a link leads out of the project, and where there is none.
    """
    from gaia_claude_md.files.reading import l2_of, locate

    root = _project()
    try:
        wanted = os.path.join(root, path)  # noqa: PTH118 (text is ten times as fast as `Path` here)
        if _inside(root, wanted):
            found = locate(wanted)
            if found.name == L1 and _inside(root, str(found)) and _inside(root, str(l2_of(found))):
                return found
    except (OSError, ValueError) as error:  # too long, a NUL
        raise InputError(REFUSED) from error
    raise InputError(REFUSED)


def _inside(root: str, file: str) -> bool:
    inner, outer = os.path.normcase(os.path.realpath(file)), os.path.normcase(root)
    return inner == outer or inner.startswith(outer.rstrip(os.sep) + os.sep)

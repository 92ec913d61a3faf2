"""The Python interpreters of this machine that hooks must run on (3.9 and newer), one per minor version."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST_MINOR, NEWEST_MINOR = 9, 15
_PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")  # read before a test changes HOME


def _starts(program: Path, minor: int) -> bool:
    question = f"import sys; sys.exit(sys.version_info[:2] != (3, {minor}))"
    try:
        return not subprocess.run(
            [program, "-I", "-S", "-c", question], capture_output=True, check=False
        ).returncode
    except OSError:
        return False


def interpreters() -> list[Path]:
    """One real interpreter per minor version; the one that runs the tests is always among them."""
    found = {sys.version_info[1]: Path(sys._base_executable)}  # type: ignore[attr-defined]
    for minor in range(OLDEST_MINOR, NEWEST_MINOR):
        candidates = sorted(_PYENV.glob(f"versions/3.{minor}.*/bin/python3"))
        on_path = shutil.which(f"python3.{minor}")
        candidates += [Path(on_path)] if on_path else []
        working = [program for program in candidates if minor not in found and _starts(program, minor)]
        if working:
            found[minor] = working[0]
    return [found[minor] for minor in sorted(found)]

"""What git says about the place a file stands in."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

COMMITS_LOOKED_AT = 1000
_GIT_BUSY = ("index.lock", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")


def git_is_busy(path: Path) -> bool:
    """Whether a git command, merge or rebase is under way in the repository of a path."""
    for folder in path.parents:
        git = folder / ".git"
        if git.is_file():  # a worktree or submodule names its folder
            git = folder / git.read_text("utf-8").removeprefix("gitdir:").strip()
        if git.is_dir():
            return any((git / name).exists() for name in _GIT_BUSY)
    return False


def other_committers(path: Path) -> int:
    """How many people besides the user have committed to the repository of a path; 0 where there is none.

    Who cannot start git works alone as far as we know.
    """
    people = set(_git(path, "log", f"--max-count={COMMITS_LOOKED_AT}", "--format=%aE").split())
    return len(people - set(_git(path, "config", "user.email").split()))


def _git(path: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(path.parent), *arguments], capture_output=True, check=False, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

"""What git says about the place a file stands in.

A repository is foreign text: its configuration can name programs (hooks, signature checks, pagers, transports). So git
is asked only about a repository that was found by walking up to a `.git`, never about a bare one that a clone carries
inside its work tree, and with settings of ours that start nothing.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from gaia_hooks.machine import files

COMMITS_LOOKED_AT = 1000
GIT_SECONDS = 10
_LINK_BYTES = 4096  # of a `.git` file that names its folder
_GIT_BUSY = ("index.lock", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
_NO_PROGRAMS = (
    "safe.bareRepository=explicit", "core.fsmonitor=false", f"core.hooksPath={os.devnull}", "core.pager=cat",
    "core.sshCommand=false", "core.askPass=", "credential.helper=", "log.showSignature=false", "gpg.program=false",
    "diff.external=", "protocol.allow=never",
)  # fmt: skip
_ENVIRONMENT = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "none",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_PAGER": "cat",
    "LC_ALL": "C",
}


def git_is_busy(path: Path) -> bool:
    """Whether a git command, merge or rebase is under way in the repository of a path."""
    git = git_folder(path)
    return git is not None and any((git / name).exists() for name in _GIT_BUSY)


def git_folder(path: Path) -> Path | None:
    """The `.git` folder of the work tree that a file stands in; None where there is none."""
    for folder in path.absolute().parents:
        git = folder / ".git"
        if git.is_dir():
            return git
        if git.is_file():  # a worktree or submodule names its folder
            return _named_by(git)
    return None


def _named_by(link: Path) -> Path | None:
    try:
        text = files.read(str(link), 0, _LINK_BYTES).decode("utf-8", "replace")
        named = link.parent / text.partition("\n")[0].removeprefix("gitdir:").strip()
        return named if named.is_dir() else None
    except (OSError, ValueError):  # not to be read, or no path at all
        return None


def other_committers(path: Path) -> int:
    """How many people besides the user have committed to the repository of a path; 0 where there is none.

    Who cannot start git, or has one that does not answer in time, works alone as far as we know.
    """
    git = git_folder(path)
    if git is None:
        return 0
    log = ("log", f"--max-count={COMMITS_LOOKED_AT}", "--no-show-signature", "--format=%aE")
    authors = set(_git(git, *log).split())
    if not authors:
        return 0
    own = _git(git, "config", "--local", "--get", "user.email") or _run(
        ["git", "config", "--global", "--get", "user.email"], {}
    )
    return len(authors - set(own.split()))


def _git(git: Path, *arguments: str) -> str:
    """What git says of one repository, whose own settings start nothing; empty where it fails."""
    settings = [word for setting in _NO_PROGRAMS for word in ("-c", setting)]
    return _run(["git", "--no-pager", f"--git-dir={git}", *settings, *arguments], _ENVIRONMENT)


def _run(command: list[str], variables: dict[str, str]) -> str:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            check=False,
            timeout=GIT_SECONDS,
            cwd=Path.home(),  # so that nothing of a project is found on the way
            env={**inherited, **variables},
        )
    except (OSError, RuntimeError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""

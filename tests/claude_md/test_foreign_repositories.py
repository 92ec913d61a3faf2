"""A cloned repository is text: nothing in its configuration starts a program when we ask git about it."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from gaia_claude_md.files import repository
from support.components import requires

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = requires("git")


def git(folder: Path, *words: str, author: str = "me@example.org") -> str:
    names = {
        "GIT_AUTHOR_EMAIL": author,
        "GIT_COMMITTER_EMAIL": author,
        "GIT_AUTHOR_NAME": "n",
        "GIT_COMMITTER_NAME": "n",
    }
    done = subprocess.run(
        ["git", *words], cwd=folder, env={**os.environ, **names}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A work tree with commits of two people, one of them the user."""
    folder = tmp_path / "tree"
    folder.mkdir()
    git(folder, "init", "-q")
    git(folder, "config", "user.email", "me@example.org")
    for author in ("me@example.org", "other@example.org"):
        git(folder, "commit", "-q", "--allow-empty", "-m", "x", author=author)
    return folder


def armed(folder: Path, config: Path) -> tuple[Path, Path]:
    """A program that leaves a trace, named by every setting that can start one."""
    trace, program = folder / "started", folder / "evil.sh"
    program.write_text(f"#!/bin/sh\ntouch '{trace}'\n")
    program.chmod(0o755)
    for key in ("gpg.program", "core.pager", "pager.log", "core.fsmonitor", "diff.external", "core.sshCommand",
                "credential.helper", "gpg.ssh.program", "core.askPass"):  # fmt: skip
        subprocess.run(["git", "config", "--file", str(config), key, str(program)], check=True)
    subprocess.run(["git", "config", "--file", str(config), "log.showSignature", "true"], check=True)
    hooks = folder / "hooks-of-theirs"
    hooks.mkdir()
    subprocess.run(["git", "config", "--file", str(config), "core.hooksPath", str(hooks)], check=True)
    return trace, program


def signed_commit(folder: Path, author: str) -> None:
    """A commit with a signature, which git would have checked by the configured program."""
    head = git(folder, "rev-parse", "HEAD")
    tree = git(folder, "rev-parse", "HEAD^{tree}")
    who = f"{author} <{author}> 1700000000 +0000"
    text = f"tree {tree}\nparent {head}\nauthor {who}\ncommitter {who}\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n"
    text += " abc\n -----END PGP SIGNATURE-----\n\nsigned\n"
    done = subprocess.run(
        ["git", "hash-object", "-t", "commit", "-w", "--stdin"], cwd=folder, input=text, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    git(folder, "update-ref", "HEAD", done.stdout.strip())


def test_other_people_are_counted(tree: Path) -> None:
    assert repository.other_committers(tree / "CLAUDE.md") == 1


def test_settings_of_the_repository_start_nothing(tree: Path) -> None:
    signed_commit(tree, "signer@example.org")
    trace, _ = armed(tree, tree / ".git" / "config")
    assert repository.other_committers(tree / "CLAUDE.md") == 2
    assert not trace.exists()


def test_a_bare_repository_inside_a_work_tree_is_not_asked(tree: Path) -> None:
    docs = tree / "docs"
    docs.mkdir()
    git(docs, "init", "-q", "--bare", ".")
    trace, _ = armed(docs, docs / "config")
    assert repository.other_committers(docs / "CLAUDE.md") == 1  # the work tree around it
    assert not trace.exists()


@pytest.mark.parametrize(
    "content", ["gitdir: \0evil", "gitdir: /no/such/place", "", "gitdir: " + "x" * 10_000]
)
def test_a_git_file_that_names_no_folder_is_no_repository(tmp_path: Path, content: str) -> None:
    (tmp_path / ".git").write_text(content)
    assert repository.other_committers(tmp_path / "CLAUDE.md") == 0
    assert not repository.git_is_busy(tmp_path / "CLAUDE.md")


def test_a_git_file_that_is_a_pipe_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / ".git")
    assert not repository.git_is_busy(tmp_path / "CLAUDE.md")


@pytest.mark.skipif(os.name == "nt", reason="a program of one line is a script")
def test_a_git_that_does_not_answer_is_asked_once_and_ended(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = tree / "started"
    program = tree / "bin" / "git"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $$ >> '{started}'\nexec tail -f /dev/null\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    monkeypatch.setattr(repository, "GIT_SECONDS", 0.3)
    assert repository.other_committers(tree / "CLAUDE.md") == 0
    [asked] = started.read_text().split()
    with pytest.raises(ProcessLookupError):
        os.kill(int(asked), 0)

"""Which module a folder belongs to, in the ways in which git keeps repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gaia_hooks.facts import modules

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("gitdir", "module"),
    [
        ("{top}/shop/.git/worktrees/fix", "shop"),
        ("{top}/shop.git/worktrees/fix", "shop"),
        ("{top}/shop/.bare/worktrees/fix", "shop"),
        ("../shop/.git/worktrees/fix", "shop"),
        ("../../shop.git/worktrees/fix", "shop"),
        ("../.git/modules/lib", "fix"),
    ],
)
def test_a_worktree_is_its_repositorys_module_bare_or_not(tmp_path: Path, gitdir: str, module: str) -> None:
    tree = tmp_path / "fix"
    (tree / "src").mkdir(parents=True)
    (tree / ".git").write_text(f"gitdir: {gitdir.format(top=tmp_path)}\n")
    assert modules.module_of(str(tree / "src"), []) == module


def test_the_home_folders_repository_of_dotfiles_is_no_other_folders_module(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "dana"
    (home / ".git").mkdir(parents=True)
    (home / "notes").mkdir()
    (home / "shop" / ".git").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    assert modules.module_of(str(home / "notes"), []) == "notes"
    assert modules.module_of(str(home), []) == "dana"
    assert modules.module_of(str(home / "shop"), []) == "shop"


def test_a_folder_that_is_gone_or_holds_no_repository_is_a_project_of_its_own_name(tmp_path: Path) -> None:
    assert modules.module_of(str(tmp_path / "Gone"), []) == "gone"
    assert modules.module_of("D:\\dev\\Shop", []) == "shop"
    assert modules.module_of("", []) == modules.module_of("/", []) == modules.UNALLOCATED


def test_a_removed_worktree_inside_its_repository_keeps_the_repositorys_name(tmp_path: Path) -> None:
    (tmp_path / "shop" / ".git").mkdir(parents=True)
    assert modules.module_of(str(tmp_path / "shop" / ".claude" / "worktrees" / "gone"), []) == "shop"

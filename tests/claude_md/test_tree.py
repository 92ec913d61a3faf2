"""Patterns in headings and folders of a clone are looked through within bounds, wherever its links lead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gaia_claude_md.files import finding, startup, tree

if TYPE_CHECKING:
    from pathlib import Path

links = pytest.mark.skipif(os.name == "nt", reason="links need rights there")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("src/app/main.py", "src/app/deep/er/view.tsx", "docs/a.md", ".github/ci.yml", "top.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    ["*.py", "src/*", "src/**/*.tsx", "**/*.tsx", "**/deep/**/view.tsx", "src/*/main.py", "**/**/top.py", "*/*/*/*/*",
     "d*/[a-c].md", "src/*.py", "nothing/**/*", "src/main.py/*", "**/app", "*.yml", "src/**/src"],
)  # fmt: skip
def test_a_pattern_fits_what_a_glob_finds(project: Path, pattern: str) -> None:
    found = {path.relative_to(project).as_posix() for path in project.glob(pattern)}
    fitting = {name for name in tree.below(project) if tree.fits(name.split("/"), pattern.split("/"))}
    assert fitting == found
    assert bool(finding.pattern_in(project, pattern)) is bool(found)


@links
def test_links_to_folders_are_not_entered_and_the_rest_is_bounded(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(8):
        (project / f"ring{number}").symlink_to(".")
    (project / "out").symlink_to("/")
    assert not [name for name in tree.below(project) if name.startswith(("ring0/", "out/"))]
    assert finding.pattern_in(project, "/".join(["*"] * 12)) == ""
    monkeypatch.setattr(tree, "MOST", 5)
    assert len(list(tree.below(project))) == 5


@links
def test_rules_that_are_a_link_to_everything_end_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "MOST", 500)
    (project / "CLAUDE.md").write_text("# A\n")
    (project / ".claude").mkdir()
    (project / ".claude" / "rules").symlink_to("/")
    assert len(startup.also_loaded(project / "CLAUDE.md")) <= 500


def test_a_pattern_of_any_length_is_tried_in_steps_that_grow_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(tree, "fnmatchcase", lambda part, wanted: tried.append(part) or part == wanted)
    assert not tree.fits(["a"] * 60, ["**", "a"] * 30 + ["b"])
    assert len(tried) <= 60 * 61

"""Files as people keep them: AGENTS.md, links, imports, files above and below, and what is refused."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.errors import InputError
from gaia_claude_md.files import finding, operations, startup
from gaia_claude_md.plan.splitting import SplitOptions
from support.components import requires
from support.instructions import instructions

if TYPE_CHECKING:
    from pathlib import Path

TEXT = instructions(3).text
SHIM = "# CLAUDE.md\n\nThis file provides guidance to Claude Code.\n\n@AGENTS.md\n"


def run(*arguments: object, code: int = 0) -> Any:
    result = CliRunner().invoke(app, ["claude-md", *map(str, arguments), "--json"])
    if isinstance(result.exception, InputError):
        raise result.exception
    assert result.exit_code == code, result.output
    return json.loads(result.stdout)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path.resolve() / "shop"
    (folder / ".git").mkdir(parents=True)
    return folder


def alone(project: Path) -> Path:
    (project / "AGENTS.md").write_text(TEXT, "utf-8")
    return project / "AGENTS.md"


def linked(project: Path) -> Path:
    (project / "CLAUDE.md").symlink_to("AGENTS.md")
    return alone(project)


def imported(project: Path) -> Path:
    (project / "CLAUDE.md").write_text(SHIM, "utf-8")
    return alone(project)


def both(project: Path) -> Path:
    (project / "AGENTS.md").write_text("# For others\n", "utf-8")
    (project / "CLAUDE.md").write_text(TEXT, "utf-8")
    return project / "CLAUDE.md"


def hidden(project: Path) -> Path:
    (project / ".claude").mkdir()
    (project / ".claude" / "CLAUDE.md").write_text(TEXT, "utf-8")
    return project / ".claude" / "CLAUDE.md"


def agents_linked(project: Path) -> Path:
    (project / "CLAUDE.md").write_text(TEXT, "utf-8")
    (project / "AGENTS.md").symlink_to("CLAUDE.md")
    return project / "CLAUDE.md"


def linked_to_a_folder(project: Path) -> Path:
    (project / "docs").mkdir()
    (project / "docs" / "AGENTS.md").write_text(TEXT, "utf-8")
    (project / "CLAUDE.md").symlink_to("docs/AGENTS.md")
    return project / "docs" / "AGENTS.md"


SHAPES = (alone, linked, imported, both, hidden, agents_linked, linked_to_a_folder)


@pytest.mark.parametrize("shape", SHAPES)
def test_every_command_finds_the_instructions_and_leaves_the_rest_as_it_is(shape: Any, project: Path) -> None:
    l1 = shape(project)
    before = {path: path.read_bytes() for path in project.rglob("*.md") if path.resolve() != l1}
    links = [path for path in project.rglob("*.md") if path.is_symlink()]
    assert run("check", project, code=1)["files"][0]["ok"] is False
    split = run("split", project, "--yes")
    assert split["path"] == str(l1)
    assert split["lines"] <= 29
    l2 = l1.with_name(f"{l1.stem}_L2.md")
    assert l2.is_file()
    assert f"Read `{l2.relative_to(project).as_posix()}`" in l1.read_text("utf-8")
    assert [link for link in links if not link.is_symlink()] == []
    assert {path: path.read_bytes() for path in before} == before
    assert run("check", project)["ok"] is True
    assert [row["slug"] for row in run("list", project)["sections"]]
    assert run("show", "commands", project)["text"].startswith("## Commands\n")
    assert run("verify", project)["ok"] is True
    l1.write_text(l1.read_text("utf-8") + "\nTyped later.\n", "utf-8")
    assert "taken in" in run("watch", "--once", project)["messages"][0]
    assert run("savings", project)["path"] == str(l1)
    assert run("join", project)["path"] == str(l1)
    before_it, typed, after_it = l1.read_text("utf-8").partition("Typed later.\n\n")
    assert typed and before_it + after_it == TEXT, "what was added behind the index stands under the title"
    assert not l2.exists()


def test_agents_md_beside_a_claude_md_of_its_own_is_not_what_a_folder_means(project: Path) -> None:
    both(project)
    assert finding.of_folder(project).files == [project / "CLAUDE.md"]
    assert finding.locate(project / "AGENTS.md") == project / "AGENTS.md"


@pytest.mark.parametrize("own", ["CLAUDE.md", "CLAUDE.local.md", ".claude/CLAUDE.md", "../CLAUDE.md", ""])
def test_agents_md_is_seen_where_the_client_has_no_file_of_its_own_there_or_above(
    own: str, project: Path
) -> None:
    inner = project / "packages" / "till"
    inner.mkdir(parents=True)
    for folder in (project, inner):
        (folder / "AGENTS.md").write_text(TEXT, "utf-8")
    if own:
        (project / own).parent.mkdir(exist_ok=True)
        (project / own).write_text("# Own\n", "utf-8")
    names = {path.name for path in finding.upwards(inner).files}
    assert names == (
        {"AGENTS.md"} if not own else {own.rpartition("/")[2]} - {"CLAUDE.md" if "../" in own else ""}
    )
    warned = run("split", inner, "--yes")["warnings"]
    assert any("loaded by no session" in one for one in warned) == bool(own)


def test_what_loads_together_is_seen_together(project: Path) -> None:
    hidden(project)
    (project / "CLAUDE.md").write_text(
        "# Short\n\n- A rule.\n- Another.\n- See @docs/more.md for more.\n", "utf-8"
    )
    (project / "CLAUDE.local.md").write_text("# Mine\n\nMy own.\n", "utf-8")
    (project / "docs").mkdir()
    (project / "docs" / "more.md").write_text("word " * 200, "utf-8")
    checked = run("check", project, code=1)
    assert [f["ok"] for f in checked["files"]] == [True, False, True]
    assert checked["files"][0]["imports"] == [{"path": str(project / "docs" / "more.md"), "tokens": 250}]
    (project / "docs" / "more.md").write_text("word " * 20_000, "utf-8")
    assert "it imports (docs/more.md)" in run("check", project, code=1)["files"][0]["problems"][0]
    listed = run("list", project)["sections"]
    assert {os.path.basename(row["file"]) for row in listed} == {"CLAUDE.md", "CLAUDE.local.md"}
    beside = [
        loaded.path.name for loaded in startup.also_loaded(project / "CLAUDE.md") if loaded.how == "beside"
    ]
    assert sorted(beside) == ["CLAUDE.local.md", "CLAUDE.md"]
    with pytest.raises(InputError, match="Say which one"):
        (project / "CLAUDE.local.md").write_text(
            "# Mine\n\n## Commands\n\nMy own.\n\n## A\n\n## B\n", "utf-8"
        )
        run("show", "commands", project)


def test_the_private_file_splits_beside_itself_and_says_what_to_ignore(project: Path) -> None:
    (project / "CLAUDE.local.md").write_text(TEXT, "utf-8")
    warned = run("split", project / "CLAUDE.local.md", "--yes")["warnings"]
    assert (project / "CLAUDE.local_L2.md").is_file()
    assert any(".gitignore" in warning for warning in warned)


def test_from_a_folder_of_a_monorepo_the_files_above_are_seen_and_named(project: Path) -> None:
    both(project)
    inner = project / "packages" / "till"
    inner.mkdir(parents=True)
    (inner / "CLAUDE.md").write_text("# Till\n\n## Commands\n\nmake till\n\n## Cash\n\nIn cents.\n", "utf-8")
    assert finding.upwards(inner).files == [inner / "CLAUDE.md", project / "CLAUDE.md"]
    files = {os.path.abspath(row["file"]) for row in run("list", inner)["sections"]}
    assert files == {str(inner / "CLAUDE.md"), str(project / "CLAUDE.md")}
    with pytest.raises(InputError, match="Say which one"):
        run("show", "commands", inner)
    name = f"{os.path.relpath(inner / 'CLAUDE.md')}:commands"
    assert run("show", name, inner)["text"] == "## Commands\n\nmake till\n\n"
    assert run("show", "commands", inner / "CLAUDE.md")["text"] == "## Commands\n\nmake till\n\n"
    deeper = inner / "src"
    deeper.mkdir()
    with pytest.raises(InputError, match=r"The nearest is .*packages/till/CLAUDE\.md"):
        run("split", deeper)


def test_all_below_means_each_file_once_and_no_copy_of_a_worktree(project: Path) -> None:
    linked(project)
    copy = project / ".claude" / "worktrees" / "wt"
    copy.mkdir(parents=True)
    (copy / "CLAUDE.md").write_text(TEXT, "utf-8")
    (project / "sub").mkdir()
    (project / "sub" / "AGENTS.md").write_text("# Sub\n", "utf-8")
    assert finding.below(project) == [project / "AGENTS.md", project / "sub" / "AGENTS.md"]


def test_a_link_out_of_the_project_is_named_and_not_followed(project: Path, tmp_path: Path) -> None:
    secret = tmp_path.resolve() / "secret.md"
    secret.write_text(TEXT, "utf-8")
    (project / "CLAUDE.md").symlink_to(secret)
    for command in ("check", "split", "list", "join"):
        with pytest.raises(InputError, match=r"symbolic link leads to .*secret\.md, out of"):
            run(command, project / "CLAUDE.md", *(["--yes"] if command == "split" else []))
    (project / "CLAUDE.md").unlink()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "CLAUDE.md").write_text(TEXT, "utf-8")
    (project / ".claude").symlink_to(tmp_path / "outside")
    with pytest.raises(InputError, match="out of"):
        run("split", project, "--yes")
    assert sorted(os.listdir(tmp_path / "outside")) == ["CLAUDE.md"]


def test_an_l2_that_is_a_link_is_neither_read_nor_written(project: Path, tmp_path: Path) -> None:
    both(project)
    (tmp_path / "target").write_text("precious", "utf-8")
    (project / "CLAUDE_L2.md").symlink_to(tmp_path / "target")
    with pytest.raises(InputError, match=r"CLAUDE_L2\.md is a symbolic link"):
        run("split", project, "--yes")
    assert (tmp_path / "target").read_text("utf-8") == "precious"


def test_the_users_own_file_may_be_a_link_into_the_home_folder(home: Path) -> None:
    kept = home / "dotfiles" / "CLAUDE.md"
    kept.parent.mkdir()
    kept.write_text(TEXT, "utf-8")
    (home / ".claude").mkdir()
    (home / ".claude" / "CLAUDE.md").symlink_to(kept)
    run("split", "--user", "--yes")
    assert "Read `~/dotfiles/CLAUDE_L2.md`" in kept.read_text("utf-8")
    assert (home / ".claude" / "CLAUDE.md").is_symlink()


def test_imports_that_run_in_a_circle_are_said(project: Path) -> None:
    (project / "CLAUDE.md").write_text("@AGENTS.md\n", "utf-8")
    (project / "AGENTS.md").write_text("@CLAUDE.md\n", "utf-8")
    with pytest.raises(InputError, match=r"CLAUDE\.md imports AGENTS\.md imports CLAUDE\.md.*circle"):
        run("split", project, "--yes")
    (project / "AGENTS.md").write_text(TEXT + "\n@CLAUDE.md\n", "utf-8")
    assert run("split", project, "--yes")["path"] == str(project / "AGENTS.md")
    (project / "a.md").write_text("@b.md\n", "utf-8")
    (project / "b.md").write_text("@a.md\n", "utf-8")
    (project / "c.md").write_text("# C\n\n@a.md\n\n" + "Own words.\n" * 5, "utf-8")
    assert [loaded.path.name for loaded in startup.imported(project / "c.md")] == ["a.md", "b.md"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are POSIX's")
def test_a_pipe_or_a_device_is_refused_before_it_can_block(project: Path) -> None:
    os.mkfifo(project / "CLAUDE.md")
    with pytest.raises(InputError, match="no regular file"):
        run("split", project, "--yes")
    (project / "CLAUDE.md").unlink()
    both(project)
    os.mkfifo(project / "CLAUDE_L2.md")
    with pytest.raises(InputError, match="no regular file"):
        run("split", project, "--yes")


def test_a_manifest_names_a_digest_and_never_a_path(project: Path) -> None:
    (project / "CLAUDE.md").write_text("# P\n\ntext\n", "utf-8")
    for source in ("/dev/zero", "../" * 8 + "etc/passwd", "a" * 63, ["x"], {"a": 1}):
        body = "# P\n\nbody\n"
        digest = "0" * 64
        data = {"id": "abc", "source": source, "before": digest, "body": digest, "final_newline": True,
                "segments": [], "lines": [], "rows": {}, "intro": "x", "version": 1}  # fmt: skip
        (project / "CLAUDE_L2.md").write_text(
            f"{body}\n<!-- gaia:l2 note\n{json.dumps(data)}\n-->\n", "utf-8"
        )
        for command in ("split", "join", "check", "list"):
            with pytest.raises(InputError, match="manifest"):
                run(command, project / "CLAUDE.md")


@requires("git")
def test_a_repository_inside_the_repository_starts_no_program(tmp_path: Path) -> None:
    """`git log` in an embedded bare repository would start what its configuration names."""
    outer = tmp_path / "r"
    docs = outer / "docs"
    docs.mkdir(parents=True)
    marker = tmp_path / "STARTED"

    def git(*words: str, cwd: Path) -> str:
        done = subprocess.run(["git", "-c", "user.name=A", "-c", "user.email=a@example.invalid", *words],
                              cwd=cwd, check=True, capture_output=True, text=True)  # fmt: skip
        return done.stdout.strip()

    git("init", "-q", cwd=outer)
    (docs / "CLAUDE.md").write_text(TEXT, "utf-8")
    git("add", "-A", cwd=outer)
    git("commit", "-qm", "Start", cwd=outer)
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {marker}\n", "utf-8")
    evil.chmod(0o755)
    for place in (outer, docs):
        if place == docs:
            git("init", "-q", "--bare", ".", cwd=docs)
        git("config", "log.showSignature", "true", cwd=place)
        git("config", "gpg.program", str(evil), cwd=place)
        git("config", "core.fsmonitor", str(evil), cwd=place)
    tree = git("write-tree", cwd=outer)
    commit = (
        f"tree {tree}\nauthor E <e@example.invalid> 1700000000 +0000\n"
        "committer E <e@example.invalid> 1700000000 +0000\n"
        "gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n\nsigned\n"
    )
    (tmp_path / "c").write_text(commit, "utf-8")
    name = git("hash-object", "-t", "commit", "-w", str(tmp_path / "c"), cwd=outer)
    git("update-ref", "HEAD", name, cwd=outer)
    marker.unlink(missing_ok=True)  # our own calls above have started it
    with pytest.raises(InputError, match="--yes"):
        CliRunner().invoke(app, ["claude-md", "split", str(docs)], catch_exceptions=False)
    assert not marker.exists()


def test_a_file_that_changes_between_question_and_answer_is_not_overwritten(project: Path) -> None:
    l1 = linked(project)
    proposal = operations.propose(project, SplitOptions())
    l1.write_text(TEXT + "\nTyped meanwhile.\n", "utf-8")
    with pytest.raises(InputError, match="somebody else"):
        operations.apply(proposal)
    assert l1.read_text("utf-8").endswith("Typed meanwhile.\n")

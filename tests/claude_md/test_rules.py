"""Sections that are for certain files go to rules, which the client loads with such a file, and come back whole."""

from __future__ import annotations

import json
import os
import random
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from gaia_budget.errors import InputError
from gaia_claude_md import load_section
from gaia_claude_md.files import finding, operations, reading, watch
from gaia_claude_md.files.source import read_source
from gaia_claude_md.plan.splitting import SplitOptions
from support.instructions import instructions
from support.killing import run_and_kill
from support.markdown import MUTATIONS

if TYPE_CHECKING:
    from pathlib import Path

API = "## API (`src/api/`)\n\n" + "".join(f"- Route {n} answers within {n} ms.\n" for n in range(9)) + "\n"
WEB = "## Pages\n\nApplies to `web/*.ts`.\n\n" + "".join(f"Page {n} has a title.\n\n" for n in range(5))
GONE = "## Jobs (`src/jobs/`)\n\n" + "".join(f"- Job {n} runs at {n}.\n" for n in range(9)) + "\n"
SOURCE = instructions(1).text + "\n" + API + WEB + GONE
MOST_STEPS = 90


@pytest.fixture
def l1(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    for name in ("src/api/a.py", "web/b.ts"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", "utf-8")
    path = tmp_path / "CLAUDE.md"
    path.write_bytes(SOURCE.encode())
    return path


def split(l1: Path, by_path: bool | None = None) -> None:
    operations.apply(operations.propose(l1, SplitOptions(), by_path=by_path))


def work(l1: Path, by_path: bool | None) -> None:
    """A join (None) or a split, which may be refused."""
    with suppress(InputError):
        operations.join(l1) if by_path is None else split(l1, by_path)


def rule(l1: Path, name: str) -> Path:
    return reading.rules_folder(l1) / name


def everything(l1: Path) -> dict[Path, bytes]:
    files = [l1, finding.l2_of(l1), *reading.rules_folder(l1).glob("*")]
    return {path: path.read_bytes() for path in files if path.exists()}


def put_back(l1: Path, files: dict[Path, bytes]) -> None:
    for path in everything(l1):
        path.unlink()
    for path, data in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_sections_that_name_paths_of_the_tree_become_rules_and_no_other(l1: Path) -> None:
    split(l1, by_path=True)
    found = sorted(path.name for path in reading.rules_folder(l1).iterdir())
    assert found == ["api-src-api.md", "pages.md"]
    api = rule(l1, "api-src-api.md").read_text("utf-8")
    assert api.startswith('---\npaths:\n  - "src/api/**"\n---\n<!-- gaia:rule of CLAUDE.md')
    assert api.endswith(API)
    assert '"web/*.ts"' in rule(l1, "pages.md").read_text("utf-8")
    l2 = finding.l2_of(l1).read_text("utf-8")
    assert "Route 3" not in l2 and "Job 3" in l2
    assert "api-src-api" not in l1.read_text("utf-8")
    assert operations.verify(l1) == []
    assert load_section("pages", l1) == WEB


def test_no_rule_has_the_name_of_a_device_which_windows_could_not_check_out(l1: Path) -> None:
    source = SOURCE.replace("## Pages", "## Aux")
    l1.write_bytes(source.encode())
    split(l1, by_path=True)
    [made] = [path for path in reading.rules_folder(l1).iterdir() if "Page 3" in path.read_text("utf-8")]
    assert made.name.startswith("aux_") and made.name.endswith(".md")
    split(l1)
    operations.join(l1)
    assert l1.read_bytes() == source.encode()
    assert not made.exists()


def test_join_gives_the_same_bytes_back_and_takes_the_rules_away(l1: Path) -> None:
    split(l1, by_path=True)
    operations.join(l1)
    assert l1.read_bytes() == SOURCE.encode()
    assert not finding.l2_of(l1).exists() and not reading.rules_folder(l1).exists()


def test_a_second_split_changes_no_file_and_keeps_the_rules_without_being_told(l1: Path) -> None:
    split(l1, by_path=True)
    assert not operations.propose(l1, SplitOptions()).changed
    assert not operations.propose(l1, SplitOptions(), by_path=True).changed


def test_rules_go_when_they_are_no_longer_wanted(l1: Path) -> None:
    split(l1, by_path=True)
    split(l1, by_path=False)
    assert not reading.rules_folder(l1).exists()
    assert "Route 3" in finding.l2_of(l1).read_text("utf-8")
    assert not operations.propose(l1, SplitOptions()).changed
    operations.join(l1)
    assert l1.read_bytes() == SOURCE.encode()


def test_edits_of_all_three_places_survive_and_own_paths_stay(l1: Path) -> None:
    split(l1, by_path=True)
    api, l2 = rule(l1, "api-src-api.md"), finding.l2_of(l1)
    api.write_text(
        api.read_text("utf-8").replace('"src/api/**"', '"src/api/*.py"') + "\nNew in a rule.", "utf-8"
    )
    l2.write_text("New in L2.\n\n" + l2.read_text("utf-8"), "utf-8")
    l1.write_text(l1.read_text("utf-8") + "\nNew in L1.\n", "utf-8")
    done = watch.sync(l1, SplitOptions())
    assert done and done.written
    assert '"src/api/*.py"' in api.read_text("utf-8")
    assert not operations.propose(l1, SplitOptions()).changed
    operations.join(l1)
    text = l1.read_text("utf-8")
    assert all(f"New in {place}." in text for place in ("a rule", "L2", "L1"))


def test_restore_brings_every_file_back(l1: Path) -> None:
    split(l1, by_path=True)
    before = everything(l1)
    operations.join(l1)
    operations.restore(l1)
    assert everything(l1) == before
    operations.restore(l1, 1)
    assert everything(l1) == {l1: SOURCE.encode()}


@pytest.mark.parametrize(
    "wrong", ["deleted", "its line deleted", "its anchor doubled", "a link", "not UTF-8"]
)
def test_a_rule_that_makes_no_sense_is_refused_and_nothing_is_written(
    wrong: str, l1: Path, tmp_path: Path
) -> None:
    split(l1, by_path=True)
    api, l2 = rule(l1, "api-src-api.md"), finding.l2_of(l1)
    if wrong == "deleted":
        api.unlink()
    elif wrong == "its line deleted":
        api.write_text(api.read_text("utf-8").replace("<!-- gaia:rule", "<!-- "), "utf-8")
    elif wrong == "its anchor doubled":
        l2.write_text("<!-- gaia:rule api-src-api.md -->\n" + l2.read_text("utf-8"), "utf-8")
    elif wrong == "a link":
        api.rename(tmp_path / "elsewhere.md")
        api.symlink_to(tmp_path / "elsewhere.md")
    else:
        api.write_bytes(api.read_bytes() + b"\xff")
    before = everything(l1)
    for verb in (split, operations.join):
        with pytest.raises(InputError, match=r"api-src-api\.md"):
            verb(l1)
    assert everything(l1) == before


def test_a_rule_of_somebody_else_is_not_overwritten(l1: Path) -> None:
    mine = rule(l1, "pages.md")
    mine.parent.mkdir(parents=True)
    mine.write_text("My own rule.\n", "utf-8")
    with pytest.raises(InputError, match="not of this split"):
        split(l1, by_path=True)
    assert everything(l1) == {l1: SOURCE.encode(), mine: b"My own rule.\n"}


@pytest.mark.parametrize("name", ["../../evil.md", "/etc/evil.md", "..md", "a/b.md", "x"])
def test_a_manifest_that_names_a_path_reads_and_removes_nothing(name: str, l1: Path) -> None:
    split(l1, by_path=True)
    l2 = finding.l2_of(l1)
    l2.write_text(l2.read_text("utf-8").replace('"api-src-api.md":', json.dumps(name) + ":"), "utf-8")
    with pytest.raises(InputError, match="does not add up"):
        operations.join(l1)


def test_without_a_repository_there_are_no_rules(tmp_path: Path) -> None:
    path = tmp_path / "CLAUDE.md"
    path.write_text(SOURCE, "utf-8")
    with pytest.raises(InputError, match="repository's root"):
        split(path, by_path=True)
    assert everything(path) == {path: SOURCE.encode()}


@pytest.mark.parametrize("mutation", sorted(MUTATIONS))
def test_every_mutation_comes_back_whole_or_is_refused(mutation: str, l1: Path) -> None:
    text = MUTATIONS[mutation](SOURCE, random.Random(1))
    data = text.encode("utf-8", "surrogatepass")
    l1.write_bytes(data)
    try:
        split(l1, by_path=True)
    except InputError:
        assert everything(l1) == {l1: data}
        return
    assert not operations.propose(l1, SplitOptions()).changed
    operations.join(l1)
    assert everything(l1) == {l1: data}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a child is forked to be killed")
class TestAKillAtEveryStep:
    def killed_everywhere(self, l1: Path, work: str, before: dict[Path, bytes]) -> set[bytes]:
        found = set()
        verbs = {
            "rules": lambda: split(l1, by_path=True),
            "update": lambda: split(l1),
            "no rules": lambda: split(l1, by_path=False),
            "join": lambda: operations.join(l1),
        }
        for step in range(1, MOST_STEPS):
            put_back(l1, before)
            killed = run_and_kill(verbs[work], step)
            operations.join(l1)
            assert list(everything(l1)) == [l1], "nothing is left over"
            found.add(l1.read_bytes())
            if not killed:
                assert step > 8
                return found
        raise AssertionError("the verb never came to its end")

    def test_of_a_first_split_loses_nothing(self, l1: Path) -> None:
        assert self.killed_everywhere(l1, "rules", everything(l1)) == {SOURCE.encode()}

    def test_of_a_split_that_makes_rules_out_of_l2_loses_nothing(self, l1: Path) -> None:
        split(l1)
        assert self.killed_everywhere(l1, "rules", everything(l1)) == {SOURCE.encode()}

    @pytest.mark.parametrize("verb", ["update", "no rules", "join"])
    def test_of_an_update_with_edits_in_all_places_loses_nothing(self, verb: str, l1: Path) -> None:
        split(l1, by_path=True)
        api, pages, l2 = rule(l1, "api-src-api.md"), rule(l1, "pages.md"), finding.l2_of(l1)
        api.write_bytes(api.read_bytes() + b"\nNew in a rule.\n")
        pages.write_bytes(pages.read_bytes().replace(b"## Pages", b"## Views").replace(b"Applies", b"About"))
        l2.write_bytes(b"New in L2.\n\n" + l2.read_bytes())
        l1.write_bytes(l1.read_bytes() + b"\nNew in L1.\n")
        expected = read_source(l1).text.encode()
        assert all(f"New in {place}.".encode() in expected for place in ("a rule", "L2", "L1"))
        assert self.killed_everywhere(l1, verb, everything(l1)) == {expected}

    def test_at_random_moments_of_random_files_loses_nothing(self, l1: Path) -> None:
        """`GAIA_TEST_KILLS=500` is the full proof."""
        rng = random.Random(int(os.environ.get("GAIA_TEST_SEED", "0")))
        kills, wanted = 0, int(os.environ.get("GAIA_TEST_KILLS", "12"))
        while kills < wanted:
            put_back(
                l1, {l1: MUTATIONS[rng.choice(sorted(MUTATIONS))](SOURCE, rng).encode("utf-8", "replace")}
            )
            try:
                if rng.random() < 0.8:
                    split(l1, by_path=rng.random() < 0.7)
            except InputError:
                continue
            for path in everything(l1):
                if rng.random() < 0.4:
                    path.write_bytes(path.read_bytes() + f"\nEdit {rng.random()}.\n".encode())
            try:
                expected = read_source(l1)
            except InputError:
                continue
            whole = (expected.files.bom + expected.text).encode()
            by_path, join, step = rng.random() < 0.5, rng.random() < 0.3, rng.randrange(1, 24)
            before = everything(l1)
            killed = run_and_kill(lambda: work(l1, None if join else by_path), step)  # noqa: B023 (runs at once)
            operations.join(l1)
            assert everything(l1) == {l1: whole}, (kills, step, join, by_path, sorted(before))
            kills += killed

"""A task has one name, however it is written, in every place that names tasks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.routing import table
from gaia_budget.routing.vocabulary import folded, recorded_as, task_name

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    "spelling",
    ["jd_parse", "JD parse", "jd-parse", "jdParse", "  Jd   Parse ", "JD_PARSING", "parse jd", "jdparse"],
)
def test_every_spelling_and_alias_of_a_task_is_that_task(spelling: str) -> None:
    assert task_name(spelling) == "jd_parse"


@pytest.mark.parametrize("spelling", ["cover_letter", "Cover Letter", "cover-letter", "coverLetter"])
def test_a_name_that_the_table_lacks_has_one_spelling_too(spelling: str) -> None:
    assert task_name(spelling) == "cover_letter"


def test_names_of_other_scripts_are_names() -> None:
    assert task_name("求人 解析") == "求人_解析"
    assert task_name("Cafe\u0301 Menu") == task_name("café menu") == "café_menu"


def test_a_task_of_the_users_own_is_named_by_its_aliases(home: Path) -> None:
    folder = home / "gaia-budget"
    folder.mkdir()
    (folder / "routing.toml").write_text(
        '[tasks.letter]\ntier = "quality"\nalso = ["cover letter"]\n', "utf-8"
    )
    assert task_name("coverLetter") == "letter"
    assert set(recorded_as("letter")) >= {"letter", "cover_letter", "cover letter"}


def test_an_entry_under_an_alias_of_ours_is_that_task(home: Path) -> None:
    folder = home / "gaia-budget"
    folder.mkdir()
    (folder / "routing.toml").write_text('[tasks."JD parsing"]\ntier = "quality"\n', "utf-8")
    assert table.load().tasks["jd_parse"].tier == "quality"
    assert task_name("JD parsing") == "jd_parse"


def test_a_broken_table_of_the_users_does_not_change_what_calls_are_booked_under(home: Path) -> None:
    folder = home / "gaia-budget"
    folder.mkdir()
    (folder / "routing.toml").write_text("[tasks\n", "utf-8")
    assert task_name("Cover Letter") == "cover_letter"


@given(st.text(max_size=80))
def test_folding_twice_changes_nothing(name: str) -> None:
    once = folded(name)
    assert folded(once) == once
    assert task_name(task_name(name)) == task_name(name)

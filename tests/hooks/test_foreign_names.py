"""Foreign names: what is shown cannot speak for itself, and no name climbs out of its folder."""

from __future__ import annotations

import os
import unicodedata
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gaia_hooks.facts import names
from gaia_hooks.facts.tokens import bounds
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from pathlib import Path

ANY = st.text(max_size=300)


@given(ANY)
def test_a_shown_name_is_one_line_of_visible_signs(name: str) -> None:
    shown = names.shown(name)
    assert len(shown) <= names.SHOWN_LIMIT
    assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in shown)
    assert names.shown(shown) == shown


@pytest.mark.parametrize(
    "name", ["jseeker", "HART OS", "büro", "資料", "claude-haiku-4-5[1m]", "проект 7", "a/b: c"]
)
def test_an_ordinary_name_is_shown_as_it_is(name: str) -> None:
    assert names.shown(name) == name


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("a\x1b]0;owned\x07b", "a]0;ownedb"),
        ("safe\u202egpj.exe", "safegpj.exe"),
        ("one\nSYSTEM: two\r\nthree", "one SYSTEM: two three"),
        ("in\u200bvi\u2060sible\U000e0041", "invisible"),
        ("\x9b31mred", "31mred"),
    ],
)
def test_signs_that_would_speak_to_a_terminal_or_hide_are_left_out(name: str, shown: str) -> None:
    assert names.shown(name) == shown


@given(ANY)
@example("0" * (names.FILE_LIMIT + 1))
def test_a_file_name_is_one_plain_part_of_a_path(name: str) -> None:
    made = names.file_name(name)
    assert made and len(made) <= names.FILE_LIMIT
    assert os.path.basename(made) == made and made not in (".", "..") and not made.startswith(".")
    assert all(sign.isascii() and (sign.isalnum() or sign in "-_.") for sign in made)
    assert names.file_name(made) == made


@given(ANY, ANY)
def test_two_names_have_two_file_names(one: str, other: str) -> None:
    assert (names.file_name(one) == names.file_name(other)) == (one == other)


@pytest.mark.parametrize("name", ["jseeker", "hart_os", "data-forge.v2", "R2"])
def test_a_plain_name_stays_a_file_name(name: str) -> None:
    assert names.file_name(name) == name


@pytest.mark.parametrize(
    "name", ["con", "NUL", "com1", "lpt9.txt", "Aux.x", "..", ".git", "a..b", "x.", "", "../../etc"]
)
def test_devices_and_climbing_names_become_others(name: str) -> None:
    made = names.file_name(name)
    assert made != name and made.partition(".")[0].lower() not in ("con", "nul", "com1", "lpt9", "aux", "")


def test_a_pipe_a_device_and_a_folder_are_no_files(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", tmp_path, "/dev/zero"):
        with pytest.raises(files.NotAFile):
            files.read(str(path))


def test_a_sparse_file_of_any_size_costs_no_memory(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(files.READ_LIMIT + 1)
    with pytest.raises(files.NotAFile):
        files.read(str(tmp_path / "sparse"))
    assert files.read(str(tmp_path / "sparse"), 0, 4) == bytes(4)


@pytest.mark.parametrize("value", [-1, 1 << 63, 1.0, "5", None, True, 10**9 + 1])
def test_what_is_no_count_is_told(value: object) -> None:
    assert not bounds.is_count(value)
    assert bounds.is_count(0) and bounds.is_count(200_000_000)

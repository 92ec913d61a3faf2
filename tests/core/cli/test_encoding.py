"""Output is in the encoding that its reader expects, and no sign ends a command in a UnicodeEncodeError."""

from __future__ import annotations

import ctypes
import io
import json
import os
import subprocess
import sys
import types
from typing import TYPE_CHECKING

import pytest

from gaia_budget.cli import encoding
from support import installer

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = [sys.executable, "-m", "gaia_budget"]
SIGNS = "▲ groß · 80 % – ☃"


class Console(io.TextIOWrapper):
    """A stream of Windows: a console, or a pipe in the page of its windows."""

    def __init__(self, *, console: bool) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8" if console else "cp1252")
        self._console = console

    def isatty(self) -> bool:
        return self._console


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Windows with a console of page 850."""
    known = {"page": 850}
    kernel = types.SimpleNamespace(GetConsoleOutputCP=lambda: known["page"])
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(ctypes, "windll", types.SimpleNamespace(kernel32=kernel), raising=False)
    for name in ("PYTHONIOENCODING", "MSYSTEM"):
        monkeypatch.delenv(name, raising=False)
    return known


@pytest.mark.parametrize(
    ("console", "page", "variables", "expected"),
    [
        (True, 850, {}, "utf-8"),
        (False, 850, {}, "cp850"),
        (False, 437, {}, "cp437"),
        (False, 65001, {}, "cp65001"),
        (False, 0, {}, "utf-8"),
        (False, 850, {"MSYSTEM": "MINGW64"}, "utf-8"),
        (False, 850, {"PYTHONIOENCODING": "cp1252"}, "cp1252"),
    ],
    ids=["console", "pipe", "american", "unicode", "no-console", "git-bash", "named"],
)
def test_windows_gets_the_encoding_that_the_reader_expects(
    windows: dict[str, int],
    monkeypatch: pytest.MonkeyPatch,
    console: bool,
    page: int,
    variables: dict[str, str],
    expected: str,
) -> None:
    windows["page"] = page
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Console(console=console)
    encoding.fit(stream)
    assert stream.encoding == expected
    stream.write(SIGNS)
    stream.flush()
    assert "80 %" in stream.buffer.getvalue().decode(expected)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("page", "words"),
    [
        *(("cp437", words) for words in ([], ["init", "--dry-run"], ["projects"], ["doctor"])),
        *((page, ["spend", "--project", SIGNS]) for page in ("cp1252", "cp850", "ascii", "utf-8")),
    ],
    ids=str,
)
def test_no_sign_ends_a_command(page: str, words: list[str], home: Path) -> None:
    done = subprocess.run([*PROGRAM, *words], capture_output=True, stdin=subprocess.DEVNULL, check=False,
                          env={**os.environ, "PYTHONIOENCODING": page})  # fmt: skip
    said = done.stdout.decode(page) + done.stderr.decode(page)
    assert "a fault of ours" not in said and "UnicodeEncodeError" not in said and said
    if SIGNS in words:
        assert (SIGNS in said) == (page == "utf-8")


@pytest.mark.parametrize("page", ["cp850", "ascii", "utf-8"])
def test_json_loses_no_sign_in_any_encoding(page: str, home: Path) -> None:
    done = subprocess.run([*PROGRAM, "spend", "--project", SIGNS, "--json"], capture_output=True, check=False,
                          env={**os.environ, "PYTHONIOENCODING": page})  # fmt: skip
    assert SIGNS in json.loads(done.stdout.decode(page))["error"]["message"]


@pytest.mark.parametrize("page", ["cp1252", "cp437", "ascii"])
def test_no_sign_ends_the_installer(page: str, tmp_path: Path) -> None:
    (tmp_path / "Groß ☃").touch()
    place = str(tmp_path / "Groß ☃" / "state")
    variables = {**os.environ, "GAIA_BUDGET_HOME": place, "PYTHONIOENCODING": page}
    done = subprocess.run(
        [sys.executable, installer.SCRIPT, "--yes"], capture_output=True, env=variables, check=False
    )
    assert done.returncode == 1
    assert "GAIA_BUDGET_HOME" in done.stderr.decode(page)

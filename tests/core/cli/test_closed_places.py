"""A place that the system keeps from us ends in words with a cure; what else can be read is answered."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from gaia_budget.cli import app
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support.events import event
from support.privileges import only_to_be_read
from support.rows import SESSION, assistant, write

TOO_LONG = "/" + "x" * 300
READING = [
    ["status"],
    ["spend"],
    ["sessions"],
    ["forecast"],
    ["verify"],
    ["export", "csv"],
    ["override", "list"],
]


def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str]:
    """Exit status and all output of the command, up to its very edge."""
    monkeypatch.setattr(sys, "argv", ["gaia-budget", *words])
    with pytest.raises(SystemExit) as ended:
        app.main()
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.err + said.out


@pytest.mark.parametrize("words", READING, ids=" ".join)
@pytest.mark.parametrize(
    ("variable", "value", "slug", "cure"),
    [
        ("GAIA_BUDGET_DB", f"sqlite:///{TOO_LONG}/ledger.db", "ledger-cannot-open", "folder must exist"),
        ("GAIA_BUDGET_HOME", TOO_LONG, "state-folder", "name another one with GAIA_BUDGET_HOME"),
        pytest.param(
            "GAIA_BUDGET_HOME", "/sys/gaia-budget", "system-refuses", "Give yourself rights",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="/sys takes no folder, whoever asks"),
        ),
    ],
)  # fmt: skip
def test_a_reading_command_names_the_place_and_the_cure(
    words: list[str],
    variable: str,
    value: str,
    slug: str,
    cure: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(variable, value)
    status, said = run(capsys, monkeypatch, *words)
    assert (status, f"[{slug}]" in said, cure in said) == (1, True, True), said
    assert "Traceback" not in said
    assert "fault" not in said


def test_what_the_ledger_has_is_answered_though_claude_codes_folder_is_closed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    session = "11111111-1111-4111-8111-111111111111"
    with Ledger.open(settings=load()) as ledger:
        ledger.record([event("a", session_id=session)])
    monkeypatch.setenv("CLAUDE_CONFIG_DIR", TOO_LONG)
    status, said = run(capsys, monkeypatch, "status", "--session", session)
    assert status == 0, said
    assert session[:8] in said


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no folders that may only be read")
def test_a_state_folder_that_may_only_be_read_is_answered_from_with_a_word_on_what_is_missing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = [[], *(words for words in READING if words != ["verify"]), ["receipt", "11111111"], ["daily"]]
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        for variable in ("HOME", "GAIA_BUDGET_HOME", "CLAUDE_CONFIG_DIR"):
            monkeypatch.setenv(variable, f"{made}/{variable}")
        with Ledger.open(settings=load()) as ledger:
            ledger.record([event("a", session_id="11111111-1111-4111-8111-111111111111")])
        told = [run(capsys, monkeypatch, *words) for words in commands]
        write(Path(made, "CLAUDE_CONFIG_DIR", "projects", "-p", f"{SESSION}.jsonl"), assistant("new"))
        with only_to_be_read(Path(made, "GAIA_BUDGET_HOME")):
            again = [run(capsys, monkeypatch, *words) for words in commands]
            _, examined = run(capsys, monkeypatch, "doctor")
    for words, (status, before), (now, after) in zip(commands, told, again, strict=True):
        lines = after.splitlines()
        assert (now, set(before.splitlines()) - set(lines)) == (status, set()), after
        assert "may lack what is newest" in after or words[:1] in (["export"], ["override"]), words
    assert "FIX   state folder: the state folder cannot be written" in examined


@pytest.mark.parametrize(
    "words", [["daily"], ["settings"], ["spend", "--json"], ["export", "csv"]], ids=" ".join
)
@pytest.mark.parametrize("buffered", ["", "1"], ids=["buffered", "at once"])
def test_a_reader_that_goes_before_the_end_is_no_error(words: list[str], buffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        [sys.executable, "-m", "gaia_budget", *words],
        stdout=writing, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONUNBUFFERED": buffered},
    )  # fmt: skip
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_a_fault_that_cannot_be_written_down_is_shown(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (home / "gaia-budget").mkdir()
    (home / "gaia-budget" / "logs").write_text("a file where our log's folder would be")
    gone = io.StringIO()
    gone.close()
    monkeypatch.setattr(sys, "stdout", gone)
    status, said = run(capsys, monkeypatch, "settings")
    assert (status, "a fault of ours; please send this:" in said, "closed file" in said) == (3, True, True)

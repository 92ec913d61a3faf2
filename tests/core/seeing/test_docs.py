"""Every command line of README and docs is run on a spent month, but for what serves until it is ended or fetches."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.cli import app as cli
from gaia_budget.errors import GaiaBudgetError
from support import spent_month

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[3]
MADE = {"command-line.md"}  # its usages come from the commands themselves
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md",
         *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in MADE)]  # fmt: skip
LINE = re.compile(r"`gaia-budget((?: [^`\n]*)?)`|^ *gaia-budget( [^\n`|]*)$", re.MULTILINE)
STANDS_FOR = {"MODULE": "jseeker", "N": "5", "R": "late", "T": "jd_parse", "WHEN": "2026-12-31", "SESSION": "5bc67726",
              "ID": "5bc67726", "MODEL": "haiku", "FILE": "notes.txt", "DIR": "logs", "TYPE": "feature_dev",
              "X:Projects_GAIA": "gaia", "unallocated": "jseeker"}  # fmt: skip
ELSEWHERE = {
    "dashboard": "serves until it is ended: tests/core/seeing/test_page.py",
    "mcp": "serves until it is ended: tests/mcp_server/test_how_it_is_started.py",
    "claude-md watch": "runs until it is ended: tests/claude_md/test_watching.py",
    "hook": "Claude Code starts it: tests/hooks/test_bad_input.py",
    "statusline": "Claude Code starts it: tests/hooks/test_status_line.py",
    "demo": "plays for seconds: tests/core/setup/test_trying.py",
    "selftest": "plays for seconds: tests/core/setup/test_trying.py",
    "export otlp": "wants a collector: tests/core/cli/test_export_otlp.py",
    "migrate-db": "wants a server: tests/core/ledger/test_databases.py",
    "import jseeker-db": "wants jSeeker's database: tests/core/cli/test_ledger_verbs.py",
}
REFUSED = {
    "top": "needs-a-terminal",
    "override add": "needs-a-yes",
    "alerts ack": "unknown-name",
    "claude-md restore": "no-backup",
    "session type": "no-session",
    "init": "needs-a-yes",
}
"""What may be refused, by the slug: nobody sits at a terminal, no session is running, nothing was split."""
CHECKS = {"doctor", "claude-md check", "claude-md verify", "prices check", "verify"}
"""What ends in 1 where it found something."""


def lines(page: Path) -> Iterator[list[str]]:
    """The words of each command of a page, without remarks, pipes and what is optional; made-up names replaced."""
    for found in LINE.finditer(page.read_text("utf-8")):
        text = re.split(r" # |\\\||\s#", next(filter(None, found.groups()), ""))[0]
        words = shlex.split(re.sub(r"[\[\]]", "", text).replace("\\", ""))
        yield [STANDS_FOR.get(word, word) for word in words]


def named(words: list[str], names: set[str] | dict[str, str]) -> str:
    """The longest of these names that the words begin with."""
    starts = [" ".join(words[:count]) for count in (2, 1)]
    return next((start for start in starts if start in names), "")


@pytest.fixture
def workplace(month: object, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a long CLAUDE.md, a text, and a folder for logs."""
    place = tmp_path / "project"
    (place / "logs").mkdir(parents=True)
    (place / "notes.txt").write_text("Forty-two.\n", "utf-8")
    parts = (
        f"## {title}\n\n" + f"- {title} matters, always\n" * 12 for title in ("Testing", "Layout", "Style")
    )
    (place / "CLAUDE.md").write_text("# Shop\n\n" + "\n".join(parts), "utf-8")
    (place / "gaia").mkdir()
    spent_month.owner_files(place / "gaia")
    subprocess.run(["git", "init", "-q", place], check=True)
    monkeypatch.chdir(place)
    return place


@pytest.mark.usefixtures("price_list")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_line_of_a_page_answers(
    page: Path, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = []
    for words in lines(page):
        if named(words, ELSEWHERE):
            continue
        ended = run(words)
        said = capsys.readouterr()
        if ended == 2 and "Missing" in said.err:  # a command that is only named
            ended = run([*words, "--help"])
        fine = ended in (0, REFUSED.get(named(words, REFUSED))) or (ended == 1 and named(words, CHECKS))
        if not fine:
            wrong.append((words, ended, said.err[-300:]))
    assert wrong == []


def run(words: list[str]) -> int | str:
    """The exit code of a command, or the slug of its error."""
    try:
        cli.app(words)
    except SystemExit as ended:
        return ended.code or 0
    except GaiaBudgetError as error:
        return error.slug
    return 0


def test_what_is_not_run_here_is_run_by_a_test_that_is_there() -> None:
    assert [why for why in ELSEWHERE.values() if not (ROOT / why.rpartition(": ")[2]).is_file()] == []

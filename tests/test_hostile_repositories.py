"""A hostile clone through all that reads a project: nothing is started, written outside or connected to; nothing hangs.

`GAIA_TEST_REPOSITORIES=10000` and `GAIA_TEST_REPOSITORIES_BY_COMMAND=200` are the proof at full size: ten minutes each
where TMPDIR lies in memory.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.errors import GaiaBudgetError
from gaia_budget.setup import init, journal, undo
from gaia_budget.setup.checks import doctor
from gaia_claude_md.files import finding, operations, repository, startup
from gaia_claude_md.plan.splitting import SplitOptions
from gaia_hooks import main
from gaia_hooks.facts import modules, places, snapshot, trust
from gaia_mcp import place as sections
from support import hostile_repositories, tracing, watching
from support.components import requires
from support.rows import SESSION

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.hostile_repositories import Repository

pytestmark = [requires("git"), pytest.mark.skipif(os.name == "nt", reason="links and pipes of POSIX")]
COUNT = int(os.environ.get("GAIA_TEST_REPOSITORIES", "40"))
BY_COMMAND = int(os.environ.get("GAIA_TEST_REPOSITORIES_BY_COMMAND", "2"))
SECONDS = 30
OWN = ("git", *{Path(path).name for path in (sys.executable, os.path.realpath(sys.executable))})


def split(one: Repository) -> None:
    operations.apply(operations.propose(one.root, SplitOptions()))


def wire(one: Repository) -> None:
    plan = init.plan(init.Options(project=one.root))
    for change in plan.changes:
        journal.write(change)


def hooked(one: Repository) -> None:
    kept, home = dict(os.environ), os.environ["GAIA_BUDGET_HOME"]
    try:
        trust.forget_project_variables()
        assert not places.home().startswith(str(one.outside))
    finally:
        os.environ.clear()
        os.environ.update(kept)
    path = f"{kept['CLAUDE_CONFIG_DIR']}/projects/p/{SESSION}.jsonl"
    called: dict[str, Any] = {"tool_name": "Edit", "tool_input": {"file_path": str(one.root / "CLAUDE.md")}}
    for event in ("SessionStart", "UserPromptSubmit", "PreToolUse", "Stop"):
        told = {
            "session_id": SESSION,
            "hook_event_name": event,
            "cwd": str(one.root),
            "transcript_path": path,
        }
        policy = snapshot.load(home) | {"session_policy": "block", "add_matching_section": True}
        main._answer(home, {"source": "startup", "prompt": "hi", **called, **told}, policy)


FUNCTIONS: tuple[tuple[str, Callable[[Repository], object]], ...] = (
    ("check", lambda one: operations.check(one.root)),
    ("propose", lambda one: operations.propose(one.root, SplitOptions()).diff()),
    ("find", lambda one: [operations.check(file) for file in finding.below(one.root)]),
    ("sections", lambda one: sections.handbooks()),
    ("sections of a path", lambda one: sections.handbooks(one.name())),
    ("startup", lambda one: [startup.also_loaded(file) for file in finding.below(one.root)]),
    ("git", lambda one: repository.other_committers(one.root / "CLAUDE.md")),
    ("git busy", lambda one: repository.git_is_busy(one.root / "docs" / "CLAUDE.md")),
    ("module", lambda one: modules.module_of(str(one.root), [])),
    ("doctor", lambda one: doctor.examine(one.root)),
    ("hooks", hooked),
    ("init", wire),
    ("undo", lambda one: undo.plan(one.root)),
    ("rules", lambda one: operations.propose(one.root, SplitOptions(), by_path=True).diff()),
    ("split", split),
    ("verify", lambda one: operations.verify(one.root)),
    ("join", lambda one: operations.join(one.root)),
    ("restore", lambda one: operations.restore(one.root)),
)


@contextmanager
def in_time(what: str) -> Iterator[None]:
    """Whatever waits for ever is ended, and fails."""

    def late(*_: object) -> None:
        raise AssertionError(f"{what} does not end")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@pytest.fixture
def quiet(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with git and no client, nothing of which is started beside us."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").symlink_to(str(shutil.which("git")))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setattr("gaia_hooks.machine.beside.start_ingest", lambda *_: None)
    return home


def test_no_function_starts_writes_or_connects_outside(
    quiet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for seed in range(COUNT):
        folder = tmp_path / str(seed)
        one = hostile_repositories.make(folder, seed)
        monkeypatch.chdir(one.root)
        monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(one.root))
        before = hostile_repositories.contents(one.outside)
        for name, function in FUNCTIONS:
            with (
                in_time(f"{name} (seed {seed})"),
                watching.watched(one.root, quiet, programs=OWN) as seen,
            ):
                try:
                    function(one)
                except GaiaBudgetError as error:
                    assert str(error)
            assert seen == [], (seed, name)
        assert hostile_repositories.contents(one.outside) == before, seed
        monkeypatch.chdir(tmp_path)
        shutil.rmtree(folder)


COMMANDS = (
    ["doctor"],
    ["claude-md", "check"],
    ["claude-md", "split", "--yes"],
    ["claude-md", "sections"],
    ["claude-md", "join"],
    ["init", "--project", ".", "--yes", "--no-replay", "--no-proof"],
    ["init", "--undo", "--project", ".", "--yes"],
    ["status"],
    ["ingest"],
    ["recommend", "fix a typo"],
    ["settings"],
    ["report"],
    ["spend", "--by", "project"],
    ["tokens", "CLAUDE.md"],
    ["alerts"],
    ["receipt", "latest"],
)


@requires("strace")
def test_no_command_starts_writes_or_connects_outside(quiet: Path, tmp_path: Path, price_list: None) -> None:
    command = str(Path(sys.executable).with_name("gaia-budget"))
    for seed in range(BY_COMMAND):
        one = hostile_repositories.make(tmp_path / str(seed), seed)
        before = hostile_repositories.contents(one.outside)
        for words in one.random.sample(COMMANDS, 3):
            done, seen = tracing.traced(
                [command, *words], [one.root, quiet], (*OWN, "gaia-budget"), cwd=one.root, timeout=120,
                env={**os.environ, "CLAUDE_PROJECT_DIR": str(one.root), "TMPDIR": str(quiet)},
            )  # fmt: skip
            said = (done.stdout + done.stderr).decode(errors="replace")
            assert done.returncode in (0, 1, 2), (seed, words, said)
            assert "\x1b" not in said, (seed, words, said)
            assert seen == [], (seed, words)
        assert hostile_repositories.contents(one.outside) == before, seed


@requires("strace")
def test_the_trace_sees_what_it_is_for(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    (allowed / "link").symlink_to(other / "file")
    script = (
        "echo x > own; mv own own2; echo x > link; mkdir ../other/folder; /bin/true; mv own2 ../other/moved"
    )
    _, seen = tracing.traced(["/bin/sh", "-c", script], [allowed], ("sh", "mkdir", "mv"), cwd=allowed)
    assert sorted(line.partition("(")[0] for line in seen) == ["execve", "mkdir", "openat", "renameat2"]


def test_the_watch_sees_what_it_is_for(tmp_path: Path) -> None:
    allowed, other = tmp_path / "allowed", tmp_path / "other"
    allowed.mkdir()
    other.mkdir()
    (allowed / "link").symlink_to(other / "file")
    with watching.watched(allowed) as seen:
        (allowed / "own").write_text("x")
        (allowed / "own").read_text()
    assert seen == []
    with watching.watched(allowed) as seen:
        (allowed / "link").write_text("x")
        (other / "folder").mkdir()
        subprocess.run([sys.executable, "-c", ""], check=True)
    assert [line.partition(" ")[0] for line in seen] == ["open", "os.mkdir", "subprocess.Popen"]

"""The environment: fresh and upgraded ones hold the same, and whoever is ended halfway leaves the old one as it was."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget import places
from gaia_budget.errors import InstallError
from gaia_budget.setup.installing import environment, making
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from collections.abc import Callable

POSIX = pytest.mark.skipif(os.name == "nt", reason="the programs of a POSIX machine")
PRINTING = "#!{python}\nimport sys\nprint({version!r}, sys.prefix)\n"


class Machine:
    """A clone, and packages that need no network: what a lock names is a file, the program says where it lives."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clone, self.fault = folder / "clone", ""
        self.clone.mkdir()
        self.release("0.1.0", "typer")
        monkeypatch.setattr(making, "make", quickly_made)
        monkeypatch.setattr(making, "install_lock", self._packages)
        monkeypatch.setattr(making, "install_extras", self._extras)
        monkeypatch.setattr(making, "install_ours", self._ours)

    def release(self, version: str, *names: str) -> None:
        self.version = version
        (self.clone / making.LOCK).write_text("\n".join(names), "ascii")

    def renew(self, *extras: str) -> Path:
        making.renew(self.clone, list(extras))
        return environment.folder()

    def _packages(self, python: Path, lock: Path) -> None:
        for name in lock.read_text("ascii").split():
            site(python.parent.parent).joinpath(name).mkdir()

    def _extras(self, python: Path, _clone: Path, names: list[str]) -> None:
        for name in names:
            site(python.parent.parent).joinpath(name).mkdir()

    def _ours(self, python: Path, _clone: Path) -> None:
        if self.fault:
            raise InstallError(self.fault, slug="no-packages")
        program = python.parent / environment.PROGRAM
        program.write_text(PRINTING.format(python=python, version=self.version), "utf-8")
        program.chmod(0o755)


def quickly_made(folder: Path) -> Path:
    """An environment whose pip is a name: unpacking the real one takes seconds (it is made in tests/e2e)."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", "--clear", folder], check=True)
    (site(folder) / "pip").mkdir()
    (site(folder) / "pip" / "__init__.py").touch()
    return environment.python_of(folder)


def site(folder: Path) -> Path:
    [found] = folder.glob("[Ll]ib/**/site-packages")
    return found


def held(folder: Path) -> set[str]:
    """What was put into an environment, and its programs."""
    ours = {path.name for path in site(folder).iterdir() if path.name != "pip"}
    return ours | {path.name for path in environment.scripts_of(folder).iterdir()}


def said(folder: Path) -> list[str]:
    program = environment.scripts_of(folder) / environment.PROGRAM
    return subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


@POSIX
def test_an_upgrade_ends_in_what_a_fresh_install_ends_in(machine: Machine) -> None:
    machine.release("0.1.0", "typer", "sqlalchemy")
    machine.renew()
    machine.release("0.2.0", "typer", "msgspec")
    upgraded = machine.renew()
    assert said(upgraded) == ["0.2.0", str(upgraded)]
    holds = held(upgraded)
    shutil.rmtree(upgraded)
    assert held(machine.renew()) == holds
    assert "msgspec" in holds and "sqlalchemy" not in holds
    assert sorted(path.name for path in upgraded.parent.iterdir()) == ["README.txt", "install.lock", "venv"]


@POSIX
def test_where_packages_are_the_same_none_is_fetched_again(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = machine.renew("openai")
    monkeypatch.setattr(making, "install_lock", lambda *_: pytest.fail("fetched again"))
    machine.version = "0.1.1"
    assert said(machine.renew("openai")) == ["0.1.1", str(folder)]
    assert "openai" in held(folder)


@POSIX
@pytest.mark.parametrize("lock_changed", [True, False])
def test_an_upgrade_that_fails_leaves_the_old_environment_as_it_was(
    machine: Machine, lock_changed: bool
) -> None:
    folder = machine.renew()
    before = held(folder)
    machine.release("0.2.0", "typer", *["msgspec"] * lock_changed)
    machine.fault = "the network is gone"
    with pytest.raises(InstallError, match="network"):
        machine.renew()
    assert (said(folder), held(folder)) == (["0.1.0", str(folder)], before)
    assert not (folder.parent / making.BESIDE).exists()


@POSIX
@pytest.mark.parametrize(
    ("done", "there"), [(0, "0.1.0"), (1, "0.1.0"), (2, "0.1.0"), (3, ""), (4, "0.2.0"), (5, "0.2.0")]
)
def test_whoever_is_ended_at_any_step_leaves_what_the_next_run_finishes(
    machine: Machine, done: int, there: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the two renames the old one lies beside its place: the next run puts it back before all else."""
    folder = machine.renew()
    machine.release("0.2.0", "typer", "msgspec")
    child = os.fork()
    if not child:
        left = [done]

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def step(*given: Any, **named: Any) -> Any:
                if not left[0]:
                    os._exit(9)
                left[0] -= 1
                return real(*given, **named)

            return step

        monkeypatch.setattr(Path, "rename", dying(Path.rename))
        monkeypatch.setattr(shutil, "rmtree", dying(shutil.rmtree))
        try:
            machine.renew()
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    assert (said(folder)[0] if folder.exists() else "") == there
    machine.fault = "the network is gone"
    with pytest.raises(InstallError):
        machine.renew()
    assert said(folder) == [there or "0.1.0", str(folder)]
    machine.fault = ""
    assert said(machine.renew()) == ["0.2.0", str(folder)]
    assert {path.name for path in folder.parent.iterdir()} == {"README.txt", "install.lock", "venv"}


@POSIX
def test_a_program_that_runs_is_named_where_the_system_does_not_let_go_of_it(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows renames no folder in which a program runs; here the rename is refused, and the program is a real one."""
    folder = machine.renew()
    runs = environment.scripts_of(folder) / "server"
    shutil.copy(shutil.which("sleep") or "", runs)
    real: Callable[[Path, Path], Path] = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self == folder:
            raise PermissionError(13, "Access is denied")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with subprocess.Popen([runs, "60"]) as process:
        try:
            with pytest.raises(
                InstallError, match=rf"{runs} is in use .* Nothing was changed. .*close Claude Code"
            ) as told:
                machine.renew()
        finally:
            process.kill()
    assert told.value.slug == "in-use"
    assert said(folder) == ["0.1.0", str(folder)]


@POSIX
def test_where_the_new_environment_cannot_be_put_in_place_the_old_one_is_put_back(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real = machine.renew(), Path.rename

    def rename(self: Path, target: Path) -> Path:
        if self.name == making.BESIDE:
            raise OSError(5, "Input/output error")
        return real(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(OSError, match="Input/output"):
        machine.renew()
    assert said(folder) == ["0.1.0", str(folder)]


@POSIX
def test_an_environment_that_lost_its_pip_is_made_anew(machine: Machine) -> None:
    folder = machine.renew()
    shutil.rmtree(site(folder) / "pip")
    (folder / "left").touch()
    assert making.works(environment.python_of(machine.renew()))
    assert not (folder / "left").exists()


@POSIX
def test_extras_stay_through_upgrades_and_a_postgresql_of_the_settings_keeps_its_driver(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = environment.folder()
    assert environment.extras(folder) == []
    machine.renew("openai", "otlp")
    assert environment.extras(folder) == ["openai", "otlp"]
    places.settings_file().write_text('db = "postgresql://ana@host/budget"\n', "utf-8")
    assert environment.extras(folder) == ["openai", "otlp", "postgres"]
    places.settings_file().unlink()
    monkeypatch.setenv("GAIA_BUDGET_DB", "postgres://ana@host/budget")
    assert "postgres" in environment.extras(folder)


@POSIX
def test_one_that_installs_waits_for_another_and_says_so(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    places.ensure_home()
    monkeypatch.setattr(making, "ANOTHER_SECONDS", 0)
    with files.Lock(str(places.home() / "install.lock"), 0), pytest.raises(files.LockTimeout):
        machine.renew()
    assert "Another installation is under way" in capsys.readouterr().out
    assert not environment.folder().exists()


@POSIX
def test_the_plugin_leaves_an_environment_that_is_there_as_it_is(machine: Machine) -> None:
    folder = machine.renew()
    machine.version = "0.2.0"
    making.renew(machine.clone, [], missing_alone=True)
    assert said(folder)[0] == "0.1.0"


@POSIX
def test_a_second_clone_takes_over_and_the_first_may_be_moved_or_deleted(
    machine: Machine, tmp_path: Path
) -> None:
    """There is one environment for a user, and nothing of it names the clone."""
    folder = machine.renew()
    shutil.move(machine.clone, tmp_path / "moved")
    assert said(folder)[0] == "0.1.0"
    shutil.copytree(tmp_path / "moved", machine.clone)
    shutil.rmtree(tmp_path / "moved")
    machine.release("0.2.0", "typer")
    assert said(machine.renew()) == ["0.2.0", str(folder)]
    assert environment.version(folder) == "" and sys.prefix != str(folder)

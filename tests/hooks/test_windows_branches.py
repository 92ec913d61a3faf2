"""What the hooks and their wiring do on Windows: its branches, run on any system with the calls that Windows has."""

from __future__ import annotations

import ctypes
import importlib.util
import os
import subprocess
import sys
import types
from typing import TYPE_CHECKING, Any

import pytest

from gaia_budget.errors import InstallError
from gaia_budget.setup import wiring
from gaia_budget.setup.installing import environment
from gaia_hooks.facts import places
from gaia_hooks.machine import files, system

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there it runs by itself")

STORE = "C:\\Program Files\\WindowsApps\\PythonSoftwareFoundation.Python.3.12_3.12.2_x64__qbz5n2kfra8p0"


class Console:
    """`msvcrt`: one byte of a file may be locked by one handle at a time."""

    LK_NBLCK, LK_UNLCK = 2, 0

    def __init__(self) -> None:
        self.calls: list[tuple[int, int, int]] = []
        self.held: set[int] = set()

    def locking(self, handle: int, mode: int, count: int) -> None:
        file = os.fstat(handle).st_ino
        self.calls.append((mode, count, os.lseek(handle, 0, os.SEEK_CUR)))
        if mode == self.LK_UNLCK:
            self.held.remove(file)
        elif file in self.held:
            raise PermissionError(13, "Permission denied")
        else:
            self.held.add(file)


@pytest.fixture
def console() -> Console:
    return Console()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch, console: Console) -> ModuleType:
    """`system` and `files` as Windows loads them; the environment there is text."""
    calls: Any = types.ModuleType("nt")
    calls.__dict__.update({name: getattr(os, name) for name in dir(os) if not name.startswith("_")})
    calls.environ = {"LOCALAPPDATA": "C:\\Users\\Jürgen Groß\\AppData\\Local"}
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "nt", calls)
    monkeypatch.setitem(sys.modules, "msvcrt", console)
    loaded = {}
    for module in (system, files):
        spec = importlib.util.spec_from_file_location(module.__name__, module.__file__)
        assert spec is not None and spec.loader is not None
        fresh = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, module.__name__, fresh)
        spec.loader.exec_module(fresh)
        loaded[module] = fresh
    monkeypatch.setattr(loaded[files], "REPLACE_PATIENCE_SECONDS", 30.0)
    return loaded[files]


def test_a_lock_is_one_byte_at_the_start_which_a_second_one_waits_for(
    windows: Any, console: Console, tmp_path: Path
) -> None:
    path = str(tmp_path / "lock")
    with windows.Lock(path, 1), pytest.raises(windows.LockTimeout), windows.Lock(path, 0):
        pass
    with windows.Lock(path, 0) as again:
        assert not again.dirty
    assert {call[1:] for call in console.calls} == {(1, 0)}
    assert console.held == set()


def test_a_file_that_somebody_holds_open_is_replaced_once_it_is_free(
    windows: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusals = [PermissionError(13, "in use"), PermissionError(13, "in use")]
    real = windows._os.replace

    def replace(source: str, target: str) -> None:
        if refusals:
            raise refusals.pop()
        real(source, target)

    monkeypatch.setattr(windows._os, "replace", replace)
    target = tmp_path / "settings.json"
    target.write_text("old")
    windows.replace(str(target), b"new")
    assert target.read_text() == "new" and refusals == []


def test_a_program_in_the_background_opens_no_console_and_shares_no_handle(
    windows: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[tuple[list[str], dict[str, Any]]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda command, **how: started.append((command, how)))
    sys.modules[system.__name__].start_detached(["python.exe", "-m", "gaia_budget"])
    [(command, how)] = started
    assert command[0] == "python.exe"
    assert how["creationflags"] == 0x08000000 | 0x00000200 | 0x00000008  # no window, own group, detached
    assert how["close_fds"] and how["stdin"] == how["stdout"] == how["stderr"] == subprocess.DEVNULL


def test_variables_are_text_and_their_names_have_one_case(windows: Any) -> None:
    assert sys.modules[system.__name__].variable("LocalAppData").endswith("Jürgen Groß\\AppData\\Local")


def test_a_program_with_blanks_is_wired_by_the_name_without_that_windows_keeps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """PowerShell takes a quoted program for a text; Git Bash and cmd take either."""

    def short(path: str, room: Any, _length: int) -> int:
        room.value = path.replace("Program Files", "PROGRA~1") if "Program Files" in path else ""
        return len(room.value)

    kernel = types.SimpleNamespace(kernel32=types.SimpleNamespace(GetShortPathNameW=short))
    monkeypatch.setattr(ctypes, "windll", kernel, raising=False)
    assert wiring.short_name("C:\\Program Files\\Python\\python.exe") == "C:\\PROGRA~1\\Python\\python.exe"
    assert wiring.short_name("D:\\My Python\\python.exe") == "D:\\My Python\\python.exe"
    monkeypatch.setattr(wiring.os, "name", "nt")
    assert wiring._quoted("C:\\PROGRA~1\\Python\\python.exe") == "C:/PROGRA~1/Python/python.exe"
    assert wiring._quoted("C:\\a b\\statusline.py") == '"C:/a b/statusline.py"'


@pytest.mark.parametrize(
    ("folder", "python", "elsewhere"),
    [
        ("C:\\Users\\ana\\AppData\\Local\\gaia-budget", STORE, True),
        ("C:/Users/ana/appdata/local/gaia-budget", STORE, True),
        ("D:\\budget", STORE, False),
        ("C:\\Users\\ana\\AppData\\Local\\gaia-budget", "C:\\Program Files\\Python312", False),
    ],
)
def test_the_stores_python_is_told_where_it_would_write_elsewhere(
    monkeypatch: pytest.MonkeyPatch, folder: str, python: str, elsewhere: bool
) -> None:
    monkeypatch.setattr(system, "variable", {"LOCALAPPDATA": "C:\\Users\\ana\\AppData\\Local"}.get)
    assert places.redirected(folder, python) == elsewhere
    monkeypatch.setattr(environment.named, "redirected", lambda *_: elsewhere)
    if elsewhere:
        with pytest.raises(InstallError, match="Microsoft Store") as told:
            environment.folder()
        assert told.value.slug == "store-python"
    else:
        assert environment.folder().name == "venv"

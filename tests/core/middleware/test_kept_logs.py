"""A log that is kept open between calls is written as one that is opened for each line."""

from __future__ import annotations

import contextlib
import gc
import os
import shutil
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from gaia_budget.middleware.books.log import Appender
from gaia_hooks.machine import files
from gaia_hooks.machine.system import WINDOWS

if TYPE_CHECKING:
    from pathlib import Path

WRITER = """
import sys, threading
from gaia_budget.middleware.books.log import Appender
kept, name = Appender(sys.argv[1]), sys.argv[2]
def write(thread):
    for number in range(100):
        kept.append(f"{name} {thread} {number}\\n".encode() * 2)
threads = [threading.Thread(target=write, args=(one,)) for one in range(3)]
[one.start() for one in threads]; [one.join() for one in threads]
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "logs" / "via_runtime.jsonl"


@pytest.fixture
def kept(path: Path) -> Appender:
    """A log with one line, kept open."""
    made = Appender(str(path))
    made.append(b"first\n")
    return made


def test_processes_and_threads_write_whole_lines_and_lose_none(path: Path) -> None:
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(path), str(one)]) for one in range(3)]
    for number in range(100):
        files.append(str(path), f"by the hooks {number}\n".encode() * 2)
    assert [writer.wait() for writer in writers] == [0, 0, 0]
    lines = path.read_text("ascii").splitlines()
    assert lines[::2] == lines[1::2]
    assert len(lines) == 2 * len(set(lines)) == 2 * (3 * 3 * 100 + 100)


@pytest.mark.parametrize("what", ["log", "lock", "both", "folder"])
def test_a_line_goes_where_the_name_is_now(what: str, kept: Appender, path: Path) -> None:
    lock, old = path.with_name(f"{path.name}.lock"), path.with_name("old")
    if what in ("log", "both"):
        path.rename(old)
    if what in ("lock", "both"):
        lock.unlink()
    if what == "folder":
        shutil.move(path.parent, path.parent.with_name("moved"))
    for line in (b"second\n", b"third\n"):
        kept.append(line)
    assert path.read_bytes() == (b"first\n" if what == "lock" else b"") + b"second\nthird\n"
    assert lock.exists()


@pytest.mark.parametrize(
    ("left", "dirty", "then"),
    [
        (b"first\nsec", True, b"first\nnext\nlast\n"),  # a writer of ours was killed: the rest comes again
        (b"first\nsec", False, b"first\nsec\nnext\nlast\n"),  # somebody else's
        (b"first\nfull\n", True, b"first\nfull\nnext\nlast\n"),
        (b"", False, b"next\nlast\n"),
    ],
)
def test_what_others_have_left_is_mended_as_ever(
    left: bytes, dirty: bool, then: bytes, kept: Appender, path: Path
) -> None:
    path.write_bytes(left)
    path.with_name(f"{path.name}.lock").write_bytes(b"\0" + (b"1" if dirty else b"0"))
    for line in (b"next\n", b"last\n"):
        kept.append(line)
    assert path.read_bytes() == then


@pytest.mark.skipif(WINDOWS, reason="there no file has a largest size")
def test_a_line_that_could_not_be_written_whole_is_cut_off_by_the_next(kept: Appender, path: Path) -> None:
    import resource

    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(b"first\nsec"), most))
    try:
        with pytest.raises(OSError, match="File too large"):
            kept.append(b"second\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    assert path.read_bytes() == b"first\nsec"
    kept.append(b"third\n")
    assert path.read_bytes() == b"first\nthird\n"


@pytest.mark.skipif(WINDOWS, reason="links are for administrators there")
def test_a_link_that_others_put_in_its_place_is_not_followed(kept: Appender, path: Path) -> None:
    path.parent.chmod(0o777)
    victim = path.with_name("victim")
    victim.write_bytes(b"mine\n")
    path.unlink()
    path.symlink_to(victim)
    with pytest.raises(OSError, match=r"."):
        kept.append(b"second\n")
    assert victim.read_bytes() == b"mine\n"


def test_a_lock_that_somebody_holds_is_waited_for(kept: Appender, path: Path) -> None:
    with files.Lock(f"{path}.lock", 1.0):
        waiting = threading.Thread(target=kept.append, args=(b"second\n",))
        waiting.start()
        waiting.join(0.05)
        assert path.read_bytes() == b"first\n"
    waiting.join()
    assert path.read_bytes() == b"first\nsecond\n"


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="nobody tells what is open")
def test_a_log_that_nobody_writes_any_more_is_let_go(path: Path) -> None:
    kept = Appender(str(path))
    kept.append(b"first\n")
    kept.append(b"second\n")
    assert len(open_at(path)) == 2
    del kept
    gc.collect()
    assert open_at(path) == []


def open_at(path: Path) -> list[str]:
    """The files that this process has open whose path begins so: a log and its lock."""
    held = []
    for number in os.listdir("/proc/self/fd"):
        with contextlib.suppress(FileNotFoundError):  # what lists them, and what others let go meanwhile
            held.append(os.readlink(f"/proc/self/fd/{number}"))
    return [one for one in held if one.startswith(str(path))]


@pytest.mark.skipif(WINDOWS, reason="nobody forks there")
def test_the_lock_of_a_process_killed_while_it_wrote_is_free_though_a_fork_of_it_lives_on(path: Path) -> None:
    import resource
    import signal

    lives_on, end = os.pipe()
    writer = os.fork()
    if writer == 0:
        os.close(end)
        kept = Appender(str(path))
        kept.append(b"first\n")
        if os.fork() == 0:
            os.read(lives_on, 1)
            os._exit(0)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(b"first\nsec"), resource.RLIM_INFINITY))
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        while True:  # at its second line the system kills it
            kept.append(b"second\n")
    os.close(lives_on)
    _, status = os.waitpid(writer, 0)
    try:
        assert os.WIFSIGNALED(status)
        assert os.WTERMSIG(status) == signal.SIGXFSZ
        files.append(str(path), b"third\n", timeout=0.0)
    finally:
        os.close(end)
    assert path.read_bytes() == b"first\nthird\n"


@pytest.mark.skipif(WINDOWS, reason="nobody forks there")
def test_a_fork_that_drops_it_closes_no_file_that_has_its_numbers_since(path: Path) -> None:
    gc.collect()  # what other tests have left would close its own numbers
    kept = Appender(str(path))
    kept.append(b"first\n")
    child = os.fork()
    if child == 0:
        os.closerange(3, 256)  # as daemons begin
        own = [os.open(path, os.O_RDONLY) for _ in range(250)]
        del kept
        gc.collect()
        try:
            os._exit(sum(not os.fstat(one).st_nlink for one in own))
        finally:
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0

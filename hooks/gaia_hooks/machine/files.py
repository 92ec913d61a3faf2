"""Paths, locks, atomic writes and appends. The core uses the same functions: both respect each other's locks."""

import sys
import time
from _thread import get_ident

from gaia_hooks.machine.system import WINDOWS
from gaia_hooks.machine.system import calls as _os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

SEPARATORS = "/\\" if WINDOWS else "/"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
_FLAGS = getattr(_os, "O_BINARY", 0) | getattr(_os, "O_NOINHERIT", 0) | getattr(_os, "O_CLOEXEC", 0)
READ = _os.O_RDONLY | getattr(_os, "O_NONBLOCK", 0) | _FLAGS  # a named pipe would make us wait for its writer
_KIND, _REGULAR = 0o170000, 0o100000
READ_LIMIT = 256 << 20  # no file that is read whole is nearly as large
WRITE_NEW = _os.O_WRONLY | _os.O_CREAT | _os.O_TRUNC | _FLAGS
APPEND = _os.O_RDWR | _os.O_CREAT | _os.O_APPEND | _FLAGS
UPDATE = _os.O_RDWR | _os.O_CREAT | _FLAGS
NO_LINK, OTHERS_WRITE = getattr(_os, "O_NOFOLLOW", 0), 0 if WINDOWS else 0o022
LOCK_POLL_SECONDS = 0.002
REPLACE_PATIENCE_SECONDS = 2.0  # Windows refuses to replace a file that somebody holds open


class LockTimeout(OSError):
    """A lock was not free in time."""


class NotAFile(OSError):
    """What lies at a path is a device, a pipe or a folder, or is larger than anything that is read whole."""


def join(*parts: str) -> str:
    """Path parts put together; empty parts are left out."""
    return "/".join(part.rstrip(SEPARATORS) or part for part in parts if part)


def parent(path: str) -> str:
    """The folder that holds a path; a root is its own parent."""
    trimmed = path.rstrip(SEPARATORS)
    cut = max(trimmed.rfind(sign) for sign in SEPARATORS)
    return (trimmed[:cut] or path[:1]) if cut >= 0 else ""


def exists(path: str) -> bool:
    """Whether there is a file or folder at the path that we may look at."""
    return _os.access(path, _os.F_OK)


def stamp(path: str) -> "list[int]":
    """Size and time of change (nanoseconds) of a file; zeros where there is none."""
    try:
        status = _os.stat(path)
    except OSError:
        return [0, 0]
    return [status.st_size, status.st_mtime_ns]


def make_folder(path: str) -> None:
    """Create a private folder and the missing ones above it."""
    try:
        _os.mkdir(path, PRIVATE_FOLDER)
    except FileExistsError:
        return
    except FileNotFoundError:
        above = parent(path)
        if above == path or not above:
            raise
        make_folder(above)
        make_folder(path)


def names_in(folder: str) -> "list[str]":
    """The names in a folder; none when it is not there."""
    try:
        return _os.listdir(folder)
    except OSError:
        return []


def entries_in(folder: str) -> "list[_os.DirEntry[str]]":
    """The same as entries, which tell without a look at each whether it is a folder or a link."""
    try:
        return list(_os.scandir(folder))
    except OSError:
        return []


def read(path: str, offset: int = 0, size: int = -1) -> bytes:
    """Bytes of a regular file from an offset, to the end when `size` is negative. Raises OSError."""
    handle, status = open_to_read(path)
    try:
        if size < 0:
            size = max(0, status.st_size - offset)
            if size > READ_LIMIT:
                raise NotAFile("%s is larger than %d bytes" % (path, READ_LIMIT))
        return read_handle(handle, offset, size)
    finally:
        _os.close(handle)


def open_to_read(path: str) -> "tuple[int, Any]":
    """An open regular file and its status; `close` it after use. Never waits. Raises OSError."""
    handle = _os.open(path, READ)
    try:
        status = _os.fstat(handle)
        if status.st_mode & _KIND != _REGULAR:
            raise NotAFile("%s is not a regular file" % path)
        return handle, status
    except BaseException:
        _os.close(handle)
        raise


def close(handle: int) -> None:
    """Close what `open_to_read` opened."""
    _os.close(handle)


def size_of(path: str) -> int:
    """A file's size, or -1 when it is not there."""
    try:
        return _os.stat(path).st_size
    except OSError:
        return -1


def changed_at(path: str) -> int:
    """When a file or folder was last changed, in microseconds since the epoch; 0 when it is not there."""
    try:
        return int(_os.stat(path).st_mtime_ns) // 1000
    except OSError:
        return 0


def modified(path: str) -> int:
    """When a file was last written, in seconds since the epoch; 0 when it is not there."""
    try:
        return int(_os.stat(path).st_mtime)
    except OSError:
        return 0


def size_and_identity(path: str) -> "tuple[int, int]":
    """A file's size and what tells it from another of the same name; (0, 0) when it is not there."""
    try:
        status = _os.stat(path)
    except OSError:
        return 0, 0
    return status.st_size, status.st_ino


def read_handle(handle: int, offset: int, size: int) -> bytes:
    """Up to `size` bytes of an open file from an offset."""
    _os.lseek(handle, offset, 0)
    parts = []
    while size > 0:
        part = _os.read(handle, min(size, 1 << 20))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def write_all(handle: int, data: bytes) -> None:
    """Write every byte; the system may take a large write in parts."""
    view = memoryview(data)
    while view:
        view = view[_os.write(handle, view) :]


def replace(path: str, data: bytes, durable: bool = True) -> None:
    """Put new content in place of a file in one step: a reader sees the old content or the new, never a mix.

    `durable` waits until the disk has it; state that can be counted again does without. Raises OSError.
    """
    temporary = "%s.%d.%d.tmp" % (path, _os.getpid(), get_ident())  # threads write side by side
    try:
        handle = _os.open(temporary, WRITE_NEW, PRIVATE_FILE)
    except FileNotFoundError:
        make_folder(parent(path))
        handle = _os.open(temporary, WRITE_NEW, PRIVATE_FILE)
    try:
        try:
            write_all(handle, data)
            if durable:
                _os.fsync(handle)
        finally:
            _os.close(handle)
        _rename_over(temporary, path)
    except BaseException:
        remove(temporary)
        raise


def move(source: str, target: str) -> None:
    """Give a file another place, whose folder is made where it is missing. Raises OSError."""
    try:
        _rename_over(source, target)
    except FileNotFoundError:
        make_folder(parent(target))
        _rename_over(source, target)


def sweep(folder: str, age_seconds: float) -> None:
    """Delete what writers that were killed left behind: temporary files of `replace`, older than any writer lives."""
    for name in names_in(folder):
        if name.endswith(".tmp"):
            path = join(folder, name)
            try:
                if _os.stat(path).st_mtime < time.time() - age_seconds:
                    _os.unlink(path)
            except OSError:
                continue  # gone already, or not ours to delete


def _rename_over(source: str, target: str) -> None:
    patience_ends = time.monotonic() + REPLACE_PATIENCE_SECONDS
    while True:
        try:
            _os.replace(source, target)
        except PermissionError:
            if not WINDOWS or time.monotonic() > patience_ends:
                raise
            time.sleep(LOCK_POLL_SECONDS)
        else:
            return


def remove(path: str) -> None:
    """Delete a file that may be gone already."""
    try:
        _os.unlink(path)
    except OSError:
        pass  # it was never made, or is gone already


def _open_shared(path: str, flags: int) -> int:
    """Open a log or a lock, made where it is missing; in a folder where others write, no link of theirs is followed."""
    if _os.stat(parent(path) or ".").st_mode & OTHERS_WRITE:
        flags |= NO_LINK
    return _os.open(path, flags, PRIVATE_FILE)


def append(path: str, data: bytes, timeout: float = 5.0) -> "tuple[int, int]":
    """Append whole lines to a shared file under a lock; return the file's size afterwards and its identity.

    Readers parse every line, so what a writer of ours that was killed left torn is cut off first; a torn line
    of somebody else's is closed instead. Raises OSError.
    """
    with Lock(path + ".lock", timeout) as lock:  # which makes the folder where it is missing
        handle = _open_shared(path, APPEND)
        try:
            status = _os.fstat(handle)
            size = _mended(handle, status.st_size) if lock.dirty else status.st_size
            if size:
                _os.lseek(handle, size - 1, 0)
                if _os.read(handle, 1) != b"\n":
                    data = b"\n" + data
            lock.mark(True)
            write_all(handle, data)
            lock.mark(False)
            return size + len(data), status.st_ino
        finally:
            _os.close(handle)


def mend(path: str, timeout: float = 5.0) -> None:
    """Cut off the torn line that a writer of ours may have left at a file's end. Raises OSError."""
    with Lock(path + ".lock", timeout) as lock:
        if lock.dirty:
            handle = _open_shared(path, UPDATE)
            try:
                _mended(handle, _os.fstat(handle).st_size)
                lock.mark(False)
            finally:
                _os.close(handle)


def _mended(handle: int, size: int) -> int:
    """An open file's size without the torn line that the lock's holder before us may have left in it."""
    if size and read_handle(handle, size - 1, 1) != b"\n":
        return _cut_torn_line(handle, size)
    return size


def _cut_torn_line(handle: int, size: int) -> int:
    """Shorten a file to its last line end; return the new size."""
    step = 1 << 16
    start = size
    while start > 0:
        start = max(0, start - step)
        cut = read_handle(handle, start, step).rfind(b"\n")
        if cut >= 0:
            start += cut + 1
            break
    _os.ftruncate(handle, start)
    return start


class Lock:
    """An exclusive lock between processes on a file of its own; the system frees it when its holder dies.

    `dirty` tells that the holder before us died between `mark(True)` and `mark(False)`.
    """

    __slots__ = ("_handle", "_path", "_timeout", "dirty")

    def __init__(self, path: str, timeout: float) -> None:
        self._path = path
        self._timeout = timeout
        self._handle = -1
        self.dirty = False

    def __enter__(self) -> "Lock":
        self._take()
        while not _os.fstat(self._handle).st_nlink:  # its holder removed it: no newcomer waits there
            _os.close(self._handle)
            self._take()
        return self

    def _take(self) -> None:
        try:
            self._handle = _open_shared(self._path, UPDATE)
        except FileNotFoundError:
            make_folder(parent(self._path))
            self._handle = _open_shared(self._path, UPDATE)
        try:
            self._wait()
            _os.lseek(self._handle, 1, 0)
            self.dirty = _os.read(self._handle, 1) == b"1"
        except BaseException:
            _os.close(self._handle)
            raise

    def remove(self) -> None:
        """Delete the lock's file while it is held; on Windows, which does not delete what is open, it stays."""
        remove(self._path)

    def _wait(self) -> None:
        patience_ends = time.monotonic() + self._timeout
        while not self._try():
            if time.monotonic() >= patience_ends:
                raise LockTimeout("%s is held by another process" % self._path)
            time.sleep(LOCK_POLL_SECONDS)

    def _try(self) -> bool:
        try:
            if sys.platform == "win32":
                _os.lseek(self._handle, 0, 0)
                msvcrt.locking(self._handle, msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def mark(self, dirty: bool) -> None:
        """Note in the lock file that a write of several steps has begun, or is complete."""
        _os.lseek(self._handle, 1, 0)
        _os.write(self._handle, b"1" if dirty else b"0")
        self.dirty = dirty

    def __exit__(
        self, kind: "type[BaseException] | None", error: "BaseException | None", trace: "TracebackType | None"
    ) -> None:
        if sys.platform == "win32":
            _os.lseek(self._handle, 0, 0)
            msvcrt.locking(self._handle, msvcrt.LK_UNLCK, 1)
        _os.close(self._handle)

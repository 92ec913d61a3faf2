"""Files that are written anew at every event, each by one writer at a time, and that can be counted again.

Where a new file takes the place of another, ext4 and its like find blocks for it and begin to write them to the disk at
once, which takes longer than all else that a hook writes. So the file before is kept beside (`SPARE`): the next content
is written over that one, and the two change places. What a lost power leaves of a file may be torn; its spare is the
content before.
"""

from gaia_hooks.machine import files
from gaia_hooks.machine.system import WINDOWS
from gaia_hooks.machine.system import calls as _os

SPARE = ".spare"  # behind a file's name: the one before it
LAST = ".last"  # the same while the two change places
READS = 8  # of a file that is renewed during each


def renew(path: str, data: bytes) -> None:
    """Put new content in place of a file in one step, under the lock of its writers. Raises OSError."""
    spare, last = path + SPARE, path + LAST
    try:
        if WINDOWS or not files.exists(path):
            return files.replace(path, data, durable=False)
        handle = _os.open(spare, files.UPDATE | files.NO_LINK, files.PRIVATE_FILE)
        try:
            if _os.fstat(handle).st_nlink > 1:
                raise files.NotAFile("%s has another name" % spare)
            files.write_all(handle, data)
            _os.ftruncate(handle, len(data))
        finally:
            _os.close(handle)
        try:
            _os.link(path, last)
        except FileExistsError:  # of a writer that was killed
            files.remove(last)
            _os.link(path, last)
        _os.replace(spare, path)
        _os.replace(last, spare)
    except OSError:  # a file system without links, say, or a full one: that is told then
        files.remove(last)
        files.remove(spare)
        files.replace(path, data, durable=False)


def read(path: str) -> bytes:
    """A file that `renew` writes, as it was at one time, for who does not hold that lock. Raises OSError."""
    data = b""
    for _ in range(READS):
        before, data = _version(path), files.read(path)
        if _version(path) == before:
            break  # it was nobody's spare while it was read
    return data


def _version(path: str) -> "tuple[int, int, int]":
    status = _os.stat(path)
    return status.st_ino, status.st_size, status.st_mtime_ns

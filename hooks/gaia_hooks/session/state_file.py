"""A session's state on the disk: one small JSON file of its own, written anew at every event under the session's lock.

Where a new file takes the place of another, ext4 and its like find blocks for it and begin to write them to the disk at
once, which takes longer than all else that a hook writes. So the file before is kept beside (`SPARE`): the next content
is written over that one, and the two change places. What a lost power leaves of a file may be torn; its spare is the
content before.
"""

from gaia_hooks.machine import clock, files, jsonio
from gaia_hooks.machine.system import WINDOWS
from gaia_hooks.machine.system import calls as _os
from gaia_hooks.session import state

SPARE = ".spare"  # behind a file's name: the one before it
READS = 8  # of a file that is renewed during each
SUM = b',"#":'  # the last key of a file: what the bytes before it are as one number, modulo a prime
PRIME = (1 << 61) - 1
REMEMBERED_CALLS = 64  # tool calls of which a second report (plugin and user wiring at once) is recognised
BROKEN = (ValueError, TypeError, KeyError, AttributeError)  # of what is no state of ours


def load(home: str, session_id: str) -> state.State:
    """The stored state, at rest or not, or a fresh one when there is none or it is broken.

    Raises NewerState when a newer version wrote it, OSError when it is there and cannot be read.
    """
    path = state.path_of(home, session_id)
    try:
        try:
            stored = read(path)
        except FileNotFoundError:
            stored = files.read(rest_of(home, session_id))
    except (FileNotFoundError, NotADirectoryError):
        return _fresh(home, session_id)
    try:
        mine = _unpacked(home, session_id, stored)
    except BROKEN:
        return _before(home, session_id)
    mine.outdated = 0 < files.modified(path) < clock.started()
    return mine


def _fresh(home: str, session_id: str) -> state.State:
    mine = state.State(session_id)
    mine.made = state.new_made(home, session_id)
    return mine


def _before(home: str, session_id: str) -> state.State:
    """The state before a broken one, as a machine that lost its power may leave it; else all is counted again."""
    try:
        mine = _unpacked(home, session_id, files.read(state.path_of(home, session_id) + SPARE))
    except (OSError, *BROKEN):
        return _fresh(home, session_id)
    mine.outdated = True
    return mine


def _unpacked(home: str, session_id: str, data: bytes) -> state.State:
    """The state in a file's bytes. Raises NewerState, and any of `BROKEN`."""
    end = data.rfind(SUM)
    if end >= 0 and int(data[end + len(SUM) : -1]) != _sum(data[:end]):  # older versions wrote none
        raise ValueError("torn")
    stored = jsonio.loads(data)
    if stored["schema"] > state.SCHEMA:
        raise state.NewerState(state.path_of(home, session_id))
    mine = state.State(session_id)
    plain = {name: stored[name] for name in state.State.PLAIN}
    plain["made"], plain["beside"] = None, stored.get("beside", {})
    if stored["schema"] == 2 and stored["made"] is not None:
        stored["made"] = [stored["made"]]  # that version had all of them in the state
    if stored["schema"] > 1:
        plain.update((name, stored[name]) for name in state.State.SINCE_2)
        plain["made"] = None if stored["made"] is None else state.new_made(home, session_id, *stored["made"])
    for name, value in plain.items():
        setattr(mine, name, value)
    mine.threads = {name: state.ThreadState.unpacked(value) for name, value in stored["threads"].items()}
    mine.tallies = {
        name: {model: state.Tally.unpacked(value) for model, value in models.items()}
        for name, models in stored["tallies"].items()
    }
    mine.fresh = False
    return mine


def save(home: str, mine: state.State) -> None:
    """Put the state in place in one step, with a sum by which a torn one is told. Raises OSError."""
    del mine.calls[:-REMEMBERED_CALLS]
    data = jsonio.dumps(mine.packed())[:-1]
    renew(state.path_of(home, mine.session_id), data + SUM + b"%d}" % _sum(data))


def _sum(data: bytes) -> int:
    return int.from_bytes(data, "little") % PRIME


def rest_folder(home: str) -> str:
    """Where the states of sessions lie that spent nothing for long: no command looks through these."""
    return files.join(state.folder(home), "at-rest")


def rest_of(home: str, session_id: str) -> str:
    """Where the state of one such session lies."""
    return files.join(rest_folder(home), session_id + ".json")


def lay_to_rest(home: str, session_id: str) -> None:
    """Move a session's state aside; one that is resumed is found there. Raises OSError."""
    files.move(state.path_of(home, session_id), rest_of(home, session_id))
    files.remove(state.path_of(home, session_id) + SPARE)


def forget(home: str, session_id: str) -> None:
    """Remove all that is kept of a session at rest."""
    files.remove(rest_of(home, session_id))
    files.remove(state.new_made(home, session_id).path)


def renew(path: str, data: bytes) -> None:
    """Put new content in place of a file in one step, under the lock of its writers. Raises OSError."""
    spare, last = path + SPARE, path + ".last"  # what was in place, while the two change
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

"""Our own log of what went wrong on the hook path: never a prompt, never tool text."""

from gaia_hooks.machine import clock, files

SIZE_LIMIT = 1 << 20
INNERMOST = 4  # functions that are named


def path_of(home: str) -> str:
    """Where the log lies."""
    return files.join(home, "logs", "gaia-hooks.log")


def write(home: str, event: str, problem: str) -> None:
    """Append one line; what cannot be logged is not worth a user's tool call."""
    path = path_of(home)
    text = " ".join(("%s %s" % (event, problem)).split())[:500]
    line = "%s %s\n" % (clock.iso(clock.now()), text)
    try:
        if files.size_of(path) > SIZE_LIMIT:
            files.replace(path + ".1", files.read(path), durable=False)
            files.replace(path, b"", durable=False)
        files.append(path, line.encode("utf-8", "replace"), timeout=0.2)
    except OSError:
        pass


def fault(home: str, event: str, error: BaseException) -> None:
    """Log an exception by its kind, its message and the functions in which it arose: a bundle has no line numbers."""
    names = []
    trace = error.__traceback__
    while trace is not None:
        names.append(trace.tb_frame.f_code.co_name)
        trace = trace.tb_next
    write(home, event, "%s: %s (in %s)" % (type(error).__name__, error, " > ".join(names[-INNERMOST:])))

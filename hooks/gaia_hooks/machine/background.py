"""Starting the core's `ingest` beside a session, at most once in five minutes, without waiting for it."""

from gaia_hooks.machine import clock, files, log, system

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INTERVAL_MICROS = 300 * clock.MICRO


def start_ingest(home: str, policy: "dict[str, Any]") -> None:
    """Start the command that the snapshot names, detached, when the last start is long enough ago."""
    command = policy["ingest"]
    if not command or not _is_due(home):
        return
    try:
        system.start_detached(command)
    except OSError as error:
        log.fault(home, "ingest", error)


def _is_due(home: str) -> bool:
    marker = files.join(home, "ingest.started")
    try:
        with files.Lock(marker + ".lock", 0.0):
            try:
                last = int(files.read(marker))
            except (OSError, ValueError):
                last = 0
            if last <= clock.now() < last + INTERVAL_MICROS:
                return False
            files.replace(marker, b"%d" % clock.now(), durable=False)
            return True
    except OSError:
        return False  # another session's start is at it

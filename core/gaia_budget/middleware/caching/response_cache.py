"""The response cache: the same request is paid once, in this process and in the next.

Files lie in `GAIA_BUDGET_HOME/cache/answers`, named by the SHA-256 of the request, private to the user. They hold
answers in clear (that is their purpose), never requests or keys; the folder may be deleted at any time.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import msgspec

from gaia_budget.middleware.passage import Answer
from gaia_hooks.machine import files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gaia_budget.middleware.wire import Ask

SUFFIX = ".answer"
DAY = 86_400
NOT_OF_THE_ANSWER = frozenset(
    {"accept", "accept-encoding", "accept-language", "connection", "content-length", "host", "user-agent",
     "idempotency-key", "traceparent", "tracestate", "baggage", "sentry-trace", "x-request-id", "x-correlation-id",
     "x-client-request-id", "x-goog-api-client", "x-cloud-trace-context"}
)  # fmt: skip
"""Headers of transport and tracing. Every other one belongs to the question: who asks (keys, organisations, tenants
of a gateway), and what the app itself adds. Only a digest of all of them is in a name on disk."""
TELEMETRY = ("x-stainless-", "x-b3-", "x-datadog-")


class _Head(msgspec.Struct):
    content_type: str
    sha256: str
    model: str
    usage: tuple[int, ...]
    cost_nano: int | None
    made: float


_read_head = msgspec.json.Decoder(_Head).decode


def key_of(ask: Ask, request: Any) -> str:
    """SHA-256 over everything that changes the answer: where it goes, who asks, the app's headers, all of the body."""
    headers = {
        name: value
        for name, value in request.headers.items()
        if name not in NOT_OF_THE_ANSWER and not name.startswith(TELEMETRY)
    }
    form = {"url": str(request.url), "headers": headers, "body": ask.body}
    return hashlib.sha256(msgspec.json.encode(form, order="deterministic")).hexdigest()


class ResponseCache:
    """Answers in memory and on disk, both bounded. Safe for threads and processes; a broken entry is a miss.

    `max_bytes` and `max_age_s` bound the folder, `max_entries` the memory. A folder that is None, read-only or
    full leaves the memory alone at work.
    """

    def __init__(
        self,
        folder: Path | None,
        *,
        max_bytes: int = 256 << 20,
        max_age_s: float = 30 * DAY,
        max_entries: int = 512,
        notice: Callable[[str], None] | None = None,
    ) -> None:
        self._folder, self._notice = folder, notice
        self._max_bytes, self._max_age, self._max_entries = max_bytes, max_age_s, max_entries
        self._memory: OrderedDict[str, tuple[Answer, float]] = OrderedDict()
        self._bytes: int | None = None
        self.renew_lock()

    def renew_lock(self) -> None:
        """Take a lock of its own, in a process that was forked too."""
        self._lock = threading.Lock()

    def get(self, key: str) -> Answer | None:
        """The answer that was kept under a key, or None."""
        with self._lock:
            found = self._memory.get(key)
            if found is not None:
                self._memory.move_to_end(key)
        if found is None:
            found = self._read(key)
            if found is not None:
                self._remember(key, *found)
        if found is None or time.time() - found[1] > self._max_age:
            return None
        return found[0]

    def put(self, key: str, answer: Answer) -> None:
        """Keep an answer. Never raises: what cannot be kept is paid again."""
        made = time.time()
        self._remember(key, answer, made)
        folder = self._folder  # another thread may give it up meanwhile
        if folder is None:
            return
        sha = hashlib.sha256(answer.body).hexdigest()
        head = _Head(answer.content_type, sha, answer.model, answer.usage, answer.cost_nano, made)
        data = msgspec.json.encode(head) + b"\n" + answer.body
        try:
            files.replace(str(_path(folder, key)), data, durable=False)
            self._make_room(folder, len(data))
        except OSError as error:
            with self._lock:
                given_up, self._folder = self._folder is not None, None
            if given_up and self._notice is not None:
                self._notice(
                    f"answers are kept in memory alone: {folder} cannot be written ({error.strerror})"
                )

    def _remember(self, key: str, answer: Answer, made: float) -> None:
        with self._lock:
            self._memory[key] = (answer, made)
            self._memory.move_to_end(key)
            while len(self._memory) > self._max_entries:
                self._memory.popitem(last=False)

    def _read(self, key: str) -> tuple[Answer, float] | None:
        folder = self._folder
        if folder is None:
            return None
        try:
            first, _, body = _path(folder, key).read_bytes().partition(b"\n")
            head = _read_head(first)
        except (OSError, msgspec.MsgspecError):
            return None
        if hashlib.sha256(body).hexdigest() != head.sha256:
            return None
        return Answer(head.content_type, body, head.model, head.usage, head.cost_nano), head.made

    def _make_room(self, folder: Path, added: int) -> None:
        """Delete what is too old, and the oldest until the folder fits; looked at only when it may not."""
        with self._lock:
            if self._bytes is not None:
                self._bytes += added
                if self._bytes <= self._max_bytes:
                    return
            self._bytes = _trim(folder, self._max_bytes, time.time() - self._max_age)


def _path(folder: Path, key: str) -> Path:
    return folder / key[:2] / f"{key}{SUFFIX}"


def _trim(folder: Path, most: int, oldest: float) -> int:
    """Delete the oldest answers until the folder fits; returns how many bytes are left."""
    found = []
    for path in folder.glob("*/*"):  # what a killed writer left half written too
        try:
            status = path.stat()
        except OSError:
            continue  # another process has deleted it
        found.append((status.st_mtime, status.st_size, path))
    total = sum(size for _, size, _ in found)
    for made, size, path in sorted(found):
        if made >= oldest and total <= most:
            break
        with contextlib.suppress(OSError):  # Windows does not delete what another process reads
            path.unlink(missing_ok=True)
            total -= size
    return total

"""What Claude Code's own telemetry tells of requests that no transcript row carries: compaction, titles, prompt hooks.

Opt-in (`init --telemetry`): the client sends OTLP/HTTP JSON to a receiver on this machine (`gaia_mcp.receiver`). Of it
only the figures of such requests are read. They are counted in the session as hooks count rows, by the request's id.
Only what is known to have no row is: all else would be counted twice where it has one, and is in the client's total.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_hooks.facts import names
from gaia_hooks.facts.tokens import bounds, usage
from gaia_hooks.facts.tokens.responses import Response
from gaia_hooks.machine import clock, files
from gaia_hooks.session import argus, counting, sessions, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EVENT = "api_request"
FIGURES = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_creation_5m_tokens",
    "cache_creation_1h_tokens",
)
LOCK_SECONDS = 5.0
MOST_REQUESTS = 2_000
"""In one document; the client sends 512 at once."""
LONGEST_REQUEST = 120
BLOCK_BYTES, OVERLAP_BYTES = 1 << 20, 4 * LONGEST_REQUEST


class Endpoint(NamedTuple):
    """Where the receiver listens on this machine, and what it asks for."""

    port: int
    token: str


def file() -> Path:
    """Where the endpoint is kept, readable by the user alone. Without it nothing listens."""
    return places.home() / "telemetry.json"


def endpoint() -> Endpoint | None:
    """The endpoint that was chosen; None where telemetry is not wanted."""
    try:
        found = json.loads(file().read_text("utf-8"))
        return Endpoint(int(found["port"]), str(found["token"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def proposed() -> Endpoint:
    """The endpoint that was chosen, else one on a free port with a new token; writes nothing. Raises OSError."""
    known = endpoint()
    if known is not None:
        return known
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return Endpoint(free.getsockname()[1], "gaia-" + secrets.token_urlsafe(24))


def keep(chosen: Endpoint) -> None:
    """Let the receiver listen there from its next start on. Raises OSError."""
    descriptor = os.open(file(), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w", encoding="utf-8") as handle:  # noqa: PTH123 (its mode from the first byte on)
        json.dump(chosen._asdict(), handle)


def take(document: Any) -> int:
    """Count what a document of OTLP logs tells of requests without rows; how many were new.

    A session that hooks do not watch is left to its own total. Raises LockTimeout, OSError: to be sent again;
    ValueError for more than a client sends at once.
    """
    home, new = str(places.home()), 0
    for session_id, told in _by_session(document).items():
        if not _is_watched(home, session_id):
            continue
        with counting.lock_of(home, session_id, LOCK_SECONDS) as lock:
            session = counting.opened(home, session_id, lock)
            if session.state.fresh:
                continue
            known = _with_rows(session.state, {one.request for one in told})
            found = [session.note(one) for one in told if one.request not in known]
            if any(found):
                session.store()
            new += sum(found)
    return new


def _by_session(document: Any) -> dict[str, list[Response]]:
    found: dict[str, list[Response]] = {}
    for number, response in enumerate(requests(document)):
        if number == MOST_REQUESTS:
            raise ValueError(f"more than {MOST_REQUESTS} requests at once")
        found.setdefault(response.session_id, []).append(response)
    return found


def _is_watched(home: str, session_id: str) -> bool:
    """Whether hooks have a state of the session: of any other not even a lock is made."""
    return state.is_session_id(session_id) and (
        files.exists(state.path_of(home, session_id)) or sessions.is_at_rest(home, session_id)
    )


def requests(document: Any) -> Iterator[Response]:
    """The requests without rows that a document tells of; what is of another form tells nothing."""
    for resource in _listed(document, "resourceLogs"):
        for scope in _listed(resource, "scopeLogs"):
            for record in _listed(scope, "logRecords"):
                told: dict[str, Any] = {
                    str(one.get("key")): next(iter(one["value"].values()), None)
                    for one in _listed(record, "attributes")
                    if isinstance(one.get("value"), dict)
                }
                source, request = told.get("query_source"), told.get("request_id")
                if (
                    told.get("event.name") == EVENT
                    and isinstance(source, str)
                    and source in argus.ROWLESS
                    and isinstance(request, str)
                    and request
                ):
                    yield _response(told, request, source)


def _response(told: dict[str, Any], request: str, source: str) -> Response:
    fresh, output, read, short, long = (usage.count(_number(told.get(name))) for name in FIGURES)
    short = max(
        short, usage.count(_number(told.get("cache_creation_tokens"))) - long
    )  # older clients: not split
    request = names.told_apart(request, LONGEST_REQUEST)
    made = Response(
        request,
        _name(told.get("model")),
        (fresh, output, read, short, long, 0, 0),
        _instant(told.get("event.timestamp")),
        str(told.get("session.id") or ""),
        source,
        variant="fast" if told.get("speed") == "fast" else "",
    )
    made.request, made.traits = request, {"agent_kind": source}
    if effort := _name(told.get("effort")):
        made.traits["effort"] = effort
    return made


def _name(value: Any) -> str:
    return names.shown(value) if isinstance(value, str) else ""


def _instant(value: Any) -> str:
    """When it was, as written; what cannot be has come in just now."""
    told = clock.parse(value) if isinstance(value, str) else None
    return str(value) if told is not None and bounds.is_instant(told) else clock.iso(clock.now())


def _number(value: Any) -> Any:
    """OTLP writes 64-bit integers as text."""
    return (
        int(value)
        if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20
        else value
    )


def _listed(value: Any, name: str) -> Iterator[dict[str, Any]]:
    found = value.get(name) if isinstance(value, dict) else None
    yield from (one for one in found if isinstance(one, dict)) if isinstance(found, list) else ()


def _with_rows(mine: state.State, requests: set[str]) -> set[str]:
    """Those requests that a file of the session names: their rows count them."""
    found: set[str] = set()
    for path in {mine.transcript, *(thread.place.path for thread in mine.threads.values())} - {""}:
        for start in range(0, max(0, files.size_of(path)), BLOCK_BYTES):
            block = files.read(path, start, BLOCK_BYTES + OVERLAP_BYTES)
            found |= {one for one in requests - found if one.encode("utf-8", "surrogatepass") in block}
    return found

"""Our HTTP servers under clients that mean no good: none holds a connection, fills memory or fills a log."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from gaia_budget import http_server
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = """
import sys
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from gaia_budget import http_server
async def length(request):
    return Response(str(len(await request.body())))
http_server.HEAD_SECONDS, http_server.CONNECTIONS = 0.5, 20
listening = http_server.listen("127.0.0.1", (0,), "any port")
print(listening.getsockname()[1], flush=True)
http_server.serve(Starlette(routes=[Route("/", length, methods=["GET", "POST"])]), listening)
"""
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Served:
    """The server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.process, self.port = process, int(process.stdout.readline())
        for _ in range(200):
            if self.status(GET) == 200:
                return
            time.sleep(0.05)  # nothing tells when it is ready

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def status(self, request: bytes) -> int:
        """The status of the answer; 0 where the connection is closed without one."""
        with self.connect() as client:
            try:
                client.sendall(request)
                answer = client.recv(100)
            except OSError:
                return 0
        return int(answer.split()[1]) if answer else 0


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield Served(process)
        finally:
            process.terminate()
            process.communicate(timeout=30)


def post(length: int, body: bytes = b"") -> bytes:
    return b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length + body


def chunks(count: int) -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + (b"100000\r\n" + bytes(1 << 20) + b"\r\n") * count + b"0\r\n\r\n"


def test_an_ordinary_body_is_taken(served: Served) -> None:
    assert served.status(post(3, b"abc")) == 200
    assert served.status(chunks(3)) == 200


def test_a_body_beyond_the_limit_is_refused_by_its_header_and_as_it_comes(served: Served) -> None:
    assert served.status(post(http_server.BODY_BYTES + 1)) == 413
    assert served.status(post(10**17)) == 413
    assert served.status(chunks(6)) in (413, 0)  # closed while it was still sending


@pytest.mark.parametrize("sent", [b"", b"GET / HT", GET[:-2], GET + b"GET / "])
def test_a_head_that_does_not_come_in_time_ends_the_connection(served: Served, sent: bytes) -> None:
    with served.connect() as client:
        client.sendall(sent)
        answered = b""
        while part := client.recv(4096):  # the end comes, or this connection's own time is up
            answered += part
    assert answered.startswith(b"HTTP/1.1 200") == sent.startswith(GET), "what was asked before is answered"


def test_an_endless_head_is_refused(served: Served) -> None:
    assert served.status(GET[:-2] + b"X: " + b"y" * (http_server.HEAD_BYTES * 4)) in (400, 0)


def test_connections_beyond_the_limit_are_turned_away_and_the_server_goes_on(served: Served) -> None:
    held = [served.connect() for _ in range(25)]
    try:
        assert served.status(GET) in (503, 0)
    finally:
        for client in held:
            client.close()
    for _ in range(100):
        if served.status(GET) == 200:
            break
        time.sleep(0.05)  # the server learns of each end by itself
    assert served.status(GET) == 200


def test_a_hundred_pages_may_listen_and_others_are_answered() -> None:
    program = PROGRAM.replace(", http_server.CONNECTIONS = 0.5, 20", " = 5.0")
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        served = Served(process)
        held = [served.connect() for _ in range(100)]
        try:
            assert served.status(GET) == 200
        finally:
            for client in held:
                client.close()
            process.terminate()
            process.communicate(timeout=30)


def test_a_port_that_is_taken_is_said_with_the_way_out() -> None:
    with http_server.listen("127.0.0.1", (0,), "any port") as taken:
        port = taken.getsockname()[1]
        with pytest.raises(InputError, match=f"cannot listen on port {port} .* name another port"):
            http_server.listen("127.0.0.1", (port,), f"port {port}")

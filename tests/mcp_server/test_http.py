"""The server over HTTP: on loopback alone, for those who hold the token, in both eras of the protocol."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import anyio
import anyio.to_thread
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from gaia_mcp.server import build
from gaia_mcp.transport.serving import application, read_token, token_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio
TOKEN = "a-token-of-this-test"
HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def served(home: Path) -> Iterator[str]:
    """The URL of a server in a process of its own."""
    with serving() as (url, _):
        yield url


@contextlib.contextmanager
def serving() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`gaia-budget mcp --http` in a process of its own, with its URL."""
    port = free_port()
    command = [sys.executable, "-P", "-m", "gaia_budget", "mcp", "--http", str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        assert process.stderr is not None
        assert f"127.0.0.1:{port}/mcp" in process.stderr.readline()
        try:
            yield f"http://127.0.0.1:{port}/mcp", process
        finally:
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=30)


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {token_file().read_text('ascii')}"}


async def test_a_client_with_the_token_is_answered(served: str, era: str) -> None:
    transport = httpx2.AsyncHTTPTransport(retries=20)
    async with (
        httpx2.AsyncClient(headers=bearer(), transport=transport) as http,
        Client(streamable_http_client(served, http_client=http), mode=era) as client,
    ):
        answer = await client.call_tool("budget_load_section", {"name": "2"})
    assert answer.structured_content == {
        "text": '## Pricing rules\n\nA price is **never** rounded, "not once".\n\n'
    }


async def test_a_client_that_listens_keeps_no_server_that_is_told_to_end(home: Path) -> None:
    with serving() as (url, process):
        transport = httpx2.AsyncHTTPTransport(retries=20)
        async with httpx2.AsyncClient(headers=bearer(), transport=transport) as http:
            accept = {"Accept": "application/json, text/event-stream"}
            greeted = await http.post(url, json=HELLO, headers=accept)
            mine = {**accept, "mcp-session-id": greeted.headers["mcp-session-id"]}
            async with http.stream("GET", url, headers=mine) as stream:
                assert stream.status_code == 200
                process.send_signal(signal.SIGTERM)
                await anyio.to_thread.run_sync(process.wait, 30)


def asked(headers: dict[str, str], host: str = "127.0.0.1:8000") -> int:
    """The status of a greeting with these headers."""

    async def send() -> int:
        server = build()
        app = application(server, TOKEN)
        async with server.session_manager.run():
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                accept = {"Accept": "application/json, text/event-stream"}
                return (await client.post("/mcp", json=HELLO, headers={**accept, **headers})).status_code

    return anyio.run(send)


RIGHT = {"Authorization": f"Bearer {TOKEN}"}


@pytest.mark.parametrize(
    ("headers", "host", "status"),
    [
        (RIGHT, "127.0.0.1:8000", 200),
        ({**RIGHT, "Origin": "http://localhost:8000"}, "localhost:8000", 200),
        ({}, "127.0.0.1:8000", 401),
        ({"Authorization": "Bearer wrong"}, "127.0.0.1:8000", 401),
        ({"Authorization": TOKEN}, "127.0.0.1:8000", 401),
        (RIGHT, "evil.example:8000", 421),
        ({**RIGHT, "Origin": "http://evil.example"}, "127.0.0.1:8000", 403),
    ],
)
def test_host_origin_and_token_are_checked(headers: dict[str, str], host: str, status: int) -> None:
    assert asked(headers, host) == status


def test_the_token_is_made_once_and_for_the_user_alone(home: Path) -> None:
    file = token_file()
    assert not file.exists()
    token = read_token(file)
    assert len(token) >= 40
    assert read_token(file) == token
    if os.name != "nt":
        assert file.stat().st_mode & 0o777 == 0o600


def first_line(url: str, request: bytes) -> bytes:
    """The beginning of the answer."""
    with socket.create_connection(("127.0.0.1", int(url.split(":")[2].partition("/")[0])), 20) as client:
        client.sendall(request)
        return client.recv(100).partition(b"\r\n")[0]


def test_before_a_token_is_shown_nothing_is_read_held_or_logged(home: Path) -> None:
    head = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\n%s\r\n"
    with serving() as (url, process):
        for _ in range(20):  # no byte of the body is sent: who waited for it would never answer
            assert b" 401 " in first_line(url, head % b"Content-Length: 1000000\r\n")
            assert b" 413 " in first_line(url, head % b"Content-Length: 100000000000\r\n")
            assert b" 401 " in first_line(url, head % b"Transfer-Encoding: chunked\r\n")
            assert b" 400 " in first_line(url, b"\x1b]0;t\x07 \xff\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=30)
    assert said == ""

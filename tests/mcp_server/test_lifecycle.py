"""The server as a real process: it ends when its client is gone, speaks only protocol, and survives bad input."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from gaia_mcp import worker
from support.mcp_stdio import HELLO, PATIENCE, Stdio

if TYPE_CHECKING:
    from gaia_hooks import state

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def resident_kb(server: Stdio) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def children_of(pid: int) -> list[int]:
    """Children belong to the thread that started them."""
    lists = [file.read_text("ascii") for file in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(one) for listed in lists for one in listed.split()]


def gone(pid: int) -> bool:
    """Whether a process that is not ours has ended; a zombie has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(done: Any) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # polls a foreign process, which announces nothing


def test_it_ends_with_its_stdin() -> None:
    with Stdio().started() as server:
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert server.wait() == 0


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_it_ends_cleanly_on_a_signal(name: str) -> None:
    with Stdio().started() as server:
        server.process.send_signal(getattr(signal, name))
        assert server.wait() == 0


@LINUX
def test_it_ends_when_its_parent_dies_although_its_stdin_stays_open() -> None:
    """The pipe is held open by us, as by a sibling of a killed client."""
    reading, writing = os.pipe()
    parent = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-P', '-m', 'gaia_mcp'], stdin=int(sys.argv[1]),\n"
        "                         stdout=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "child.stdout.readline()\n"
        "print('answered', flush=True)\n"
        "sys.stdin.read()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", parent, str(reading)],
        pass_fds=[reading],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
        os.write(writing, json.dumps(hello).encode() + b"\n")
        assert process.stdout.readline() == "answered\n"
        process.kill()
    wait_until(lambda: gone(pid))
    os.close(reading)
    os.close(writing)


def test_nothing_but_protocol_is_on_stdout_whatever_a_tool_meets(project: Path) -> None:
    (project / "CLAUDE.md").write_bytes(b"\xff\xfe broken")
    with Stdio().started() as server:
        assert server.call("budget_sections")["isError"]
        server.call("budget_spend", by="model", since="never")
        server.ask("resources/list")
        server.ask("no/such/method")
        assert all(json.loads(line)["jsonrpc"] == "2.0" for line in server.lines)


def test_what_breaks_inside_a_tool_does_not_end_the_server(project: Path) -> None:
    (project / "CLAUDE.md").write_text("# A\n", encoding="utf-8")
    broken = project / "sitecustomize.py"
    broken.write_text(
        "import gaia_mcp.handbook\n"
        "def crash(*_):\n    raise RuntimeError('a private detail')\n"
        "gaia_mcp.handbook.sizes = crash\n",
        encoding="utf-8",
    )
    with Stdio(PYTHONPATH=str(project)).started() as server:
        result = server.call("budget_sections")
        assert result["isError"]
        assert "private" not in json.dumps(result)
        assert "a fault of ours" in result["content"][0]["text"]
        assert not server.call("budget_load_section", name="1").get("isError")


HOSTILE: list[Any] = [
    None,
    True,
    0,
    -1,
    2**70,
    1e308,
    "",
    "..",
    "../../etc/passwd",
    "\0",
    "x" * 10_000,
    "💥" * 500,
    [],
    {},
    [[]],
    {"a": {"b": []}},
    "claude-md://..%2f..%2fetc%2fpasswd",
    "file:///etc/passwd",
]
METHODS = [
    "tools/call",
    "tools/list",
    "resources/read",
    "resources/list",
    "prompts/get",
    "completion/complete",
    "initialize",
    "ping",
    "logging/setLevel",
    "subscriptions/listen",
    "server/discover",
    "",
    "x",
    None,
    7,
]
KEYS = ["name", "arguments", "uri", "ref", "argument", "cursor", "_meta", "by", "path", "protocolVersion"]
TOOLS = [
    "budget_spend",
    "budget_load_section",
    "budget_sections",
    "budget_session",
    "budget_recommend",
    "budget_override",
]


def hostile(chance: random.Random) -> bytes:
    """One malformed or hostile message."""
    kind = chance.randrange(6)
    if kind == 0:
        return bytes(chance.randrange(256) for _ in range(chance.randrange(60))).replace(b"\n", b" ")
    if kind == 1:
        return b"[" * chance.randrange(1, 3_000) + b"]" * chance.randrange(3)
    if kind == 2:
        arguments = {chance.choice([*KEYS, "since", "task", "usd"]): chance.choice(HOSTILE) for _ in range(3)}
        params: Any = {"name": chance.choice(TOOLS), "arguments": arguments}
        method: Any = "tools/call"
    elif kind == 3:
        method, params = "resources/read", {"uri": f"claude-md://{chance.choice(HOSTILE)}"}
    else:
        method = chance.choice(METHODS)
        params = chance.choice([*HOSTILE, {chance.choice(KEYS): chance.choice(HOSTILE) for _ in range(3)}])
    message = {"jsonrpc": "2.0", "id": chance.choice([1, "a", 2**70, "y" * 2_000, None, [], -1]),
               "method": method, "params": params}  # fmt: skip
    if chance.randrange(4) == 0:
        del message[chance.choice(list(message))]
    data = json.dumps(message).encode()
    return data[: chance.randrange(len(data))] if chance.randrange(8) == 0 else data


def test_ten_thousand_hostile_messages_end_nothing_and_read_no_foreign_file(project: Path) -> None:
    """The audit hook reports each file opened outside Python, our own state and the project."""
    watched = project / "sitecustomize.py"
    watched.write_text(
        "import os, sys\n"
        "allowed = [sys.prefix, sys.base_prefix, os.environ['CLAUDE_PROJECT_DIR'], os.environ['HOME'],\n"
        "           os.environ['GAIA_SOURCES'], '/proc', '/dev', '/usr', '/etc/localtime', '/etc/timezone']\n"
        "def watch(event, args):\n"
        "    if event == 'open' and isinstance(args[0], str) and not args[0].startswith(tuple(allowed)):\n"
        "        if os.path.isabs(args[0]):\n"
        "            os.write(2, ('FOREIGN ' + args[0] + chr(10)).encode())\n"
        "sys.addaudithook(watch)\n",
        encoding="utf-8",
    )
    sources = str(Path(__file__).resolve().parents[2])
    chance = random.Random(20_261_123)
    with Stdio(PYTHONPATH=str(project), GAIA_SOURCES=sources).started() as server:
        for batch in range(100):
            server.send(b"".join(hostile(chance) + b"\n" for _ in range(100)))
            assert "tools" in server.ask("tools/list").get("result", {}), batch
        assert not server.call("budget_sections").get("isError")
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert server.wait() == 0
        said = b"".join(server.errors).decode("utf-8", "replace")
    assert "FOREIGN" not in said, said[said.index("FOREIGN") :][:500]
    assert "root:" not in b"".join(server.lines).decode("utf-8", "replace")


@LINUX
def test_memory_is_constant_over_many_calls(session: state.State) -> None:
    calls = int(os.environ.get("GAIA_MCP_CALLS", "3000"))
    with Stdio().started() as server:
        for _ in range(500):
            server.call("budget_spend")
        before = resident_kb(server)
        for _ in range(calls):
            server.call("budget_session")
        assert resident_kb(server) - before < 2_048


@LINUX
def test_several_servers_share_one_worker_which_ends_with_them() -> None:
    with Stdio().started() as first, Stdio().started() as second:
        pids = (first.process.pid, second.process.pid)
        wait_until(lambda: not worker.is_free() and len([c for pid in pids for c in children_of(pid)]) == 1)
        [[holder, child]] = [[pid, one] for pid in pids for one in children_of(pid)]
        owner, other = (first, second) if holder == first.process.pid else (second, first)
        owner.process.kill()
        wait_until(lambda: gone(child))
        wait_until(lambda: not worker.is_free())
        [heir] = children_of(other.process.pid)
        assert other.process.stdin is not None
        other.process.stdin.close()
        assert other.wait() == 0
        wait_until(lambda: gone(heir))
        assert worker.is_free()


def test_a_worker_beside_another_ends_at_once() -> None:
    with worker.lock():
        done = subprocess.run(
            [sys.executable, "-P", "-m", "gaia_mcp.worker"],
            stdin=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 0

"""The server as a real process: it ends when its client is gone, speaks only protocol, and survives bad input."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.mcp_stdio import HELLO, LINUX, PATIENCE, Stdio, wait_until

if TYPE_CHECKING:
    from gaia_hooks.session import state


def resident_kb(server: Stdio) -> int:
    status = Path(f"/proc/{server.process.pid}/status").read_text("ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS")))


def test_it_ends_with_its_stdin() -> None:
    with Stdio().started() as server:
        assert server.process.stdin is not None
        server.process.stdin.close()
        assert server.wait() == 0


def test_it_ends_without_a_fault_when_nobody_reads_its_answers_any_more() -> None:
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "gaia_mcp"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        assert server.stderr is not None
        server.stdin.write(json.dumps(hello).encode() + b"\n")
        server.stdin.flush()
        assert json.loads(server.stdout.readline())["id"] == 0
        server.stdout.close()
        server.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        server.stdin.flush()
        assert (server.wait(PATIENCE), server.stderr.read()) == (0, b"")


def test_a_request_that_holds_half_a_character_is_answered_as_any_other() -> None:
    calls = (
        b'"tools/call","params":{"name":"budget_recommend","arguments":{"task":"\\ud800"}}',
        b'"tools/call","params":{"name":"\\ud800","arguments":{"\\ud800":1}}',
        b'"resources/read","params":{"uri":"claude-md://\\ud800"}',
        b'"prompts/get","params":{"name":"\\udfff\\ud800"}',
        b'"\\ud800"',
        b'"tools/call","params":{"name":"budget_recommend","arguments":{"task":"\xed\xa0\x80"}}',
    )
    with Stdio().started() as server:
        for number, call in enumerate(calls):
            server.send(b'{"jsonrpc":"2.0","id":%d,"method":%s}\n' % (number, call))
        wait_until(lambda: set(range(len(calls))) <= {json.loads(line).get("id") for line in server.lines})
        assert server.ask("ping")["result"] == {}


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
@pytest.mark.skipif(os.name == "nt", reason="Windows has no such signals")
def test_it_ends_cleanly_on_a_signal(name: str) -> None:
    with Stdio().started() as server:
        server.process.send_signal(getattr(signal, name))
        assert server.wait() == 0


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
        "import gaia_mcp.sections.resources\n"
        "def crash(*_):\n    raise RuntimeError('a private detail')\n"
        "gaia_mcp.sections.resources.sections = crash\n",
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


def test_ten_thousand_hostile_messages_end_nothing_and_read_no_foreign_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The audit hook reports each file opened outside Python, our own state and the project.

    What the folders above say of whose word a variable is (`gaia_hooks.facts.trust`) is looked up as well.
    """
    monkeypatch.chdir(project)
    monkeypatch.delenv("OLDPWD", raising=False)
    watched = project / "sitecustomize.py"
    watched.write_text(
        "import os, sys\n"
        "allowed = [sys.prefix, sys.base_prefix, os.environ['CLAUDE_PROJECT_DIR'], os.environ['HOME'],\n"
        "           os.environ['GAIA_SOURCES'], '/proc', '/dev', '/usr', '/etc/localtime', '/etc/timezone']\n"
        "above = [os.getcwd()]\n"
        "while above[-1] != os.path.dirname(above[-1]): above.append(os.path.dirname(above[-1]))\n"
        "told = {os.path.join(one, name) for one in above for name in\n"
        "        ('.git', '.claude/settings.json', '.claude/settings.local.json')}\n"
        "def watch(event, args):\n"
        "    if event == 'open' and isinstance(args[0], str) and not args[0].startswith(tuple(allowed)):\n"
        "        if os.path.isabs(args[0]) and args[0].replace('//', '/') not in told:\n"
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
    """`bench/mcp.py` does the same over 100,000 calls."""
    with Stdio().started() as server:
        for _ in range(500):
            server.call("budget_spend")
        before = resident_kb(server)
        for _ in range(3_000):
            server.call("budget_session")
        assert resident_kb(server) - before < 2_048

"""The plugin's MCP server: the real one where it is installed; else it is installed now, and this says how far it is.

Python 3.9, standard library alone. Once the environment is there, in the same session, everything goes to the real
server, and the client is told that the tools have changed. Where `init` has registered the server, this one has none.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).absolute().parent.parent
sys.path.insert(0, str(ROOT / "hooks"))

from gaia_hooks.facts import places, trust  # noqa: E402 (found by the line before)
from gaia_hooks.machine import files  # noqa: E402
from gaia_hooks.say import news  # noqa: E402

WINDOWS = os.name == "nt"
SHOWN = 600  # characters of an installer's last words
READY = (
    "GAIA budget: its tools are ready, in this session too. Ask Claude what this session has used, or type "
    "/gaia-budget:budget; `{program}` shows everything in a terminal."
)
FAILED = "The token budget's tools could not be installed: {problem} Hooks count and warn all the same."
LISTS = {"tools/list": "tools", "resources/list": "resources", "prompts/list": "prompts",
         "resources/templates/list": "resourceTemplates"}  # fmt: skip
TOOL = {
    "name": "budget_setup",
    "description": "Says how far the installation of the token budget's own tools is, or why it failed.",
    "inputSchema": {"type": "object", "properties": {}},
}


def installed(home):
    """The command of the real server; None where there is none."""
    program = home / "venv" / ("Scripts/gaia-budget.exe" if WINDOWS else "bin/gaia-budget")
    return [str(program), "mcp"] if program.exists() else None


def wired_by_init(home):
    """Whether `gaia-budget init` has registered the server with Claude Code: one is enough."""
    try:
        return bool(json.loads((home / "setup.json").read_text("utf-8")).get("servers"))
    except (OSError, ValueError, AttributeError):
        return False


class Waiting:
    """A server with one tool until the real one is there; then a pipe to that."""

    def __init__(self, home, tools):
        self.home, self.tools = home, tools
        self.problem, self.began = "", time.monotonic()
        self.hello, self.child, self.lock = None, None, threading.Lock()

    def send(self, message):
        """One line to the client."""
        with self.lock:
            sys.stdout.buffer.write(json.dumps(message).encode() + b"\n")
            sys.stdout.buffer.flush()

    def take(self, line):
        """One line of the client."""
        with self.lock:
            child = self.child
        if child is not None:
            child.stdin.write(line)
            child.stdin.flush()
            return
        try:
            message = json.loads(line)
            asked, method = message.get("id"), message.get("method")
        except (ValueError, AttributeError):
            return
        if method == "initialize":
            self.hello = line
        if asked is not None and method is not None:
            result = self.answer(method, message.get("params") or {})
            unknown = {"code": -32601, "message": "Method not found"}
            body = {"error": unknown} if result is None else {"result": result}
            self.send({"jsonrpc": "2.0", "id": asked, **body})

    def answer(self, method, params):
        """What this server itself answers; None where it knows no such method."""
        if method == "initialize":
            changing = {"listChanged": True}
            return {
                "protocolVersion": params.get("protocolVersion"),
                "capabilities": {"tools": changing, "resources": changing, "prompts": changing},
                "serverInfo": {"name": "gaia-budget", "version": "installing"},
            }
        if method in LISTS:
            return {LISTS[method]: self.tools if method == "tools/list" else []}
        if method == "tools/call":
            return {"content": [{"type": "text", "text": self.state()}], "isError": bool(self.problem)}
        return {} if method == "ping" else None

    def state(self):
        """How far the installation is, in words."""
        if self.problem:
            return FAILED.format(problem=self.problem)
        seconds = time.monotonic() - self.began
        return (
            f"The token budget's tools are being installed, for {seconds:.0f} s now; it takes about a minute."
        )

    def install(self, command):
        """Run the installer, then hand over to the real server."""
        log = self.home / "logs" / "install.log"
        try:
            log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with log.open("w+", encoding="utf-8", errors="replace") as out:
                ended = subprocess.call(  # it goes on where the session ends before
                    command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=not WINDOWS
                )
                out.seek(0)
                said = out.read().strip()
        except OSError as error:
            ended, said = 1, str(error)
        real = installed(self.home)
        if ended or real is None:
            problem = f"{said[-SHOWN:]} (all of it: {log})"
            self.tell(FAILED.format(problem=problem))
            self.problem = problem
            return
        self.hand_over(real)

    def tell(self, text):
        """Leave word for the human: the next prompt's hook shows it."""
        with contextlib.suppress(OSError):  # the disk that is full, perhaps
            files.replace(news.path_of(str(self.home)), text.encode())

    def hand_over(self, real):
        """Start the real server, greet it as the client greeted us, and pass everything on from now."""
        child = subprocess.Popen(real, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.hello is not None:
            child.stdin.write(self.hello.rstrip(b"\n") + b"\n")
            child.stdin.flush()
            child.stdout.readline()  # the client has had its answer
            child.stdin.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
            child.stdin.flush()
        with self.lock:
            self.child = child
        for kind in ("tools", "resources", "prompts"):
            self.send({"jsonrpc": "2.0", "method": f"notifications/{kind}/list_changed"})
        told = False
        for line in child.stdout:
            with self.lock:
                sys.stdout.buffer.write(line)
                sys.stdout.buffer.flush()
            if not told:  # the real server has answered: the client asks for the tools at once
                self.tell(READY.format(program=real[0]))
                told = True


def main():
    """Serve on standard input and output until the client closes it."""
    trust.forget_project_variables()  # which say where programs lie, and where packages come from
    if places.off():
        return
    home = Path(places.home())
    real, beside = installed(home), wired_by_init(home)
    if real is not None and not beside:
        if WINDOWS:
            sys.exit(subprocess.call(real))
        os.execv(real[0], real)  # noqa: S606 (the real server takes this process's place)
    server = Waiting(home, [] if beside else [TOOL])
    if not beside:
        command = [sys.executable, "-I", str(ROOT / "install.py"), "--environment"]
        threading.Thread(target=server.install, args=(command,), daemon=True).start()
    for line in sys.stdin.buffer:
        server.take(line)
    if server.child is not None:
        server.child.stdin.close()
        server.child.wait()


if __name__ == "__main__":
    main()

"""What a PreToolUse hook costs inside the real Claude Code, by transport: our command, an HTTP hook, an MCP tool hook.

    python bench/transports.py [--calls N]

The HTTP and MCP hooks answer "nothing to say" at once: they are the floor of what a hook served by our running
server could cost. The client times every hook itself (OTel event `hook_execution_complete`). Needs the real client
(see tests/support/components.py); everything runs against loopback, in a temporary home.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from gaia_budget.setup import hookcopy
from support import components
from support.claude_client import Claude
from support.scripted_api import ScriptedApi, reply, text, tool

MCP_SERVER = """
from mcp.server import MCPServer
server = MCPServer("floor")
@server.tool()
def hook() -> str:
    return "{}"
server.run()
"""


class Silent(BaseHTTPRequestHandler):
    """An HTTP hook that has nothing to say."""

    def do_POST(self) -> None:
        """Read the event, answer an empty object."""
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""


def milliseconds(api: ScriptedApi) -> list[float]:
    """The client's own times of PreToolUse hooks."""
    found = []
    for request in api.requests:
        for resource in request.body.get("resourceLogs", ()):
            for record in (r for scope in resource["scopeLogs"] for r in scope["logRecords"]):
                values = {a["key"]: next(iter(a["value"].values())) for a in record["attributes"]}
                name = str(values.get("event.name", record.get("body", {}).get("stringValue", "")))
                if name.endswith("hook_execution_complete") and values.get("hook_event") == "PreToolUse":
                    found.append(float(values["total_duration_ms"]))
    return found


def measure(folder: Path, handler: dict[str, Any] | None, calls: int) -> list[float]:
    """Run one session with `calls` tool calls, each with the hook before it."""
    home, project = folder / "home", folder / "project"
    (home / ".claude").mkdir(parents=True)
    project.mkdir()
    if handler is not None:
        settings = {"hooks": {"PreToolUse": [{"hooks": [handler]}]}}
        (home / ".claude" / "settings.json").write_text(json.dumps(settings))
    server = folder / "floor.py"
    server.write_text(MCP_SERVER)
    config = {"mcpServers": {"floor": {"command": sys.executable, "args": [str(server)]}}}
    with ScriptedApi() as api:
        script = [reply(tool("Bash", command="true", description="nothing")) for _ in range(calls)]
        api.main(*script, reply(text("done")))
        claude = Claude(components.path("claude"), home, project, api)
        claude.env |= {"CLAUDE_CODE_ENABLE_TELEMETRY": "1", "OTEL_LOGS_EXPORTER": "otlp",
                       "OTEL_EXPORTER_OTLP_PROTOCOL": "http/json", "OTEL_EXPORTER_OTLP_ENDPOINT": api.url,
                       "OTEL_LOGS_EXPORT_INTERVAL": "500",
                       "GAIA_BUDGET_HOME": str(home / "gaia-budget")}  # fmt: skip
        claude.run("go", "--mcp-config", json.dumps(config))
        return milliseconds(api)


def main() -> None:
    """Measure each transport and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=40)
    calls = parser.parse_args().calls
    folder = Path(tempfile.mkdtemp(prefix="gaia-transports-"))
    receiver = ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    threading.Thread(target=receiver.serve_forever, daemon=True).start()
    try:
        os.environ["GAIA_BUDGET_HOME"] = str(folder / "copy")
        python = str(getattr(sys, "_base_executable", sys.executable))
        program = hookcopy.bootstrap(hookcopy.install(Path(python)), hookcopy.HOOK_MODULE)
        bare = ["-I", "-S", "-c"]
        handlers: dict[str, dict[str, Any]] = {
            "bare python -I -S -c pass": {"type": "command", "command": python, "args": [*bare, "pass"]},
            "our command hook": {"type": "command", "command": python, "args": [*bare, program]},
            "HTTP hook, answers at once": {
                "type": "http",
                "url": f"http://127.0.0.1:{receiver.server_address[1]}/",
            },
            "MCP tool hook, answers at once": {"type": "mcp_tool", "server": "floor", "tool": "hook"},
        }
        print(f"{'PreToolUse hook':34}{'n':>4}{'median ms':>11}{'p90':>7}")
        for number, (name, handler) in enumerate(handlers.items()):
            times = sorted(measure(folder / str(number), handler, calls))
            if times:
                p90 = times[int(len(times) * 0.9)]
                print(f"{name:34}{len(times):4}{statistics.median(times):11.1f}{p90:7.1f}")
            else:
                print(f"{name:34}{0:4}   the client reported none")
    finally:
        receiver.shutdown()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()

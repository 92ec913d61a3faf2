"""What a Claude Code client has (tools, hook events, rows, usage, files), compared with what this project knows.

    python bench/census.py 2.1.332            # the client in the tests' cache (see tests/support/components.py)
    python bench/census.py /path/to/claude    # any client
    python bench/census.py --tour tour.json   # what an earlier run has written with --record tour.json

The client is driven against a scripted API through one fixed tour; hook events, and what it can write into an answer's
row beyond those of the tour, are read from its own program. What
`census.toml` does not list is named with the place that has to learn it, and ends in exit 1 (with --report in 0).
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import tomllib
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KNOWN = ROOT / "bench" / "census.toml"
KINDS = ("tools", "events", "row_types", "row_keys", "usage_keys", "run_types", "places")
Tour = dict[str, list[str]]

EVENTS = re.compile(rb'\["PreToolUse","PostToolUse"(?:,"[A-Za-z]+")+\]')
RUN_TYPES = re.compile(rb'"((?:[a-z]+_)?message|compaction)"')
MESSAGE_KEYS = re.compile(rb"\.message\.([A-Za-z_]{4,40})=[^=]")
ROW_KEYS = re.compile(rb"[{,]([A-Za-z]{6,40}):")
ROW_WRITTEN = re.compile(rb"promptCacheRequested:")  # stands in each row of an answer
USAGE_WRITTEN = re.compile(rb"\{output_tokens_details:\{.{0,600}?\};")  # the client's own empty usage
USAGE_KEYS = re.compile(rb"[{,]([a-z_0-9]{4,40}):")
SCRIPT = (
    "export const meta = { name: 'tour', description: 'tour', phases: [{title: 'A'}] }\n"
    "return await parallel([1, 2].map(n => () => agent('work of the tour ' + n)))\n"
)


def census(tour: Tour, known: dict[str, Any]) -> list[str]:
    """One line for each thing of a tour that nobody knows, with the place that has to learn it."""
    return [
        f"{kind}: {name} is unknown; {known['learns'][kind]} has to learn it"
        for kind in KINDS
        for name in sorted(set(tour.get(kind, ())) - known.get(kind, {}).keys())
    ]


def drive(program: Path) -> Tour:
    """Take a client through the tour; its home and project are temporary."""
    sys.path.insert(0, str(ROOT / "tests"))
    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi, reply, text, tool

    with tempfile.TemporaryDirectory() as folder, ScriptedApi() as api:
        home, project = Path(folder) / "home", Path(folder) / "project"
        home.mkdir()
        project.mkdir()
        (project / "notes.txt").write_text("first line\n", "utf-8")
        claude = Claude(program, home, project, api)
        kind = {"subagent_type": "general-purpose", "run_in_background": False}
        api.main(
            reply(tool("Bash", command="echo one", description="say"), input=1000),
            reply(tool("Read", file_path=str(project / "notes.txt")), input=100, read=1000),
            reply(tool("Agent", description="tour", prompt="work of the tour", **kind), input=100, read=1000),
            reply(tool("Workflow", script=SCRIPT), input=100, read=1000),
            reply(text("done"), input=100, read=1000),
        )
        api.agent("work of the tour", reply(text("done"), input=300))
        first = claude.run("take the tour")
        api.main(reply(text("resumed"), input=100))
        claude.run("go on", "--resume", first.session_id)
        api.main(reply(text("forked"), input=100))
        claude.run("go on", "--resume", first.session_id, "--fork-session")
        with claude.conversation("--resume", first.session_id) as talk:
            api.compaction(reply(text("a summary"), input=100))
            talk.say("/compact")
        tools = {name for request in api.messages() for name in request.tools}
        return _seen(home / ".claude" / "projects", tools, program)


def _seen(projects: Path, tools: set[str], program: Path) -> Tour:
    found: dict[str, set[str]] = defaultdict(set)
    found["tools"] = tools
    for file in sorted(projects.rglob("*")):
        if not file.is_file():
            continue
        found["places"].add(place_of(file.relative_to(projects).parts[1:]))
        if file.suffix == ".jsonl":
            for line in file.read_text("utf-8").splitlines():
                _row(json.loads(line), found)
    code = program.read_bytes()
    found["events"] = {
        name for literal in EVENTS.findall(code) for name in re.findall(r"[A-Za-z]+", literal.decode())
    }
    found["row_keys"] |= {"message." + name.decode() for name in MESSAGE_KEYS.findall(code)}
    for hit in ROW_WRITTEN.finditer(code):
        text = code[max(0, hit.start() - 1500) : hit.start() + 320]
        if text.isascii() and text.decode().isprintable():
            found["row_keys"] |= {name.decode() for name in ROW_KEYS.findall(text)}
    known = {key.rpartition(".")[2] for key in found["usage_keys"]}
    written = (name.decode() for text in USAGE_WRITTEN.findall(code) for name in USAGE_KEYS.findall(text))
    found["usage_keys"] |= set(written) - known
    near = (code[hit.start() : hit.start() + 600] for hit in re.finditer(rb"\.iterations\b", code))
    found["run_types"] = {name.decode() for text in near for name in RUN_TYPES.findall(text)}
    return {kind: sorted(found[kind]) for kind in KINDS}


def _row(row: dict[str, Any], found: dict[str, set[str]]) -> None:
    found["row_types"].add(str(row.get("type")))
    attachment = row.get("attachment") or {}
    if attachment.get("type") == "deferred_tools_delta":
        found["tools"] |= set(attachment.get("addedNames", ()))
    usage = (row.get("message") or {}).get("usage") if row.get("type") == "assistant" else None
    if usage:
        found["row_keys"] |= {*row, *("message." + key for key in row["message"])}
        found["usage_keys"] |= set(usage)
        found["usage_keys"] |= {
            f"{key}.{inner}" for key, value in usage.items() if isinstance(value, dict) for inner in value
        }


def place_of(parts: tuple[str, ...]) -> str:
    """A file's place below a project's folder, with ids as `*`."""
    named = [re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "*", part) for part in parts]
    named = [re.sub(r"(agent-|wf_)[0-9a-z-]+?(?=\.|$)", r"\1*", part) for part in named]
    return "/".join(re.sub(r"^.*-wf_\*", "*-wf_*", part) for part in named)


def main() -> int:
    """Run the census; see the module's docstring."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "client", nargs="?", help="a version in the tests' cache, or a program; default: the tests' own"
    )
    parser.add_argument("--tour", type=Path, help="a recorded tour, instead of a client")
    parser.add_argument("--record", type=Path, help="write what was seen to this file")
    parser.add_argument("--report", action="store_true", help="name what is new without failing")
    wanted = parser.parse_args()
    known = tomllib.loads(KNOWN.read_text("utf-8"))
    if wanted.tour:
        tour = json.loads(wanted.tour.read_text("utf-8"))
    else:
        program = _program(wanted.client)
        if program is None:
            parser.error(f"no client {wanted.client or ''} here; .ci/run names the line that installs one")
        tour = drive(program)
    if wanted.record:
        wanted.record.write_text(json.dumps(tour, indent=1) + "\n", "utf-8")
    unknown = census(tour, known)
    for line in unknown:
        print(line)
    seen = sum(len(tour.get(kind, ())) for kind in KINDS)
    print(f"{seen} things seen, {len(unknown)} unknown; known since {known['taken_from']}")
    return 1 if unknown and not wanted.report else 0


def _program(client: str | None) -> Path | None:
    sys.path.insert(0, str(ROOT / "tests"))
    from support import components

    if client is None:
        return components.found("claude")
    if re.fullmatch(r"[0-9]+(\.[0-9]+)+", client):
        return components.claude_in(components.cache() / f"claude-{client}")
    return Path(client) if Path(client).is_file() else None


if __name__ == "__main__":
    sys.exit(main())

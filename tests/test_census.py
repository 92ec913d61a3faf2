"""The census of the client: what nobody knows is named with the place that has to learn it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from support import components
from support.components import requires

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / "bench" / "census.py"
SESSION = "2a832a97-1705-440a-a0c9-a2453ec891b8"
KNOWN: dict[str, Any] = tomllib.loads((ROOT / "bench" / "census.toml").read_text("utf-8"))
_spec = importlib.util.spec_from_file_location("census", PROGRAM)
assert _spec is not None
assert _spec.loader is not None
census = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(census)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The census as a program."""
    return subprocess.run(
        [sys.executable, str(PROGRAM), *arguments], capture_output=True, text=True, check=False
    )


@pytest.fixture
def tour() -> dict[str, list[str]]:
    """A tour that has met all that is known and nothing else."""
    return {kind: sorted(KNOWN[kind]) for kind in census.KINDS}


INVENTED = [
    ("Swarm", "swarm-state", "swarm_tokens", "SwarmStart", (SESSION, "swarms", "agent-1a2b.jsonl")),
    (
        "Agent2",
        "assistant-v2",
        "server_tool_use.code_runs",
        "PreAgent",
        (SESSION, "subagents", "teams", "red.jsonl"),
    ),
    (
        "Delegate",
        "bill",
        "iterations.dream_tokens",
        "TeamStop",
        (SESSION, "night", "run-1", "agent-1a2b.jsonl"),
    ),
]


def test_a_tour_that_meets_what_is_known_says_so_in_a_line(
    tour: dict[str, list[str]], tmp_path: Path
) -> None:
    file = tmp_path / "tour.json"
    file.write_text(json.dumps(tour))
    green = run("--tour", str(file))
    assert (green.returncode, len(green.stdout.splitlines())) == (0, 1), green.stdout


@pytest.mark.parametrize("names", INVENTED, ids=[names[0] for names in INVENTED])
def test_an_invented_tool_row_type_usage_key_event_and_folder_name_the_five_places(
    tour: dict[str, list[str]], tmp_path: Path, names: tuple[Any, ...]
) -> None:
    file = tmp_path / "tour.json"
    kinds = ("tools", "row_types", "usage_keys", "events", "places")
    invented = dict(zip(kinds, (*names[:4], census.place_of(names[4])), strict=True))
    for kind, name in invented.items():
        tour[kind].append(name)
    file.write_text(json.dumps(tour))
    red = run("--tour", str(file))
    assert red.returncode == 1
    lines = red.stdout.splitlines()[:-1]
    assert len(lines) == 5
    for kind, name in invented.items():
        (line,) = [one for one in lines if one.startswith(f"{kind}: {name} is unknown")]
        assert KNOWN["learns"][kind] in line
    assert run("--tour", str(file), "--report").returncode == 0


@pytest.mark.parametrize("kind", census.KINDS)
def test_each_entry_names_a_file_of_ours_or_says_why_it_does_not_matter(kind: str) -> None:
    places = {name: place for name, place in KNOWN[kind].items() if not place.startswith("no: ")}
    assert {name: place for name, place in places.items() if not (ROOT / place).is_file()} == {}
    assert (ROOT / KNOWN["learns"][kind].split()[0]).is_file()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ((SESSION + ".jsonl",), "*.jsonl"),
        ((SESSION, "subagents", "workflows", "wf_92563750-b27", "agent-a39.meta.json"),
         "*/subagents/workflows/wf_*/agent-*.meta.json"),
        ((SESSION, "workflows", "scripts", "fan-wf_92563750-b27.js"),
         "*/workflows/scripts/*-wf_*.js"),
    ],
)  # fmt: skip
def test_a_files_place_is_told_without_its_ids(parts: tuple[str, ...], expected: str) -> None:
    assert census.place_of(parts) == expected


@requires("claude")
def test_of_the_client_we_are_held_to_nothing_is_unknown() -> None:
    done = run(str(components.path("claude")))
    assert done.returncode == 0, done.stdout + done.stderr

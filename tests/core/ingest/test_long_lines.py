"""A line of any length costs a bounded amount of memory, is named, and hides nothing that stands beside it.

`GAIA_TEST_LINE_MB=2048` is the full size.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from gaia_hooks.session.tail import LINE_LIMIT
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    from .conftest import Bench

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the system's own count of a process's memory")
LENGTH = int(os.environ.get("GAIA_TEST_LINE_MB", "160")) << 20
MOST_MEMORY = (
    5 * LINE_LIMIT >> 20
)  # in megabytes: less than two lines of the tests' own length read whole would take
OTHERS = """  # whoever else reads transcripts
import sys
from pathlib import Path
from gaia_budget.cli.deciding import prices
from gaia_budget.ingest import context
from gaia_budget.setup.history import first_prompt
from gaia_budget.transcripts.discovery import find
for one in find([Path(sys.argv[1])]):
    first_prompt(one), list(prices._lines(one.path)), list(context.items(one))
"""
MEASURED = """  # from a small process: what a large one starts inherits its count
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
A, B = assistant("a", second=1, output_tokens=3), assistant("b", second=2, output_tokens=4)


def put_long(file: Path, end: str = '"}\n') -> None:
    """Add one long line, most of which takes no room on the disk."""
    with file.open("ab") as out:
        out.write(b'{"usage": "')
        out.truncate(out.tell() + LENGTH)
    with file.open("a") as out:
        out.write(end)


def memory(*command: str, stdin: bytes = b"") -> int:
    """The most memory that a program took, in megabytes."""
    started = [sys.executable, "-c", MEASURED, sys.executable, *command]
    done = subprocess.run(started, input=stdin, stdout=subprocess.PIPE, check=True)
    code, used = map(int, done.stdout.split())
    assert code == 0
    return used >> (20 if sys.platform == "darwin" else 10)


@pytest.mark.parametrize("place", ["at the beginning", "at the end, unfinished"])
def test_a_transcripts_line_of_any_length_costs_bounded_memory(
    bench: Bench, place: str, price_list: None
) -> None:
    transcript = bench.project / f"{SESSION}.jsonl"
    transcript.parent.mkdir(parents=True)
    if place == "at the beginning":
        put_long(transcript)
        write(transcript, A, B)
    else:
        write(transcript, A, B)
        put_long(transcript, "")
    told = {"session_id": SESSION, "transcript_path": str(transcript), "cwd": str(bench.home)}
    for event in ("Stop", "SessionEnd"):
        hook = json.dumps({"hook_event_name": event, **told}).encode()
        assert memory("-m", "gaia_budget", "hook", stdin=hook) < MOST_MEMORY
    assert memory("-m", "gaia_budget", "ingest") < MOST_MEMORY
    assert memory("-c", OTHERS, str(bench.claude)) < MOST_MEMORY
    with Ledger.open(settings=load()) as ledger:
        total = ledger.spend().total
    assert (total.responses, total.output_tokens) == (2, 7)


def test_the_long_line_is_named(bench: Bench) -> None:
    transcript = bench.project / f"{SESSION}.jsonl"
    write(transcript, A)
    put_long(transcript)
    write(transcript, B)
    skipped = bench.run().skipped
    assert [(one.file, one.line) for one in skipped] == [(str(transcript), 2)]
    assert "more than 64 MB" in skipped[0].reason
    assert bench.total().responses == 2


def test_a_logs_line_of_any_length_costs_bounded_memory_and_is_named(bench: Bench, price_list: None) -> None:
    bench.logs.mkdir(parents=True)
    row = {"component": "via", "task": "t", "model": "claude-haiku-4-5", "cost_usd": 0.5, "output_tokens": 7}
    for log in (bench.logs / "one.jsonl", bench.logs / "two.jsonl"):
        write(log, {"ts": "2026-11-27T12:00:00Z", "input_tokens": 2 * ord(log.name[0]), **row})
        put_long(log)
        write(log, {"ts": "2026-11-27T13:00:00Z", "input_tokens": ord(log.name[0]), **row})
        if log.name == "one.jsonl":
            skipped = bench.run().skipped
            assert [(one.file, one.line) for one in skipped] == [(str(log), 2)]
            assert "more than 64 MB" in skipped[0].reason
    assert memory("-m", "gaia_budget", "ingest") < MOST_MEMORY
    assert bench.total().output_tokens == 4 * 7

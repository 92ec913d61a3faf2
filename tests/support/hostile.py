"""Corpora as crashes, gateways, sync tools and clocks leave them, by a seed, with the truth of every session known.

Each kind was reported by somebody: forks' copies (delexw/claude-code-trace#255), workflow agents
(getagentseal/codeburn#470), advisor runs (ccusage/ccusage#1115), inference in the US (anthropics/claude-code#60641),
clocks set back (microsoft/WSL#10006), torn lines (anthropics/claude-code#81843), zero bytes of a crash
(anthropics/claude-code#49876); the others are of the same kinds. Ordinary sessions lie between them, to any size.
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gaia_hooks.machine import clock
from support.rows import assistant, stamp
from support.sessions import list_price

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

OPUS, SONNET = "claude-opus-5-5", "claude-sonnet-5-5"
OTHER_NAMES = (
    "global.anthropic.claude-opus-5-5-v1:0", "claude-opus-5-5@20261001", "claude-opus-5.5", "claude-opus-5-5[1m]",
    "arn:aws:bedrock:us-east-1:123456789012:inference-profile/global.anthropic.claude-opus-5-5-v1:0",
    "anthropic/claude-opus-5-5", "vertex_ai/claude-opus-5-5", "claude-opus-5-5-20261001",
)  # fmt: skip
"""What gateways and clouds call the one model, at its list price."""
FILLER = "Now look at the next file, and say what you would change there. " * 600
"""What people paste and tools answer is most of a transcript's bytes."""


@dataclass
class Truth:
    """What one session used: tokens in and out, responses, nano-dollars at list price."""

    fresh: int = 0
    output: int = 0
    responses: int = 0
    nano: int = 0


@dataclass
class Corpus:
    """The truth of all sessions, and how many rows must be set aside."""

    projects: Path
    random: random.Random
    sessions: dict[str, Truth] = field(default_factory=dict)
    aside: int = 0


class Writing:
    """One session being written."""

    def __init__(self, corpus: Corpus) -> None:
        self.corpus, self.random = corpus, corpus.random
        self.id = f"{self.random.getrandbits(32):08x}-0000-4000-8000-{len(corpus.sessions):012x}"
        self.folder = corpus.projects / f"-home-dev-p{self.random.randrange(3)}"
        self.main = self.folder / f"{self.id}.jsonl"
        self.below = self.folder / self.id / "subagents"
        self.truth = corpus.sessions[self.id] = Truth()
        self.pending: dict[Path, list[bytes]] = {}
        self.used: dict[str, tuple[int, int]] = {}  # fresh and output by model, as a client adds them up
        self.second = self.random.randrange(80_000)
        self.began_ms = (clock.parse(stamp(self.second)) or 0) // 1000
        self.ask("go on")
        for _ in range(self.random.randrange(1, 5)):
            self.respond(self.main)

    def ask(self, words: str) -> None:
        self.put(self.main, {"type": "user", "sessionId": self.id, "timestamp": stamp(self.second),
                             "cwd": "/home/dev/p", "message": {"role": "user", "content": words}})  # fmt: skip

    def row(
        self, agent: str = "", key: str = "", model: str = OPUS, name: str = "", **more: Any
    ) -> dict[str, Any]:
        """A response that counts; its truth is noted."""
        self.second += self.random.randrange(3, 90)
        fresh, output = self.random.randrange(1, 900), self.random.randrange(1, 900)
        key = key or f"msg_{self.random.getrandbits(96):024x}"
        made = assistant(key, second=self.second, session=self.id, agent=agent, model=name or model,
                         input_tokens=fresh, output_tokens=output,
                         requestId=f"req_{self.random.getrandbits(64):016x}", **more)  # fmt: skip
        self.count(model, fresh, output, 1, name)
        return made

    def count(self, model: str, fresh: int, output: int, responses: int, name: str = "") -> None:
        self.truth.fresh += fresh
        self.truth.output += output
        self.truth.responses += responses
        before = self.used.get(name or model, (0, 0))
        self.used[name or model] = before[0] + fresh, before[1] + output
        self.truth.nano += list_price(model, (fresh, output, 0, 0, 0, 0, 0)) or 0

    def respond(self, path: Path, agent: str = "", **more: Any) -> dict[str, Any]:
        row = self.row(agent, **more)
        self.put(path, row)
        return row

    def put(self, path: Path, *rows: dict[str, Any] | bytes) -> None:
        lines = (row if isinstance(row, bytes) else dump(row) + b"\n" for row in rows)
        self.pending.setdefault(path, []).extend(lines)

    def flush(self) -> None:
        """What was put, in its files."""
        for path, lines in self.pending.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("ab") as file:
                file.writelines(lines)
        self.pending.clear()


def dump(row: dict[str, Any]) -> bytes:
    """A row as the client writes it."""
    return json.dumps(row, separators=(",", ":")).encode()


def forked(one: Writing) -> None:
    """Unmarked copies of the parent's rows before the fork's own, twice."""
    one.flush()
    parents = [json.loads(line) for line in one.main.read_bytes().splitlines() if b'"assistant"' in line]
    for name in ("f0", "acompact-1"):
        path = one.below / f"agent-{name}.jsonl"
        one.put(path, {"type": "fork-context-ref", "agentId": name},
                *[row | {"agentId": name, "isSidechain": True} for row in parents])  # fmt: skip
        one.respond(path, name)


def workflow(one: Writing) -> None:
    """Agents one or two folders deeper."""
    for number, place in enumerate(("workflows/wf_1", "workflows/wf_1", "later/kind")):
        name = f"w{number}"
        for _ in range(one.random.randrange(1, 4)):
            one.respond(one.below / place / f"agent-{name}.jsonl", name)


def torn(one: Writing) -> None:
    """Two records on one line, a cut one before a whole one, zero bytes before one, two that end before their usage."""
    rows = [dump(one.row()) for _ in range(4)]
    cut = dump(assistant("msg_cut", session=one.id))[: one.random.randrange(30, 200)]
    one.put(
        one.main,
        rows[0] + rows[1] + b"\n",
        cut + rows[2] + b"\n",
        bytes(one.random.randrange(1, 900)) + rows[3] + b"\n",
        dump(assistant("msg_lost", session=one.id)).partition(b'"usage"')[0] + b"\n",
        cut + b"\n",
    )
    one.corpus.aside += 5


def absurd(one: Writing) -> None:
    """Figures and instants that are none."""
    figures = one.random.choice([2**64 - 1, 1e308, "many", 2**63])
    row = assistant("msg_absurd", session=one.id)
    row["message"]["usage"]["output_tokens"] = figures
    one.put(
        one.main,
        row,
        assistant("msg_first", session=one.id, timestamp="0001-01-01T00:00:00Z", output_tokens=1),
    )
    one.corpus.aside += 2
    one.respond(one.main)


def one_id(one: Writing) -> None:
    """A gateway that gives every answer one message id; the client's own request tells them apart."""
    for number in range(4):
        one.respond(one.main, key="msg_1", requestRef=f"ref-{one.id}-{number}")


def no_ids(one: Writing) -> None:
    """Rows without any id but their own."""
    for _ in range(3):
        row = one.row()
        row["message"].pop("id"), row.pop("requestId")
        row["uuid"] = f"{one.random.getrandbits(64):016x}"
        one.put(one.main, row)


def set_back(one: Writing) -> None:
    """The clock goes back by hours in the middle of the session."""
    one.second = max(0, one.second - 3 * 3600)
    for _ in range(3):
        one.respond(one.main)


def copied(one: Writing) -> None:
    """A sync tool's conflict copy, and a backup, beside the session."""
    one.flush()
    for name in (f"{one.id} (conflicted copy 2026-11-20).jsonl", f"{one.id}-backup.jsonl"):
        shutil.copy(one.main, one.folder / name)


def advised(one: Writing) -> None:
    """An advisor's run stands in no top-level figure, and is no second response."""
    row = one.row(model=SONNET)
    usage = row["message"]["usage"]
    helped = {"type": "advisor_message", "model": OPUS, "input_tokens": 700, "output_tokens": 41}
    own = {"type": "message", "input_tokens": usage["input_tokens"], "output_tokens": usage["output_tokens"]}
    usage["iterations"] = [own, helped]
    one.count(OPUS, 700, 41, 0)
    one.put(one.main, row)


def growing(one: Writing) -> None:
    """One response on three rows, of which the last has the figures."""
    row = one.row()
    small = json.loads(dump(row))
    small["message"]["usage"] |= {"output_tokens": 1}
    one.put(one.main, small, small, row)


def came_back(one: Writing) -> None:
    """Ids that are no provider's: a relay counts its answers anew in every session."""
    for number in range(3):
        one.respond(one.main, key=f"chatcmpl-{number}")


def named(one: Writing) -> None:
    """One model by what clouds and gateways call it."""
    for name in one.random.sample(OTHER_NAMES, 3):
        one.respond(one.main, name=name)


def stated(one: Writing) -> None:
    """A client's total of the very same tokens, at prices that it guessed."""
    used = {
        model: {"inputTokens": fresh, "outputTokens": output} for model, (fresh, output) in one.used.items()
    }
    total = one.random.choice([0.000001, 3.3, 9999.0])
    one.put(one.main, {"type": "cost-state", "sessionId": one.id, "totalCostUSD": total, "modelUsage": used,
                       "startTime": one.began_ms, "hasUnknownModelCost": True})  # fmt: skip


def ordinary(corpus: Corpus) -> int:
    """A session without trouble; how many bytes it is."""
    one = Writing(corpus)
    for _ in range(corpus.random.randrange(5, 40)):
        one.ask(FILLER[: corpus.random.randrange(200, 40_000)])
        one.respond(one.main)
    one.flush()
    return one.main.stat().st_size


KINDS: tuple[Callable[[Writing], None], ...] = (
    forked, workflow, torn, absurd, one_id, no_ids, set_back, advised, growing, came_back, named, stated, copied
)  # fmt: skip


def write(projects: Path, seed: int, sessions: int = 12, megabytes: int = 0) -> Corpus:
    """That many sessions, each with a few kinds of trouble (a copy, where there is one, of the whole); between them
    ordinary ones of that size in all."""
    corpus, plain = Corpus(projects, random.Random(seed)), 0
    for number in range(1, sessions + 1):
        one = Writing(corpus)
        for kind in sorted(corpus.random.sample(range(len(KINDS)), 4)):
            KINDS[kind](one)
        one.flush()
        while plain < megabytes * 1_000_000 * number // sessions:
            plain += ordinary(corpus)
    return corpus

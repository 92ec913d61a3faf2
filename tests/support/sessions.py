"""Sessions as Claude Code writes them, with the truth about every response kept beside: what `corpus` is made of."""

from __future__ import annotations

import copy
import json
import random
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

PRICES = {
    "claude-opus-5-5": ("4", "20", "0.2", "5", "8"),
    "claude-sonnet-5-5": ("2", "10", "0.1", "2.5", "4"),
    "claude-haiku-5-5": ("0.1", "0.5", "0.01", "0.125", "0.2"),
    "claude-haiku-4-5-20251001": ("1", "5", "0.1", "1.25", "2"),
    "claude-opus-4-8": ("5", "25", "0.5", "6.25", "10"),
}
"""List prices of November 2026 in USD per million tokens: input, output, cache read, 5-minute and 1-hour write."""
LONG_PROMPT = {"claude-haiku-5-5": (100_000, 5)}
FIGURES = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
SEARCH_NANO = 10_000_000
UNKNOWN_MODEL = "claude-nimbus-9"
EPOCH = 1_795_000_000  # 2026-11-18
CWD = "/home/dev/project"
FILLER = "".join(chr(97 + (i * 7) % 26) if i % 9 else ' "usage"\n\\é ' for i in range(16_000))
BRANCHES = ("main", "feature/parser", "fix-17")


class Told(NamedTuple):
    """The truth about one response; `usage` is input, output, read, write 5m, write 1h, reasoning, searches."""

    session: str
    agent: str
    model: str
    usage: tuple[int, ...]
    recached: int
    nano: int | None


class Truth:
    """What a corpus holds. `client` is each session's own dollars by the client's account, `hidden` the part of
    it that no row carries; `malformed` lists (file name, line)."""

    def __init__(self) -> None:
        self.responses: dict[str, Told] = {}
        self.client: dict[str, int] = {}
        self.hidden: dict[str, int] = {}
        self.malformed: list[tuple[str, int]] = []
        self.bytes = 0

    def tokens(self) -> tuple[int, ...]:
        """Tokens of each kind over everything."""
        return tuple(map(sum, zip(*(told.usage for told in self.responses.values()), strict=True)))

    def recached(self) -> int:
        return sum(told.recached for told in self.responses.values())

    def nano(self, session: str | None = None) -> int:
        """Nano-dollars of the rows, of one session or of all."""
        return sum(told.nano or 0 for told in self.responses.values() if session in (None, told.session))


def list_price(model: str, usage: tuple[int, ...]) -> int | None:
    """Nano-dollars by the table above."""
    rates = PRICES.get(model.removesuffix("[1m]"))
    if rates is None:
        return None
    threshold, factor = LONG_PROMPT.get(model, (1 << 62, 1))
    prompt = usage[0] + usage[2] + usage[3] + usage[4]
    total = sum(tokens * Decimal(rate) * 1000 for tokens, rate in zip(usage, rates, strict=False))
    return int(total) * (factor if prompt > threshold else 1) + usage[6] * SEARCH_NANO


CLIENT_FIGURES = ("inputTokens", "outputTokens", "cacheReadInputTokens", "cacheCreationInputTokens",
                  "cacheCreationEphemeral1hInputTokens", "webSearchRequests")  # fmt: skip


class Session:
    """One session being written: its main file, its subagents' files, its clock."""

    def __init__(self, corpus: Corpus, *, version: str = "2.1.330", start: int | None = None) -> None:
        self.corpus, self.random, self.version = corpus, corpus.random, version
        self.id = f"{self.random.getrandbits(32):08x}-0000-4000-8000-{corpus.count:012x}"
        corpus.count += 1
        self.clock = start if start is not None else corpus.next_start()
        self.started = self.clock
        self.files: dict[str, list[dict[str, Any] | bytes]] = {"": []}
        self.prompts: dict[str, int] = {}
        self.held: dict[str, int] = {}  # what each thread's last response left in the cache
        self.carried = 0
        self.used: dict[
            str, tuple[int, ...]
        ] = {}  # the client's own count by model, what was carried in included
        self.hidden = 0
        self.spent = 0
        self.summary = 0  # tokens of the prompt that a compaction left
        self.tool_results = 0
        self.branch = self.random.choice(BRANCHES)
        self.left: list[
            dict[str, Any] | bytes
        ] = []  # what stayed in the folder that a worktree was entered from
        self.head()

    def head(self) -> None:
        """The rows that a client writes when it starts."""
        self.tick(1)
        self.files[""].append({"type": "mode", "mode": "normal", "sessionId": self.id})
        self.files[""].append({"type": "queue-operation", "operation": "enqueue", "timestamp": self.now(),
                               "sessionId": self.id, "content": "go on"})  # fmt: skip

    def tick(self, milliseconds: int) -> None:
        self.clock += milliseconds

    def now(self) -> str:
        from datetime import UTC, datetime

        return datetime.fromtimestamp(self.clock / 1000, UTC).isoformat(timespec="milliseconds")[:23] + "Z"

    def row(self, kind: str, agent: str = "", **fields: Any) -> dict[str, Any]:
        row = {"parentUuid": None, "isSidechain": bool(agent), "type": kind,
               "uuid": f"{self.random.getrandbits(64):016x}", "timestamp": self.now(), "cwd": CWD,
               "sessionId": self.id, "version": self.version, "gitBranch": self.branch}  # fmt: skip
        return row | ({"agentId": agent} if agent else {}) | fields

    def text(self, most: int) -> str:
        start = self.random.randrange(4000)
        return FILLER[start : start + self.random.randrange(most // 4, most)]

    def ask(self, agent: str = "") -> None:
        """A prompt, or a tool's result; the latter may carry a usage of its own that is not to be counted."""
        self.tick(self.random.randrange(200, 3000))
        extra: dict[str, Any] = {}
        self.tool_results += 1
        if self.tool_results % 7 == 0:
            extra["toolUseResult"] = {
                "usage": {"input_tokens": 999, "output_tokens": 999},
                "totalTokens": 1998,
            }
        self.files[agent].append(
            self.row("user", agent, message={"role": "user", "content": self.text(9000)}, **extra)
        )

    def respond(self, model: str = "claude-opus-5-5", *, agent: str = "", expired: bool = False,
                one_hour: bool = False, grow: int = 0, rows: int = 0, searches: int = 0,
                without: str = "") -> str:  # fmt: skip
        """One response on several rows with growing output; the last row alone has the final figures.

        `without` leaves out ids, as some clients do: `request`, `message`, or `both`.
        """
        self.ask(agent)
        self.tick(self.random.randrange(500, 9000))
        before = self.prompts.get(agent, 0)
        growth = grow or self.summary or self.random.randrange(300, 4000)
        self.summary = 0
        fresh = self.random.randrange(1, 30)
        held = self.held.get(agent, 0) if before else 0
        reads = 0 if expired else held
        writes = max(0, before + growth - reads - fresh)
        write_5m, write_1h = (0, writes) if one_hour else (writes, 0)
        output = self.random.randrange(40, 900)
        self.prompts[agent], self.held[agent] = fresh + reads + writes, reads + writes
        key = f"msg_{self.random.getrandbits(80):020x}"
        count = 1 if without == "both" else rows or self.random.randrange(1, 4)
        for number in range(1, count + 1):
            seen = output if number == count else output * number // (count + 3)
            row = self.assistant(
                key, model, (fresh, seen, reads, write_5m, write_1h, seen // 4, searches), agent
            )
            known_as = leave_out(row, without)
            self.files[agent].append(row)
            if number == 1:
                self.files[agent].append(self.row("progress", agent, data={"message": copy.deepcopy(row)}))
            self.tick(self.random.randrange(5, 60))
        usage = (fresh, output, reads, write_5m, write_1h, output // 4, searches)
        self.tell(
            known_as, Told(self.id, agent, model, usage, held if expired else 0, list_price(model, usage))
        )
        return known_as

    def overtaken(self, agent: str = "") -> None:
        """A response whose last, largest row is written when the next response has begun."""
        key = self.respond(agent=agent)
        row = copy.deepcopy([one for one in self.files[agent] if is_assistant(one)][-1])
        self.respond(agent=agent)
        row["message"]["usage"]["output_tokens"] += 50
        self.files[agent].append(row)
        told = self.corpus.truth.responses[key]
        usage = (told.usage[0], told.usage[1] + 50, *told.usage[2:])
        self.tell(key, told._replace(usage=usage, nano=list_price(told.model, usage)))

    def tell(self, key: str, told: Told) -> None:
        """Note the truth about a response of this session."""
        responses = self.corpus.truth.responses
        before = responses.get(key)
        self.spent += (told.nano or 0) - ((before.nano or 0) if before else 0)
        known = before.usage if before else (0,) * len(told.usage)
        self.spend(told.model, tuple(new - old for new, old in zip(told.usage, known, strict=True)))
        responses[key] = told

    def assistant(self, key: str, model: str, usage: tuple[int, ...], agent: str) -> dict[str, Any]:
        fresh, output, reads, write_5m, write_1h, reasoning, searches = usage
        figures = {"input_tokens": fresh, "cache_creation_input_tokens": write_5m + write_1h,
                   "cache_read_input_tokens": reads, "output_tokens": output,
                   "output_tokens_details": {"thinking_tokens": reasoning},
                   "server_tool_use": {"web_search_requests": searches, "web_fetch_requests": 0},
                   "cache_creation": {"ephemeral_1h_input_tokens": write_1h, "ephemeral_5m_input_tokens": write_5m},
                   "service_tier": "standard", "speed": "standard"}  # fmt: skip
        message = {"model": model, "id": key, "type": "message", "role": "assistant",
                   "content": [{"type": "text", "text": self.text(3000)}], "stop_reason": "end_turn",
                   "usage": figures}  # fmt: skip
        return self.row("assistant", agent, requestId=f"req_{key[4:]}", message=message)

    def broken_off(self) -> None:
        """A response whose stream broke off: billed as far as it came, said to have failed, and asked for again."""
        self.respond(rows=1)
        [*_, broken] = [row for row in self.files[""] if isinstance(row, dict) and is_assistant(row)]
        broken["message"]["stop_reason"] = None
        self.synthetic()
        self.respond()

    def enter_worktree(self) -> None:
        """The transcript goes on in the worktree's folder, below a copy of all that was written so far."""
        self.left = list(self.files[""])

    def synthetic(self) -> None:
        """What the client says itself, such as after an API error: never billed."""
        row = self.assistant(f"{self.random.getrandbits(64):016x}", "<synthetic>", (0, 0, 0, 0, 0, 0, 0), "")
        self.files[""].append(row | {"isApiErrorMessage": True})

    def side_row(self) -> list[dict[str, Any]]:
        """One response of a subagent as older clients wrote it: among the main thread's rows, without an agent id."""
        self.files["sidechain"] = []
        self.respond("claude-opus-4-8", agent="sidechain")
        rows = self.files.pop("sidechain")
        return [{name: value for name, value in row.items() if name != "agentId"} for row in rows]

    def conversation(self) -> list[dict[str, Any]]:
        """The rows that a fork copies."""
        copied = ("user", "assistant", "system")
        return [
            copy.deepcopy(row) for row in self.files[""] if isinstance(row, dict) and row["type"] in copied
        ]

    def agent(self) -> str:
        """A subagent's file."""
        name = f"a{self.random.getrandbits(64):016x}"
        self.files[name] = []
        return name

    def spend(self, model: str, usage: tuple[int, ...]) -> None:
        """Add to what the client counts for a model."""
        fresh, output, reads, write_5m, write_1h, _, searches = usage
        more = (fresh, output, reads, write_5m + write_1h, write_1h, searches)
        before = self.used.get(model, (0,) * len(more))
        self.used[model] = tuple(a + b for a, b in zip(before, more, strict=True))

    def exit(self) -> None:
        """The client's own total: carried in, made here, and what no row tells of."""
        total = self.carried + self.spent + self.hidden
        self.files[""].append(
            {"type": "cost-state", "sessionId": self.id, "totalCostUSD": total / 1e9, "totalDuration": 1,
             "startTime": self.started, "hasUnknownModelCost": False,
             "modelUsage": {model: dict(zip(CLIENT_FIGURES, used, strict=True))
                            for model, used in self.used.items()}}
        )  # fmt: skip

    def compact(self) -> None:
        """A compaction: a call that is billed and leaves no row of usage; the prompt is short afterwards."""
        hidden = self.random.randrange(1, 90)
        self.hidden += hidden * 1_000_000
        self.spend("claude-opus-5-5", (0, hidden * 50, 0, 0, 0, 0, 0))
        self.files[""].append(
            self.row("system", subtype="compact_boundary", content="Conversation compacted")
        )
        self.summary = self.prompts[""] // 2
        self.prompts[""] = 0

    def resume(self) -> None:
        """The same session goes on in a new process, which carries the total on."""
        self.tick(600_000)
        self.head()

    def finish(self) -> None:
        truth, folder = self.corpus.truth, self.corpus.folder
        written: list[tuple[Path, list[dict[str, Any] | bytes]]]
        written = [(folder / self.id / "subagents" / f"agent-{agent}.jsonl", rows)
                   for agent, rows in self.files.items() if agent]  # fmt: skip
        here = folder.with_name(f"{folder.name}--worktree") if self.left else folder
        written += [(here / f"{self.id}.jsonl", self.files[""])]
        written += [(folder / f"{self.id}.jsonl", self.left)] if self.left else []
        for path, rows in written:
            path.parent.mkdir(parents=True, exist_ok=True)
            lines = [row if isinstance(row, bytes) else dump(row) for row in rows]
            data = b"".join(lines)
            path.write_bytes(data)
            truth.bytes += len(data)
            at = 1
            for line in lines:
                if line.startswith(b"{broken"):
                    truth.malformed.append((path.name, at))
                at += line.count(b"\n")
        truth.client[self.id] = self.spent + self.hidden
        truth.hidden[self.id] = self.hidden


def dump(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def is_assistant(row: dict[str, Any] | bytes) -> bool:
    return isinstance(row, dict) and row["type"] == "assistant"


def leave_out(row: dict[str, Any], without: str) -> str:
    """Remove ids from a row; what it is known by then: message id, else request id, else its own."""
    if without in ("request", "both"):
        del row["requestId"]
    if without in ("message", "both"):
        del row["message"]["id"]
    known: str = row["message"].get("id") or row.get("requestId") or row["uuid"]
    return known


class Corpus:
    """A folder of transcripts being written."""

    def __init__(self, config_dir: Path, seed: int) -> None:
        self.folder = config_dir / "projects" / "-home-dev-project"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.random = random.Random(seed)
        self.truth = Truth()
        self.count = 0
        self.long_line = 0
        self._start = EPOCH * 1000

    def next_start(self) -> int:
        self._start += 300_000
        return self._start

"""What people reported of programs that count Claude Code's files, rebuilt small: address, symptom, truth.

Each truth is reckoned by hand: input and output tokens, responses, dollars of a session at list price (Opus 5.5: $4 and
$20 a million, Haiku 4.5: $1 and $5, Opus 4.6 and 4.7: $5 and $25). `rows` gives the files below `projects`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from support.rows import SESSION, assistant, stamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

A, B = SESSION, "5e551011-0000-4000-8000-00000000000b"
HERE = "-home-dev-project"
MAIN, OTHER = f"{HERE}/{A}.jsonl", f"{HERE}/{B}.jsonl"
ASIDE = f"{HERE}/{A}/subagents/agent-aside.jsonl"
WORKTREE = "/home/dev/project/.claude/worktrees/x"
NOBODYS = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/4jqtkehs0zy3"
Told = tuple[int, int, int, str]  # input, output, responses, dollars


class Report(NamedTuple):
    """One report: whose, what it was about, what was got there, the files, and the truth of each session."""

    address: str
    symptom: str
    got: str
    files: Mapping[str, Sequence[dict[str, Any] | bytes]]
    truth: Mapping[str, Told]
    aside: int = 0  # rows that must be named as set aside
    unpriced: int = 0
    hooks: Mapping[str, Told] = {}  # where those of one session cannot know what another session's file tells


def said(key: str, second: int = 0, fresh: int = 10, output: int = 5, **more: Any) -> dict[str, Any]:
    """A row of the response `key`, whose id has the provider's form."""
    return assistant(f"msg_01{key:0>22}", second=second, input_tokens=fresh, output_tokens=output, **more)


def lacking(row: dict[str, Any], *keys: str, **more: Any) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key not in keys} | more


def relayed(row: dict[str, Any], key: str) -> dict[str, Any]:
    """The row as a relay that has one id for everything gives it."""
    return lacking(row, "requestId") | {"message": row["message"] | {"id": key}}


def figures(row: dict[str, Any], **figures: Any) -> dict[str, Any]:
    return row | {"message": row["message"] | {"usage": row["message"]["usage"] | figures}}


def line(row: dict[str, Any]) -> bytes:
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False).encode()


def started(second: int, session: str = A) -> dict[str, Any]:
    return {"type": "queue-operation", "timestamp": stamp(second), "sessionId": session}


def result(fresh: int, output: int, dollars: float, *, epoch_ms: int, session: str = A) -> dict[str, Any]:
    """What the client writes of itself when it ends; `epoch_ms` is when its process began."""
    used = {"inputTokens": fresh, "outputTokens": output, "costUSD": dollars}
    return {"type": "cost-state", "sessionId": session, "totalCostUSD": dollars, "startTime": epoch_ms,
            "modelUsage": {"claude-opus-5-5": used}, "hasUnknownModelCost": False}  # fmt: skip


DAY_MS = 1_795_132_800_000  # 2026-11-20
ONE, TWO = said("1", 1), said("2", 20)
THREE: Told = (30, 15, 3, "0.00042")
BRANCHED = [row | {"sessionId": B} for row in (ONE, TWO)]
COPIED = [row | {"forkedFrom": {"sessionId": A, "messageUuid": row["uuid"]}} for row in BRANCHED]
OWN = said("3", 60, session=B)

OF_A_THREAD = [
    Report("github.com/ccusage/ccusage/issues/913",
           "a side question (`/btw`) replays its parent's answers under new requests",
           "the parent's history once more for each side question",
           {MAIN: [ONE, TWO], ASIDE: [row | {"isSidechain": True, "agentId": "aside", "requestId": f"req-new-{n}"}
                                      for n, row in enumerate((ONE, TWO))] + [said("3", 40, agent="aside")]},
           {A: THREE}),
    Report("github.com/majiayu000/ccstats/issues/85",
           "rows of subagents were left out: they are requests of their own",
           "46 % of the dollars missing", {MAIN: [ONE], ASIDE: [said(key, 5, agent="aside") for key in "23"]},
           {A: THREE}),
    Report("github.com/ccusage/ccusage/issues/313",
           "a tool's result tells a subagent's totals, whose rows stand beside it",
           "either no subagent, or both of the two",
           {MAIN: [ONE, {"type": "user", "sessionId": A, "timestamp": stamp(9), "message": {"content": "x"},
                         "toolUseResult": {"totalTokens": 15, "usage": {"input_tokens": 10, "output_tokens": 5}}},
                   said("3", 12)],
            ASIDE: [said("2", 5, agent="aside")]}, {A: THREE}),
    Report("github.com/anthropics/claude-code/issues/40363",
           "`/branch` writes each row twice, only one of them marked",
           "the parent's history once more", {MAIN: [ONE, TWO], OTHER: [*COPIED, *BRANCHED, OWN]},
           {A: (20, 10, 2, "0.00028"), B: (10, 5, 1, "0.00014")}),
    Report("github.com/ccusage/ccusage/issues/19",
           "a branch of a conversation holds all that came before",
           "every branch in full", {MAIN: [ONE, TWO], OTHER: [*BRANCHED, OWN]},
           {A: (20, 10, 2, "0.00028"), B: (10, 5, 1, "0.00014")}, hooks={B: THREE}),
]  # fmt: skip

WHERE_IDS_LIE = [
    Report("github.com/ccusage/ccusage/issues/1635",
           "a relay gives every answer of every session the id `ocgo`, and no request",
           "one answer of all", {MAIN: [relayed(ONE, "ocgo")], OTHER: [relayed(OWN, "ocgo")]},
           {A: (10, 5, 1, "0.00014"), B: (10, 5, 1, "0.00014")}),
    Report("github.com/anthropics/claude-code/issues/64880",
           "under load six answers in a row had one message id",
           "one answer of six", {MAIN: [said("1", n, requestId=f"req-load-{n}") for n in range(6)]},
           {A: (60, 30, 6, "0.00084")}),
    Report("github.com/raine/claude-code-proxy/issues/104",
           "a proxy sends no request id; each answer stands on two rows",
           "2 answers counted as 4", {MAIN: [lacking(said(key, n), "requestId") for n, key in enumerate("1122")]},
           {A: (20, 10, 2, "0.00028")}),
    Report("github.com/ccusage/ccusage/issues/888",
           "the first row of a request has 2 output tokens, its last one all of them",
           "the first",
           {MAIN: [said("1", n, 3, out, write_5m=2285, reads=22137) for n, out in enumerate((2, 2, 171))]},
           {A: (3, 171, 1, "0.0192844")}),
    Report("github.com/ccusage/ccusage/pull/985",
           "ids of another maker's form, without a request, written two to four times",
           "44 % too much", {MAIN: [relayed(said("1", n, 20, 4), "chatcmpl-88") for n in range(4)]
                             + [relayed(said("2", 9), "chatcmpl-89")]},
           {A: (30, 9, 2, "0.0003")}),
]  # fmt: skip

OF_A_SESSION = [
    Report("github.com/dpclark4/frugal-tokens/pull/70",
           "a project's folder was copied: two files claim one session",
           "nothing of any session was taken in", {MAIN: [ONE, TWO], f"copy/{A}.jsonl": [ONE, TWO]},
           {A: (20, 10, 2, "0.00028")}),
    Report("github.com/anthropics/claude-code/issues/29342",
           "a client wrote rows of one session into another's file",
           "they belong to neither",
           {MAIN: [ONE, said("2", 30, session=B)], OTHER: [said("3", 20, session=B)]},
           {A: (10, 5, 1, "0.00014"), B: (20, 10, 2, "0.00028")}, hooks={B: (10, 5, 1, "0.00014")}),
    Report("github.com/anthropics/claude-code/issues/77565",
           "a transcript moves to the folder of a worktree that is entered",
           "the session is gone from where it began",
           {MAIN: [ONE, TWO],
            f"{HERE}--claude-worktrees-x/{A}.jsonl": [ONE, TWO, said("3", 30, cwd=WORKTREE)]}, {A: THREE}),
]  # fmt: skip

TOTALS = [
    Report("github.com/anthropics/claude-code/issues/33146",
           "the client's total goes on over `/clear`: $0.05, then $0.07",
           "the first session's money in the second",
           {MAIN: [started(0), ONE, result(10, 5, 0.00014, epoch_ms=DAY_MS)],
            OTHER: [started(50, B), OWN, result(20, 10, 0.00028, epoch_ms=DAY_MS, session=B)]},
           {A: (10, 5, 1, "0.00014"), B: (10, 5, 1, "0.00014")}),
    Report("github.com/anthropics/claude-code/issues/78136",
           "the total begins anew when a session is resumed",
           "only what came after the resume",
           {MAIN: [started(0), ONE, TWO, result(20, 10, 0.00028, epoch_ms=DAY_MS), started(50), said("3", 60),
                   result(10, 5, 0.00014, epoch_ms=DAY_MS + 50_000)]}, {A: THREE}),
    Report("github.com/Enderfga/claw-orchestrator/pull/112",
           "since 2.1.277 a resumed process's first total has the whole history",
           "a turn of $0.02 at $0.39",
           {MAIN: [started(0), ONE, TWO, result(20, 10, 0.00028, epoch_ms=DAY_MS), started(50), said("3", 60),
                   result(30, 15, 0.00042, epoch_ms=DAY_MS)]}, {A: THREE}),
    Report("github.com/anthropics/claude-code/issues/56110",
           "the client's dollars leave out the cache of a cloud's model",
           "a third of the bill",
           {MAIN: [started(0), said("1", 1, reads=100_000), result(10, 5, 0.00014, epoch_ms=DAY_MS)]},
           {A: (10, 5, 1, "0.02014")}),
]  # fmt: skip

MODELS = [
    Report("github.com/ccusage/ccusage/issues/945",
           "`anthropic/claude-4.6-opus-20260205`, version before family",
           "$0 for $500", {MAIN: [said("1", 1, model="anthropic/claude-4.6-opus-20260205")]},
           {A: (10, 5, 1, "0.000175")}),
    Report("github.com/getagentseal/codeburn/issues/56",
           "`claude-opus-4-7` was taken for the first Opus 4",
           "$15 and $75 a million",
           {MAIN: [said("1", 1, model="claude-opus-4-7")]}, {A: (10, 5, 1, "0.000175")}),
    Report("github.com/headroomlabs-ai/headroom/issues/2515",
           "names of Vertex with a date: `claude-opus-4@20250514`, `claude-opus-4-1@20250805`",
           "$0.00",
           {MAIN: [said("1", 1, model="claude-opus-4@20250514"), said("2", 5, model="claude-opus-4-1@20250805"),
                   said("3", 9, model="claude-haiku-4-5@20251001")]}, {A: (30, 15, 3, "0.001085")}),
    Report("github.com/NousResearch/hermes-agent/pull/101068",
           "`claude-haiku-4-5-20251001` beside `claude-haiku-4-5`",
           "no price", {MAIN: [said("1", 1, model="claude-haiku-4-5-20251001")]}, {A: (10, 5, 1, "0.000035")}),
    Report("github.com/Maciek-roboblog/Claude-Code-Usage-Monitor/pull/239",
           "`gpt-4-opus` has a family's word in its name",
           "the price of Opus", {MAIN: [said("1", 1, model="gpt-4-opus")]}, {A: (10, 5, 1, "0")}, unpriced=1),
    Report("github.com/anthropics/claude-code/issues/80601",
           "an application's inference profile tells no model",
           "some default's price",
           {MAIN: [said("1", 1, model=NOBODYS), said("2", 5)]}, {A: (20, 10, 2, "0.00014")}, unpriced=1),
]  # fmt: skip

FIGURES = [
    Report("github.com/majiayu000/ccstats/issues/39",
           "input_tokens of -100000", "a day's total shrinks, below zero",
           {MAIN: [ONE, said("2", 5, fresh=-100_000), said("3", 9)]}, {A: (20, 15, 3, "0.00038")}),
    Report("github.com/alexgreensh/token-optimizer/pull/62",
           "-500, Infinity and \"1000\" in one session", "NaN",
           {MAIN: [ONE, said("2", 5, fresh=-500), figures(said("4", 6), output_tokens=float("inf")),
                   figures(said("5", 7), input_tokens="1000"), said("3", 9)]}, {A: (20, 15, 3, "0.00038")}, aside=2),
    Report("github.com/anthropics/claude-code/issues/24663",
           "after a fallback the message is single characters by number",
           "the reader ends",
           {MAIN: [ONE, said("2", 5) | {"message": dict(zip("01234", "{id:}", strict=True)) | {"content": []}}, TWO]},
           {A: (20, 10, 2, "0.00028")}),
]  # fmt: skip

TORN = [
    Report("github.com/anthropics/claude-code/issues/20992",
           "the middle of a signature stands as a line of its own",
           "a stack overflow in every terminal",
           {MAIN: [ONE, b'pbi/gUEKpQJx"}],"stop_reason":null,"usage":{"output_tokens":7}}}', TWO]},
           {A: (20, 10, 2, "0.00028")}, aside=1),
    Report("github.com/anthropics/claude-code/issues/50347",
           "a queued command and a snapshot of files, both metadata, are cut in the middle",
           "all that comes after the first of them",
           {MAIN: [ONE, b'{"type":"attachment","attachment":{"type":"queued_command","prompt":"now the',
                   b'{"type":"file-history-snapshot","messageId":"5e', TWO, said("3", 40)]}, {A: THREE}),
    Report("github.com/serpro69/capy/pull/105",
           "a partial answer, and a whole user row on its line", "a turn is lost",
           {MAIN: [ONE, line(TWO).partition(b'"content"')[0] + line(
                       {"type": "user", "sessionId": A, "timestamp": stamp(30),
                        "message": {"role": "user", "content": "go on"}}), said("3", 40)]},
           {A: (20, 10, 2, "0.00028")}, aside=1),
    Report("github.com/Arize-ai/coding-harness-tracing/pull/148",
           "U+2028 raw within a row is no end of a line",
           "a row in two halves, turns read again",
           {MAIN: [line(said("1", 1, note="a\u2028b\u0085c")), line(said("2", 5, note="a\u2028\u2029b"))]},
           {A: (20, 10, 2, "0.00028")}),
    Report("github.com/delexw/claude-code-trace/issues/66",
           "an empty line, and JSON that is no entry", "the session does not load",
           {MAIN: [ONE, b"", b"[1, 2]", b"null", b"17", TWO]}, {A: (20, 10, 2, "0.00028")}),
]  # fmt: skip

TIME = [
    Report("github.com/anthropics/claude-code/issues/3079",
           "after a sleep 145 answers have one and the same instant",
           "taken for one", {MAIN: [said(str(n), 7) for n in range(1, 6)]}, {A: (50, 25, 5, "0.0007")}),
    Report("github.com/giulio333/ClaudeLens/pull/100",
           "a timestamp `not-a-date` between two good rows",
           "all rows after it are lost", {MAIN: [ONE, said("2", 5, timestamp="not-a-date"), said("3", 9)]},
           {A: THREE}),
    Report("github.com/codemie-ai/codemie-code/pull/378",
           "rows whose timestamp is empty", "no date, nothing counted",
           {MAIN: [ONE, said("2", 5, timestamp=""), lacking(said("3", 9), "timestamp")]}, {A: THREE}),
]  # fmt: skip

REPORTS = {
    "identity of a thread": OF_A_THREAD,
    "ids that lie": WHERE_IDS_LIE,
    "what a session is": OF_A_SESSION,
    "totals of the client": TOTALS,
    "names of models": MODELS,
    "figures that are none": FIGURES,
    "torn rows": TORN,
    "time": TIME,
}

"""Transcripts of any size whose truth is known: deterministic, and with every trap that real ones set.

`write(folder, size=…)` makes a Claude Code configuration folder and returns the `Truth`: every billed response
once, with the session that made it, its tokens, re-cached tokens and list price, and what each session's client
total knows beyond its rows. Nothing here uses the code under test: usage is invented, re-cached tokens are known
because the generator decides when a cache expires, dollars are `sessions.PRICES` times tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from support.sessions import FIGURES, UNKNOWN_MODEL, Corpus, Session, Truth, dump, is_assistant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def long_session(corpus: Corpus) -> None:
    """A working day: idle pauses that let the cache expire, both cache lives, searches, retries, other models."""
    session = Session(corpus)
    for turn in range(40):
        session.respond(
            "claude-opus-5-5" if turn % 5 else "claude-sonnet-5-5", expired=turn % 13 == 12, one_hour=turn % 3 == 0,
            searches=turn % 17 // 16, without="request" if turn == 7 else "")  # fmt: skip
        if turn % 19 == 18:
            session.synthetic()
    session.exit()
    session.finish()


def with_subagents(corpus: Corpus) -> None:
    """Subagents in the foreground, in the background and nested, all in files of their own."""
    session = Session(corpus)
    session.respond()
    agents = [session.agent() for _ in range(3)]
    for _ in range(4):
        for name in agents:
            session.respond("claude-haiku-5-5", agent=name)
        session.respond()
    session.overtaken(agents[0])
    session.exit()
    session.finish()


def with_sidechain(corpus: Corpus) -> None:
    """An older client: the subagent's rows stand between the main thread's, and no total is written."""
    session = Session(corpus, version="1.0.90")
    session.respond("claude-opus-4-8")
    for _ in range(3):
        for row in session.side_row():
            session.files[""].append(row)
        session.respond("claude-opus-4-8")
    session.finish()


def compacted_and_resumed(corpus: Corpus) -> None:
    """Calls that no row tells of, and totals written by several processes of one session."""
    session = Session(corpus)
    session.respond()
    session.respond()
    session.exit()
    session.resume()
    session.compact()
    session.respond()
    session.exit()
    session.resume()
    session.respond(expired=True)
    session.exit()
    session.finish()


def forked(corpus: Corpus) -> None:
    """`--fork-session`: the parent's rows zeroed and marked, its total carried along; the parent goes on."""
    parent = Session(corpus)
    parent.respond()
    parent.compact()
    parent.respond()
    parent.exit()
    fork = Session(corpus, start=parent.clock + 60_000)
    fork.carried, fork.started = parent.carried + parent.spent + parent.hidden, parent.started
    fork.used = dict(parent.used)
    for row in parent.conversation():
        if is_assistant(row):
            row["requestSessionId"] = parent.id
            row["message"]["usage"] |= dict.fromkeys(FIGURES, 0)
        fork.files[""].append(row | {"sessionId": fork.id})
    fork.respond(expired=False)
    fork.compact()
    fork.exit()
    fork.finish()
    parent.resume()
    parent.respond()
    parent.exit()
    parent.finish()


def branched(corpus: Corpus) -> None:
    """`/branch`: full copies, marked twice; the branch's total starts at nothing."""
    parent = Session(corpus)
    parent.respond()
    parent.respond()
    branch = Session(corpus, start=parent.clock + 30_000)
    for row in parent.conversation():
        mark = {"sessionId": branch.id, "forkedFrom": {"sessionId": parent.id, "messageUuid": row["uuid"]}}
        branch.files[""].append(row | mark | ({"requestSessionId": parent.id} if is_assistant(row) else {}))
    branch.respond()
    branch.exit()
    branch.finish()
    parent.exit()
    parent.finish()


def forked_by_older_client(corpus: Corpus) -> None:
    """2.1.197: full copies without any mark, below rows of the fork's own time; no totals are written."""
    parent = Session(corpus, version="2.1.197")
    for _ in range(3):
        parent.respond("claude-opus-4-8")
    fork = Session(corpus, version="2.1.197", start=parent.clock + 60_000)
    fork.prompts, fork.held = dict(parent.prompts), dict(parent.held)
    fork.files[""].extend(row | {"sessionId": fork.id} for row in parent.conversation())
    fork.respond("claude-opus-4-8")
    fork.finish()
    parent.finish()


def forked_after_compaction_by_older_client(corpus: Corpus) -> None:
    """2.1.197: copies with zeroed figures whose 5-minute and 1-hour split was forgotten; no mark."""
    parent = Session(corpus, version="2.1.197")
    parent.respond("claude-opus-4-8", one_hour=True)
    parent.respond("claude-opus-4-8")
    fork = Session(corpus, version="2.1.197", start=parent.clock + 60_000)
    for row in parent.conversation():
        if is_assistant(row):
            row["message"]["usage"] |= dict.fromkeys(FIGURES, 0)
        fork.files[""].append(row | {"sessionId": fork.id})
    fork.respond("claude-opus-4-8")
    fork.finish()
    parent.finish()


def retried(corpus: Corpus) -> None:
    """Requests that failed: some were never billed and left a row of the client's own, one broke off half-way."""
    session = Session(corpus)
    session.synthetic()
    session.respond()
    session.broken_off()
    session.synthetic()
    session.synthetic()
    session.respond()
    session.exit()
    session.finish()


def in_a_worktree(corpus: Corpus) -> None:
    """One session in two folders: what was written before it entered the worktree lies in both."""
    session = Session(corpus)
    session.respond()
    session.compact()
    session.respond()
    session.exit()
    session.enter_worktree()
    session.resume()
    session.respond()
    session.compact()
    session.respond(expired=True)
    session.exit()
    session.finish()


def odd_models(corpus: Corpus) -> None:
    """Prices by tier and date, a name with `[1m]`, and a model that no price list knows."""
    session = Session(corpus, version="2.1.197")
    for model in ("claude-haiku-5-5", "claude-opus-4-8[1m]", UNKNOWN_MODEL, "claude-haiku-4-5-20251001"):
        agent = session.agent()
        session.respond(model, agent=agent, grow=99_900)
        session.respond(model, agent=agent, grow=100)
        session.respond(model, agent=agent, grow=1)
    session.finish()


def odd_lines(corpus: Corpus) -> None:
    """Blank and malformed lines, CRLF, invalid UTF-8, missing ids, and a last line that was torn off."""
    session = Session(corpus)
    lines = session.files[""]
    session.respond(rows=1)
    lines.append(b"\n  \n")
    session.respond(rows=1)
    lines[-2] = dump(lines[-2])[:-1] + b"\r\n"  # the response's only row, before its progress line
    lines.append(b'{broken "usage": }\n')
    session.respond(rows=1)
    lines[-2] = dump(lines[-2]).replace(b'"text":"', b'"text":"\xff\xfe\xc3(')
    session.respond(without="message")
    session.respond(without="both")
    lines.append(b'{"type":"user","message":"\x01' + b"x" * corpus.long_line + b'","note":{"usage":1}}\n')
    session.respond()
    session.exit()
    torn = session.assistant("msg_torn", "claude-opus-5-5", (1, 1, 1, 1, 1, 1, 1), "")
    lines.append(dump(torn)[:-40])
    session.finish()


KINDS: tuple[Callable[[Corpus], None], ...] = (
    long_session, with_subagents, with_sidechain, compacted_and_resumed, forked, branched, forked_by_older_client,
    forked_after_compaction_by_older_client, retried, in_a_worktree, odd_models, odd_lines)  # fmt: skip


def write(config_dir: Path, *, size: int = 0, seed: int = 1, long_line: int = 300_000) -> Truth:
    """Write every kind once, then long sessions until there are `size` bytes; the same seed gives the same bytes."""
    corpus = Corpus(config_dir, seed)
    corpus.long_line = long_line
    for kind in KINDS:
        kind(corpus)
    while corpus.truth.bytes < size:
        corpus.random.choice((long_session, long_session, long_session, with_subagents))(corpus)
    return corpus.truth

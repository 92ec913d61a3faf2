"""What the three providers' requests and answers say on the wire: model, bounds, usage. Pure, no SDK imported.

The wire is where every form of a call meets (plain, streamed, raw, async, retried), and it changes far less
than the SDKs do.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import msgspec

Body = dict[str, Any]
SPEECH = "audio"
"""Variant of an answer with tokens of speech: they have prices of their own, which no table of ours has."""


class Ask(NamedTuple):
    """A billable request. `max_output` None: the request sets no bound of its own.

    `by_reference`: it brings in content that is not in its bytes (files, links, server-side state, server
    tools), so its length bounds nothing. `varies`: the same request may be answered differently (sampling,
    live tools). `stateful`: the provider keeps something of it, so an old answer cannot stand in for it.
    `hidden_output`: some of the output is billed without being sent. `unpriced`: it has no price by the token.
    """

    provider: str
    model: str
    operation: str
    body: Body
    streams: bool = False
    max_output: int | None = None
    choices: int = 1
    variant: str = ""
    by_reference: bool = False
    varies: bool = True
    stateful: bool = False
    hidden_output: bool = False
    unpriced: bool = False


class Seen:
    """What an answer has told of itself so far. `usage` None: no figures came yet; see `gaia_hooks.facts.usage`."""

    __slots__ = ("content", "final", "finished", "model", "usage", "variant")

    def __init__(self) -> None:
        self.model = ""
        self.variant = ""
        self.usage: tuple[int, ...] | None = None
        self.final = False  # the figures are the last ones
        self.finished = False  # the model came to its own end: neither cut off nor refused
        self.content = False


class Wire(Protocol):
    """One provider's formats."""

    provider: str

    def billable(self, path: str) -> bool:
        """Whether a POST to this path costs money: a call of a model, or another service of the provider."""

    def ask(self, path: str, body: Body) -> Ask:
        """The request of such a call."""

    def whole(self, document: Body, seen: Seen) -> None:
        """Take in a complete answer."""

    def event(self, document: Body, seen: Seen) -> None:
        """Take in one event of a streamed answer."""


def unpriced(provider: str, path: str, body: Body) -> Ask:
    """The request of a service that has no price by the token: images, speech, runs on the provider's side."""
    end = path.rpartition(":")[2] if ":" in path else "/".join(path.split("/")[-2:])
    return Ask(provider, text(body, "model"), end, body, stateful=True, unpriced=True)


def decoded(content: bytes) -> object:
    """A JSON document; None for what is none: an answer that nobody can read is settled at its reserve."""
    try:
        return msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def body_of(content: bytes) -> Body:
    """A JSON object; empty for everything else."""
    found = decoded(content)
    return found if isinstance(found, dict) else {}


def count(value: object) -> int:
    """A token figure; absent, null, negative or foreign values are 0 and never raise after a paid call."""
    return value if type(value) is int and value > 0 else 0


def part(document: object, key: str) -> Body:
    """A nested object; empty when it is absent, null or something else."""
    found = document.get(key) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def text(document: Body, key: str) -> str:
    """A string; empty when it is absent or something else."""
    found = document.get(key)
    return found if isinstance(found, str) else ""


def entries(document: Body, key: str) -> list[Body]:
    """The objects of a list; none when it is absent or something else."""
    found = document.get(key)
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def mentions(value: object, keys: frozenset[str]) -> bool:
    """Whether any object inside a request has one of these keys with something in it."""
    if isinstance(value, dict):
        return any((key in keys and bool(inner)) or mentions(inner, keys) for key, inner in value.items())
    return isinstance(value, list) and any(mentions(inner, keys) for inner in value)

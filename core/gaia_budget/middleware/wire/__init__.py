"""What the three providers' requests and answers say on the wire: model, bounds, usage. Pure, no SDK imported.

The wire is where every form of a call meets (plain, streamed, raw, async, retried), and it changes far less
than the SDKs do.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import msgspec

from gaia_hooks.facts.tokens import usage

Body = dict[str, Any]
MOST = 10**10
"""No provider's figure is larger: what is more is no count, and would not fit into a ledger's sums."""
NESTED = (dict, list)
DEEPEST = 150
"""Levels of a document that is read: a function that calls itself for each of them may be deep in an app's stack."""
UNSAID = frozenset(
    {"id", "type", "role", "data", "object", "status", "model", "call_id", "item_id", "annotations"}
)
"""Strings of an answer that the model has not written."""


class Ask(NamedTuple):
    """A billable request. `max_output` None: the request sets no bound of its own.

    `by_reference`: it brings in content that is not in its bytes (files, links, server-side state, server
    tools), so its length bounds nothing. `varies`: the same request may be answered differently (sampling,
    live tools). `stateful`: the provider keeps something of it, so an old answer cannot stand in for it.
    `hidden_output`: some of the output is billed without being sent. `unpriced`: it has no price by the token.
    `rounds`: how often the provider may read the whole prompt again (compaction, tools on its side).
    `helpers`: (model, uses, output tokens) of models that the provider may ask besides.
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
    rounds: int = 1
    helpers: tuple[tuple[str, int, int], ...] = ()

    @property
    def embeds(self) -> bool:
        """Whether it asks for embeddings, which have no output."""
        return self.operation == "embeddings"


class Part(NamedTuple):
    """What one model did within an answer beside the one that answered; its runs where it ran more than once."""

    model: str
    usage: tuple[int, ...]
    variant: str = ""
    runs: tuple[tuple[int, ...], ...] = ()


class Seen:
    """What an answer has told of itself so far. `usage` None: no figures came yet; see `gaia_hooks.facts.tokens.usage`.

    `media`: how many tokens of it were audio, images or video (kinds of `gaia_budget.prices.flatten.MEDIA`).
    `parts`: what other models did. `fees`: how often something was used that is charged by the piece.
    `unpriced`: what it bills and nobody has a price for. `unread`: parts of a whole answer with what the model wrote,
    which is looked for where somebody asks for `texts`.
    """

    model = ""
    variant: str | None = None  # None: the answer does not tell which tier of service it was
    usage: tuple[int, ...] | None = None
    total = 0  # all tokens, where that alone was told
    final = False  # the figures are the last ones
    ended = False  # a reason to end has come
    finished = False  # the model came to its own end: neither cut off nor refused
    content = False
    later = ""  # the id under which the provider will tell the figures later
    runs: tuple[tuple[int, ...], ...] = ()  # of the model that answered, where it ran more than once
    told_nano: int | None = None  # the provider's own bill

    def __init__(self, ask: Ask | None = None) -> None:
        self.asked: Body = ask.body if ask else {}
        self.asked_model = ask.model if ask else ""
        self.media: dict[str, int] = {}
        self.fees: dict[str, int] = {}
        self.parts: list[Part] = []
        self.queries: set[tuple[str, str]] = set()
        self.unpriced: list[str] = []
        self.unread: list[object] = []
        self._texts: list[str] = []
        self._figures: Body = {}

    @property
    def texts(self) -> list[str]:
        """What the model wrote, as it came."""
        if self.unread:
            self._texts += said(self.unread)
            self.unread = []
        return self._texts

    def wrote(self, what: object) -> None:
        """Take in a part of a stream that the model wrote."""
        self._texts += said(what)

    def begin_anew(self) -> None:
        """All that was written comes again as a whole."""
        self._texts, self.unread = [], []

    def told(self, figures: Body) -> Body:
        """A usage object with what the events before it told, and it leaves out: the cache's share, say."""
        self._figures = _overlaid(self._figures, figures)
        return self._figures

    def add(self, found: tuple[int, ...]) -> None:
        """Take in figures: what grows while an answer comes stands at its largest.

        What was read is one whole: a later event may tell that a part of it came out of the cache.
        """
        if self.usage is None:
            self.usage = found
            return
        largest = usage.merged(self.usage, found)
        if usage.prompt_tokens(found) >= usage.prompt_tokens(self.usage):
            fresh, _, read, short, long, _, _ = found
            largest = (fresh, largest[usage.OUTPUT], read, short, long, *largest[usage.WRITE_1H + 1 :])
        self.usage = largest

    def add_media(self, found: dict[str, int]) -> None:
        """Take in how many of the tokens were of a kind, as far as it is told now."""
        for kind, tokens in found.items():
            if tokens:
                self.media[kind] = tokens
            else:
                self.media.pop(kind, None)

    def not_priced(self, what: str) -> None:
        """Something that has no price in any list."""
        if what not in self.unpriced:
            self.unpriced.append(what)


def _overlaid(before: Body, later: Body) -> Body:
    """A later sighting of an object: what it leaves out, or tells as nothing, stays as it was."""
    if not before:
        return later
    found = dict(before)
    for key, value in later.items():
        known = before.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            found[key] = _overlaid(known, value)
        elif value or key not in before:
            found[key] = value
    return found


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

    def headers(self, headers: Any, seen: Seen) -> None:
        """Take in what the answer's headers tell."""


def unpriced(provider: str, path: str, body: Body) -> Ask:
    """The request of a service that has no price by the token: images, speech, runs on the provider's side."""
    end = path.rpartition(":")[2] if ":" in path else "/".join(path.split("/")[-2:])
    return Ask(provider, text(body, "model"), end, body, stateful=True, unpriced=True)


def decoded(content: bytes) -> object:
    """A JSON document; None for what is none: an answer that nobody can read is settled at its reserve."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    may_be_deep = content.count(b"{") + content.count(b"[") > DEEPEST
    return None if may_be_deep and _is_deep(found) else found


def _is_deep(found: object) -> bool:
    level = [found]
    for _ in range(DEEPEST):
        inner = [one.values() if isinstance(one, dict) else one for one in level if isinstance(one, NESTED)]
        level = [one for values in inner for one in values]
        if not level:
            return False
    return True


def body_of(content: bytes) -> Body:
    """A JSON object; empty for everything else."""
    found = decoded(content)
    return found if isinstance(found, dict) else {}


def figure(value: object) -> int | None:
    """A token figure as providers and gateways write it: an integer, also as a float or in a string.

    None for what is no figure: absent, null, negative, or larger than any provider's.
    """
    if type(value) is int:
        found = value
    elif (type(value) is float and value.is_integer()) or (
        isinstance(value, str) and value.strip().isdigit() and len(value) < 20
    ):
        found = int(value)
    else:
        return None
    return found if 0 <= found <= MOST else None


def count(value: object) -> int:
    """The same with 0 for what is no figure: it never raises after a paid call."""
    if type(value) is int and 0 <= value <= MOST:
        return value
    return figure(value) or 0


def tidy(value: object) -> Any:
    """A usage object with every figure as an integer, for those who count integers alone."""
    if isinstance(value, dict):
        return {
            key: inner if type(inner) is int and 0 <= inner <= MOST else tidy(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [tidy(inner) for inner in value]
    found = figure(value) if type(value) in (float, str) else None
    if type(value) is int and figure(value) is None:
        return 0
    return value if found is None else found


def said(value: object) -> list[str]:
    """Every text within an answer, a part of one, or a request; not what it only names, nor attachments."""
    if isinstance(value, str):
        return [] if value.startswith("data:") else [value]
    if isinstance(value, dict):
        return [text for key, inner in value.items() if key not in UNSAID for text in said(inner)]
    return [text for inner in value for text in said(inner)] if isinstance(value, list) else []


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


def mentions(value: object, keys: frozenset[str], inline: str = "\0") -> bool:
    """Whether any object inside a request has one of these keys with something in it.

    Not where it is a text that begins with `inline`, or an object with such a text: that is content, no reference.
    """
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in keys and inner and not _begins(inner, inline):
                return True
            if isinstance(inner, NESTED) and mentions(inner, keys, inline):
                return True
        return False
    return isinstance(value, list) and any(mentions(inner, keys, inline) for inner in value)


def _begins(value: object, inline: str) -> bool:
    if isinstance(value, dict):
        value = value.get("url")
    return isinstance(value, str) and value.startswith(inline)

"""How transcript rows become responses: the one definition of counting, shared by every face.

Which rows count (measured on Claude Code 2.1.197 to 2.1.332): rows of type `assistant` with `message.usage`,
except the model `<synthetic>`, rows answered without a request (`isUnmetered`) and rows copied from another session
(a fork copies its parent's rows; the session that paid is named by `requestSessionId`, older clients mark the copy
with `forkedFrom`), nor rows whose figures are zero while their 5-minute and 1-hour split is not: after a compaction
2.1.197 copies rows into a fork with no other mark than that. One response is written on several rows, one per content
block, with growing figures: the response is the field-wise maximum over the rows of one message id.

The identity of a response is its message id; where that is missing the request serves, then the row's uuid. Some
gateways give many answers one message id: within a session the first request keeps it, each other request
is `<message id>@<request>` (see `gaia_hooks.session.made`).
"""

from gaia_hooks.facts.tokens import bill, bounds, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MADE_BY = "@"  # between a message id and the request that it does not tell from others
GENUINE = 24  # characters from which on an id of the provider's form is random enough to be told by its end
PART = "+"  # between a response's key and the model of a part of it
TRAITS = {
    "effort": "effort",
    "entrypoint": "entrypoint",
    "skill": "attributionSkill",
    "plugin": "attributionPlugin",
    "mcp_server": "attributionMcpServer",
    "mcp_tool": "attributionMcpTool",
    "agent_kind": "attributionAgent",
}
"""What a row tells of how its request came to be: our name, and the row's field."""
_TRAIT_FIELDS = frozenset(TRAITS.values())
_NO_TRAITS: "dict[str, str]" = {}  # of all that have none; never written into
COPY_MARKS = ("forkedFrom", "requestSessionId")
ANSWER = b'"role":"assistant"'  # in the row of a response, before its text and its usage
LONGEST_TRAIT = 120
LONGEST_TYPE = 40
REPEATED = "progress"  # of rows that say again what a subagent's own file says
LONGEST_ID = 160
LONGEST_PLAIN = 400  # names.FACT_LIMIT: together as long as one may be


class Unreadable(ValueError):
    """A row tells of a response whose figures are none: it is set aside, and said."""


class Response:
    """One API response of one session, as far as its rows have been seen; or the part of one that another model ran.

    `runs` sum to `usage` where the model ran more than once; `parts` are what other models ran for it, each with
    the response's key in `part_of`; `odd` names what of its usage is not understood (`gaia_hooks.facts.tokens.bill`).
    """

    __slots__ = (
        "agent_id",
        "branch",
        "key",
        "model",
        "odd",
        "part_of",
        "parts",
        "recached",
        "request",
        "runs",
        "session_id",
        "timestamp",
        "traits",
        "usage",
        "variant",
    )

    def __init__(
        self,
        key: str,
        model: str,
        counted: "tuple[int, ...]",
        timestamp: str,
        session_id: str = "",
        agent_id: str = "",
        branch: str = "",
        variant: str = "",
        recached: int = 0,
    ) -> None:
        self.key = key
        self.model = model
        self.usage = counted
        self.timestamp = timestamp
        self.session_id = session_id
        self.agent_id = agent_id
        self.branch = branch
        self.variant = variant
        self.recached = recached
        self.runs: tuple[tuple[int, ...], ...] = ()
        self.parts: tuple[Response, ...] = ()
        self.part_of = ""
        self.request = ""
        self.traits: dict[str, str] = _NO_TRAITS
        self.odd: tuple[str, ...] = ()

    def alike(self, counted: "tuple[int, ...]", recached: int) -> "Response":
        """The same response with other figures, and without its parts."""
        made = Response(
            self.key, self.model, counted, self.timestamp, self.session_id, self.agent_id, self.branch, self.variant,
            recached)  # fmt: skip
        made.part_of, made.request, made.traits, made.odd = (
            self.part_of,
            self.request,
            self.traits,
            self.odd,
        )
        return made

    def rename(self, key: str) -> None:
        """Give the response, and its parts, another key."""
        self.key = key
        for part in self.parts:
            part.key, part.part_of = key + PART + part.model, key

    def absorb(self, seen: "Response") -> None:
        """Take in a further sighting of the same response."""
        larger = tuple(map(max, self.usage, seen.usage))
        if larger == seen.usage:
            self.runs = seen.runs
        elif larger != self.usage:
            self.runs = ()
        self.usage = larger
        self.odd = self.odd or seen.odd
        if not seen.parts:
            return
        known = {part.key: part for part in self.parts}
        for part in seen.parts:
            if part.key in known:
                known[part.key].absorb(part)
            else:
                self.parts = (*self.parts, part)


def is_genuine(key: str) -> bool:
    """Whether an id has the provider's own form, which no two responses share."""
    return key.startswith("msg_") and len(key) >= GENUINE and MADE_BY not in key


def _text(value: object) -> str:
    return value if type(value) is str else ""


def _cleaned(
    model: str, session: str, payer: str, requested: str, at: str, agent: str, branch: str
) -> "tuple[str, ...]":
    """What a row names, as facts hold it."""
    from gaia_hooks.facts import names

    shown, apart, most = names.shown, names.told_apart, names.FACT_LIMIT
    return (
        shown(model, most),
        apart(session),
        apart(payer),
        shown(requested, most),
        at,
        apart(agent),
        shown(branch, most),
    )


def _id(value: object) -> str:
    """An id fit for a line, a key and a database; ends tell long ones apart."""
    if type(value) is not str:
        return ""
    if len(value) > LONGEST_ID:
        value = value[: LONGEST_ID // 2] + value[-LONGEST_ID // 2 :]
    return value if value.isprintable() else "".join(one if one.isprintable() else "?" for one in value)


def response_of(row: object) -> "Response | None":
    """The response that a row tells of, None where it counts for nothing. Raises Unreadable: its figures are none."""
    if type(row) is not dict:
        return None
    message, get = row.get("message"), row.get
    raw = message.get("usage") if type(message) is dict else None
    if get("type") != "assistant":
        _foreign(row, raw)
        return None
    if type(message) is not dict or type(raw) is not dict:
        return None
    told: tuple[Any, ...] = (
        message.get("model", ""),
        get("sessionId", ""),
        get("requestSessionId", ""),
        get("requestedModel", ""),
        get("timestamp", ""),
        get("agentId", ""),
        get("gitBranch", ""),
    )
    try:
        together = "".join(told)
    except TypeError:
        told, together = tuple(map(_text, told)), "\0"
    if len(together) > LONGEST_PLAIN or not together.isprintable():
        told = _cleaned(*told)
    model, session_id, payer, requested, timestamp, agent, branch = told
    if model == "<synthetic>" or get("isUnmetered") is True:
        return None
    if (payer and payer != session_id) or get("forkedFrom"):
        return None
    billed = bill.bill_of(raw, model, requested)
    paused = message.get("pausedResponses")
    if paused:  # several requests made this one message
        bill.add_paused(billed, paused, model, requested)
    if billed.unreadable:
        raise Unreadable("usage.%s is no count of tokens" % billed.unreadable)
    if not bounds.FIRST_YEAR <= timestamp[:4] <= bounds.LAST_YEAR:
        if timestamp[:4].isdigit():
            raise Unreadable("timestamp is no instant of a response")
        timestamp = ""  # no instant at all: the thread's last one stands for it
    counted = billed.usage
    fresh, output, read = counted[:3]
    if not (fresh or output or read or usage.count(raw.get("cache_creation_input_tokens"))) and any(counted):
        return None
    request = get("requestRef")
    request = (_id(request) if request else "") or _id(get("requestId"))
    key = _id(message.get("id")) or request or _id(get("uuid"))
    if not key:
        return None
    if not agent and get("isSidechain") is True:
        agent = "sidechain"
    made = Response(key, model, counted, timestamp[:LONGEST_TRAIT], session_id, agent, branch, billed.variant)
    made.request, made.runs, made.odd = "" if paused else request, billed.runs, billed.odd
    if not row.keys().isdisjoint(_TRAIT_FIELDS):
        made.traits = _traits(row)
    if billed.parts:
        _add_parts(made, billed)
    return made


def _foreign(row: "dict[str, Any]", raw: object) -> None:
    """Raises Unreadable for a row of a type that nobody knows and that tells of a usage: it may have been billed."""
    if row.get("type") != REPEATED and (type(raw) is dict or type(row.get("usage")) is dict):
        from gaia_hooks.facts import names

        raise Unreadable(
            "a row of the type %s tells of a usage" % names.shown(str(row.get("type")), LONGEST_TYPE)
        )


def copied(row: object) -> "Response | None":
    """The response that a row is marked as a copy of; `/branch` of some clients marks one of two rows alike."""
    if type(row) is not dict or not row.get("forkedFrom"):
        return None
    try:
        return response_of({name: row[name] for name in row if name not in COPY_MARKS})
    except Unreadable:
        return None


def _add_parts(made: Response, billed: bill.Bill) -> None:
    for other, figures, runs in billed.parts:
        part = made.alike(figures, 0)
        part.model, part.runs, part.variant = other, runs, billed.parts_variant
        part.odd = ()  # said of the response, once
        made.parts = (*made.parts, part)
    made.rename(made.key)


def _traits(row: "dict[str, object]") -> "dict[str, str]":
    found = {}
    for name, field in TRAITS.items():
        text = row.get(field)
        if type(text) is str and text:
            found[name] = text if text.isprintable() and len(text) <= LONGEST_TRAIT else _trait(text)
    return found


def _trait(text: str) -> str:
    from gaia_hooks.facts import names

    return names.shown(text, LONGEST_TRAIT)

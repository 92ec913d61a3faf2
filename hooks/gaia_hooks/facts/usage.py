"""How transcript rows become usage: the one definition of counting, shared by every face.

Which rows count (measured on Claude Code 2.1.197 to 2.1.330): rows of type `assistant` with `message.usage`,
except the model `<synthetic>` and rows copied from another session (a fork copies its parent's rows; the
session that paid is named by `requestSessionId`, older clients mark the copy with `forkedFrom`), nor rows whose
figures are zero while their 5-minute and 1-hour split is not: after a compaction 2.1.197 copies rows into a
fork with no other mark than that. One response
is written on several rows, one per content block, with growing figures: the response is the field-wise
maximum over the rows of one message id. Where the message id is missing the request id serves, then the uuid.

A usage is a tuple of integers in the order of `FIELDS`. `input_tokens` excludes cache reads and writes,
`output_tokens` includes reasoning.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:  # the typing module costs milliseconds on the hook path
    from typing import Any

FIELDS = (
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_5m_tokens",
    "cache_write_1h_tokens",
    "reasoning_tokens",
    "web_searches",
)
INPUT, OUTPUT, READ, WRITE_5M, WRITE_1H, REASONING, SEARCHES = range(7)
NOTHING = (0, 0, 0, 0, 0, 0, 0)
REMEMBERED = 16  # settled responses of a thread whose late rows are still recognised
FIGURES = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")


def _count(value: object) -> int:
    """A token figure; absent, null, negative or foreign values are 0 and never raise after a paid call."""
    return value if type(value) is int and value > 0 else 0


def usage_of(raw: "dict[str, Any]") -> "tuple[int, ...]":
    """The usage of a provider's `usage` object in Anthropic's form; unsplit writes are 5-minute ones."""
    split = raw.get("cache_creation")
    split = split if type(split) is dict else {}
    one_hour = _count(split.get("ephemeral_1h_input_tokens"))
    five_minutes = _count(split.get("ephemeral_5m_input_tokens"))
    unsplit = _count(raw.get("cache_creation_input_tokens")) - one_hour
    details = raw.get("output_tokens_details")
    tools = raw.get("server_tool_use")
    return (
        _count(raw.get("input_tokens")),
        _count(raw.get("output_tokens")),
        _count(raw.get("cache_read_input_tokens")),
        max(five_minutes, unsplit),
        one_hour,
        _count(details.get("thinking_tokens")) if type(details) is dict else 0,
        _count(tools.get("web_search_requests")) if type(tools) is dict else 0,
    )


def merged(a: "tuple[int, ...]", b: "tuple[int, ...]") -> "tuple[int, ...]":
    """The field-wise maximum of two sightings of one response."""
    return tuple(map(max, a, b))


def prompt_tokens(usage: "tuple[int, ...]") -> int:
    """Everything the model read: fresh input, cache writes and cache reads."""
    return usage[INPUT] + usage[READ] + usage[WRITE_5M] + usage[WRITE_1H]


def recached_tokens(usage: "tuple[int, ...]", previous_prompt: int) -> int:
    """What was sent or written again only because the cache had expired (requirement R24).

    With P the prompt of this response and P' that of the one before it in its thread: what was paid as fresh
    input or cache write beyond the growth P - P'; 0 where the prompt did not grow (compaction, a new thread).
    """
    growth = prompt_tokens(usage) - previous_prompt
    if growth <= 0:
        return 0
    return max(0, usage[INPUT] + usage[WRITE_5M] + usage[WRITE_1H] - growth)


def budget_tokens(usage: "tuple[int, ...]", recached: int) -> int:
    """What counts against a session budget: input + cache writes + output - re-cached (requirement R24)."""
    return usage[INPUT] + usage[WRITE_5M] + usage[WRITE_1H] + usage[OUTPUT] - recached


class Response:
    """One API response of one session, as far as its rows have been seen."""

    __slots__ = (
        "agent_id",
        "branch",
        "key",
        "model",
        "recached",
        "session_id",
        "timestamp",
        "usage",
        "variant",
    )

    def __init__(
        self,
        key: str,
        model: str,
        usage: "tuple[int, ...]",
        timestamp: str,
        session_id: str = "",
        agent_id: str = "",
        branch: str = "",
        variant: str = "",
        recached: int = 0,
    ) -> None:
        self.key = key
        self.model = model
        self.usage = usage
        self.timestamp = timestamp
        self.session_id = session_id
        self.agent_id = agent_id
        self.branch = branch
        self.variant = variant
        self.recached = recached

    def part(self, usage: "tuple[int, ...]", recached: int) -> "Response":
        """The same response with only a part of its usage."""
        return Response(
            self.key, self.model, usage, self.timestamp, self.session_id, self.agent_id, self.branch, self.variant,
            recached)  # fmt: skip


def _text(value: object) -> str:
    return value if type(value) is str else ""


def response_of(row: object) -> "Response | None":
    """The response that a transcript row tells of, or None where the row counts for nothing."""
    if type(row) is not dict or row.get("type") != "assistant":
        return None
    message = row.get("message")
    if type(message) is not dict:
        return None
    raw, model = message.get("usage"), _text(message.get("model"))
    if type(raw) is not dict or model == "<synthetic>":
        return None
    session_id = _text(row.get("sessionId"))
    payer = _text(row.get("requestSessionId"))
    if (payer and payer != session_id) or row.get("forkedFrom"):
        return None
    counted = usage_of(raw)
    if any(counted) and not any(_count(raw.get(name)) for name in FIGURES):
        return None
    key = _text(message.get("id")) or _text(row.get("requestId")) or _text(row.get("uuid"))
    if not key:
        return None
    agent = _text(row.get("agentId")) or ("sidechain" if row.get("isSidechain") is True else "")
    variant = "fast" if raw.get("speed") == "fast" else "batch" if raw.get("service_tier") == "batch" else ""
    return Response(
        key,
        model,
        counted,
        _text(row.get("timestamp")),
        session_id,
        agent,
        _text(row.get("gitBranch")),
        variant,
    )


class Thread:
    """The responses of one thread (the main one, or one subagent) in the order of its file.

    `open` is the newest response, which may still grow; an older one is settled. `prompt` is the prompt of
    the response before the open one.
    """

    __slots__ = ("open", "prompt", "settled")

    def __init__(
        self,
        prompt: int = 0,
        open_response: "Response | None" = None,
        settled: "dict[str, tuple[int, ...]] | None" = None,
    ) -> None:
        self.prompt = prompt
        self.open = open_response
        self.settled = settled if settled is not None else {}

    def add(self, seen: Response) -> "list[tuple[Response, bool]]":
        """Take in one sighting; return what it settles as (response, is_correction) pairs.

        A correction carries only what a settled response has grown by since.
        """
        current = self.open
        if current is not None and current.key == seen.key:
            current.usage = merged(current.usage, seen.usage)
            current.recached = recached_tokens(current.usage, self.prompt)
            return []
        known = self.settled.get(seen.key)
        if known is not None:
            return self._late(seen, tuple(known))
        done = self.settle()
        seen.recached = recached_tokens(seen.usage, self.prompt)
        self.open = seen
        return done

    def settle(self) -> "list[tuple[Response, bool]]":
        """Close the open response: the turn, the subagent or the session has ended, or a newer one began."""
        current = self.open
        if current is None:
            return []
        self.open = None
        self.prompt = prompt_tokens(current.usage) or self.prompt
        self.settled[current.key] = current.usage
        while len(self.settled) > REMEMBERED:
            del self.settled[next(iter(self.settled))]
        return [(current, False)]

    def _late(self, seen: Response, known: "tuple[int, ...]") -> "list[tuple[Response, bool]]":
        larger = merged(known, seen.usage)
        if larger == known:
            return []
        self.settled[seen.key] = larger
        seen.usage = tuple(new - old for new, old in zip(larger, known))
        return [(seen, True)]

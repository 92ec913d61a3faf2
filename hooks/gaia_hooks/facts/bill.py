"""What one `usage` object of Anthropic's bills, with all that its top level leaves out.

`iterations` lists what one request really ran. The model that answers runs once or more (`message`, and
`compaction` on the server): each run is priced at its own prompt's tier. Where its runs sum to the top level, or the
last run is the top level (compaction stands in no top-level figure), the runs are the bill. An `advisor_message`, an
attempt that was declined and a `fallback_message` name models of their own: parts, billed beside the response.
Runs that contradict the top level: the dearer reading, and the name `iterations` among what is `odd`.

Every face that is given a usage calls `bill_of`: hooks and ingest through `gaia_hooks.facts.responses`, the
middleware for the usage in a reply.
"""

from gaia_hooks.facts import bounds, names, usage

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIGURES = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")
SPLIT = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
SEARCHES = ("web_search_requests", "web_fetch_requests")  # fetching costs nothing but its tokens
NESTED = {"cache_creation": SPLIT, "server_tool_use": SEARCHES, "output_tokens_details": ("thinking_tokens",)}
KNOWN = frozenset((*FIGURES, *NESTED, "service_tier", "inference_geo", "speed", "iterations"))
VALUES = {
    "service_tier": ("standard", "priority", "batch"),
    "inference_geo": ("us", "global", "not_available"),
    "speed": ("standard", "fast"),
}
RUNS = frozenset(("message", "compaction", "advisor_message", "fallback_message"))
ASIDE = "advisor_message"  # never part of the top level, whatever its model
MOST_RUNS = 1000
WEIGHTS = (
    20,
    100,
    2,
    25,
    40,
)  # what Anthropic's kinds of token cost against each other: which reading is dearer
LONGEST_NAME = 60


class Bill:
    """What a usage bills.

    `usage` is that of the model that answered, `runs` its runs where it ran more than once (they sum to `usage`),
    `parts` what other models ran for it, as (model, usage, runs). `variant` selects its prices (see
    `gaia_hooks.facts.pricing`). `odd` names what is not understood: with any of it, the figures are "at least".
    `unreadable` names a figure that is no count; then nothing in the usage can be relied on.
    """

    __slots__ = ("odd", "parts", "runs", "unreadable", "usage", "variant")

    def __init__(self, own: "tuple[int, ...]", variant: str, odd: "tuple[str, ...]", unreadable: str) -> None:
        self.usage = own
        self.runs: tuple[tuple[int, ...], ...] = ()
        self.parts: list[tuple[str, tuple[int, ...], tuple[tuple[int, ...], ...]]] = []
        self.variant = variant
        self.odd = odd
        self.unreadable = unreadable


def bill_of(raw: "dict[str, Any]", model: str = "", requested: str = "") -> Bill:
    """The bill of a usage whose answer came from `model`, asked for as `requested` where that is another one."""
    bill = Bill(usage.usage_of(raw), variant_of(raw), _odd(raw), _unreadable(raw))
    iterations = raw.get("iterations")
    if iterations and not bill.unreadable:
        if type(iterations) is not list or len(iterations) > MOST_RUNS:
            bill.odd = (*bill.odd, "iterations")
        else:
            _run_through(bill, iterations, model, requested)
    return bill


def variant_of(raw: "dict[str, Any]") -> str:
    """Which prices a usage asks for: `fast` or `batch`, with `us` behind it where it was inferred in the US only."""
    service = "fast" if raw.get("speed") == "fast" else "batch" if raw.get("service_tier") == "batch" else ""
    if raw.get("inference_geo") != "us":
        return service
    return service + "-us" if service else "us"


def _run_through(bill: Bill, iterations: "list[Any]", model: str, requested: str) -> None:
    fell_back = any(type(one) is dict and one.get("type") == "fallback_message" for one in iterations)
    own: list[tuple[int, ...]] = []
    others: dict[str, list[tuple[int, ...]]] = {}
    beside: list[tuple[int, ...]] = []  # runs of other models that the top level may hold
    for one in iterations:
        if type(one) is not dict:
            bill.odd = (*bill.odd, "iterations")
            continue
        wrong = _unreadable(one)
        if wrong:
            bill.unreadable = "iterations." + wrong
            return
        strange = [key for key, value in one.items() if key not in KNOWN and type(value) is int and value]
        bill.odd = (*bill.odd, *(_name("iterations." + key) for key in strange))
        kind = one.get("type")
        if kind not in RUNS:
            bill.odd = (*bill.odd, _name("iterations.type=%s" % (kind,)))
        named = one.get("model")
        if type(named) is not str or not named:
            named = (requested or model) if fell_back and kind == "message" else model
        figures = (*usage.usage_of(one)[: usage.REASONING], 0, 0)
        if kind == ASIDE or named != model:
            others.setdefault(named, []).append(figures)
            if kind != ASIDE:
                beside.append(figures)
        else:
            own.append(figures)
    bill.parts = [(name, usage.total(tuple(runs)), _if_several(runs)) for name, runs in others.items()]
    if own:
        _settle(bill, _split_as(bill.usage, own), beside)


def _if_several(runs: "list[tuple[int, ...]]") -> "tuple[tuple[int, ...], ...]":
    return tuple(runs) if len(runs) > 1 else ()


def _split_as(top: "tuple[int, ...]", runs: "list[tuple[int, ...]]") -> "list[tuple[int, ...]]":
    """The runs with the one-hour writes that only the top level tells of, first come first."""
    left = top[usage.WRITE_1H] - sum(run[usage.WRITE_1H] for run in runs)
    made: list[tuple[int, ...]] = []
    for fresh, output, reads, write_5m, write_1h, reasoning, searches in runs:
        moved = max(0, min(left, write_5m))
        left -= moved
        made.append((fresh, output, reads, write_5m - moved, write_1h + moved, reasoning, searches))
    return made


def _settle(bill: Bill, runs: "list[tuple[int, ...]]", beside: "list[tuple[int, ...]]") -> None:
    """Decide between the top level and the runs of the model that answered."""
    top, last = bill.usage, runs[-1]
    told, summed = top[: usage.REASONING], usage.total(tuple(runs))
    both = usage.total((*runs, *beside))
    if told not in (summed[: usage.REASONING], last[: usage.REASONING], both[: usage.REASONING]):
        bill.odd = (*bill.odd, "iterations")
        if _weight(told) >= _weight(summed):
            return  # the top level is the dearer reading
    runs[-1] = (
        *last[: usage.REASONING],
        *top[usage.REASONING :],
    )  # reasoning and searches stand at the top alone
    bill.usage = usage.total(tuple(runs))
    bill.runs = _if_several(runs)


def _weight(figures: "tuple[int, ...]") -> int:
    return sum(weight * tokens for weight, tokens in zip(WEIGHTS, figures))


def _unreadable(raw: "dict[str, Any]") -> str:
    """The name of the first figure that is neither a count nor missing; empty when all can be read."""
    for name in FIGURES:
        if _no_count(raw.get(name)):
            return name
    for name, keys in NESTED.items():
        inner = raw.get(name)
        if type(inner) is dict:
            for key in keys:
                if _no_count(inner.get(key)):
                    return name + "." + key
    return ""


def _no_count(value: object) -> bool:
    if value is None or type(value) is bool:
        return False
    if type(value) is float:
        return value != 0 and not usage.count(value)
    return type(value) is not int or value > bounds.MOST_TOKENS


def _odd(raw: "dict[str, Any]") -> "tuple[str, ...]":
    """The names of what is not known and not empty, and of known keys' unknown values."""
    found = [_name(key) for key, value in raw.items() if key not in KNOWN and value]
    for name, keys in NESTED.items():
        inner = raw.get(name)
        if type(inner) is dict:
            found += [_name(name + "." + key) for key, value in inner.items() if key not in keys and value]
    for name, values in VALUES.items():
        value = raw.get(name)
        if value and value not in values:
            found.append(_name("%s=%s" % (name, value)))
    negative = [name for name in FIGURES if type(raw.get(name)) is int and raw[name] < 0]
    return tuple(found + negative)


def _name(text: str) -> str:
    """A name of somebody else's, fit to be shown and stored."""
    return names.shown(text, LONGEST_NAME)

"""What one `usage` object of Anthropic's bills, with all that its top level leaves out.

`iterations` lists what one request really ran. The model that answers runs once or more (`message`, and
`compaction` on the server): each run is priced at its own prompt's tier. Where its runs sum to the top level, or the
last run is the top level (compaction stands in no top-level figure), the runs are the bill. An `advisor_message`, an
attempt that was declined and a `fallback_message` name models of their own: parts, billed beside the response.
Runs that contradict the top level: the dearer reading, and the name `iterations` among what is `odd`.

A reply that reaches a limit can be paused and resumed by another request: the client writes it under one message id,
with the usage of the last request and those before it in `pausedResponses`. Each is billed.

Every face that is given a usage calls `bill_of`: hooks and ingest through `gaia_hooks.facts.tokens.responses`, the
middleware for the usage in a reply.
"""

from gaia_hooks.facts.tokens import usage, usage_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


FAST = "fast"


class Bill:
    """What a usage bills.

    `usage` is that of the model that answered, `runs` its runs where it ran more than once (they sum to `usage`),
    `parts` what other models ran for it, as (model, usage, runs). `variant` selects its prices, and `parts_variant`
    theirs: only the model that answers runs fast (see
    `gaia_hooks.facts.prices.pricing`). `odd` names what is not understood: with any of it, the figures are "at least".
    `unreadable` names a figure that is no count; then nothing in the usage can be relied on. `left_out` is what of all
    this Claude Code leaves out of its own total, as (why, model, usage).
    """

    runs: "tuple[tuple[int, ...], ...]" = ()
    parts: "tuple[tuple[str, tuple[int, ...], tuple[tuple[int, ...], ...]], ...]" = ()
    odd: "tuple[str, ...]" = ()
    left_out: "tuple[tuple[str, str, tuple[int, ...]], ...]" = ()
    unreadable = ""

    def __init__(self, own: "tuple[int, ...]", variant: str) -> None:
        self.usage = own
        self.variant = variant

    @property
    def parts_variant(self) -> str:
        """Which prices the parts have."""
        variant = self.variant
        return variant[len(FAST) :].lstrip("-") if variant.startswith(FAST) else variant


def bill_of(raw: "dict[str, Any]", model: str = "", requested: str = "") -> Bill:
    """The bill of a usage whose answer came from `model`, asked for as `requested` where that is another one."""
    own = usage_keys.plain(raw)
    if own is not None:
        bill = Bill(own, variant_of(raw))
    else:
        bill = Bill(usage.usage_of(raw), variant_of(raw))
        bill.odd, bill.unreadable = usage_keys.odd(raw), usage_keys.unreadable(raw)
    iterations = raw.get("iterations")
    if iterations and not bill.unreadable and not _is_top_level(iterations, raw, model):
        from gaia_hooks.facts.tokens import iterations as further

        if type(iterations) is not list or len(iterations) > further.MOST_RUNS:
            bill.odd = (*bill.odd, "iterations")
        else:
            further.run_through(bill, iterations, model, requested)
    return bill


def add_paused(bill: Bill, paused: object, model: str, requested: str) -> None:
    """Add to a message's bill the answers that were paused before it: `pausedResponses` of a row in a transcript."""
    from gaia_hooks.facts.tokens import iterations as further

    if type(paused) is not list or len(paused) > further.MOST_RUNS:
        bill.odd = (*bill.odd, further.PAUSED)
    elif not bill.unreadable:
        told = [one.get("usage") if type(one) is dict else None for one in paused]
        further.add_earlier(
            bill, [bill_of(one, model, requested) if type(one) is dict else None for one in told]
        )


def _is_top_level(iterations: object, raw: "dict[str, Any]", model: str) -> bool:
    """Whether an answer ran once, and that run is what the top level says."""
    if type(iterations) is not list or len(iterations) != 1 or type(iterations[0]) is not dict:
        return False
    one = iterations[0]
    if one.get("type") != "message" or one.get("model") not in (None, "", model):
        return False
    alike = all(one.get(name) == raw.get(name) for name in (*usage_keys.FIGURES, "cache_creation"))
    return alike and one.keys() <= _ONE_RUN


_ONE_RUN = {"type", "model", *usage_keys.FIGURES, "cache_creation"}


def variant_of(raw: "dict[str, Any]") -> str:
    """Which prices a usage asks for: `fast` or `batch`, with `us` behind it where it was inferred in the US only."""
    service = FAST if raw.get("speed") == FAST else "batch" if raw.get("service_tier") == "batch" else ""
    if raw.get("inference_geo") != "us":
        return service
    return service + "-us" if service else "us"

"""What an answer that ran more than once bills beyond its top level: see `gaia_hooks.facts.tokens.bill`.

Loaded only there: nearly every answer of the newest client has one run, its top level.
"""

from gaia_hooks.facts.tokens import usage, usage_keys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gaia_hooks.facts.tokens.bill import Bill

RUNS = frozenset(("message", "compaction", "advisor_message", "fallback_message"))
ASIDE = "advisor_message"  # never part of the top level, whatever its model
COMPACTED, DECLINED = "compaction", "declined"  # why Claude Code leaves a run out of its own total
MOST_RUNS = 1000
PAUSED = "pausedResponses"  # of a message in a transcript
WEIGHTS = (20, 100, 2, 25, 40)  # what the kinds of token cost against each other: which reading is dearer


def run_through(bill: "Bill", iterations: "list[Any]", model: str, requested: str) -> None:
    """Add the runs and parts to a bill that has the top level's figures."""
    fell_back = any(type(one) is dict and one.get("type") == "fallback_message" for one in iterations)
    own: list[tuple[int, ...]] = []
    others: dict[str, list[tuple[int, ...]]] = {}
    beside: list[tuple[int, ...]] = []  # runs of other models that the top level may hold
    compacted: list[int] = []  # which of its own runs
    for one in iterations:
        if type(one) is not dict:
            bill.odd = (*bill.odd, "iterations")
            continue
        wrong = usage_keys.unreadable(one)
        if wrong:
            bill.unreadable = "iterations." + wrong
            return
        strange = [
            key for key, value in one.items() if key not in usage_keys.KNOWN and type(value) is int and value
        ]
        bill.odd = (*bill.odd, *(usage_keys.shown("iterations." + key) for key in strange))
        kind = one.get("type")
        if type(kind) is not str or kind not in RUNS:
            bill.odd = (*bill.odd, usage_keys.shown("iterations.type=%s" % (kind,)))
        named = one.get("model")
        if type(named) is not str or not named:
            named = (requested or model) if fell_back and kind == "message" else model
        figures = (*usage.usage_of(one)[: usage.REASONING], 0, 0)
        if kind == ASIDE or named != model:
            others.setdefault(named, []).append(figures)
            if kind != ASIDE:
                beside.append(figures)
            if fell_back and kind == "message":
                bill.left_out = (*bill.left_out, (DECLINED, named, figures))
        else:
            compacted += [len(own)] if kind == COMPACTED else []
            own.append(figures)
    bill.parts = tuple((name, usage.total(tuple(runs)), _if_several(runs)) for name, runs in others.items())
    if own:
        _settle(bill, _split_as(bill.usage, own), beside)
        for at in compacted if bill.runs else ():
            bill.left_out = (*bill.left_out, (COMPACTED, model, bill.runs[at]))


def add_earlier(bill: "Bill", earlier: "list[Bill | None]") -> None:
    """Add the answers of which this one is the rest: the client writes all of them under one message id."""
    own = list(bill.runs or (bill.usage,))
    others = {name: list(runs or (figures,)) for name, figures, runs in bill.parts}
    for one in reversed(earlier):
        if one is None or one.variant != bill.variant:
            bill.odd = (*bill.odd, PAUSED)
        if one is None:
            continue
        bill.odd = (*bill.odd, *one.odd)
        if one.unreadable:
            bill.unreadable = PAUSED + "." + one.unreadable
            return
        own = [*(one.runs or (one.usage,)), *own]
        for name, figures, runs in one.parts:
            others[name] = [*(runs or (figures,)), *others.get(name, ())]
    bill.usage, bill.runs = usage.total(tuple(own)), _if_several(own)
    bill.parts = tuple((name, usage.total(tuple(runs)), _if_several(runs)) for name, runs in others.items())


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


def _settle(bill: "Bill", runs: "list[tuple[int, ...]]", beside: "list[tuple[int, ...]]") -> None:
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

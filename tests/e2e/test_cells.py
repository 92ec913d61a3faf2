"""Every branch of a bill through the real client: what it says of a response and what we say are 0 nano-dollars apart.

Each cell is a turn of one conversation in which the scripted API tells its usage; `GAIA_TEST_CELLS` is how many.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from gaia_budget import ingest
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
from support.branches import CELLS, Cell, reckoned, usage_of
from support.components import requires
from support.scripted_api import reply, text

if TYPE_CHECKING:
    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "git")

COUNT = int(os.environ.get("GAIA_TEST_CELLS", "60"))
NANO = 10**9


def chosen() -> list[Cell]:
    """Cells of which each shows the most that none before it has shown: a value of an axis with a kind of iterations.

    None of a batch: a session has no batches, and the client prices none.
    """
    left = random.Random(14).sample([cell for cell in CELLS if cell.service != "batch"], 1_000)
    made: list[Cell] = []
    seen: set[tuple[Any, ...]] = set()
    while len(made) < COUNT:
        best = max(left, key=lambda cell: len(_shows(cell) - seen))
        left.remove(best)
        made.append(best)
        seen |= _shows(best)
    return made


def _shows(cell: Cell) -> set[tuple[Any, ...]]:
    return {(cell.kind, name, value) for name, value in cell._asdict().items()}


def left_out(cell: Cell) -> dict[str, Fraction]:
    """What the client leaves out of its total though it is billed: compaction on the server, a declined attempt."""
    runs = usage_of(cell)[1]
    if cell.kind == "compaction":
        return reckoned(cell._replace(searches=0), runs[:1])
    return {
        model: dollars
        for model, dollars in reckoned(cell, runs).items()
        if cell.kind == "fallback" and model != cell.model
    }


def test_each_cell_costs_what_the_client_says_but_for_what_it_is_known_to_leave_out(
    claude: Claude, api: ScriptedApi, price_list: None
) -> None:
    claude.env["DISABLE_AUTO_COMPACT"] = "1"
    turns: list[tuple[Cell, Counter[str], set[str]]] = []
    known, before = Counter[str](), set[str]()
    with claude.conversation() as talk:
        for cell in chosen():
            talk.set_model(cell.model)
            api.main(replace(reply(text("done")), usage=usage_of(cell)[0]))
            told = talk.say("go on")["modelUsage"].items()
            total = Counter({model: round(used["costUSD"] * NANO) for model, used in told})
            answered = {one.message_id for one in api.billed}
            turns.append((cell, total - known, answered - before))
            known, before = total, answered

    settings = load()
    sql = "SELECT event_id, part_of, model, cost_nano FROM events WHERE kind = 'response'"
    with Ledger.open(settings=settings) as ledger:
        ingest.run(settings, ledger)
        rows = ledger.db.ask(lambda ask: list(ask(sql, ())))
        total_nano, events = ledger.spend().total.cost_nano, ledger.spend().total.events
    apart = []
    for cell, clients, answers in turns:
        ours = Counter[str]()
        for event_id, part_of, model, nano in rows:
            if (part_of or event_id) in answers:
                ours[model] += nano
        more = left_out(cell)
        differ = {model: ours[model] - clients[model] - more.get(model, 0) * NANO for model in ours | clients}
        if any(abs(nano) >= (1 if model in more else Fraction(1, 2)) for model, nano in differ.items()):
            apart.append((cell, ours, clients, differ))
    assert not apart, apart[:3]
    assert len(turns) == COUNT
    assert len(rows) == events, "nothing is unattributed"
    assert sum(row[3] for row in rows) == total_nano

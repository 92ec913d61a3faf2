"""Every branch of a bill through the real client: what it says of a response and what we say are 0 nano-dollars apart.

Each cell is a turn of one conversation in which the scripted API tells its usage; `GAIA_TEST_CELLS` is how many.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget import places
from gaia_budget.ingest.run import run
from gaia_budget.ledger import Ledger
from gaia_budget.prices import contract
from gaia_budget.reports.sessions.beside_client import beside_client
from gaia_budget.settings import load
from support.branches import CELLS, Cell, reckoned, usage_of
from support.components import requires
from support.scripted_api import reply, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "git")

COUNT = int(os.environ.get("GAIA_TEST_CELLS", "60"))
NANO = 10**9
HALF = Fraction(501, 1000)  # of a nano-dollar: a response is rounded, and the client's totals are floats
OVERRIDES = {
    "claude-opus-5-5": {"input": 3.2, "output": 16, "cacheRead": 0.16, "cacheWrite": 4},
    "claude-haiku-5-5": {"input": 0.07, "output": 0.9, "cacheRead": 0.007, "cacheWrite": 0.1},
}


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


class Turn(NamedTuple):
    """A cell, what the client says that it cost (nano-dollars by model), and the answers it was made of."""

    cell: Cell
    clients: dict[str, Fraction]
    answers: set[str]


def lived_through(claude: Claude, api: ScriptedApi, cells: list[Cell], *options: str) -> list[Turn]:
    """One conversation, a turn for each cell."""
    claude.env["DISABLE_AUTO_COMPACT"] = "1"
    turns: list[Turn] = []
    known, before = dict[str, Fraction](), set[str]()
    with claude.conversation(*options) as talk:
        for cell in cells:
            talk.set_model(cell.model)
            api.main(replace(reply(text("done")), usage=usage_of(cell)[0]))
            told = talk.say("go on")["modelUsage"].items()
            total = {model: Fraction(used["costUSD"]) * NANO for model, used in told}
            answered = {one.message_id for one in api.billed}
            grown = {model: nano - known.get(model, 0) for model, nano in total.items()}
            turns.append(
                Turn(cell, {model: nano for model, nano in grown.items() if nano}, answered - before)
            )
            known, before = total, answered
    return turns


def in_the_ledger() -> list[tuple[str, str | None, str, int]]:
    """What an ingest makes of it: id, whose part, model, nano-dollars; nothing besides stands in the sums."""
    settings = load()
    sql = "SELECT event_id, part_of, model, cost_nano FROM events WHERE kind = 'response'"
    with Ledger.open(settings=settings) as ledger:
        run(settings, ledger)
        rows = ledger.db.ask(lambda ask: list(ask(sql, ())))
        total = ledger.spend().total
    assert len(rows) == total.events, "nothing is unattributed"
    assert sum(row[3] for row in rows) == total.cost_nano
    return rows


def apart(turns: list[Turn], left: Callable[[Cell], dict[str, Fraction]]) -> list[tuple[Any, ...]]:
    """The turns whose bill is not the client's and what it leaves out: it rounds nothing, we each response."""
    rows, found = in_the_ledger(), []
    for cell, clients, answers in turns:
        ours = Counter[str]()
        for event_id, part_of, model, nano in rows:
            if (part_of or event_id) in answers:
                ours[model] += nano
        more = left(cell)
        differ = {
            model: ours[model] - clients.get(model, 0) - more.get(model, 0) * NANO
            for model in ours.keys() | clients
        }
        if any(abs(nano) > (1 if model in more else HALF) for model, nano in differ.items()):
            found.append((cell, ours, clients, differ))
    return found


def test_each_cell_costs_what_the_client_says_but_for_what_it_is_known_to_leave_out(
    claude: Claude, api: ScriptedApi, price_list: None
) -> None:
    turns = lived_through(claude, api, chosen())
    assert len(turns) == COUNT
    assert not (found := apart(turns, left_out)), found[:3]
    beyond = sum(row[3] for row in in_the_ledger()) - sum(sum(turn.clients.values()) for turn in turns)
    named = sum(one.nano for one in beside_client(api.billed[0].session_id).left_out)
    assert abs(named - beyond) <= 2 * COUNT, (
        "what a receipt says that the client leaves out is the difference"
    )


def test_each_cell_costs_what_the_client_says_at_an_organisations_own_prices(
    claude: Claude, api: ScriptedApi, price_list: None
) -> None:
    told = {contract.KEY: {"multiplier": 0.85, "overrides": OVERRIDES}}
    file = places.managed_settings()[0]
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(told), encoding="utf-8")
    cells = [cell for cell in chosen() if not left_out(cell)]

    claude.env["CLAUDE_CODE_PROVIDER_MANAGED_BY_HOST"] = "1"  # its prices count like an administrator's file
    turns = lived_through(claude, api, cells, "--managed-settings", json.dumps(told))

    assert {turn.cell.model for turn in turns} > OVERRIDES.keys(), (
        "some at rates of their own, some at the list's"
    )
    assert not (found := apart(turns, lambda _: {})), found[:3]
    listed = sum(dollars for cell in cells for dollars in reckoned(cell, usage_of(cell)[1]).values())
    assert sum(sum(turn.clients.values()) for turn in turns) < listed * NANO

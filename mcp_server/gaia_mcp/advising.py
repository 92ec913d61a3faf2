"""Which model to use for a task: the recommendation of `gaia-budget recommend`, in few tokens."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

<<<<<<< HEAD
from gaia_budget.errors import ConfigError, LedgerError
from gaia_mcp import answers
=======
from gaia_budget.errors import ConfigError, GaiaBudgetError, LedgerError
from gaia_hooks.facts import places, plan, snapshot
from gaia_hooks.machine import files
from gaia_hooks.session import months
from gaia_mcp import answers, known, running
from gaia_mcp.kept import Answers, mark, minute
>>>>>>> 07ba4f0 (Answer in the light of the session and by the owner's word)

if TYPE_CHECKING:
    from gaia_budget.routing.answer import Recommendation

MOST_ALTERNATIVES = 3


def advice(task: str, module: str, provider: str) -> answers.RecommendAnswer:
    """The cheapest viable model. The task's text is classified and not kept. Raises InputError, ConfigError."""
<<<<<<< HEAD
    found, notes = _found(task, module or None, provider or None)
=======
    session = running.session_id() or ""
    asked = "\0".join((task, module, provider, session)).encode("utf-8", "surrogatepass")
    return _answers.get(
        hashlib.blake2b(asked).digest(),
        _stamp(module, session),
        lambda: _advice(task, module, provider, session),
    )


def _stamp(module: str, session: str) -> Hashable:
    """All that a recommendation depends on besides the question; None where some of it cannot be looked at."""
    if session:
        return None  # the running model and the context change with each turn
    home = places.home()
    own = [files.join(home, name) for name in ("settings.toml", "prices.toml", "routing.toml")]
    seen = [snapshot.path_of(home), plan.path_of(home), months.path_of(home, module.lower())]
    try:
        listed = str(known.settings.get().prices_file or "")
        paths = [*own, *seen, listed, *known.owned("token_budget.json")]
        return minute(), known.book.stamp(), *map(mark, paths)
    except GaiaBudgetError:
        return None


def _advice(task: str, module: str, provider: str, session: str) -> answers.RecommendAnswer:
    found, notes = _found(task, module or None, provider or None, session)
>>>>>>> 07ba4f0 (Answer in the light of the session and by the owner's word)
    said = found.document()
    price = said["price"]
    return answers.RecommendAnswer(
        model=said["model"],
        alias=said["alias"],
        tier=said["tier"],
        reason=said["reason"],
        how=said["how"],
        input_usd_per_million=price["input_per_1m"] if price else None,
        output_usd_per_million=price["output_per_1m"] if price else None,
        estimated_cost_usd=said["estimated_cost_usd"],
        alternatives=[one["model"] for one in said["alternatives"]][:MOST_ALTERNATIVES] or None,
        escalate_to=said["escalate_to"],
        levers=[f"{one['lever']}: {one['how']}" for one in said["levers"]] or None,
        warnings=said["warnings"] or None,
        notes=notes or None,
    )


def _found(
    task: str, module: str | None, provider: str | None, session: str
) -> tuple[Recommendation, list[str]]:
    """The recommendation, and what it does without because it cannot be read."""
    from gaia_budget.reports import recommendation
    from gaia_budget.routing import policy

    notes = []
    try:
        policies = policy.load()
    except ConfigError as error:
        policies = policy.built_in()
        notes.append(f"what the module allows is not known: {error}")
    ask = partial(
        recommendation.recommend,
        task,
        module=module,
        provider=provider,
        session_id=session,
        policies=policies,
    )
    try:
        return ask(), notes
    except LedgerError as error:
        return ask(with_outcomes=False), [*notes, f"recorded outcomes are not known: {error}"]

"""`gaia-budget recommend` and `outcome`: which model a task should go to, and whether it was good enough."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from gaia_budget.cli.current import opened_ledger
from gaia_budget.cli.output import JsonFlag, emit_json, say

if TYPE_CHECKING:
    from gaia_budget.routing.answer import Recommendation

Task = Annotated[
    str, typer.Argument(help="A task by its name, such as jd_parse, or described in a sentence.")
]
Module = Annotated[str | None, typer.Option(help="The module whose allowed models and month count.")]
Provider = Annotated[str | None, typer.Option(help="anthropic, openai or gemini.")]
SessionType = Annotated[
    str | None,
    typer.Option(help="quick_fix, feature_dev, architecture or one of your own; inside a session: its."),
]
ContextTokens = Annotated[
    int | None,
    typer.Option(min=0, help="How many tokens the request will carry; inside a session: its context."),
]
CurrentModel = Annotated[
    str | None, typer.Option(help="The model that the conversation is on; inside a session: its.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("recommend")(recommend)
    app.command("outcome")(outcome)


def recommend(
    task: Task,
    module: Module = None,
    provider: Provider = None,
    session_type: SessionType = None,
    context_tokens: ContextTokens = None,
    current_model: CurrentModel = None,
    as_json: JsonFlag = False,
) -> None:
    """The cheapest viable model, why, what it costs, and where to go when it fails. The text is not kept."""
    from gaia_budget.reports import recommendation

    found = recommendation.recommend(
        task,
        module=module,
        provider=provider,
        session_type=session_type,
        context_tokens=context_tokens,
        current_model=current_model,
    )
    if as_json:
        emit_json(found.document())
    else:
        _show(found)


def _show(found: Recommendation) -> None:
    from gaia_hooks.facts.prices.money import usd_short

    chosen = found.model
    name = f"{chosen.model} ({chosen.alias})" if chosen.alias else chosen.model
    document = found.document()
    cost, price = document["estimated_cost_usd"], document["price"]
    say(("stay on " if found.stay else "") + name)
    say(found.reason)
    if not found.stay:
        say(f"how: {found.how}")
    if cost is not None and price is not None:
        size = f"{found.size['input_tokens']:,} tokens in, {found.size['output_tokens']:,} out"
        rates = f"${price['input_per_1m']} and ${price['output_per_1m']} per million, {price['price_source']}"
        above = price.get("above_prompt_tokens")
        rates += f", the rate above {above:,} tokens" if above else ""
        say(f"about {usd_short(chosen.nano)} for a call of {size} ({rates})")
    for one in found.alternatives:
        amount = "unpriced" if one.rates is None else usd_short(one.nano)
        say(f"  else {one.model}: {amount}, {one.tier}")
    if found.escalate_to:
        say(
            f"if it does not suffice: {found.escalate_to.model}, and `gaia-budget outcome` teaches this answer"
        )
    for lever in found.levers:
        cost = "" if lever.nano is None else f", {usd_short(lever.nano)} for the same call"
        say(f"cheaper still, {lever.name}: {lever.how} ({lever.why}{cost})")
    for line in (*map(str, found.evidence), *found.warnings):
        say(f"- {line}")


Judged = Annotated[str, typer.Argument(help="The task's name, such as resume_adaptation.")]
Model = Annotated[str, typer.Argument(help="The model that did it: an id, or haiku, sonnet, opus, fable.")]
Ok = Annotated[bool, typer.Option("--ok", help="The answer sufficed.")]
Insufficient = Annotated[bool, typer.Option("--insufficient", help="It did not.")]
Reason = Annotated[str, typer.Option(help="Why not. It is kept in the ledger.")]
For = Annotated[str, typer.Option(help="The module it was for.")]


def outcome(
    task: Judged,
    model: Model,
    ok: Ok = False,
    insufficient: Insufficient = False,
    reason: Reason = "",
    module: For = "",
    as_json: JsonFlag = False,
) -> None:
    """Teach the recommendation: later answers for this task go by what was recorded."""
    from gaia_budget.errors import InputError, NotFoundError
    from gaia_budget.prices.table import load as load_prices
    from gaia_budget.routing import table, vocabulary

    if ok == insufficient:
        raise typer.BadParameter(
            "say one of them, as nothing is recorded otherwise", param_hint="--ok / --insufficient"
        )
    routing = table.load()
    named = vocabulary.task_name(task)
    if not named or len(task.strip()) > vocabulary.MAX_NAME:
        raise InputError(
            f"a task is named in at most {vocabulary.MAX_NAME} characters, such as resume_adaptation; what a model "
            "was told is not kept",
            slug="not-valid",
        )
    name = load_prices().name(model)
    if name is None:
        listed = [one for tiers in routing.providers.values() for models in tiers.values() for one in models]
        raise NotFoundError("model", model, listed)
    with opened_ledger() as (ledger, _):
        ledger.record_outcome(named, name.model, ok, module=module.lower(), reason=reason)
    recorded = {"task": named, "model": name.model, "ok": ok, "reason": reason, "module": module.lower()}
    if as_json:
        emit_json({"recorded": recorded})
    else:
        say(f"recorded: {name.model} {'sufficed' if ok else 'did not suffice'} for {named}")

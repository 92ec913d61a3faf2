"""`gaia-budget outcome`: says whether a model's work on a task was good enough."""

from __future__ import annotations

from typing import Annotated

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, say

Task = Annotated[str, typer.Argument(help="The task's name, such as resume_adaptation.")]
Model = Annotated[str, typer.Argument(help="The model that did it: an id, or haiku, sonnet, opus, fable.")]
Ok = Annotated[bool, typer.Option("--ok", help="The answer sufficed.")]
Insufficient = Annotated[bool, typer.Option("--insufficient", help="It did not.")]
Reason = Annotated[str, typer.Option(help="Why not. It is kept in the ledger.")]
Module = Annotated[str, typer.Option(help="The module it was for.")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("outcome")(outcome)


def outcome(
    task: Task,
    model: Model,
    ok: Ok = False,
    insufficient: Insufficient = False,
    reason: Reason = "",
    module: Module = "",
    as_json: JsonFlag = False,
) -> None:
    """Teach the recommendation: later answers for this task go by what was recorded."""
    from gaia_budget.errors import InputError, NotFoundError
    from gaia_budget.ledger import Ledger
    from gaia_budget.prices.table import load as load_prices
    from gaia_budget.routing import table, vocabulary
    from gaia_budget.settings import load

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
    with Ledger.open(settings=load()) as ledger:
        ledger.record_outcome(named, name.model, ok, module=module.lower(), reason=reason)
    recorded = {"task": named, "model": name.model, "ok": ok, "reason": reason, "module": module.lower()}
    if as_json:
        emit_json({"recorded": recorded})
    else:
        say(f"recorded: {name.model} {'sufficed' if ok else 'did not suffice'} for {named}")

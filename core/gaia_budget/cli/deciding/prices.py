"""`gaia-budget prices`: what models cost, what of the price data is out of date, and calibrated estimates."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gaia_budget.cli.output import JsonFlag, emit_json, note, say

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.prices.table import PriceTable
    from gaia_budget.routing.upkeep.review import Review, Used

Model = Annotated[str, typer.Argument(help="A model in any form: an id, a cloud's name, haiku, opus …")]
At = Annotated[str | None, typer.Option(help="The rows in force on this day alone, such as 2026-02-09.")]
Provider = Annotated[str, typer.Option(help="Who sells it, where several do: aws, gemini, openrouter …")]

KINDS = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h", "reasoning")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(no_args_is_help=True, help="What models cost, and what is out of date.")
    group.command("show")(show)
    group.command("check")(check)
    group.command("calibrate")(calibrate)
    app.add_typer(group, name="prices")


def show(model: Model, at: At = None, provider: Provider = "", as_json: JsonFlag = False) -> None:
    """The price rows of a model: by date, prompt length and variant, in USD per million tokens."""
    from gaia_budget.errors import NotFoundError
    from gaia_budget.prices import overrides
    from gaia_budget.prices.table import load

    prices = load()
    name = prices.name(model, provider)
    if name is None:
        cure = f"Name it as its provider does, or price it yourself in {overrides.file()}"
        raise NotFoundError("model", model, prices.similar(model), cure)
    rows = [
        row for variant in ("", *prices.variants(name)) for row in _rows(prices, name, variant, _moment(at))
    ]
    document = {"model": name.model, "provider": name.provider, **prices.facts(name), "rows": rows}
    if as_json:
        emit_json(document)
        return
    say(f"{name.model} ({name.provider})")
    for row in rows:
        rates = ", ".join(f"{kind} {row[f'{kind}_per_1m']}" for kind in KINDS if row.get(f"{kind}_per_1m"))
        above = f" above {row['above_prompt_tokens']:,} prompt tokens" if row["above_prompt_tokens"] else ""
        start, source = row["from"] or "the beginning", row["price_source"]
        say(f"{row['variant'] or 'standard'} from {start}{above}: {rates} ({source})")


def check(as_json: JsonFlag = False) -> None:
    """Drift of the owner's snapshot, coming changes, retired models. Ends with 1 when something needs a change."""
    from gaia_budget import owner
    from gaia_budget.prices import families
    from gaia_budget.prices.table import load
    from gaia_budget.routing import table
    from gaia_budget.routing.upkeep import reviewed
    from gaia_budget.routing.upkeep.review import review
    from gaia_hooks.machine import clock

    budget = owner.load_token_budget()
    routing, prices = table.load(), load()
    found = review(budget, routing, prices, _used())
    with contextlib.suppress(OSError):  # then the reminder comes again
        reviewed.note(review(budget, routing, prices), families.day_of(clock.now()))
    if as_json:
        emit_json(
            {
                "updated": budget.updated.isoformat() if budget.updated else None,
                "drift": [one.document() for one in found.drift],
                "coming": [one.document() for one in found.coming],
                "retired": [
                    {
                        "model": name,
                        "since": entry.since.isoformat(),
                        "successor": successor,
                        "source": entry.source,
                    }
                    for name, entry, successor in found.retired
                ],
                "ending": [one.document() for one in found.ending],
                "reminders": found.reminders,
                "notices": budget.notices,
            }
        )
    else:
        for remark in budget.notices:
            note(remark)
        _show(found)
    raise typer.Exit(0 if found.clean else 1)


def calibrate(as_json: JsonFlag = False) -> None:
    """Fit the token estimates to your own Claude Code transcripts. Only factors are kept, no text."""
    from gaia_budget import places
    from gaia_budget.prices import calibration
    from gaia_budget.transcripts import discovery

    transcripts = discovery.find(places.claude_config_dirs())
    samples = [one for transcript in transcripts for one in calibration.samples(_lines(transcript.path))]
    fitted = calibration.fit(samples)
    if fitted:
        calibration.save(fitted)
    document = {
        "transcripts": len(transcripts),
        "samples": len(samples),
        "generations": {name: one._asdict() for name, one in fitted.items()},
    }
    if as_json:
        emit_json(document)
        return
    say(f"{len(samples)} samples in {len(transcripts)} transcripts")
    for name, one in fitted.items():
        say(f"{name}: {one.factor:.2f} tokens per o200k token, ±{one.band:.0%} ({one.samples} samples)")
    if not fitted:
        say(f"fewer than {calibration.LEAST_SAMPLES} of any generation: the built-in factors hold")


def _lines(path: str) -> Iterator[Any]:
    """The rows of a transcript; a torn or foreign line says nothing about tokens."""
    from gaia_budget.transcripts.lines import bounded

    with open(path, "rb") as file:  # noqa: PTH123 (the path is text)
        for line, _ in bounded(file):
            with contextlib.suppress(ValueError):
                yield json.loads(line.decode("utf-8", "replace"))


def _used() -> list[Used]:
    """This month's own usage by model; none where there is no ledger yet."""
    from pathlib import Path

    from gaia_budget import settings
    from gaia_budget.ledger.database.url import parse_url
    from gaia_budget.routing.upkeep.review import Used

    chosen = settings.load()
    file = parse_url(chosen.ledger_url).file
    if file and not Path(file).is_file():
        return []
    from gaia_budget.ledger import Ledger

    with Ledger.open(settings=chosen) as ledger:
        rows = ledger.spend(("model", "provider"), since="month").rows
    return [
        Used(
            row.key[0],
            row.key[1],
            (
                row.figures.input_tokens,
                row.figures.output_tokens,
                row.figures.cache_read_tokens,
                row.figures.cache_write_5m_tokens,
                row.figures.cache_write_1h_tokens,
                row.figures.reasoning_tokens,
                row.figures.web_searches,
            ),
            row.figures.cost_nano,
        )
        for row in rows
    ]


def _rows(prices: PriceTable, name: Any, variant: str, at: float | None) -> list[dict[str, Any]]:
    from gaia_hooks.facts.prices import pricing
    from gaia_hooks.facts.prices.money import usd

    rows = prices.rows(name, variant)
    if at is not None:
        found = pricing.row_at(rows, at)
        rows = [found] if found else []
    shown = []
    for row in rows:
        extras = row[3] if len(row) > 3 else {}
        per_nano = extras.get("per_nano", pricing.FEMTO_PER_NANO)
        for tier in row[1]:
            rates = {
                f"{kind}_per_1m": None if rate is None else usd(rate * 10**6 // per_nano)
                for kind, rate in zip(KINDS, tier[1:], strict=False)
            }
            shown.append(
                {
                    "variant": variant,
                    "from": datetime.fromtimestamp(row[0], UTC).date().isoformat() if row[0] else None,
                    "above_prompt_tokens": max(tier[0], 0),
                    **rates,
                    "web_search": None if row[2] is None else usd(row[2] // per_nano),
                    **({"request": usd(extras["request"] // per_nano)} if "request" in extras else {}),
                    **({"daily_seconds_utc": extras["daily"]} if "daily" in extras else {}),
                    "price_source": pricing.source_of(row, prices.default_source),
                }
            )
    return shown


def _moment(at: str | None) -> float | None:
    from gaia_budget.errors import InputError

    if at is None:
        return None
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        raise InputError(f"{at!r} is not a day; write it as 2026-02-09", slug="not-valid") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _show(found: Review) -> None:
    for one in found.drift:
        known = any(rate is not None for rate in one.then.rates)
        say(f"{one.provider} {one.name} ({one.then.model} on {one.then.on}):"
            + ("" if one.said() else " your file is right" if known else " no list has a price for it"))  # fmt: skip
        for line in one.said():
            say(f"  {line}")
        off = [f"{kind} {abs(value):.0f} % too {'high' if value > 0 else 'low'}".replace("_", " ")
               for kind, value in one.percent_today.items() if value]  # fmt: skip
        if one.today.model != one.then.model:
            say(f"  against {one.today.model}, which the name means today: {', '.join(off) or 'right'}")
        if one.month_nano:
            from gaia_hooks.facts.prices.money import usd_short

            say(
                f"  this month's usage would be {usd_short(one.month_nano)} off at the prices of token_budget.json"
            )
    for change in found.coming:
        document = change.document()
        before, after = document["before"], document["after"]
        say(f"{change.model} from {change.on}: input {before['input_per_1m']} -> {after['input_per_1m']}, "
            f"output {before['output_per_1m']} -> {after['output_per_1m']}")  # fmt: skip
    for retired, entry, successor in found.retired:
        say(f"{retired} was retired on {entry.since}: use {successor} ({entry.source})")
    for ending in found.ending:
        say(str(ending))
    for reminder in found.reminders:
        say(reminder)

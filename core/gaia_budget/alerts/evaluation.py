"""One evaluation: rules and figures in, alerts written down once, whoever else is at it at the same moment."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from gaia_budget.alerts import engine, metrics, rules, telling
from gaia_budget.alerts.channels import is_ready
from gaia_budget.alerts.facts import Facts
from gaia_budget.alerts.fired import Alert, Fired, Firing
from gaia_budget.errors import ConfigError
from gaia_budget.ledger.zone import bucket, first_of, iso
from gaia_hooks.facts.names import called
from gaia_hooks.facts.prices.money import usd_short

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from gaia_budget.alerts.engine import RuleVerdict
    from gaia_budget.alerts.fired import AlertChanges
    from gaia_budget.alerts.rules import Channel, Rule, RulesInForce
    from gaia_budget.forecast.outlook import Outlook
    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings

HUNDRED = 100
SENT = {"argus": True, "desktop": True, "webhook": False}
"""Channels that something is sent to, and whether only the machine that noticed can do it."""
LOCAL = ("plan", "none")
"""Windows of what only this machine's files tell."""


class Evaluated(NamedTuple):
    """The alerts that hold, the newest first, and what could not be judged, in words."""

    open: list[Alert]
    problems: list[str]
    rules: list[Rule]
    present: Mapping[str, str] = {}
    """How the figure of each of them stands now, in words, by alert id; `cause` says how it stood when it fired."""
    heights: Mapping[str, Fraction] = {}
    """The thresholds that they have passed (see `engine.height`)."""

    def told_by(self, channel: Channel) -> list[Alert]:
        """The firing alerts that a channel tells, the worst first."""
        return telling.loudest(self.open, self.rules, channel, self.heights)

    def for_hooks(self) -> list[list[str]]:
        """What the hooks' snapshot holds of them (see `telling.for_hooks`)."""
        return telling.for_hooks(self.told_by("terminal"), self.told_by("mcp"), self.present)


def evaluate(ledger: Ledger, settings: Settings, ends: Iterable[Outlook] | None = None) -> Evaluated:
    """Judge every rule and write down what changes; nothing is sent (see `channels`).

    `ends` tells where each module's month ends, where whoever asks has just reckoned it.
    Safe to run in any number of processes at once: each alert fires once. Raises LedgerError.
    """
    loaded, facts = rules.load(), Facts(ledger, settings, ends)
    known = Fired(ledger).alerts_lately()  # before the figures: what fires after them is not ours to end
    problems = [str(error) for error in loaded.problems]
    verdicts, unjudged = _judged(loaded, facts, problems)
    problems += facts.in_two_files
    seen_open = {alert.alert_id for alert in known if alert.resolved_ts is None}
    named = {rule.name for rule in loaded.rules}
    judged = named if ledger.db.shared else named | {alert.rule for alert in known}
    judged = judged - unjudged - _broken(loaded)
    calendar = engine.Calendar(facts.now, facts.month_name, facts.day_name)

    prepared: dict[str, Firing] = {}  # causes are looked up before rivals are held off

    def made(verdict: RuleVerdict, alert_id: str, period: str) -> Firing:
        if alert_id not in prepared:
            prepared[alert_id] = _firing(verdict, alert_id, period, facts)
        return prepared[alert_id]

    def decide(seen: list[Alert]) -> AlertChanges:
        mine = [alert for alert in seen if not _of_another_machine(alert, ledger)]
        return engine.decide(judged, verdicts, mine, calendar, made).ending_only(seen_open)

    if decide(known):
        Fired(ledger).change_alerts(decide)
        known = Fired(ledger).alerts_lately()
    holding = [alert for alert in known if alert.resolved_ts is None]
    judged_now = {verdict.place: verdict for verdict in verdicts}
    now = {alert.alert_id: judged_now.get((alert.rule, alert.module, alert.subject)) for alert in holding}
    return Evaluated(
        holding,
        problems,
        loaded.rules,
        {name: verdict.reading.said for name, verdict in now.items() if verdict},
        {name: engine.height(verdict.rule, verdict.threshold) for name, verdict in now.items() if verdict},
    )


def problems(ledger: Ledger, settings: Settings) -> list[str]:
    """What keeps alerts from being judged or told, in words; nothing is judged for it. Raises LedgerError."""
    wrong = [str(error) for error in rules.load().problems]
    return [*wrong, *Facts(ledger, settings).in_two_files, *stuck(ledger)]


def stuck(ledger: Ledger) -> list[str]:
    """Channels that could not send something, in words."""
    return [
        f"{one.waiting} alerts wait for {one.channel} since {iso(one.since_ts)}: {one.problem}"
        for one in Fired(ledger).stuck_deliveries()
    ]


def _judged(loaded: RulesInForce, facts: Facts, problems: list[str]) -> tuple[list[RuleVerdict], set[str]]:
    """The verdicts, and the rules that could not be judged because a file of the owner's is broken."""
    verdicts: list[RuleVerdict] = []
    unjudged: set[str] = set()
    for rule in loaded.rules:
        try:
            found = metrics.readings(rule, facts)
            verdicts += engine.judge(rule, found, lambda module, which: _threshold(facts, module, which))
        except ConfigError as error:
            unjudged.add(rule.name)
            if str(error) not in problems:
                problems.append(str(error))
    if facts.ledger.db.shared:
        verdicts = [_of_this_machine(verdict, facts.ledger.machine) for verdict in verdicts]
    return verdicts, unjudged


def _broken(loaded: RulesInForce) -> set[str]:
    """Rules of the user's that are refused at present: what they fired is left as it is."""
    keys = [(error.key or "").split(".") for error in loaded.problems]
    return {parts[1] for parts in keys if parts[0] == "rules" and len(parts) > 1}


def _threshold(facts: Facts, module: str, which: str) -> Fraction:
    entry = facts.budget.module_or_default(module, facts.settings)
    return Fraction(entry.alert_threshold_pct if which == "warning" else entry.critical_threshold_pct)


def _of_this_machine(verdict: RuleVerdict, machine: str) -> RuleVerdict:
    """In a shared ledger, what only this machine's files tell is named after it."""
    if verdict.rule.span.unit not in LOCAL:
        return verdict
    reading = verdict.reading
    return verdict._replace(reading=reading._replace(subject=f"{reading.subject}@{machine}"))


def _of_another_machine(alert: Alert, ledger: Ledger) -> bool:
    return ledger.db.shared and "@" in alert.subject and not alert.subject.endswith(f"@{ledger.machine}")


def _firing(verdict: RuleVerdict, alert_id: str, period: str, facts: Facts) -> Firing:
    rule, reading = verdict.rule, verdict.reading
    why = cause(rule, facts, reading.module)
    is_percent = rule.metric.endswith("_percent")
    alert = Alert(
        alert_id,
        rule.name,
        reading.module,
        rule.severity,
        int(reading.value * HUNDRED // 1) if is_percent else None,
        f"{reading.said}; {why}" if why else reading.said,
        _next_step(rule, reading.module, reading.subject, facts),
        facts.now,
        reading.subject,
        period,
    )
    sent = [name for name in rule.channels if name in SENT and is_ready(name, facts.settings)]
    return Firing(alert, [(name, facts.ledger.machine if SENT[name] else "") for name in sent])


def _next_step(rule: Rule, module: str, subject: str, facts: Facts) -> str:
    resets_on = first_of(bucket(facts.ledger.zone, "month", facts.now) + 1).isoformat()
    fillings = {
        "{beyond}": _beyond(module, facts),
        "{module}": called(module) or "MODULE",
        "{subject}": called(subject),
        "{resets_on}": resets_on,
    }
    text = rule.next_step or "gaia-budget spend --since today --by module,task shows where it goes"
    for name, filling in fillings.items():
        text = text.replace(name, filling)
    return text


def _beyond(module: str, facts: Facts) -> str:
    """What becomes of an app's calls once its month is used up."""
    refused = "calls of apps are refused until {resets_on}"
    if facts.settings.module(module).on_exceeded != "downgrade":
        return refused
    stop = facts.settings.hard_stop_nano(facts.budget.module_or_default(module, facts.settings).limit_nano)
    return f"calls of apps go on on the cheapest allowed model until {usd_short(stop)}; then {refused}"


AXES = ("model", "task", "session")
LATELY_DAYS = 1
"""Sessions are looked for in the events of today and yesterday alone: the sums do not know them."""


def cause(rule: Rule, facts: Facts, module: str) -> str:
    """The largest contributors in the rule's window, and when the cap is reached; empty where nothing can be told.

    Such as `most by model claude-opus-5-5 (62 %), task jd_parse (40 %); exhausted on 2026-11-28`.
    """
    if rule.span.unit in LOCAL:
        return ""
    since = facts.since(rule.span)
    lately = max(since, facts.day(LATELY_DAYS))
    found = [_largest(axis, facts, module, lately if axis == "session" else since) for axis in AXES]
    largest = ", ".join(part for part in found if part)
    return "; ".join(filter(None, (f"most by {largest}" if largest else "", _ends(rule, facts, module))))


def _ends(rule: Rule, facts: Facts, module: str) -> str:
    """When the cap of a month that is on its way there is expected to be used up; empty where it is not."""
    outlook = facts.outlooks.get(module) if rule.metric == "spend_percent" else None
    spent = outlook is not None and outlook.counted.spent_nano >= outlook.cap_nano
    return "" if outlook is None or spent or outlook.exhausted_on is None else outlook.says()


def _largest(axis: str, facts: Facts, module: str, since: int) -> str:
    rows = facts.ledger.spend((axis,), since, None, module or None)
    whole = rows.total.cost_nano
    top = next((row for row in rows.rows if row.key[0] and row.figures.cost_nano), None)
    if top is None:
        return ""
    lately = " since yesterday" if axis == "session" else ""
    return f"{axis} {top.key[0]} ({top.figures.cost_nano * 100 // whole} %{lately})"

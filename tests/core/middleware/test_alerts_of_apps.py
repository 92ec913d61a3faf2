"""A process that only wraps clients looks after its alerts itself: nobody runs a command."""

from __future__ import annotations

import queue
import time
from typing import TYPE_CHECKING

import pytest

from gaia_budget import BudgetGuard
from gaia_budget.alerts import evaluation
from gaia_budget.alerts.fired import Fired
from gaia_budget.ledger import Ledger
from gaia_budget.middleware.books import rounds
from gaia_budget.settings import load
from support import apps
from support.alerting import Receiver
from support.racers import MESSAGE, Racer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.wire_server import WireServer

SMALL = {**MESSAGE, "max_tokens": 100}


@pytest.fixture
def webhook(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A cap of which one call uses more than four fifths, and a channel that is told."""
    apps.set_caps(root, {"jseeker": 0.0014})
    with Receiver() as receiver:
        monkeypatch.setenv("GAIA_BUDGET_WEBHOOK_URL", receiver.url)
        yield receiver


def _firing() -> set[str]:
    with Ledger.open(settings=load()) as ledger:
        return {alert.rule for alert in Fired(ledger).alerts_lately() if alert.resolved_ts is None}


def test_a_script_that_ends_at_once_has_sent_its_alert(
    webhook: Receiver, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("support.racers.MESSAGE", SMALL)
    script, words = Racer(server, threads=1), queue.Queue[str]()
    script.say_when_ready()
    script.go(words)
    assert words.get(timeout=60) == "answered"
    script.end()
    assert "month-warning" in _firing()
    assert any("jseeker has spent" in told["text"] for told in webhook.got)


def test_a_process_that_goes_on_tells_while_it_runs_and_one_of_a_machine_is_enough(
    webhook: Receiver, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = []
    evaluate = evaluation.evaluate
    monkeypatch.setattr(evaluation, "evaluate", lambda *asked: looks.append(1) or evaluate(*asked))
    monkeypatch.setattr(rounds, "TURN_SECONDS", 0.01)
    monkeypatch.setattr(rounds, "FIRST_SECONDS", 0.0)
    guards = [BudgetGuard("jseeker"), BudgetGuard("via")]
    for guard in guards:
        guard.wrap(apps.claude(server)).messages.create(**SMALL)
    deadline = time.monotonic() + 60
    while not webhook.got and time.monotonic() < deadline:
        pass
    for guard in guards:
        guard.close()
    assert looks == [1]
    assert "month-warning" in _firing()


def test_what_keeps_alerts_from_being_looked_after_harms_no_call(
    webhook: Receiver, server: WireServer, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "gaia-budget" / "alerts.seen").mkdir()
    guard = BudgetGuard("jseeker")
    client = guard.wrap(apps.claude(server))
    assert client.messages.create(**SMALL).content
    guard._accounts.books()._rounds.look(0.0)
    assert "alerts are looked after later" in caplog.text

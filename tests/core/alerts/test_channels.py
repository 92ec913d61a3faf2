"""What is sent of alerts arrives at least once and in order, whatever the receiver does, and holds nothing secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

from gaia_budget.alerts import channels, evaluation
from gaia_budget.alerts.channels import webhook
from gaia_budget.alerts.fired import Fired
from gaia_budget.checked.readers import Secret
from gaia_hooks.machine import beside
from support.alerting import Receiver
from support.events import event

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_budget.ledger import Ledger
    from gaia_budget.settings.keys import Settings
    from support.clock import Clock

DOLLAR = 1_000_000_000
FOLLOWING = ["firing", "resolved"]


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(webhook, "SECONDS", 0.2)


def hooked(settings: Settings, receiver: Receiver) -> Settings:
    return settings.but(webhook_url=Secret(receiver.url))


def fire(ledger: Ledger, settings: Settings, module: str = "jseeker") -> None:
    ledger.record([event(f"a-{module}", "2026-11-23T11:00", module=module, cost_nano=8 * DOLLAR)])
    evaluation.evaluate(ledger, settings)


def resolve(ledger: Ledger, settings: Settings) -> None:
    evaluation.evaluate(ledger, settings.but(default_monthly_budget_usd=50))


def states(receiver: Receiver) -> list[str]:
    return [got["metadata"]["event_payload"]["state"] for got in receiver.got]


def test_a_webhook_gets_signed_json_that_slack_understands(
    ledger: Ledger, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(webhook.SECRET, "a shared word")
    with Receiver() as receiver:
        chosen = hooked(settings, receiver)
        fire(ledger, chosen)
        assert channels.send(ledger, chosen) == 2  # the webhook and the ARGUS line
        assert channels.send(ledger, chosen) == 0
        [body], [headers] = receiver.bodies, receiver.headers
    message = json.loads(body)
    assert message["text"].startswith(
        "GAIA warning: jseeker has spent $8.0000 of $10.0000 this month (80.00 %)"
    )
    assert message["metadata"]["event_payload"]["id"] == "month-warning:jseeker:2026-11"
    signed = headers["X-Gaia-Timestamp"].encode() + b"." + body
    wanted = hmac.new(b"a shared word", signed, hashlib.sha256).hexdigest()
    assert headers["X-Gaia-Signature"] == f"v1={wanted}"
    assert headers["X-Gaia-Delivery"] == "month-warning:jseeker:2026-11/0"


@pytest.mark.parametrize("module", ["büro ☃", "資料", "a\r\nX-Evil: 1"])
def test_an_alert_of_any_name_is_delivered(
    ledger: Ledger, settings: Settings, clock: Clock, module: str
) -> None:
    with Receiver() as receiver:
        chosen = hooked(settings, receiver)
        fire(ledger, chosen, module)
        channels.send(ledger, chosen)
        [headers] = receiver.headers
    assert headers["X-Gaia-Delivery"].isascii() and "X-Evil" not in headers


@pytest.mark.parametrize("fault", ["cut", "hang", 500, 404, 302])
def test_a_receiver_that_fails_gets_it_later_and_in_order(
    ledger: Ledger, settings: Settings, clock: Clock, fault: int | str
) -> None:
    with Receiver(fault, fault, 200, fault) as receiver:
        chosen = hooked(settings, receiver)
        fire(ledger, chosen)
        resolve(ledger, chosen)
        waits = 0
        while len(receiver.got) < 2:
            channels.send(ledger, chosen)
            clock.advance(3600)
            waits += 1
            assert waits < 10
        assert states(receiver) == FOLLOWING
        assert waits == 4
        assert channels.send(ledger, chosen) == 0


def test_until_the_pause_is_over_nobody_tries_again_and_the_channel_is_reported(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    with Receiver(500, 503) as receiver:
        chosen = hooked(settings, receiver)
        fire(ledger, chosen)
        for _ in range(3):
            channels.send(ledger, chosen)
        [stuck] = evaluation.stuck(ledger)
        assert stuck.startswith("1 alerts wait for webhook since 2026-11-23T12:00")
        assert stuck.endswith("the webhook answered 500")
        clock.advance(10)
        channels.send(ledger, chosen)
        clock.advance(19)
        assert channels.send(ledger, chosen) == 0, "the pause has doubled"
        clock.advance(1)
        assert channels.send(ledger, chosen) == 1
        assert states(receiver) == ["firing"]
        assert evaluation.stuck(ledger) == []


def test_a_process_that_dies_while_sending_leaves_it_to_the_next_one(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    with Receiver() as receiver:
        chosen = hooked(settings, receiver)
        fire(ledger, chosen)
        assert Fired(ledger).claim_delivery("webhook") is not None  # and then nothing more is heard of it
        assert Fired(ledger).claim_delivery("webhook") is None, "a second sender would be too early"
        clock.advance(61)
        channels.send(ledger, chosen)
        assert states(receiver) == ["firing"]


def test_one_alert_that_waits_does_not_hold_up_another_one(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    with Receiver(500) as receiver:
        chosen = hooked(settings, receiver)
        fire(ledger, chosen)
        channels.send(ledger, chosen)
        fire(ledger, chosen, "via")
        channels.send(ledger, chosen)
        assert [got["metadata"]["event_payload"]["module"] for got in receiver.got] == ["via"]


def test_after_a_week_it_is_given_up_and_that_is_reported(
    ledger: Ledger, settings: Settings, clock: Clock
) -> None:
    with Receiver(*[500] * 9) as receiver:
        chosen = hooked(settings, receiver)
        fire(ledger, chosen)
        channels.send(ledger, chosen)
        clock.advance(7 * 86_400)
        channels.send(ledger, chosen)
        assert "answered 500" in evaluation.stuck(ledger)[0]
        clock.advance(3600)
        assert channels.send(ledger, chosen) == 0


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://example.invalid/secret-token", "is no https:// address"),
        ("file:///etc/secret-token", "is no https:// address"),
        ("https://secret-token:99999999", "is no https:// address"),
        ("secret-token", "is no https:// address"),
        ("http://127.0.0.1:1/secret-token", "cannot be reached"),
    ],
)
def test_a_wrong_address_is_told_without_repeating_it(
    ledger: Ledger,
    settings: Settings,
    clock: Clock,
    address: str,
    said: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    chosen = settings.but(webhook_url=Secret(address))
    fire(ledger, chosen)
    channels.send(ledger, chosen)
    [stuck] = evaluation.stuck(ledger)
    assert said in stuck
    assert "secret-token" not in stuck + caplog.text + repr(chosen)


@pytest.mark.skipif(sys.platform == "win32", reason="files have no mode there")
def test_a_secret_that_others_may_read_is_refused(home: Path, settings: Settings) -> None:
    file = home / "gaia-budget" / "webhook-secret"
    file.parent.mkdir()
    file.write_text("a shared word\n", encoding="utf-8")
    file.chmod(0o600)
    assert webhook.secret() == b"a shared word"
    file.chmod(0o640)
    with pytest.raises(webhook.ChannelError, match="chmod 600"):
        webhook.secret()


def test_argus_gets_one_build_line_for_each_step(
    ledger: Ledger, settings: Settings, clock: Clock, home: Path
) -> None:
    fire(ledger, settings)
    resolve(ledger, settings)
    assert channels.send(ledger, settings) == 2
    file = home / "gaia-budget" / "logs" / "jseeker_build.jsonl"
    lines = [json.loads(line) for line in file.read_text("ascii").splitlines()]
    assert [list(line)[:7] for line in lines] == [
        ["ts", "agent", "wave", "module", "status", "duration_ms", "details"]
    ] * 2
    assert [line["status"] for line in lines] == ["alert_warning", "alert_resolved"]
    for line in lines:
        assert line["details"].startswith("alert:month-warning 80.00%: jseeker has spent $8.0000 of $10.0000")
        assert "Next: see what drives it: gaia-budget spend" in line["details"]
        assert type(line["duration_ms"]) is int


@pytest.mark.skipif(sys.platform != "linux", reason="shows what notify-send is given")
def test_the_desktop_is_told_by_the_systems_own_program(
    ledger: Ledger, settings: Settings, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, shown = tmp_path / "notify-send", tmp_path / "shown"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {shown}\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    chosen = settings.but(desktop_alerts=True)
    fire(ledger, chosen)
    channels.send(ledger, chosen)
    words = shown.read_text().splitlines()
    assert words[:2] == ["--app-name=GAIA budget", "GAIA budget"]
    assert words[2].startswith("GAIA warning: jseeker has spent $8.0000")


def test_a_system_that_cannot_show_it_is_reported(
    ledger: Ledger, settings: Settings, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "notifier", lambda _: [])
    chosen = settings.but(desktop_alerts=True)
    fire(ledger, chosen)
    assert channels.send(ledger, chosen) == 1, "the ARGUS line"
    assert "or set desktop_alerts = false" in evaluation.stuck(ledger)[0]

"""An alert is a human's to take note of, though anything on this machine may look at the page."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gaia_budget import ancestry
from gaia_budget.dashboard import guard
from gaia_budget.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.dashboard import Dashboard

ALL_OF_THEM = ancestry.ancestors
SILENCES = """
import sys, urllib.error, urllib.request
said = {"Origin": sys.argv[2], "X-Forwarded-For": "192.0.2.7"}  # as if a proxy asked for somebody elsewhere
request = urllib.request.Request(sys.argv[1], headers=said, method="POST")
try:
    print(urllib.request.urlopen(request, timeout=30).status)
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
"""


def ones_own(pid: int = 0) -> Iterator[ancestry.Process]:
    """The asker and what started it, without what has started the tests."""
    yield from itertools.islice(ALL_OF_THEM(pid), 2)


@pytest.mark.skipif(sys.platform != "linux", reason="reads the connections of Linux")
def test_what_a_session_has_started_does_not_silence_an_alert(
    served: Dashboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ancestry, "ancestors", ones_own)
    alert = served.asked("overview")["attention"][0]["id"]
    address = f"{served.url}/api/v1/alerts/{alert}/acknowledge"
    plain = {name: os.environ[name] for name in os.environ if name != ancestry.VARIABLE}
    for variables in ({ancestry.VARIABLE: "1"}, {}):
        inner = [sys.executable, "-c", SILENCES, address, served.url]
        outer = [sys.executable, "-c", f"import subprocess; subprocess.run({inner}, env={plain})"]
        said = subprocess.run(outer, env={**plain, **variables}, capture_output=True, text=True, check=True)
        refused = "for a human alone" in said.stdout and f"gaia-budget alerts ack {alert}" in said.stdout
        assert refused is bool(variables), said.stdout
        assert (served.asked("alerts")["alerts"][0]["state"] == "firing") is refused


@pytest.mark.parametrize(
    ("client", "who", "holds"),
    [("127.0.0.1", "nobody knows", False), ("192.0.2.7", "nobody knows", True), ("127.0.0.1", "bash", True),
     ("127.0.0.1", "/usr/bin/claude", False), ("192.0.2.7", "/usr/bin/claude", False), ("", "nobody knows", False)],
)  # fmt: skip
def test_who_asks_is_told_or_comes_from_elsewhere(
    monkeypatch: pytest.MonkeyPatch, client: str, who: str, holds: bool
) -> None:
    known = [] if who == "nobody knows" else [77]
    monkeypatch.setattr(guard, "_holders", lambda *_: known)
    monkeypatch.setattr(ancestry, "ancestors", lambda _: iter([ancestry.Process(1, who)]))
    try:
        guard.require_a_human({"client": (client, 5), "server": ("127.0.0.1", 8765)}, "it", "do it")
        passed = True
    except InputError as error:
        passed = False
        assert error.slug == "human-alone"
    assert passed is holds


def test_the_lists_of_other_systems_are_read() -> None:
    assert guard.parsed("p71\nf12\np 5\nprivate\r\np902\r\n") == [71, 902]


@pytest.mark.skipif(sys.platform != "linux", reason="reads the connections of Linux")
def test_a_descriptor_that_is_closed_meanwhile_hides_no_other(tmp_path: Path) -> None:
    (tmp_path / "3").write_text("no link: what reading one that is gone comes to")
    for number in (2, 4):
        (tmp_path / str(number)).symlink_to(f"socket:[{number}]")
    assert set(guard._open_in(tmp_path)) == {"socket:[2]", "socket:[4]"}

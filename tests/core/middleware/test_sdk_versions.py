"""The guard holds on the releases that it names, not on the newest alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gaia_budget.middleware.transport.clients import SDKS
from support import apps, components
from support.call_forms import PRICES
from support.components import requires

if TYPE_CHECKING:
    from support.wire_server import WireServer

APP = Path(__file__).with_name("older_sdks.py")
TESTS = Path(__file__).resolve().parents[2]
ABSENT: dict[str, set[str]] = {"sdks-oldest": set(), "sdks-last-major": set(), "sdks-between": set()}
"""Forms that a release does not have yet."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=requires(name)) for name in components.SDKS])
def test_every_form_is_one_event_on_older_releases_too(name: str, root: Path, server: WireServer) -> None:
    pinned = dict(one.split("==") for one in components.SDKS[name] if one not in components.HTTPX)
    environment = {**os.environ, "PYTHONPATH": f"{components.path(name)}{os.pathsep}{TESTS}"}
    command = [sys.executable, str(APP), server.url, ",".join(pinned)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["versions"] == pinned
    assert set(told["failed"]) == ABSENT[name], told["failed"]
    assert told["refused"] == list(pinned)
    events = apps.booked()
    assert Counter(event.model for event in events) == Counter(told["made"])
    assert all(event.cost_nano == PRICES[event.model] for event in events)
    assert "outside the tested range" not in done.stderr


def test_the_releases_tested_are_the_majors_that_the_guard_names() -> None:
    from importlib.metadata import version

    for sdk in SDKS:
        pinned = [
            one
            for ones in components.SDKS.values()
            for one in ones
            if one.startswith(f"{sdk.distribution}==")
        ]
        majors = {int(one.partition("==")[2].split(".")[0]) for one in pinned}
        assert majors | {int(version(sdk.distribution).split(".")[0])} == set(sdk.majors)

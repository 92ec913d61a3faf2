"""What a session has made: told from copies after any number of responses, whatever dies between two writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_hooks.facts.tokens import responses
from gaia_hooks.facts.tokens.threads import Thread
from gaia_hooks.session import made as module
from gaia_hooks.session.made import Made
from support.rows import assistant

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables and texts so small that each case fills and enlarges them."""
    monkeypatch.setattr(module, "IN_STATE", 3)
    monkeypatch.setattr(module, "SMALLEST", 4)
    monkeypatch.setattr(module, "AT_ONCE", 2)
    monkeypatch.setattr(module, "WHOLE_BYTES", 100)


def is_relays(number: int) -> bool:
    """Every second id has a relay's form, which any number of requests may share."""
    return number % 2 == 1


def key_of(number: int) -> str:
    return f"chatcmpl-{number}" if is_relays(number) else f"msg_{number:024}"


def sighting(number: int, request: int) -> responses.Response:
    row = assistant(key_of(number), output_tokens=1, requestId=f"req-{request}")
    seen = responses.response_of(row)
    assert seen is not None
    return seen


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("seen"), st.integers(0, 30), st.integers(0, 1)),
        st.tuples(st.just("stored"), st.just(0), st.just(0)),
        st.tuples(st.just("killed before the state"), st.just(0), st.just(0)),
    ),
    max_size=80,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(STEPS)
def test_a_response_is_made_once_and_its_copies_are_told(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int, int]]
) -> None:
    path = str(tmp_path_factory.mktemp("made") / "table")
    kept: tuple[str, int] = ("", 0)
    stored: set[tuple[int, int]] = set()
    now, made = set(stored), Made(path)
    for step, number, request in steps:
        if step == "seen":
            is_new = made.identify(sighting(number, request), Thread())
            known = {(number, request)} if is_relays(number) else {(number, 0), (number, 1)}
            assert is_new == (not known & now)
            now.add((number, request))
            continue
        packed = made.packed()
        if step == "stored":
            kept, stored = packed, set(now)
        made, now = Made(path, *kept), set(stored)
        assert made.is_whole()


def test_a_look_up_after_many_responses_reads_one_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "AT_ONCE", 16)
    monkeypatch.setattr(module, "WHOLE_BYTES", 0)
    made = Made(str(tmp_path / "table"))
    for number in range(3000):
        made.note(key_of(number), f"req-{number}")
    made = Made(str(tmp_path / "table"), *made.packed())
    text, tabled = made.packed()
    assert (len(text), tabled) == (0, 3000)
    made = Made(str(tmp_path / "table"), text, tabled)
    assert not any(made.identify(sighting(number, number), Thread()) for number in range(3000))
    assert all(made.identify(sighting(number, number), Thread()) for number in range(3000, 4000))


@pytest.mark.parametrize("content", [None, b"", b"x" * 100, bytes(16 * 5)])
def test_a_table_that_lacks_what_the_state_believes_is_noticed(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "table"
    if content is not None:
        path.write_bytes(content)
    if content != b"x" * 100:
        assert not Made(str(path), "", 2).is_whole()
    assert Made(str(path), "", 0).is_whole()


def test_what_a_lost_power_leaves_of_a_table_is_whole_or_noticed(tmp_path: Path) -> None:
    folder, path, torn = tmp_path / "made", tmp_path / "made" / "table", tmp_path / "torn"
    kept = ("", 0)
    for begun in range(0, 60, 5):
        made = Made(str(path), *kept)
        for number in range(begun, begun + 5):
            made.note(key_of(number), f"req-{number}")
        before = {one.stat().st_ino: one.read_bytes() for one in folder.glob("*")}
        kept = made.packed()
        new = path.read_bytes() if path.exists() else b""
        old = before.get(path.stat().st_ino) if new else None
        cuts = range(0, len(new), module.RECORD) if old is not None else ()  # of what was written over
        for left in (b"", new, *(new[:cut] + (old or b"")[cut:] for cut in cuts)):
            torn.write_bytes(left)
            found = Made(str(torn), *kept)
            copies = (sighting(number, number) for number in range(begun + 5))
            assert not found.is_whole() or not any(found.identify(one, Thread()) for one in copies)
    assert kept[1] > 40

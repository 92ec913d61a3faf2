"""The status line: what it shows, in the width that it is given."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_hooks import statusline
from gaia_hooks.facts.prices import plan
from gaia_hooks.statusline import ALWAYS, Piece, line
from support.rows import assistant, write

if TYPE_CHECKING:
    from .conftest import Watched

MICRO = 10**6
SUNDAY = 1_795_950_000  # 2026-11-29 11:00 UTC
DOLLAR = 10**9


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


def shown(watched: Watched, columns: int | None = None, **more: Any) -> str:
    environment = {"NO_COLOR": "1"} | ({} if columns is None else {"COLUMNS": str(columns)})
    stdin = json.dumps(watched.payload("") | more).encode()
    return watched.raw(stdin, "statusline", **environment).stdout.decode().rstrip("\n")


def of(parts: list[list[Piece]], width: int = 500) -> str:
    return line(parts, width)


@pytest.fixture
def busy(watched: Watched) -> Watched:
    """A session with something to say in every part, in a month whose apps have spent some of the cap."""
    month = {"spent_nano": 89 * DOLLAR // 10, "total_nano": 12 * DOLLAR, "limit_nano": 10 * DOLLAR}
    watched.save_policy(
        modules={"project": month}, month=[0, 1 << 62], alerts=[["a", "", "via has spent 92 %", ""]]
    )
    write(watched.transcript, assistant("a", output_tokens=188_102))
    return watched


FULL: dict[str, Any] = {
    "context_window": {"used_percentage": 12},
    "cost": {"total_cost_usd": 3.76},
    "rate_limits": {"five_hour": {"used_percentage": 42, "resets_at": 1}},
    "prompt_cache": {"warm": True, "hit_ratio": 0.964},
}


def test_where_there_is_room_every_part_is_whole_and_where_there_is_none_the_least_useful_goes(
    busy: Watched,
) -> None:
    assert shown(busy, 120, **FULL) == (
        "5h begins anew · session 94 % of 200,000 $3.76 · cache 96 % · project $8.90 of $10 · ▲ 1 alert"
    )
    assert shown(busy, None, **FULL) == (  # where the client tells no width it is 80
        "5h begins anew · session 94 % of 200,000 $3.76 · project $8.90 of $10"
    )
    assert shown(busy, 55, **FULL) == "5h begins anew · session 94 % · project $8.90 of $10"
    assert shown(busy, 33, **FULL) == "5h begins anew · session 94 %"


def test_its_parts_and_their_order_are_the_users(busy: Watched) -> None:
    busy.save_policy(statusline=["month", "context", "session"])
    assert shown(busy, 120, **FULL) == "project $8.90 of $10 · context 12 % · session 94 % of 200,000 $3.76"
    busy.save_policy(statusline=[])
    assert shown(busy, 120, **FULL) == ""


def test_a_share_is_yellow_from_80_and_red_from_95_and_nothing_else_has_a_colour(busy: Watched) -> None:
    busy.save_policy(statusline=["session"])
    write(busy.transcript, assistant("b", second=1, output_tokens=3_000))
    stdin = json.dumps(busy.payload("")).encode()
    in_colour = busy.raw(stdin, "statusline").stdout.decode()
    assert in_colour == "session \033[1;31m95 %\033[22;39m of 200,000 $3.82\n"


PIECES = st.builds(Piece, st.text("ab", min_size=1, max_size=12), st.integers(ALWAYS, 5))


@given(st.lists(st.lists(PIECES, max_size=4), max_size=5), st.integers(0, 80))
def test_a_line_fits_its_width_unless_only_what_always_stays_is_left(
    parts: list[list[Piece]], width: int
) -> None:
    text = line(parts, width)
    always = line([[piece for piece in part if piece.rank == ALWAYS] for part in parts], 500)
    assert len(text) <= width or text == always
    assert line(parts, len(line(parts, 500))) == line(parts, 500)


def test_two_instants_are_told_apart_by_their_hours_and_by_the_day_where_it_is_another() -> None:
    now, hour = SUNDAY * MICRO, 3600
    limits = {
        "five_hour": {"used_percentage": 34, "resets_at": SUNDAY + 3 * hour},
        "seven_day": {"used_percentage": 71, "resets_at": SUNDAY + 22 * hour},
    }
    assert of(statusline.told_windows(limits, now)) == "5h 34 % to 14:00 · 7d 71 % to Mon 09:00"
    limits["five_hour"]["used_percentage"] = 60
    assert of(statusline.told_windows(limits, now)).startswith("5h 60 % full 12:20 · ")
    assert of(statusline.told_windows(limits, now), 20) == "5h 60 % · 7d 71 %"


def test_what_was_seen_last_of_a_plans_windows_is_shown_with_its_age() -> None:
    now = 200_000
    kept = {"five_hour": {"percent": 60, "resets_at": (now + 9_000) * MICRO}, "as_of": (now - 720) * MICRO}
    assert of(statusline.kept_windows(kept, now * MICRO)) == "5h 60 % 12 min ago"
    assert of(statusline.kept_windows(kept, (now + 9_001) * MICRO)) == ""


def test_a_cap_is_shown_where_something_counts_against_it_and_else_the_month_as_the_ledger_has_it(
    watched: Watched,
) -> None:
    capped = {"limit_nano": 10 * DOLLAR, "counts_claude_code": True}
    watched.save_policy(statusline=["month"], billing="api", modules={"project": capped})
    assert shown(watched) == "project $0.00 of $10"
    write(watched.transcript, assistant("a", output_tokens=10_000))
    assert shown(watched) == "project $0.20 of $10"
    watched.save_policy(billing="plan")
    assert shown(watched) == "project $0.20 so far"  # no ingest has told yet of which month
    watched.save_policy(month_days=["2026-12-01", "2027-01-01", "2027-02-01"])
    assert shown(watched) == "project $0.20 in Dec"  # whatever month it is in the zone that one is in


def test_a_session_that_idled_past_its_caches_life_is_told_why_dollars_rise_and_tokens_do_not(
    watched: Watched,
) -> None:
    watched.save_policy(month_days=["2026-11-01", "2026-12-01", "2027-01-01"])
    write(watched.transcript, assistant("a", second=1, write_5m=40_000))
    cold = {"warm": False, "caching_observed": True, "recache_tokens_if_cold": 40_000}
    before = shown(watched, 120, prompt_cache=cold)
    assert (
        before
        == "session 20 % of 200,000 $0.20 · cache cold: going on writes 40,000 tokens again · project $0.20 in Nov"
    )
    write(watched.transcript, assistant("b", second=1801, write_5m=40_500))
    after = shown(watched, 120, prompt_cache=cold | {"warm": True})
    assert after.startswith("session 20 % of 200,000 $0.40 (40,000 tokens written again, not counted)")


def test_a_few_tokens_that_were_written_again_are_no_news(watched: Watched) -> None:
    write(watched.transcript, assistant("a", second=1, write_5m=4_000))
    write(watched.transcript, assistant("b", second=1801, write_5m=4_500))
    assert "again" not in shown(watched, 120)


def test_the_plans_windows_are_kept_with_their_age_and_their_pace(watched: Watched) -> None:
    limits = {
        "five_hour": {"used_percentage": 60, "resets_at": 100_000},
        "seven_day": {"used_percentage": None},
    }
    watched.raw(json.dumps(watched.payload("") | {"rate_limits": limits}).encode(), "statusline")
    kept = plan.read(str(watched.home))
    assert kept["five_hour"] == {"percent": 60, "resets_at": 100_000 * 10**6}
    assert kept["as_of"] > 0
    assert "seven_day" not in kept
    middle = (100_000 - 9_000) * 10**6  # half of the five hours have passed
    assert plan.reached_at("five_hour", kept["five_hour"], middle) == middle + 6_000 * 10**6
    assert plan.reached_at("five_hour", {"percent": 40, "resets_at": 100_000 * 10**6}, middle) is None
    early = (100_000 - 5 * 3600 + 60) * 10**6
    assert plan.reached_at("five_hour", kept["five_hour"], early) is None


def test_the_status_line_survives_anything_on_stdin(watched: Watched) -> None:
    for stdin in (b"", b"{", b"[]", b'{"session_id": "../x"}', b'{"context_window": 5, "rate_limits": []}'):
        done = watched.raw(stdin, "statusline")
        assert (done.returncode, done.stderr) == (0, b"")


def test_rate_limits_that_can_be_none_are_shown_as_nothing(watched: Watched) -> None:
    """An epoch as percentage, -1 for unknown, a little over all, an instant in milliseconds."""
    told = {1_795_813_354: None, -1: None, True: None, "12": None, 103: 100, 12.5: 12.5}
    for value, percent in told.items():
        limits = {"five_hour": {"used_percentage": value, "resets_at": 1_795_813_354_000}}
        windows = dict(plan.windows_of(limits, 1_795_813_000 * 10**6))
        expected = (
            {} if percent is None else {"five_hour": {"percent": percent, "resets_at": 1_795_813_354 * 10**6}}
        )
        assert windows == expected

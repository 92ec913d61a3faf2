from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gaia_budget.errors import ConfigError
from gaia_budget.jsontext import parse
from gaia_budget.setup import own_entries, wiring
from gaia_budget.setup.wiring import Wiring
from gaia_hooks.say.events import SPEAKING

FILE = Path("settings.json")
FEW = settings(max_examples=50)  # each wires or takes out ten events, which is the dear part
PLAN = Wiring(Path("/usr/bin/python3"), Path("/state/hook/1.0-abc"))
NEXT = Wiring(Path("/opt/python/bin/python3"), Path("/state/hook/2.0-def"))

HANDLERS = st.fixed_dictionaries({"type": st.just("command"), "command": st.text(max_size=10)})
GROUPS = st.fixed_dictionaries(
    {"hooks": st.lists(HANDLERS, min_size=1, max_size=2)},
    optional={"matcher": st.sampled_from(["Bash", "*", ""])},
)
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "model": st.text(max_size=8),
        "env": st.dictionaries(st.text(max_size=4), st.text(max_size=4), max_size=2),
        "hooks": st.dictionaries(
            st.sampled_from([*wiring.EVENTS, "Notification", "PreCompact"]),
            st.lists(GROUPS, min_size=1, max_size=2),
            min_size=1,
            max_size=4,
        ),
        "permissions": st.fixed_dictionaries(
            {},
            optional={
                "allow": st.lists(st.sampled_from(["Read", "Bash(git:*)"]), min_size=1),
                "deny": st.just([]),
            },
        ).filter(bool),
        "statusLine": st.fixed_dictionaries({"type": st.just("command"), "command": st.text(max_size=10)}),
    },
)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """A settings file as somebody's editor saved it."""
    value = draw(SETTINGS)
    keys = draw(st.permutations(list(value)))
    text = json.dumps(
        {key: value[key] for key in keys},
        indent=draw(st.sampled_from([None, 2, 4, "\t"])),
        separators=draw(st.sampled_from([(",", ":"), (", ", ": ")])),
        ensure_ascii=draw(st.booleans()),
    )
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", "\n", "\r\n"]))


PLANS = st.builds(
    Wiring, st.just(PLAN.interpreter), st.just(PLAN.copy), st.booleans(), st.booleans(), st.booleans()
)


def plain(text: str) -> dict[str, Any]:
    value = parse(text).root.plain()
    assert isinstance(value, dict)
    return value


@FEW
@given(text=texts(), plan=PLANS)
def test_wiring_twice_changes_nothing_the_second_time(text: str, plan: Wiring) -> None:
    once = wiring.wired(text, plan, FILE)
    assert wiring.wired(once, plan, FILE) == once


@FEW
@given(text=texts(), plan=PLANS)
def test_taking_our_entries_out_leaves_what_the_user_had(text: str, plan: Wiring) -> None:
    assert plain(wiring.stripped(wiring.wired(text, plan, FILE), FILE)) == plain(text)


@FEW
@given(text=texts(), plan=PLANS)
def test_everything_the_user_had_is_still_in_force(text: str, plan: Wiring) -> None:
    before, after = plain(text), plain(wiring.wired(text, plan, FILE))
    for event, groups in before.get("hooks", {}).items():
        assert after["hooks"][event][: len(groups)] == groups
    for rule in before.get("permissions", {}).get("allow", []):
        assert rule in after["permissions"]["allow"]
    if "statusLine" in before and not plan.wrap_status_line:
        assert after["statusLine"] == before["statusLine"]
    for key in before.keys() - {"hooks", "permissions", "statusLine"}:
        assert after[key] == before[key]


@FEW
@given(text=texts())
def test_every_event_is_wired_exactly_once_also_after_an_upgrade(text: str) -> None:
    upgraded = wiring.wired(wiring.wired(text, PLAN, FILE), NEXT, FILE)
    ours = [(path[1], entry) for path, entry in own_entries.our_handlers(upgraded)]
    assert sorted(event for event, _ in ours) == sorted(wiring.EVENTS)
    assert all(entry == wiring.handler(str(event), NEXT.interpreter, NEXT.copy) for event, entry in ours)


@FEW
@given(text=texts())
def test_an_edit_by_the_user_survives_the_removal(text: str) -> None:
    wired = plain(wiring.wired(text, PLAN, FILE))
    wired["theirs"] = {"since": "then"}
    wired["hooks"]["Stop"].append({"hooks": [{"type": "command", "command": "say done"}]})
    out = plain(wiring.stripped(json.dumps(wired, indent=1), FILE))
    assert out["theirs"] == {"since": "then"}
    assert out["hooks"]["Stop"][-1]["hooks"][0]["command"] == "say done"
    assert not any(own_entries.our_handlers(json.dumps(out)))


def test_no_shell_no_shim_and_an_absolute_interpreter() -> None:
    entry = wiring.handler("PreToolUse", PLAN.interpreter, PLAN.copy)
    assert Path(entry["command"]).is_absolute()
    assert entry["args"][:3] == ["-I", "-S", "-c"]
    assert "\n" not in entry["args"][3]
    assert entry["args"][3].isascii()


def test_what_may_answer_is_waited_for_and_nothing_else_is() -> None:
    waited = {
        event for event in wiring.EVENTS if "async" not in wiring.handler(event, PLAN.interpreter, PLAN.copy)
    }
    assert waited == SPEAKING | {"SessionEnd"}
    assert "PostToolUse" not in waited, "one waited-for process of ours per tool call"


def test_only_the_tools_that_read_are_allowed() -> None:
    allowed = plain(wiring.wired("{}", PLAN, FILE))["permissions"]["allow"]
    assert allowed == [
        "mcp__gaia-budget__budget_spend",
        "mcp__gaia-budget__budget_session",
        "mcp__gaia-budget__budget_recommend",
        "mcp__gaia-budget__budget_sections",
        "mcp__gaia-budget__budget_load_section",
    ]
    assert "permissions" not in plain(wiring.wired("{}", PLAN._replace(permissions=False), FILE))


def test_a_status_line_is_wrapped_on_request_and_unwrapped_again() -> None:
    theirs = "printf '%s' \"ü $PWD\" | tr a b"
    text = json.dumps({"statusLine": {"type": "command", "command": theirs, "padding": 0}})
    wrapped = wiring.wired(text, PLAN._replace(wrap_status_line=True), FILE)
    assert plain(wrapped)["statusLine"]["command"] != theirs
    assert own_entries.wrapped_command(plain(wrapped)["statusLine"]["command"]) == theirs
    upgraded = wiring.wired(wrapped, NEXT, FILE)
    assert own_entries.wrapped_command(plain(upgraded)["statusLine"]["command"]) == theirs
    assert plain(wiring.stripped(upgraded, FILE)) == plain(text)


@pytest.mark.parametrize("text", ["", "\n", "\ufeff", " \r\n"])
def test_an_empty_file_is_filled_and_emptied(text: str) -> None:
    wired = wiring.wired(text, PLAN, FILE)
    assert set(plain(wired)) == {"hooks", "statusLine", "permissions"}
    assert plain(wiring.stripped(wired, FILE)) == {}


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{\n  // my hooks\n  "hooks": {}\n}', "settings.json:2:3: a comment"),
        ('{"hooks": {},}', "settings.json:1:14: a comma before the closing bracket"),
        ('{\n"model": "opus"\n"env": {}}', "settings.json:3:1: a comma or '}' was expected"),
        ("[]", "settings.json:1:1: must be an object"),
        ('{"hooks": []}', "settings.json:1:11: hooks: must be an object"),
        ('{"hooks": {"Stop": {}}}', "settings.json:1:20: hooks.Stop: must be a list"),
        ('{"permissions": {"allow": "all"}}', "settings.json:1:27: permissions.allow: must be a list"),
        ('{"hooks": {},\n "hooks": {}}', "settings.json:2:2: hooks: stands twice"),
    ],
)
def test_what_we_cannot_edit_safely_is_refused_with_line_and_column(text: str, place: str) -> None:
    for work in (lambda: wiring.wired(text, PLAN, FILE), lambda: wiring.stripped(text, FILE)):
        with pytest.raises(ConfigError) as caught:
            work()
        assert str(caught.value).startswith(place)


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "command", "command": "grep gaia_hooks ~/notes.md"},
        {"type": "command", "command": "/opt/mine/gaia_hooks-watch"},
        {"type": "command", "command": "python3", "args": ["-m", "gaia_hooks_report"]},
        {"type": "command", "command": "python3", "args": ["-I", "-S", "-c", "import gaia_hooks.main"]},
    ],
)
def test_a_hook_of_the_user_that_mentions_our_name_stays_his(entry: dict[str, Any]) -> None:
    text = json.dumps({"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [entry]}]}})
    both = wiring.wired(text, PLAN, FILE)
    assert entry in [each for group in plain(both)["hooks"]["PreToolUse"] for each in group["hooks"]]
    assert plain(wiring.stripped(both, FILE)) == plain(text)

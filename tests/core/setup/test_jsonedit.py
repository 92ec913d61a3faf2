from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.jsontext import parse
from gaia_budget.setup import jsonedit

KEYS = st.text(max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, VALUES, max_size=4)
INDENTS = st.sampled_from([None, 1, 2, 4, "\t"])
SEPARATORS = st.sampled_from([(",", ":"), (", ", ": "), (" ,", " :\t")])


@st.composite
def texts(draw: st.DrawFn) -> str:
    """An object as some editor saved it."""
    text = json.dumps(
        draw(OBJECTS), indent=draw(INDENTS), separators=draw(SEPARATORS), ensure_ascii=draw(st.booleans())
    )
    if draw(st.booleans()):
        text = text.replace("\n", "\r\n")
    return draw(st.sampled_from(["", "\ufeff"])) + text + draw(st.sampled_from(["", "\n", "\r\n", "\n\n"]))


def plain(text: str) -> Any:
    return parse(text).root.plain()


@given(text=texts(), key=KEYS, value=VALUES)
def test_a_key_is_added_or_replaced_and_nothing_else_changes(text: str, key: str, value: Any) -> None:
    before = plain(text)
    edited = jsonedit.replace(text, (key,), value) if key in before else jsonedit.insert(text, (key,), value)
    assert plain(edited) == before | {key: value}


@given(text=texts(), key=KEYS, value=VALUES)
def test_what_was_added_to_a_filled_object_comes_out_to_the_byte(text: str, key: str, value: Any) -> None:
    before = plain(text)
    if key not in before and before:
        assert jsonedit.remove(jsonedit.insert(text, (key,), value), (key,)) == text


@given(text=texts(), value=VALUES)
def test_every_character_of_before_is_still_there_in_order_after_an_insert(text: str, value: Any) -> None:
    before = plain(text)
    edited = jsonedit.insert(text, ("\u2603 new", "list", -1), value)
    rest = edited
    for character in text:
        found = rest.find(character)
        assert found >= 0
        rest = rest[found + 1 :]
    assert plain(edited) == before | {"\u2603 new": {"list": [value]}}


@given(text=texts(), data=st.data())
def test_any_part_can_be_removed(text: str, data: st.DataObject) -> None:
    paths = [path for path, _, _ in parse(text).nodes() if path]
    if not paths:
        return
    path = data.draw(st.sampled_from(paths))
    expected = plain(text)
    inside = expected
    for step in path[:-1]:
        inside = inside[step]
    del inside[path[-1]]
    assert plain(jsonedit.remove(text, path)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}\n", '{\n  "a": [\n    1\n  ]\n}\n'),
        ('{"b":2}', '{"b":2,"a":[1]}'),
        ('{"b": 2}', '{"b": 2, "a": [1]}'),
        ('{\n\t"b": 2\n}', '{\n\t"b": 2,\n\t"a": [\n\t\t1\n\t]\n}'),
        ('{\r\n    "b": 2\r\n}\r\n', '{\r\n    "b": 2,\r\n    "a": [\r\n        1\r\n    ]\r\n}\r\n'),
        ('{\n "a": []\n}', '{\n "a": [\n  1\n ]\n}'),
        ('{\n "a": [7, 8]\n}', '{\n "a": [7, 8, 1]\n}'),
        ('{\n "a": [\n  7\n ]\n}', '{\n "a": [\n  7,\n  1\n ]\n}'),
    ],
)
def test_additions_take_the_style_of_the_file(text: str, expected: str) -> None:
    assert jsonedit.insert(text, ("a", -1), 1) == expected

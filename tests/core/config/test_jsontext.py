from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.jsontext import JsonSyntaxError, parse

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(value=VALUES, indent=st.sampled_from([None, 1, "\t"]), bom=st.booleans(), ascii_only=st.booleans())
def test_it_reads_what_the_json_module_writes(
    value: object, indent: int | str | None, bom: bool, ascii_only: bool
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert parse("\ufeff" + text if bom else text).root.plain() == value


@given(text=st.text(alphabet='{}[]",:0123eE+-. \n\\atrufln/', max_size=30))
def test_it_refuses_exactly_what_the_json_module_refuses(text: str) -> None:
    def constant(name: str) -> object:
        raise ValueError(name)

    try:
        expected = json.loads(text, parse_float=Decimal, parse_constant=constant)
    except ValueError:
        with pytest.raises(JsonSyntaxError):
            parse(text)
    else:
        assert parse(text).root.plain() == expected


@given(value=VALUES)
def test_every_place_is_the_place_of_the_value(value: object) -> None:
    document = parse(json.dumps(value, indent=2))
    for _, _, node in document.nodes():
        assert parse(document.text[node.start : node.end]).root.plain() == node.plain()


@pytest.mark.parametrize(
    ("text", "line", "column", "problem"),
    [
        ('{\n  // mine\n  "a": 1\n}', 2, 3, "a comment; JSON has none"),
        ('{"a": 1, /* x */ "b": 2}', 1, 10, "a comment; JSON has none"),
        ('{\r\n  "a": 1,\r\n}', 3, 1, "a comma before the closing bracket; JSON has none there"),
        ('\ufeff{"a" 1}', 1, 6, "a colon was expected after 'a'"),
        ('{"a": NaN}', 1, 7, "a value was expected here"),
        ('{"a": 1', 1, 8, "the text ends too early"),
        ("", 1, 1, "the text ends too early"),
        ("{} {}", 1, 4, "text after the end of the JSON value"),
        ("[" * 300, 1, 202, "nested more than 200 deep"),
    ],
)
def test_an_error_names_line_column_and_cause(text: str, line: int, column: int, problem: str) -> None:
    with pytest.raises(JsonSyntaxError) as caught:
        parse(text)
    assert (caught.value.line, caught.value.column, caught.value.problem) == (line, column, problem)


def test_a_key_that_stands_twice_is_listed_and_the_last_one_counts() -> None:
    document = parse('{"a": 1,\n "a": 2}')
    assert document.root.plain() == {"a": 2}
    assert [(key, document.line_column(offset)) for key, offset in document.doubled] == [("a", (2, 2))]


def test_money_is_read_without_binary_rounding() -> None:
    assert parse("10.10").root.plain() == Decimal("10.10")

"""Whatever somebody writes into a file of ours or the owner's is a value or a fault with the place of its key."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gaia_budget.alerts.rules import Rule
from gaia_budget.checked import Wrong
from gaia_budget.checked.readers import Secret, flag, listed, number, parted, text, whole
from gaia_budget.owner import Registry, TokenBudget
from gaia_budget.settings.keys import ModuleSettings, Settings

if TYPE_CHECKING:
    from gaia_budget.checked import Keyed

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.decimals() | st.text(max_size=8) | st.dates()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)

NAMES = parted(",", listed(text))


@pytest.mark.parametrize("kind", [Settings, ModuleSettings, TokenBudget, Registry, Rule])
@given(data=st.data())
def test_any_value_is_taken_or_refused_with_its_key(kind: type[Keyed], data: st.DataObject) -> None:
    names = [one.written or name for name, one in kind.keys.items()]
    table: dict[str, Any] = data.draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=3))
    try:
        read = kind.of(table)
    except Wrong as error:
        key = error.path[0] if error.path else None
        assert key in {*table, *names} or "must not be below" in error.problem
        return
    assert read.given == {name for name, one in kind.keys.items() if (one.written or name) in table}


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (flag, {True: True, "YES": True, 0: False, "off": False}, [None, 2, "maybe", 1.5]),
        (number, {"1e3": Decimal(1000), 0.1: Decimal("0.1"), " 7 ": Decimal(7)},
         [True, "x", float("nan"), "inf", [], "1e9999999"]),
        (text, {"é": "é", "": ""}, ["\udcff", 5, None]),
        (NAMES, {"a, b": ["a", "b"], '["a"]': ["a"], "": []}, ["[a", "[" * 99_999, f"[{'9' * 5000}]", None, 5]),
        (whole, {"5": 5, 5.0: 5, Decimal("5.00"): 5}, [True, 5.5, "5.5", 10**18, "1e400", "1e9999999", None]),
    ],
)  # fmt: skip
def test_a_value_may_be_written_as_files_and_the_environment_have_it(
    read: Any, good: dict[Any, Any], bad: list[Any]
) -> None:
    assert {written: read(written) for written in good} == good
    for written in bad:
        with pytest.raises(Wrong):
            read(written)


def test_a_secret_is_in_no_text_and_no_document() -> None:
    hidden = "hooks-and-more"
    settings = Settings(webhook_url=hidden)
    assert settings.webhook_url.revealed() == hidden
    for shown in (repr(settings.webhook_url), f"{settings.webhook_url}", str(settings.document())):
        assert hidden not in shown
    assert not Secret("")
    assert (str(Secret("")), settings.document()["webhook_url"]) == ("", "**********")

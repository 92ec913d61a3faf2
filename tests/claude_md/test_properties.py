"""What holds for every input: P1 to P7 and P10 to P14 of the splitter, on generated files with one mutation each."""

from __future__ import annotations

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_claude_md.plan.splitting import SplitOptions
from support.markdown import MUTATIONS, documents
from support.split_properties import check_properties

CASES = 2_500
OPTIONS = SplitOptions(token_cap=900)


@pytest.mark.no_cover  # as other generated cases: see tests/conftest.py
@pytest.mark.parametrize("share", range(4))
def test_every_file_splits_and_comes_back_whole_or_is_refused(share: int) -> None:
    names = sorted(MUTATIONS)

    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(documents(), st.sampled_from(names[share::4]), st.integers(0, 2**32))
    def holds(document: str, mutation: str, seed: int) -> None:
        check_properties(MUTATIONS[mutation](document, random.Random(seed)), OPTIONS)

    holds()


def test_there_are_enough_kinds_of_mutation() -> None:
    assert len(MUTATIONS) >= 24

"""The installer's functions, for each test anew."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import installer

if TYPE_CHECKING:
    from types import ModuleType


@pytest.fixture
def install() -> ModuleType:
    return installer.load()

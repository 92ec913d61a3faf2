"""What a model gives at most and what makers document for images, pages, sound and video: `limits.toml`."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

DATA = Path(__file__).with_name("limits.toml")


class Media(NamedTuple):
    """The most tokens of one image, of one page, and of one second; 0 where the maker documents none."""

    image: int = 0
    page: int = 0
    audio_second: int = 0
    video_second: int = 0


@lru_cache(maxsize=512)
def most_output(model: str) -> int | None:
    """The most output tokens of one answer, as its maker publishes them; None for a model of which none are known."""
    return next((tokens for pattern, tokens in _data()[0] if pattern.match(model)), None)


@lru_cache(maxsize=512)
def media(model: str) -> Media:
    """What its maker documents for a model's images, pages and seconds."""
    return next((found for pattern, found in _data()[1] if pattern.match(model)), Media())


@cache
def _data() -> tuple[list[tuple[re.Pattern[str], int]], list[tuple[re.Pattern[str], Media]]]:
    import tomllib

    content = tomllib.loads(DATA.read_text("utf-8"))
    outputs = [(re.compile(one["models"]), one["tokens"]) for one in content["output"]]
    kinds = [
        (re.compile(one["models"]), Media(*(one.get(name, 0) for name in Media._fields)))
        for one in content["media"]
    ]
    return outputs, kinds

"""How far token estimates are off, before and after calibration, on transcripts at hand.

    python bench/estimate.py [FOLDER ...]      folders with Claude Code transcripts; default: your own

Each thread's new blocks are estimated and held against the tokens that the provider counted. Every second
sample calibrates, the others are measured. Without samples the estimates are tried on the text files of this
repository, with the cl100k vocabulary in the place of a provider whose tokenizer is not known.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gaia_budget.prices.calibration import Sample

STAND_IN = "cl100k_base"
BLOCK_CHARACTERS = 4_000


def rows(file: Path) -> Iterator[Any]:
    """The rows of a transcript that are JSON."""
    for line in file.read_text("utf-8", "replace").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def of_transcripts(folders: list[Path]) -> list[Sample]:
    """Samples of every transcript below the folders."""
    from gaia_budget.prices import calibration

    files = sorted(file for folder in folders for file in folder.rglob("*.jsonl"))
    return [sample for file in files for sample in calibration.samples(rows(file))]


def of_this_repository() -> list[Sample]:
    """Samples of our own text files, counted by a vocabulary that the estimate does not know."""
    import gzip
    from importlib.util import find_spec

    import tiktoken

    from gaia_budget.prices import vocabulary
    from gaia_budget.prices.calibration import Sample

    found = find_spec("bpe_openai")
    assert found is not None and found.submodule_search_locations
    packed = (Path(found.submodule_search_locations[0]) / "data" / f"{STAND_IN}.tiktoken.gz").read_bytes()
    from types import FunctionType

    from tiktoken_ext import openai_public

    ranks = vocabulary._ranks(gzip.decompress(packed))
    offline = {**vars(openai_public), "load_tiktoken_bpe": lambda *_, **__: ranks}
    encoding = tiktoken.Encoding(**FunctionType(openai_public.cl100k_base.__code__, offline)())
    root = Path(__file__).resolve().parent.parent
    kinds = ("core/**/*.py", "hooks/**/*.py", "docs/*.md", "*.md", "tests/core/**/*.py")
    texts = [file.read_text("utf-8") for kind in kinds for file in sorted(root.glob(kind))]
    blocks = [
        text[at : at + BLOCK_CHARACTERS] for text in texts for at in range(0, len(text), BLOCK_CHARACTERS)
    ]
    return [
        Sample("claude-opus-5-5", vocabulary.count(block) or 1, len(encoding.encode_ordinary(block)))
        for block in blocks
    ]


def errors(samples: list[Sample], factors: dict[str, tuple[float, float]]) -> tuple[float, float, float]:
    """Median error per block, error of the whole, and the share within the stated band."""
    from gaia_budget.prices.vocabulary import generation_of

    each, inside, estimated = [], 0, 0.0
    for sample in samples:
        generation = generation_of(sample.model)
        factor, band = factors.get(generation.name, (generation.factor, generation.band))
        guess = sample.counted * factor
        estimated += guess
        each.append(abs(guess / sample.actual - 1))
        inside += guess * (1 - band) <= sample.actual <= guess * (1 + band)
    actual = sum(sample.actual for sample in samples)
    return statistics.median(each), abs(estimated / actual - 1), inside / len(samples)


def main() -> int:
    """Print the errors; 1 when calibration does not help, or the band does not hold."""
    from gaia_budget import places
    from gaia_budget.prices import calibration

    given = [Path(name) for name in sys.argv[1:]]
    samples = of_transcripts(given or [folder / "projects" for folder in places.claude_config_dirs()])
    where = "transcripts"
    if len(samples) < 2 * calibration.LEAST_SAMPLES:
        print(f"{len(samples)} samples in the transcripts: too few; this repository's files stand in")
        samples, where = of_this_repository(), f"this repository's files, counted in {STAND_IN}"
    teaching, measured = samples[::2], samples[1::2]
    with tempfile.TemporaryDirectory() as home:
        os.environ["GAIA_BUDGET_HOME"] = home
        fitted = {name: (one.factor, one.band) for name, one in calibration.fit(teaching).items()}
        before, after = errors(measured, {}), errors(measured, fitted)
    print(f"{len(measured)} blocks of {where}; calibrated on {len(teaching)} others")
    for label, (block, whole, inside) in (("before", before), ("after", after)):
        print(
            f"{label:7} median error of a block {block:6.1%}, of the whole {whole:6.1%}, within the band {inside:.0%}"
        )
    return int(after[1] > before[1] or after[2] < 0.8)


if __name__ == "__main__":
    sys.exit(main())

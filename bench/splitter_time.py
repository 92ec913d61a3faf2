"""What a split costs, beside another commit's, over a folder of real files: processor time of turns that alternate.

    python bench/splitter_time.py FOLDER --against COMMIT [--rounds 5]

Each round splits every file once in a process of each; a file's figure is its best round. Exits 1 when the 99th
percentile is past its bound.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("core", "hooks", "claude_md")
BOUND = 1.10
SPLIT = """
import json, sys, time
from pathlib import Path
from gaia_budget.errors import InputError
from gaia_claude_md.plan.splitting import split
try:
    from gaia_claude_md.plan.splitting import SplitOptions
except ImportError:  # where they had a module of their own
    from gaia_claude_md.plan.planner import SplitOptions
took = {}
for file in sorted(Path(sys.argv[1]).rglob("*.md")):
    text = file.read_bytes().decode("utf-8").removeprefix("\\ufeff")
    start = time.process_time()
    try:
        split(text, SplitOptions())
    except InputError:
        pass  # such as pins that cannot fit
    took[str(file)] = time.process_time() - start
print(json.dumps(took))
"""


def main() -> None:
    """Print the percentiles of both and their ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--against", metavar="COMMIT", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gaia-bench-") as earlier:
        packed = subprocess.run(["git", "-C", str(ROOT), "archive", options.against, *SOURCES],
                                capture_output=True, check=True)  # fmt: skip
        with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as sources:
            sources.extractall(earlier, filter="data")
        best: list[dict[str, float]] = [{}, {}]
        for _ in range(options.rounds):
            for known, root in zip(best, (ROOT, Path(earlier)), strict=True):
                for name, seconds in turn(options.folder, root).items():
                    known[name] = min(seconds, known.get(name, seconds))
    ours, theirs = (sorted(known.values()) for known in best)
    print(
        f"{len(ours)} files, ms of processor time a file\n{'':6}{'here':>8}{options.against[:12]:>14}{'ratio':>8}"
    )
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("worst", 1.0)):
        place = min(len(ours) - 1, int(len(ours) * share))
        print(
            f"{name:6}{ours[place] * 1e3:8.1f}{theirs[place] * 1e3:14.1f}{ours[place] / theirs[place]:8.2f}"
        )
        if name == "p99":
            slower = ours[place] / theirs[place]
    print(f"{'all':6}{sum(ours) * 1e3:8.1f}{sum(theirs) * 1e3:14.1f}{sum(ours) / sum(theirs):8.2f}")
    sys.exit(slower > BOUND)


def turn(folder: Path, root: Path) -> dict[str, float]:
    """Split every file once in a process that imports from a folder of sources."""
    path = os.pathsep.join(str(root / name) for name in SOURCES)
    asked = [sys.executable, "-c", SPLIT, str(folder)]
    done = subprocess.run(asked, capture_output=True, check=True, env=os.environ | {"PYTHONPATH": path})
    took: dict[str, float] = json.loads(done.stdout)
    return took


if __name__ == "__main__":
    main()

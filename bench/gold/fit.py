"""Make the weights of `gaia_claude_md.plan.pieces` from the marked files of the tuning half: ridge regression.

    python bench/gold/fit.py FOLDER    # the folder that has the marked files

A piece's target is the share of its lines that the readers would have in L1. Writes `weights.json`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path

from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.units import units_of
from gaia_claude_md.plan.pieces import features_of, piece_of

MARKS = Path(__file__).parent / "marks.jsonl"
WEIGHTS = Path(__file__).parents[2] / "claude_md" / "gaia_claude_md" / "plan" / "weights.json"
FILES_WITH_WORD = 28  # of so many a word must be, to be no accident
RIDGE, SHOULD, MISLEADS, MOST_LINES = 80.0, 0.2, 0.6, 8

Row = tuple[dict[str, float], float, float]


def rows_of(folder: Path) -> list[list[Row]]:
    """For each file of the tuning half its pieces: features, target, weight."""
    texts = {hashlib.sha256(file.read_bytes()).hexdigest(): file for file in folder.rglob("*.md")}
    found = []
    for line in MARKS.read_text("utf-8").splitlines():
        marks = json.loads(line)
        if marks["half"] != "tuning" or marks["sha256"] not in texts:
            continue
        text = texts[marks["sha256"]].read_bytes().decode("utf-8").removeprefix("\ufeff")
        document = parse(text if text.endswith("\n") else text + "\n")
        told = {
            kind: Counter(n for reader in "ab" for a, b in marks[reader][kind] for n in range(a, b + 1))
            for kind in ("must", "should", "mustnot")
        }
        rows: list[Row] = []
        for unit in units_of(document, lambda target: False):
            lines = [n for n in range(unit.start + 1, unit.end + 1) if document.lines[n - 1].strip()]
            share = {kind: sum(counts[n] for n in lines) / 2 / len(lines) for kind, counts in told.items()}
            target = share["must"] + SHOULD * share["should"] - MISLEADS * share["mustnot"]
            rows.append((features_of(piece_of(document, unit)), target, float(min(len(lines), MOST_LINES))))
        found.append(rows)
    return found


def fitted(files: list[list[Row]]) -> dict[str, float]:
    """The weights by name."""
    spread = Counter(name for rows in files for name in {n for features, _, _ in rows for n in features})
    names = [
        n for n, count in sorted(spread.items()) if not n.startswith("word ") or count >= FILES_WITH_WORD
    ]
    names = [n for n in names if not _title_word(n) or spread[n] >= FILES_WITH_WORD]
    place = {name: at for at, name in enumerate(names)}
    size = len(names)
    matrix = [[RIDGE if i == j else 0.0 for j in range(size)] for i in range(size)]
    right = [0.0] * size
    for rows in files:
        for features, target, weight in rows:
            present = [(place[name], float(v)) for name, v in features.items() if v and name in place]
            for i, a in present:
                right[i] += weight * a * target
                row = matrix[i]
                for j, b in present:
                    row[j] += weight * a * b
    return dict(zip(names, _solved(matrix, right), strict=True))


def _title_word(name: str) -> bool:
    return name.startswith("title ") and name not in FIXED


def _solved(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination; the matrix is symmetric and positive definite, so no pivot is looked for."""
    size = len(right)
    for at in range(size):
        row, pivot = matrix[at], matrix[at][at]
        for below in range(at + 1, size):
            factor = matrix[below][at] / pivot
            if factor:
                other = matrix[below]
                for column in range(at, size):
                    other[column] -= factor * row[column]
                right[below] -= factor * right[at]
    found = [0.0] * size
    for at in range(size - 1, -1, -1):
        rest = sum(matrix[at][column] * found[column] for column in range(at + 1, size))
        found[at] = (right[at] - rest) / matrix[at][at]
    return found


FIXED = {
    f"title {name}"
    for name in ("rules", "forbids", "insists", "environment", "commands", "about", "architecture", "subagents",
                 "gaia", "example")
}  # fmt: skip


def main() -> None:
    """Write the weights, rounded so that they are the same everywhere."""
    files = rows_of(Path(sys.argv[1]))
    weights = {name: round(value, 3) for name, value in fitted(files).items()}
    kept = {name: value for name, value in weights.items() if value}
    WEIGHTS.write_text(json.dumps(kept, indent=0, sort_keys=True) + "\n", "utf-8")
    print(f"{len(files)} files, {len(kept)} weights")


if __name__ == "__main__":
    main()

"""Trains weights for `gaia_budget.text_model` from labelled texts: hashed features, multinomial logistic regression.

    python bench/train_text_model.py LABELLED.tsv OUT.model [--bits 17] [--strength 10]

A line per text: source<TAB>label<TAB>text. Needs numpy, scipy and scikit-learn, which the package itself does not.
The same input gives the same file. Texts of one source are never on both sides of a split, so that what is measured
is how a text of an unknown source is understood. Calibration is fitted on predictions for sources left out.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.text_model import TextModel, features, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

BITS, STRENGTH, FOLDS = 17, 10.0, 4
PARTS = 10
"""Points of the calibration's line."""


class Labelled(NamedTuple):
    """A text with its label. `weight` is what it counts for."""

    source: str
    label: str
    text: str
    weight: float = 1.0


def order(source: str) -> str:
    """Sources in an order that depends on nothing but their names."""
    return hashlib.sha256(source.encode()).hexdigest()


def matrix(texts: Sequence[str], bits: int) -> Any:
    """A row per text: its buckets, as long as 1."""
    import numpy as np
    from scipy.sparse import csr_matrix

    rows = [sorted(features(text, bits)) for text in texts]
    ends = np.cumsum([0, *(len(row) for row in rows)])
    values = np.concatenate([np.full(len(row), 1 / math.sqrt(len(row))) for row in rows])
    return csr_matrix((values, np.concatenate(rows), ends), shape=(len(texts), 1 << bits))


def fitted(rows: Any, labels: Sequence[str], weights: Sequence[float], strength: float) -> Any:
    """A logistic regression over the rows."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=strength, max_iter=150, tol=1e-3).fit(rows, labels, sample_weight=weights)


def left_out(given: Sequence[Labelled], rows: Any, strength: float) -> Any:
    """A score per text and label from models that have not seen the text's source."""
    import numpy as np

    sources = sorted({one.source for one in given}, key=order)
    fold = {source: place % FOLDS for place, source in enumerate(sources)}
    folds = np.array([fold[one.source] for one in given])
    labels = np.array([one.label for one in given])
    weights = np.array([one.weight for one in given])
    found = np.zeros((len(given), len(set(labels))))
    for part in range(FOLDS):
        known = folds != part
        model = fitted(rows[known], labels[known], weights[known], strength)
        found[~known] = model.decision_function(rows[~known])
    return found


def calibrated(scores: Any, labels: Sequence[str], names: list[str]) -> tuple[float, list[list[float]]]:
    """The temperature that makes the labels most probable, and how often each share was right, as a rising line."""
    import numpy as np
    from scipy.optimize import minimize_scalar
    from sklearn.isotonic import IsotonicRegression

    truth = np.array([names.index(label) for label in labels])

    def shares(temperature: float) -> Any:
        raised = np.exp((scores - scores.max(axis=1, keepdims=True)) / temperature)
        return raised / raised.sum(axis=1, keepdims=True)

    def loss(temperature: float) -> float:
        return float(-np.log(shares(temperature)[np.arange(len(truth)), truth] + 1e-12).mean())

    temperature = float(minimize_scalar(loss, bounds=(0.1, 10), method="bounded").x)
    top = shares(temperature).max(axis=1)
    right = shares(temperature).argmax(axis=1) == truth
    rising = IsotonicRegression(out_of_bounds="clip").fit(top, right)
    edges = [float(edge) for edge in np.quantile(top, [(n + 0.5) / PARTS for n in range(PARTS)])]
    near = [float(rising.predict([edge])[0]) for edge in edges]
    rounded = {round(edge, 4): round(min(value, 0.99), 4) for edge, value in zip(edges, near, strict=True)}
    return temperature, [[edge, value] for edge, value in sorted(rounded.items())]


def train(given: Sequence[Labelled], bits: int = BITS, strength: float = STRENGTH) -> tuple[TextModel, bytes]:
    """The model that ships, as its file's bytes, and the same ready for use."""
    import numpy as np

    names = sorted({one.label for one in given})
    rows = matrix([one.text for one in given], bits)
    seen = np.flatnonzero(
        np.diff(rows.tocsc().indptr) > 1
    )  # what stands in one text alone tells nothing of others
    known = rows[:, seen]
    sure = np.array([one.weight == 1 for one in given])  # where readers differ nobody can say what is right
    labels = [one.label for one in given if one.weight == 1]
    temperature, line = calibrated(left_out(given, known, strength)[sure], labels, names)
    model = fitted(known, [one.label for one in given], [one.weight for one in given], strength)
    assert list(model.classes_) == names
    scales = [float(abs(row).max()) / 127 for row in model.coef_]
    signed = np.zeros((len(names), 1 << bits))
    for place, (row, scale) in enumerate(zip(model.coef_, scales, strict=True)):
        signed[place, seen] = np.rint(row / scale)
    head: dict[str, object] = {
        "labels": names,
        "bits": bits,
        "scales": [round(scale, 9) for scale in scales],
        "biases": [round(float(bias), 6) for bias in model.intercept_],
        "temperature": round(temperature, 4),
        "calibration": line,
    }
    weights = signed.astype(np.int8).tobytes()
    return TextModel(head, weights), pack(head, weights)


def main() -> int:
    """Train from the file given, and say how large the result is."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("labelled", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--bits", type=int, default=BITS)
    parser.add_argument("--strength", type=float, default=STRENGTH)
    given = parser.parse_args()
    lines = [line.split("\t", 2) for line in given.labelled.read_text("utf-8").splitlines() if line.strip()]
    _, packed = train([Labelled(*line) for line in lines], given.bits, given.strength)
    given.out.write_bytes(packed)
    print(f"{given.out}: {len(packed):,} bytes from {len(lines)} texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Trains the weights of `routing.classify` from labelled texts: hashed features, multinomial logistic regression.

    python bench/train_text_model.py LABELLED.tsv OUT.model [--bits 16] [--strength 5]

A line per text: source<TAB>label<TAB>text. Needs numpy, scipy and scikit-learn, which the package itself does not.
The same input gives the same file. Texts of one source are never on both sides of a split, so that what is measured
is how a text of an unknown source is understood. Calibrated on predictions for sources left out.
"""

from __future__ import annotations

import argparse
import hashlib
import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gaia_budget.routing.classify import TextModel, features, pack

if TYPE_CHECKING:
    from collections.abc import Sequence

BITS, STRENGTH, FOLDS = 16, 5.0, 5


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

    return LogisticRegression(C=strength, max_iter=200, tol=1e-3).fit(rows, labels, sample_weight=weights)


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


def calibrated(scores: Any, truth: Any, weights: Any, doubt: float, usual: Any) -> tuple[float, Any]:
    """The factor of all scores, and what is added to each label's, that make the labels most probable."""
    import numpy as np
    from scipy.optimize import minimize
    from scipy.special import softmax

    def loss(tried: Any) -> float:
        shares = (1 - doubt) * softmax(scores * tried[0] + np.append(tried[1:], 0.0), axis=1) + doubt * usual
        return float(-np.average(np.log(shares[np.arange(len(truth)), truth]), weights=weights))

    found = minimize(loss, [1.0] + [0.0] * (len(usual) - 1), method="BFGS").x
    return float(found[0]), np.append(found[1:], 0.0)


def train(
    given: Sequence[Labelled], *, bits: int = BITS, strength: float = STRENGTH, doubt: float = 0.0
) -> tuple[TextModel, bytes]:
    """The model that ships, as its file's bytes, and the same ready for use. `doubt` is how often people differ."""
    import numpy as np

    names = sorted({one.label for one in given})
    rows = matrix([one.text for one in given], bits)
    seen = np.flatnonzero(
        np.diff(rows.tocsc().indptr) > 1
    )  # what stands in one text alone tells nothing of others
    known = rows[:, seen]
    truth = np.array([names.index(one.label) for one in given])
    weights_of = np.array([one.weight for one in given])
    counted = np.minimum(weights_of, 1.0)  # how often a label is met, whatever it counts for in training
    usual = np.bincount(truth, counted, minlength=len(names)) / counted.sum()
    scores = left_out(given, known, strength)
    factor, shifts = calibrated(scores, truth, counted, doubt, usual)
    model = fitted(known, [one.label for one in given], weights_of, strength)
    assert list(model.classes_) == names
    scales = [float(abs(row).max()) / 127 for row in model.coef_]
    signed = np.zeros((len(names), 1 << bits))
    for place, (row, scale) in enumerate(zip(model.coef_, scales, strict=True)):
        signed[place, seen] = np.rint(row / scale)
    head: dict[str, object] = {
        "labels": names,
        "bits": bits,
        "scales": [round(factor * scale, 9) for scale in scales],
        "biases": [
            round(factor * float(bias) + shift, 6)
            for bias, shift in zip(model.intercept_, shifts, strict=True)
        ],
        "doubt": round(doubt, 4),
        "usual": [round(float(share), 4) for share in usual],
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
    _, packed = train([Labelled(*line) for line in lines], bits=given.bits, strength=given.strength)
    given.out.write_bytes(packed)
    print(f"{given.out}: {len(packed):,} bytes from {len(lines)} texts")
    return 0


if __name__ == "__main__":
    sys.exit(main())

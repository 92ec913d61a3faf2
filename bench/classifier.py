"""How well tasks described in words are understood: accuracy, calibration and every miss, on sources never trained on.

    python bench/classifier.py FOLDER [--train]

FOLDER holds `texts.jsonl` (id, lang, shape, source, real, text), `labels_*.tsv` (id<TAB>label of one reader each, none
of whom saw another's, by the criteria of docs/classifier.md), and `written.tsv` (lang<TAB>label<TAB>text: tasks as
people put them, for training alone). They stay outside the project. What is held out is measured where two readers
labelled it; one label is enough to learn from.
Prints the digests, how far the readers agree, and what the shipped weights make of the held-out third of the sources
and of tasks in people's own words; `--train` makes the weights anew from the other two thirds first (numpy, scipy,
scikit-learn).
Ends with 1 when a bound of docs/classifier.md is missed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

TIERS = ("cheap", "quality", "architecture")
WRITTEN = "written.tsv"
OWN_WORDS = Path(__file__).parents[1] / "tests" / "core" / "routing" / "own_words.tsv"
EVERY = 3  # of so many sources, one is held out
LEAST, LEAST_IN_A_LANGUAGE, MOST_SUNK, MOST_OFF = 0.92, 0.88, 0.01, 0.05
OF_PEOPLE, OF_ARCHITECTURE = 10.0, 4.0
"""What a written task, and one of the rarest tier, counts for in training: public titles hold few requests, and hardly
any architecture."""
TOGETHER = 25  # written tasks that are left out together when confidence is calibrated
FEWEST = 25  # texts of a language or a decile before its share says anything


class Text(NamedTuple):
    """A text with what each reader said of it who could say."""

    lang: str
    shape: str
    source: str
    text: str
    labels: tuple[str, ...]

    @property
    def agreed(self) -> str | None:
        """The tier that two readers or more gave it; None where they differ, or were not two."""
        return self.labels[0] if len(self.labels) > 1 and len(set(self.labels)) == 1 else None

    @property
    def held_out(self) -> bool:
        """Whether its source is one of the third that nothing learns from."""
        return int(hashlib.sha256(self.source.encode()).hexdigest(), 16) % EVERY == 0


def read(folder: Path) -> list[Text]:
    """All texts of which a reader could say what they are."""
    said = defaultdict(list)
    for file in sorted(folder.glob("labels_*.tsv")):
        for line in file.read_text("utf-8").splitlines():
            number, label = line.split("\t")
            if label in TIERS:
                said[number].append(label)
    rows = [json.loads(line) for line in (folder / "texts.jsonl").read_text("utf-8").splitlines() if line]
    return [
        Text(row["lang"], row["shape"], row["source"], row["text"], tuple(said[row["id"]]))
        for row in rows
        if said[row["id"]]
    ]


def agreement(texts: Sequence[Text]) -> tuple[float, float]:
    """The share of texts with two labels that have the same twice, and Cohen's kappa."""
    both = [one.labels[:2] for one in texts if len(one.labels) > 1]
    if not both:
        return 0.0, 0.0
    same = sum(one == other for one, other in both) / len(both)
    firsts, seconds = Counter(one for one, _ in both), Counter(other for _, other in both)
    chance = sum(firsts[tier] * seconds[tier] for tier in TIERS) / len(both) ** 2
    return same, (same - chance) / (1 - chance) if chance < 1 else 1.0


def training(texts: Sequence[Text], written: Path, doubt: float, out: Path) -> None:
    """Make the weights from texts of other sources, and those written for it; where readers differ, a part each."""
    from train_text_model import Labelled, train

    from gaia_budget.routing.asking import described

    given = [
        Labelled(one.source, label, described(one.text), one.labels.count(label) / len(one.labels))
        for one in texts
        for label in sorted(set(one.labels))
    ]
    for place, line in enumerate(written.read_text("utf-8").splitlines()):
        _, label, text = line.split("\t", 2)
        given.append(Labelled(f"{written.stem} {place // TOGETHER}", label, text, OF_PEOPLE))
    given = [
        one._replace(weight=one.weight * OF_ARCHITECTURE) if one.label == TIERS[-1] else one for one in given
    ]
    _, packed = train(given, doubt=doubt)
    out.write_bytes(packed)
    print(f"weights: {len(packed):,} bytes from {len(given)} labels")


def tasks() -> list[Text]:
    """What two people wrote who saw neither the texts nor the weights, in their own words."""
    with OWN_WORDS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Text(row["lang"], "own words", "", row["text"], (row["tier"],) * 2) for row in rows]


def judge(title: str, tested: Sequence[Text], bound: float) -> bool:
    """Print what the shipped weights make of texts that both readers agree on; whether the bounds hold."""
    from gaia_budget.routing.asking import described
    from gaia_budget.routing.classify import classify

    told = [(one, classify(described(one.text))) for one in tested]
    right = [found.tier == one.agreed for one, found in told]
    print(f"\n{title}: {len(told)} texts, {sum(right) / len(told):.1%} right (at least {bound:.1%})")
    good = sum(right) / len(told) >= bound
    sure = [ok for (_, found), ok in zip(told, right, strict=True) if found.cheaper is None]
    either = [ok or found.cheaper == one.agreed for (one, found), ok in zip(told, right, strict=True)]
    print(f"  {len(sure) / len(told):.0%} without doubt, {sum(sure) / len(sure):.1%} of them right; "
          f"the right tier is taken or named in {sum(either) / len(either):.1%}")  # fmt: skip
    for tier in TIERS:
        of = [found.tier for one, found in told if one.agreed == tier]
        print(f"  {tier:13}{len(of):5}  " + ", ".join(f"{n} {t}" for t, n in Counter(of).most_common()))
    sunk = [found.tier == TIERS[0] for one, found in told if one.agreed == TIERS[-1]]
    print(f"  architecture taken as cheap: {sum(sunk) / len(sunk):.1%} (at most {MOST_SUNK:.0%})")
    good &= sum(sunk) / len(sunk) <= MOST_SUNK
    by_lang, by_shape = defaultdict(list), defaultdict(list)
    for (one, _), ok in zip(told, right, strict=True):
        by_lang[one.lang].append(ok)
        by_shape[one.shape].append(ok)
    for shape, oks in sorted(by_shape.items()):
        print(f"  {shape}: {sum(oks) / len(oks):.1%} of {len(oks)}")
    for lang, oks in sorted(by_lang.items()):
        share = sum(oks) / len(oks)
        print(f"  {lang}: {share:.1%} of {len(oks)}")
        good &= len(oks) < FEWEST or share >= min(LEAST_IN_A_LANGUAGE, bound)
    good &= _calibration([(found.confidence, ok) for (_, found), ok in zip(told, right, strict=True)])
    print("misses:")
    for (one, found), ok in zip(told, right, strict=True):
        if not ok:
            print(
                f"  {one.lang} {one.agreed} taken as {found.tier} ({found.confidence:.2f}): {one.text[:110]!r}"
            )
    return good


def _calibration(pairs: list[tuple[float, bool]]) -> bool:
    """Stated confidence against the share that was right, by tenths of the answers."""
    pairs.sort(key=lambda pair: pair[0])  # of equal confidence in the order of the texts
    size, worst = -(-len(pairs) // 10), 0.0
    for at in range(0, len(pairs), size):
        part = pairs[at : at + size]
        stated, true = sum(one for one, _ in part) / len(part), sum(ok for _, ok in part) / len(part)
        worst = max(worst, abs(stated - true) if len(part) >= FEWEST else 0.0)
        print(f"  confidence {stated:.2f}: {true:.2f} right ({len(part)})")
    print(f"  furthest off: {worst:.3f} (at most {MOST_OFF})")
    return worst <= MOST_OFF


def main() -> int:
    """Print the report; 1 when a bound is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--train", action="store_true")
    given = parser.parse_args()
    from gaia_budget.routing.classify import DATA

    for file in sorted(given.folder.iterdir()):
        print(f"{file.name}: sha256 {hashlib.sha256(file.read_bytes()).hexdigest()}")
    texts = read(given.folder)
    out = [one for one in texts if one.held_out]
    same, kappa = agreement(out)
    print(f"{len(texts)} texts of {len({one.source for one in texts})} sources")
    sources = len({one.source for one in out})
    print(f"held out: {len(out)} of {sources}; their readers agree on {same:.1%} (kappa {kappa:.2f})")
    for lang, _ in Counter(one.lang for one in out).most_common():
        of_lang = [one for one in out if one.lang == lang]
        print(f"  {lang}: {agreement(of_lang)[0]:.1%} (kappa {agreement(of_lang)[1]:.2f}) of {len(of_lang)}")
    if given.train:
        training([one for one in texts if not one.held_out], given.folder / WRITTEN, 1 - same, DATA)
    bound = min(LEAST, same)
    held = judge("held out", [one for one in out if one.agreed], bound)
    return int(not judge("in their own words", tasks(), bound) or not held)


if __name__ == "__main__":
    sys.exit(main())

"""How well tasks described in words are understood: accuracy, calibration and every miss, on sources never trained on.

    python bench/classifier.py FOLDER [--train]

FOLDER holds `texts.jsonl` (id, lang, shape, source, real, text), `labels_a.tsv` and `labels_b.tsv` (id<TAB>label of two
readers who did not see each other's, by the criteria of docs/classifier.md), and `written.tsv` (lang<TAB>label<TAB>
text: tasks as people put them, for training alone). They stay outside the project.
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
EVERY = 3  # the third source of each language is held out
LEAST, LEAST_IN_A_LANGUAGE, MOST_SUNK, MOST_OFF = 0.92, 0.88, 0.01, 0.05
FEWEST = 25  # texts of a language or a decile before its share says anything


class Text(NamedTuple):
    """A text with what both readers said of it."""

    number: str
    lang: str
    source: str
    text: str
    one: str
    other: str

    @property
    def agreed(self) -> str | None:
        """The tier that both gave it; None where they differ or could not say."""
        return self.one if self.one == self.other and self.one in TIERS else None


def read(folder: Path) -> list[Text]:
    """All texts that both readers have labelled."""
    said = [_labels(folder / f"labels_{name}.tsv") for name in "ab"]
    rows = [json.loads(line) for line in (folder / "texts.jsonl").read_text("utf-8").splitlines() if line]
    return [
        Text(
            str(row["id"]), row["lang"], row["source"], row["text"], *(each[str(row["id"])] for each in said)
        )
        for row in rows
        if all(str(row["id"]) in each for each in said)
    ]


def _labels(file: Path) -> dict[str, str]:
    pairs = (line.split("\t") for line in file.read_text("utf-8").splitlines() if "\t" in line)
    return {number: label.strip() for number, label, *_ in pairs}


def held_out(texts: Sequence[Text]) -> set[str]:
    """Every third source of each language, in an order that depends on their names alone."""
    mostly = {}
    for source in {one.source for one in texts}:
        langs = Counter(one.lang for one in texts if one.source == source)
        mostly[source] = max(sorted(langs), key=lambda lang: langs[lang])
    found = set()
    for lang in set(mostly.values()):
        mine = sorted((source for source, its in mostly.items() if its == lang),
                      key=lambda source: hashlib.sha256(source.encode()).hexdigest())  # fmt: skip
        found.update(mine[EVERY - 1 :: EVERY])
    return found


def agreement(texts: Sequence[Text]) -> tuple[float, float]:
    """The share of texts that both readers gave one tier, of those both gave any, and Cohen's kappa."""
    both = [one for one in texts if one.one in TIERS and one.other in TIERS]
    if not both:
        return 0.0, 0.0
    same = sum(one.one == one.other for one in both) / len(both)
    firsts, seconds = Counter(one.one for one in both), Counter(one.other for one in both)
    chance = sum(firsts[tier] * seconds[tier] for tier in TIERS) / len(both) ** 2
    return same, (same - chance) / (1 - chance) if chance < 1 else 1.0


def training(texts: Sequence[Text], written: Path, out: Path) -> None:
    """Make the weights from texts of other sources, and those written for it; where readers differ, half each."""
    from train_text_model import Labelled, train

    given = []
    for one in texts:
        if one.agreed:
            given.append(Labelled(one.source, one.agreed, one.text))
        elif one.one in TIERS and one.other in TIERS:
            given += [Labelled(one.source, label, one.text, 0.5) for label in (one.one, one.other)]
    lines = written.read_text("utf-8").splitlines() if written.exists() else []
    always = [Labelled(written.stem, *line.split("\t", 2)[1:]) for line in lines]
    _, packed = train(given, always, doubt=1 - agreement(texts)[0])
    out.write_bytes(packed)
    print(f"weights: {len(packed):,} bytes from {len(given)} labels and {len(always)} written tasks")


def tasks() -> list[Text]:
    """What two people wrote who saw neither the texts nor the weights, in their own words."""
    with OWN_WORDS.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [Text("", row["lang"], "", row["text"], row["tier"], row["tier"]) for row in rows]


def judge(title: str, tested: Sequence[Text], bound: float) -> bool:
    """Print what the shipped weights make of texts that both readers agree on; whether the bounds hold."""
    from gaia_budget.routing.classify import classify

    told = [(one, classify(one.text)) for one in tested]
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
    by_lang = defaultdict(list)
    for (one, _), ok in zip(told, right, strict=True):
        by_lang[one.lang].append(ok)
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

    for name in ("texts.jsonl", "labels_a.tsv", "labels_b.tsv", WRITTEN):
        print(f"{name}: sha256 {hashlib.sha256((given.folder / name).read_bytes()).hexdigest()}")
    texts = read(given.folder)
    out = held_out(texts)
    same, kappa = agreement(texts)
    print(f"{len(texts)} texts of {len({one.source for one in texts})} sources, {len(out)} held out; "
          f"the readers agree on {same:.1%} (kappa {kappa:.2f})")  # fmt: skip
    for lang, _ in Counter(one.lang for one in texts).most_common():
        of_lang = [one for one in texts if one.lang == lang]
        if len(of_lang) >= FEWEST:
            print(
                f"  {lang}: {agreement(of_lang)[0]:.1%} (kappa {agreement(of_lang)[1]:.2f}) of {len(of_lang)}"
            )
    if given.train:
        training([one for one in texts if one.source not in out], given.folder / WRITTEN, DATA)
    tested = [one for one in texts if one.source in out and one.agreed]
    bound = min(LEAST, agreement([one for one in texts if one.source in out])[0])
    held = judge("held out", tested, bound)
    return int(not judge("in their own words", tasks(), bound) or not held)


if __name__ == "__main__":
    sys.exit(main())

"""Everything at once, with kills: hook calls over many sessions and months beside ingest, server, page and watcher.

    python bench/stress [--part 1] [--seed 7] [--no-proofs]

Forty minutes at most; `--part 20` takes a twentieth (about two minutes). First the traffic: 100,000 hook calls as
real processes, while ingests, the MCP server, the page's server and the splitter's watcher run and are killed, over a
file and then over a database that is stopped and started. Every figure is known before, so that what is lost, doubled
or decided wrongly can be told. Then the proofs that are tests, at their size, and a minute of fuzzing where atheris is
installed. Each stage says how far it came and has a bound; whatever the run has started ends with it, however it ends.
Prints two tables: what each program and the disk held, and what came of each stage. Ends with 1 where a zero is none.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import resource
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "tests"))

from processes import INSIDE, Weight, guarded, held, orphans, run_guarded
from proofs import FUZZ_SECONDS, FUZZED, PROOFS, fuzz, prove
from traffic import World

from support.components import found
from support.postgres import Server

CALLS, SESSIONS = 100_000, 50
SECONDS, ALL_SECONDS = 750, 2400  # for each half of the calls, at full size; for everything
LEAST_SECONDS = 300  # a small part on a busy machine must come to its end, too
COLUMNS = ("calls", "kills", "faults", "lost", "doubled", "wrong", "orphans", "growth", "unfinished")
ZEROS = COLUMNS[2:]
USED = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)


def traffic(
    name: str, folder: Path, part: int, seed: int, seconds: float, weights: dict[str, Weight]
) -> dict[str, int]:
    """Half of the calls with everything beside them; what came out."""
    outside = dict(os.environ)
    server = Server() if name == "PostgreSQL" else None
    try:
        world = World(folder, seed, CALLS // part // 2, SESSIONS // 2, server)
        world.make()
        weights[f"{name}: before"] = before = held("self", folder)
        world.drive(time.monotonic() + seconds)
        world.settle()
        weights[f"{name}: after"] = after = held("self", folder)
        weights.update({f"{name}: {which}": weight for which, weight in world.weights()})
        world.count["growth"] += max(0, after.handles - before.handles)
    finally:
        os.environ.clear()
        os.environ.update(outside)
        if server:
            server.remove()
    world.count["orphans"] = len(orphans())
    return world.count


def run(folder: Path, part: int, seed: int, proofs: bool) -> int:
    """Drive all stages, and print the tables."""
    rows: dict[str, dict[str, int]] = {}
    weights: dict[str, Weight] = {}
    began = time.monotonic()
    os.environ["TMPDIR"] = str(folder)

    def bound(seconds: int) -> float:
        least = LEAST_SECONDS if part > 1 else 1
        return min(max(seconds / part, least), max(1, began + ALL_SECONDS - time.monotonic()))

    for name in ("SQLite", *(["PostgreSQL"] if found("postgresql") else [])):
        print(f"traffic over {name}", flush=True)
        rows[f"traffic, {name}"] = traffic(
            name, folder / name[:2].lower(), part, seed, bound(SECONDS), weights
        )
    for name in PROOFS if proofs else ():
        rows[name] = prove(name, part, bound(PROOFS[name].seconds))
    fuzzing = importlib.util.find_spec("atheris") is not None
    for name in FUZZED if proofs and fuzzing else ():
        rows[f"fuzzed: {name}"] = fuzz(name, part, bound(FUZZ_SECONDS))
    print(f"\n{'':38}" + "".join(f"{name:>11}" for name in ("MB", "handles", "files", "disk MB")))
    for name, weight in weights.items():
        print(f"{name:38}" + "".join(f"{figure or '':>11}" for figure in weight))
    print(f"\n{'':38}" + "".join(f"{name:>11}" for name in COLUMNS))
    for name, row in rows.items():
        print(f"{name:38}" + "".join(f"{row.get(column, ''):>11}" for column in COLUMNS))
    if proofs and not fuzzing:
        print(f"{'fuzzed with atheris':38}  not installed")
    used = sum(resource.getrusage(whose)[field] for whose in USED for field in (0, 1))
    print(f"in {time.monotonic() - began:.0f} s, with {used:.0f} s of a processor")
    return int(any(row.get(key, 0) for row in rows.values() for key in ZEROS))


def main() -> int:
    """Run it under a guard."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", type=int, default=1, help="one in how many of everything")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--no-proofs", action="store_true", help="the traffic alone")
    wanted = parser.parse_args()
    if sys.platform != "linux":
        parser.error("it looks for what is left in /proc, which only Linux has")
    if INSIDE not in os.environ:
        return run_guarded([sys.executable, str(Path(__file__).parent), *sys.argv[1:]])
    with guarded() as folder:
        return run(folder, wanted.part, wanted.seed, not wanted.no_proofs)


if __name__ == "__main__":
    sys.exit(main())

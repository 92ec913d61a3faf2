"""A ledger made anew from its transcripts, to the nano-dollar.

    python bench/rebuild.py             1 GB of generated transcripts: some minutes
    python bench/rebuild.py --mb 20     a small one

Takes the transcripts in, plants faults, runs `gaia-budget rebuild` and `verify`, and compares every figure of
`spend --by day,model,session` before and after, and the total with the generator's own count. Exits 1 where they
differ. Everything is deleted at the end.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support import corpus

FAULTS = (
    "UPDATE events SET cost_nano = cost_nano + 1 WHERE rowid % 1000 = 7",
    "DELETE FROM events WHERE rowid % 1000 = 8",
    "DELETE FROM rollups WHERE grain = 'day'",
)


def run(environment: dict[str, str], *command: str) -> dict[str, Any]:
    """The JSON document of a command, with the seconds it took."""
    began = time.perf_counter()
    ours = [sys.executable, "-m", "gaia_budget", *command, "--json"]
    done = subprocess.run(ours, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    print(f"{command[0]:10} {time.perf_counter() - began:8.1f} s", file=sys.stderr, flush=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--mb", type=int, default=1000, help="size of the transcripts (default: 1000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="gaia-bench-") as folder:
        home = Path(folder)
        truth = corpus.write(home / ".claude", size=options.mb * 1_000_000)
        environment = {"PATH": os.environ["PATH"], "HOME": folder, "CLAUDE_CONFIG_DIR": str(home / ".claude"),
                       "GAIA_BUDGET_HOME": str(home / "state"), "TZ": "UTC"}  # fmt: skip
        run(environment, "ingest")
        before = run(environment, "spend", "--by", "day,model,session")
        connection = sqlite3.connect(home / "state" / "ledger.db")
        with connection:
            for fault in FAULTS:
                connection.execute(fault)
        connection.close()
        found = run(environment, "verify", "--no-sources")
        rebuilt = run(environment, "rebuild")
        after = run(environment, "spend", "--by", "day,model,session")
    same = before == after and rebuilt["ok"] and not found["ok"]
    print(json.dumps({
        "megabytes": round(truth.bytes / 1e6), "responses": len(truth.responses), "rows": len(before["rows"]),
        "total_before_usd": before["total"]["cost_usd"], "total_after_usd": after["total"]["cost_usd"],
        "problems_planted_and_found": len(found["problems"]), "sound_after": rebuilt["ok"],
        "from_sources": rebuilt["from_sources"], "carried_over": rebuilt["carried_over"],
        "same_to_the_nano_dollar": same,
    }, indent=2))  # fmt: skip
    sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()

"""The real client with our program wired into it, and an ecosystem beside it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import ecosystem

if TYPE_CHECKING:
    import subprocess

    from support.claude_client import Claude


@dataclass
class World:
    """The real client with our program wired into it by `init`, and the ecosystem's folder beside it."""

    claude: Claude
    root: Path
    python: Path

    def run(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """`gaia-budget` in the client's world."""
        return self.claude.shell(str(self.python), "-m", "gaia_budget", *arguments, check=check)

    def ask(self, *arguments: str) -> dict[str, Any]:
        """`gaia-budget … --json`: the document."""
        answer = json.loads(self.run(*arguments, "--json").stdout)
        assert isinstance(answer, dict)
        return answer

    def lines(self, kind: str = "runtime") -> list[dict[str, Any]]:
        """The ARGUS lines of the module `shop`."""
        file = self.root / "logs" / f"shop_{kind}.jsonl"
        return [json.loads(line) for line in file.read_text("ascii").splitlines()] if file.exists() else []


def wired(claude: Claude, tmp_path: Path, python: Path = Path(sys.executable)) -> World:
    """Wire the client by `init`; the project is the module `shop`, sessions are of type quick_fix."""
    root = ecosystem.make(tmp_path / "gaia", {"shop": claude.cwd})
    claude.env |= {
        "GAIA_ROOT": str(root),
        "GAIA_BUDGET_HOME": str(claude.home / "gaia-budget"),
        "GAIA_SESSION_TYPE": "quick_fix",
    }
    world = World(claude, root, python)
    world.run("init", "--yes", "--no-replay", "--no-proof")
    return world

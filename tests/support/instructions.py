"""Realistic CLAUDE.md files, made from a seed, with the lines that must not get lost from sight."""

from __future__ import annotations

import random
from typing import NamedTuple

STACKS = [
    ("Python 3.12 with uv", "uv run pytest", "uv run ruff check ."),
    ("Node 22 with pnpm", "pnpm test", "pnpm lint"),
    ("Go 1.23", "go test ./...", "golangci-lint run"),
    ("Rust stable", "cargo test", "cargo clippy --all-targets"),
    ("Elixir 1.17 with Phoenix", "mix test", "mix credo"),
]
THINGS = ["invoices", "tenants", "sessions", "reports", "uploads", "queues", "webhooks", "schedules"]
FORBIDDEN = [
    "Never commit directly to `main`",
    "Do not edit files under `generated/`",
    "Never log customer data or API keys",
    "Do not add a dependency without asking",
    "Never skip a failing test",
    "Don't rewrite published migrations",
]


class Instructions(NamedTuple):
    """A file and its must-keep lines: prohibitions, environment, commands."""

    text: str
    must_keep: list[str]


def instructions(seed: int) -> Instructions:
    """One file of 60 to 250 lines; the same seed gives the same file."""
    rnd = random.Random(seed)
    stack, test, lint = rnd.choice(STACKS)
    forbidden = rnd.sample(FORBIDDEN, rnd.randrange(3, len(FORBIDDEN) + 1))
    bullets = [f"- {line} ({seed})" for line in forbidden]
    environment = f"The project needs {stack}; variables come from `.env.example` ({seed})."
    commands = [f"{test}  # all tests", f"{lint}  # before every commit"]
    parts = [f"# Service {seed}\n\nA service that handles {rnd.choice(THINGS)} for several teams.\n"]
    chapters = [
        f"## Environment\n\n{environment}\n",
        "## Commands\n\n```bash\n" + "\n".join(commands) + "\n```\n",
        "## Rules\n\nCritical, for everyone:\n\n" + "\n".join(bullets) + "\n",
    ]
    chapters += [_chapter(rnd, thing) for thing in rnd.sample(THINGS, rnd.randrange(3, 8))]
    if rnd.random() < 0.5:
        chapters.append("## Subagents\n\nSubagents do not see this file: repeat the rules in their prompt.\n")
    rnd.shuffle(chapters)
    return Instructions("\n".join(parts + chapters), [*bullets, environment, *commands])


def _chapter(rnd: random.Random, thing: str) -> str:
    lines = [f"## How {thing} work", ""]
    for step in range(rnd.randrange(2, 7)):
        lines += [f"### {thing.title()} step {step}", ""]
        lines += [f"The {thing} of step {step} pass through module {thing}_{n}." for n in range(3)]
        lines += ["", f"- field {thing}_{step}_a", f"- field {thing}_{step}_b", ""]
        if rnd.random() < 0.3:
            lines += ["```python", f"# {thing} in code", f"handle({thing}_{step})", "```", ""]
    return "\n".join(lines)

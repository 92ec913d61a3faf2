"""Repositories as somebody who means no good would have them cloned, by a seed: every file, name and link is a trap.

Each carries a random choice of traps. What they aim at lies in `outside`, a folder beside the repository that must
stay as it is: a program that leaves a trace, a text that must not be written over.
"""

from __future__ import annotations

import json
import os
import random
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NAMES = ("../../outside/target.md", "/etc/passwd", "CON", "a\x1b]0;t\x07", "\u202etxt", "x" * 300, "a\nb", "-rf",
         "$(id)", "..", "\x00")  # fmt: skip
TEXTS = ("<<<<<<< a\n" * 300, "[" * 3000, "`" * 5001, "<!--" * 2000, "- x\n" * 400, "# h\n\ntext\n\n" * 80,
         "@/etc/passwd\n", "@../outside/target.md\n", "\r\n# a\r\n", "\ufeff# a\n", "# a\x1b[31m\n",
         "|" * 4000 + "\n")  # fmt: skip


@dataclass
class Repository:
    """One hostile clone and what lies beside it."""

    root: Path
    outside: Path
    random: random.Random

    @property
    def program(self) -> Path:
        return self.outside / "program"

    def put(self, name: str, content: str | bytes) -> None:
        """A new file inside of the repository; nothing where a trap stands in the way: none is fallen into here."""
        path = self.root / name
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        try:
            if not self.is_inside(path):
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:  # neither an existing pipe nor a link is opened
                file.write(data)
        except (OSError, ValueError):
            return

    def is_inside(self, path: Path) -> bool:
        """Whether a path lies in the repository, links on the way resolved."""
        return f"{os.path.realpath(path.parent)}/".startswith(f"{os.path.realpath(self.root)}/")

    def link(self, name: str, target: str | Path) -> None:
        path = self.root / name
        try:
            if not self.is_inside(path):
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(target)
        except (OSError, ValueError):
            return

    def name(self) -> str:
        return self.random.choice(NAMES)

    def text(self) -> str:
        return "".join(self.random.choice(TEXTS) for _ in range(self.random.randrange(1, 5)))


def instructions(one: Repository) -> None:
    names = (
        "CLAUDE.md",
        "CLAUDE_L2.md",
        ".claude/CLAUDE.md",
        "AGENTS.md",
        "CLAUDE.local.md",
        "docs/CLAUDE.md",
    )
    for name in one.random.sample(names, 3):
        one.put(name, one.text())


def long_instructions(one: Repository) -> None:
    body = "".join(
        f"## {one.random.choice(NAMES)} {number}\n\nNever do {number}.\n\n" for number in range(40)
    )
    one.put("CLAUDE.md", "# Project\n\n" + body.replace("\x00", ""))


def manifest(one: Repository) -> None:
    told: dict[str, Any] = {
        **{key: one.name() for key in ("id", "body", "intro")},
        **{
            "before": "0" * 64,
            "final_newline": True,
            "segments": [[0, 10**9]],
            "lines": [one.name()],
            "rows": {},
        },
        "source": one.random.choice(["/dev/zero", one.name()]),
        "version": one.random.choice([1, 2, 99, "x"]),
    }
    one.put("CLAUDE.md", "# P\n\ntext\n")
    one.put("CLAUDE_L2.md", f"# P\n\nbody\n\n<!-- gaia:l2 note\n{json.dumps(told)}\n-->\n")


def links(one: Repository) -> None:
    targets = (
        one.outside / "target.md",
        "/dev/zero",
        "/etc/passwd",
        "../outside",
        "CLAUDE.md",
        "/proc/self/mem",
    )
    for name in one.random.sample(("CLAUDE.md", "CLAUDE_L2.md", ".claude", "docs", "AGENTS.md", ".git"), 3):
        one.link(name, one.random.choice(targets))


def rings(one: Repository) -> None:
    """Links that lead back, or to everything, where patterns of headings and folders of rules are looked through."""
    for number in range(8):
        one.link(f"ring{number}", ".")
    one.link(".claude/rules", one.random.choice(("/usr/include", "..", one.outside)))
    one.put(".git/HEAD", "ref: refs/heads/main\n")
    patterns = ("*/*/*/*/*/*/*/*/*.x", "**/**/**/*", "ring0/**", "../**", "*a*a*a*a*a*a*b")
    parts = (
        f"## Part {number} (`{one.random.choice(patterns)}`)\n\n" + "A rule.\n" * 9 + "\n"
        for number in range(9)
    )
    one.put("CLAUDE.md", "# P\n\n" + "".join(parts))


def reports(one: Repository) -> None:
    """Where a command of ours writes a file of its own in the folder that it is started in."""
    month = f"{datetime.now():%Y-%m}"
    one.link(f"gaia-budget-{month}.html", one.outside / "target.md")


def pipes(one: Repository) -> None:
    for name in one.random.sample(("CLAUDE.md", "CLAUDE_L2.md", ".git", ".claude/settings.json", ".mcp.json",
                                   ".claude/settings.local.json", "token_budget.json"), 2):  # fmt: skip
        path = one.root / name
        try:
            if not one.is_inside(path):
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            os.mkfifo(path)
        except OSError:
            continue


def git_settings(one: Repository) -> None:
    keys = (
        "core.fsmonitor",
        "core.pager",
        "gpg.program",
        "diff.external",
        "core.sshCommand",
        "core.hooksPath",
        "log.showSignature",
    )
    lines = [f"[{key.partition('.')[0]}]\n\t{key.partition('.')[2]} = {one.program}\n" for key in keys]
    place = one.random.choice((".git", "docs", ".git/modules/x"))
    head = "ref: refs/heads/main\n"
    for name, content in (
        ("HEAD", head),
        ("config", "[core]\n\tbare = true\n" + "".join(lines)),
        ("refs/x", ""),
        ("objects/x", ""),
    ):
        one.put(f"{place}/{name}", content)


def git_file(one: Repository) -> None:
    named = one.random.choice((one.name(), str(one.outside), "../../..", "x" * 10_000, "", "/x/\x1b]0;t\x07ev\nil",
                               ".git2/worktrees/w", "/dev/zero", "\x00"))  # fmt: skip
    one.put(one.random.choice((".git", "docs/.git")), f"gitdir: {named}\n")
    one.put(".git2/worktrees/w/commondir", one.random.choice((one.name(), "/dev/zero", str(one.outside))))


def client_settings(one: Repository) -> None:
    hook = {"type": "command", "command": str(one.program), "args": ["gaia_hooks", "import gaia_hooks"]}
    settings = {
        "env": {"GAIA_BUDGET_HOME": str(one.outside), "GAIA_BUDGET_OFF": "1", "GAIA_BUDGET_DB": "sqlite:////tmp/x.db",
                "CLAUDE_CONFIG_DIR": str(one.outside), "GAIA_ROOT": str(one.outside), "HOME": str(one.outside)},
        "hooks": {event: [{"hooks": [hook]}] for event in ("PreToolUse", "SessionStart", one.name())},
        "statusLine": {"type": "command", "command": f"{one.program} /hook/1/statusline.py"},
        "permissions": {"allow": ["mcp__gaia-budget"], "x": one.name()},
    }  # fmt: skip
    plain = json.dumps(settings)
    text = one.random.choice((
        plain, plain[:-9], "[" * 4000, "{}" + "\0" * 99, "7", '{"env": 7}', plain.replace('"env"', r'"\u0065nv"'),
        plain[:-1] + ', "x": ' + "[" * 3000 + "]" * 3000 + "}", plain[:-1] + ', "x": ' + "9" * 5000 + "}",
        b"\xff\xfe" + plain.encode("utf-16-le"), plain.encode()[:-1] + b', "x": "\xff"}',
        r'{"env": {"GAIA_\ud800": "1", "GAIA_BUDGET_OFF": "1"}}',
    ))  # fmt: skip
    one.put(one.random.choice((".claude/settings.json", ".claude/settings.local.json")), text)


def servers(one: Repository) -> None:
    one.put(".mcp.json", json.dumps({"mcpServers": {"gaia-budget": {"command": str(one.program)}}}))


def owners(one: Repository) -> None:
    one.put(
        "token_budget.json",
        one.random.choice(("{", '{"per_module": {"../x": {"monthly_budget_usd": 1e308}}}', "[]")),
    )
    one.put("registry.json", json.dumps({"projects": {one.name(): {"path": one.name()}}}))
    one.put("settings.toml", f'db = "sqlite:///{one.outside}/ledger.db"\n')
    one.put(".env", f"GAIA_BUDGET_HOME={one.outside}\n")
    one.put("sitecustomize.py", f"open({str(one.outside / 'trace')!r}, 'w')\n")
    one.put("json.py", f"open({str(one.outside / 'trace')!r}, 'w')\n")
    one.put("venv.py", f"open({str(one.outside / 'trace')!r}, 'w')\n")


def names(one: Repository) -> None:
    for _ in range(3):
        one.put(f"{one.name().strip('/')}/CLAUDE.md", one.text())


KINDS: tuple[Callable[[Repository], None], ...] = (
    instructions, long_instructions, manifest, links, pipes, git_settings, git_file, client_settings, servers, owners,
    names, reports, rings)  # fmt: skip


def make(folder: Path, seed: int) -> Repository:
    """A repository of that seed, and `outside`, in a folder."""
    dice = random.Random(seed)
    one = Repository(folder / "repository", folder / "outside", dice)
    one.root.mkdir(parents=True)
    one.outside.mkdir()
    one.program.write_text(f"#!/bin/sh\ntouch '{one.outside}/trace'\n")
    one.program.chmod(0o755)
    (one.outside / "target.md").write_text("# not yours\n")
    for kind in dice.sample(KINDS, dice.randrange(2, 7)):
        kind(one)
    return one


def contents(folder: Path) -> dict[str, bytes]:
    """What lies in a folder."""
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}

"""What a stranger does in an empty home, and how the machine looks when it is undone: in every order of what there is.

`just strangers` plays all of it and prints each step; `GAIA_TEST_STRANGERS` is how many of the orders are played, and
`GAIA_TEST_INSTALL=1` lets the two paths fetch every package.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from support.components import requires
from support.scripted_api import reply, text, tool

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.claude_client import Claude
    from support.scripted_api import ScriptedApi

pytestmark = requires("claude", "git")

ROOT = Path(__file__).resolve().parents[2]
PARTS = (".claude-plugin", "hooks", "mcp_server", "plugin")
OWN = b'{\n\t"model": "opus",\n\t"permissions": { "allow": [ "Bash(ls:*)" ] }\n}\n'
CLIENTS = (".claude.json", ".claude/plugins", ".claude/projects", ".claude/backups", ".claude/shell-snapshots",
           ".claude/statsig", ".claude/todos", ".claude/session-env", ".claude/debug", ".claude/sessions",
           ".claude/history.jsonl", ".claude/.last-", ".claude/cache", ".claude/tasks", ".cache", ".local/state",
           ".local/share/claude", ".local/share/applications/claude-",
           ".config/mimeapps.list", ".npm", "tmux-")  # fmt: skip
"""What the client (and tmux) writes for itself, whoever is wired; of ours nothing may be named in it."""
STATE = "gaia-budget"
PIPS = ("PIP_CACHE_DIR", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "SSL_CERT_FILE", "HTTPS_PROXY", "NO_PROXY")
DELETED = "state deleted"


class Order(NamedTuple):
    """In which order things are added, what happens to the state folder, and what is taken out first."""

    added: tuple[str, ...]
    deleted: bool
    plugin_first: bool

    def __str__(self) -> str:
        then = [DELETED] if self.deleted else []
        return ", ".join([*self.added, *then, "plugin out first" if self.plugin_first else "undo first"])


ORDERS = [
    Order(added, deleted, first)
    for added in itertools.permutations(("plugin", "init", "project"))
    for deleted in (True, False)
    for first in (False, True)
]
ASKED = int(os.environ.get("GAIA_TEST_STRANGERS", "1"))
CHOSEN = ORDERS[:: max(1, len(ORDERS) // max(1, ASKED))][:ASKED]
BY_ADDED = {order.added: [one for one in CHOSEN if one.added == order.added] for order in CHOSEN}
"""What begins the same way is added, and spends, once; each ending begins from a copy of that."""
INSTALLED = "GAIA_TEST_INSTALL" in os.environ
"""Whether packages are fetched, as a stranger would: minutes."""


def say(step: str) -> None:
    """Print a step; `just strangers` shows it."""
    sys.stdout.write(f"  {step}\n")


def files(folder: Path) -> dict[str, bytes]:
    """Every file below a folder that is not the client's own, with its bytes; links by what they lead to."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if name.startswith(CLIENTS) or name.partition("/")[0] == STATE:
            continue
        if path.is_symlink():
            found[name] = os.fsencode(path.readlink())
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def settled(before: dict[str, bytes], after: dict[str, bytes], plugin: bool) -> None:
    """Nothing of ours is left; where a plugin was, the client has written the settings anew, with the same meaning."""
    name = ".claude/settings.json"
    if plugin and before[name] != after.get(name):
        now: dict[str, Any] = json.loads(after[name])
        for key in ("enabledPlugins", "extraKnownMarketplaces"):
            assert not now.pop(key, None), key
        assert now == json.loads(before[name])
        after = {**after, name: before[name]}
    assert after == before


@pytest.fixture
def stranger(claude: Claude, price_list: None) -> Claude:
    """Somebody with settings, files and a project of their own, who has used the client before."""
    (claude.home / ".claude").mkdir(exist_ok=True)
    (claude.home / ".claude" / "settings.json").write_bytes(OWN)
    (claude.home / ".bashrc").write_text("export EDITOR=vi\n", "utf-8")
    claude.env["GAIA_BUDGET_HOME"] = str(claude.home / STATE)
    claude.env["GAIA_SESSION_TYPE"] = "quick_fix"
    return claude


def gaia(claude: Claude, *words: str) -> str:
    """One of our commands in the stranger's world."""
    return claude.shell(sys.executable, "-m", "gaia_budget", *words).stdout


def step(claude: Claude, *words: str) -> str:
    """`install.py`, which fetches every package, where all is played; else what it ends in, `gaia-budget init`."""
    if not INSTALLED:
        return gaia(claude, "init", "--yes", "--no-proof", *words)
    with_installer(claude)
    done = subprocess.run(["python3", ROOT / "install.py", *words], cwd=claude.cwd, env=claude.environment(),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(["$ python3 install.py", *words]) + "\n" + done.stdout


def with_installer(claude: Claude) -> None:
    """A stranger's PATH, and the way to packages that this machine has."""
    python = Path(sys._base_executable).parent  # type: ignore[attr-defined]
    claude.env |= {name: os.environ[name] for name in PIPS if name in os.environ}
    claude.env["PATH"] = os.pathsep.join([str(claude.program.parent), str(python), "/usr/bin", "/bin"])


INSTALLER = """\
import pathlib
program = pathlib.Path("{program}")
program.parent.mkdir(parents=True)
program.write_text('#!/bin/sh\\nexec {python} -m gaia_budget "$@"\\n')
program.chmod(0o755)
"""
"""Stands for `install.py` where no packages are to be fetched: the program is the one that is tested."""


def add_plugin(claude: Claude, installer: str = "") -> None:
    """From a clone; with an installer, or with its own where packages are fetched, its server makes its environment."""
    folder = claude.home / STATE / "clone"
    if installer and INSTALLED:
        with_installer(claude)
        subprocess.run(["git", "clone", "-q", "--depth", "1", ROOT.as_uri(), folder], check=True)
    else:
        for part in PARTS:
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
    if installer and not INSTALLED:
        (folder / "install.py").write_text(installer, "utf-8")
    claude.shell("claude", "plugin", "marketplace", "add", str(folder))
    claude.shell("claude", "plugin", "install", "gaia-budget@gaia")


def remove_plugin(claude: Claude) -> None:
    claude.shell("claude", "plugin", "uninstall", "gaia-budget@gaia")
    claude.shell("claude", "plugin", "marketplace", "remove", "gaia")


ADD: dict[str, Callable[[Claude], object]] = {
    "plugin": add_plugin,
    "init": lambda claude: gaia(claude, "init", "--yes", "--no-replay", "--no-proof"),
    "project": lambda claude: gaia(
        claude, "init", "--yes", "--no-replay", "--no-proof", "--project", str(claude.cwd)
    ),
}


@pytest.mark.parametrize("added", BY_ADDED, ids=", ".join)
def test_whatever_was_added_in_whatever_order_is_counted_once_and_goes_without_a_trace(
    stranger: Claude, api: ScriptedApi, added: tuple[str, ...], tmp_path: Path
) -> None:
    home, project = files(stranger.home), files(stranger.cwd)
    for part in added:
        ADD[part](stranger)
        say(f"added: {part}")
    api.main(reply(tool("Bash", command="true", description="nothing"), input=100, write_5m=45_000),
             reply(text("done"), read=45_000))  # fmt: skip
    run = stranger.run("do nothing")
    warned = [line for line in run.informational if "GAIA budget: 80 %" in line]
    assert len(warned) == 1, run.informational
    counted = json.loads(gaia(stranger, "spend", "--session", run.session_id, "--json"))["total"]
    assert counted["responses"] == 2
    say(f"one session: {counted['budget_tokens']} tokens counted once, warned once")
    kept = [(folder, tmp_path / f"kept-{folder.name}") for folder in (stranger.home, stranger.cwd)]
    for folder, copy in kept:
        shutil.copytree(folder, copy, symlinks=True, ignore=sockets)
    for order in BY_ADDED[added]:
        say(f"ending: {order}")
        taken_out(stranger, order)
        settled(home, files(stranger.home), plugin=True)
        assert files(stranger.cwd) == project
        assert "gaia" not in stranger.shell("claude", "mcp", "list").stdout
        say(
            "home and project are as they were, but for the state folder and what the client keeps for itself"
        )
        for folder, copy in kept:
            shutil.rmtree(folder)
            shutil.copytree(copy, folder, symlinks=True)


def sockets(folder: str, names: list[str]) -> list[str]:
    """What cannot be copied: where tmux or the client listen."""
    return [name for name in names if (Path(folder) / name).is_socket()]


def taken_out(stranger: Claude, order: Order) -> None:
    """One ending: the state folder lost or not, the plugin or the wiring out first."""
    if order.deleted:
        for part in (stranger.home / STATE).iterdir():
            if part.name != "clone":
                shutil.rmtree(part) if part.is_dir() else part.unlink()
        say(DELETED)
    if order.plugin_first:
        remove_plugin(stranger)
    said = gaia(stranger, "init", "--undo", "--yes")
    say(f"undo: {' '.join(said.split())[:100]}")
    if order.deleted:  # which projects were wired went with the state folder
        gaia(stranger, "init", "--undo", "--yes", "--project", str(stranger.cwd))
    if not order.plugin_first:
        remove_plugin(stranger)


@requires("tmux")
def test_path_a_install_py_gives_a_counted_warned_answered_session_in_a_terminal(
    stranger: Claude, api: ScriptedApi
) -> None:
    home, project = files(stranger.home), files(stranger.cwd)
    say(step(stranger))
    api.main(reply(tool("ToolSearch", query="select:mcp__gaia-budget__budget_session"), input=100, write_5m=45_000),
             reply(tool("mcp__gaia-budget__budget_session"), input=5),
             reply(text("It stands at ninety percent.")))  # fmt: skip
    with stranger.terminal(width=80) as screen:
        screen.wait_for("session 0 %")
        screen.type("where does this session stand?")
        shown = screen.wait_for("It stands at ninety percent")
        assert "GAIA budget: 80 % of this quick_fix session" in " ".join(shown.split())
        say("$ claude\n" + screen.wait_for(r"session 9\d %"))
    assert '"limit_tokens":50000' in api.messages("")[-1].everything().replace("\\", "")
    say(step(stranger, "--undo"))
    settled(home, files(stranger.home), plugin=False)
    assert files(stranger.cwd) == project


@requires("tmux")
def test_path_b_the_plugin_alone_counts_warns_and_answers_in_a_terminal(
    stranger: Claude, api: ScriptedApi
) -> None:
    home, project = files(stranger.home), files(stranger.cwd)
    add_plugin(stranger)
    say("$ claude plugin marketplace add . && claude plugin install gaia-budget@gaia")
    api.main(
        reply(text("nothing to do"), input=100, write_5m=45_000), reply(text("still nothing"), read=45_000)
    )
    with stranger.terminal(width=80) as screen:
        screen.wait_for("❯|>")
        screen.type("do nothing")
        screen.wait_for("nothing to do")
        screen.type("and again")
        screen.wait_for("still nothing")
        shown = screen.wait_for("GAIA budget: 80 %")  # at the turn's end where the client wrote late
        assert "GAIA budget: 80 % of this quick_fix session" in " ".join(shown.split())
        assert "`/gaia-budget:type feature_dev`" in " ".join(shown.split())
        asked = len(api.messages(""))
        screen.type("/gaia-budget:budget ")
        say("$ claude\n" + screen.wait_for(r"of 50,000 tokens of this\s+quick_fix session \("))
        assert len(api.messages("")) == asked
    remove_plugin(stranger)
    say("$ claude plugin uninstall gaia-budget && claude plugin marketplace remove gaia")
    settled(home, files(stranger.home), plugin=True)
    assert files(stranger.cwd) == project


@requires("tmux")
def test_path_b_alone_makes_its_own_server_says_so_and_answers_in_the_same_session(
    stranger: Claude, api: ScriptedApi
) -> None:
    state = stranger.home / STATE
    add_plugin(
        stranger, INSTALLER.format(program=state / "venv" / "bin" / "gaia-budget", python=sys.executable)
    )
    say("$ claude plugin marketplace add . && claude plugin install gaia-budget@gaia")
    ours = "mcp__plugin_gaia-budget_gaia-budget__budget_session"
    api.main(reply(text("nothing to do"), input=100, write_5m=41_000),
             reply(tool("ToolSearch", query=f"select:{ours}"), input=5),
             reply(tool(ours), input=5),
             reply(text("It stands at eighty percent.")))  # fmt: skip
    with stranger.terminal("--permission-mode", "default", width=80) as screen:
        began = time.monotonic()
        screen.wait_for("❯|>")
        screen.type("do nothing")
        say("$ claude\n" + screen.wait_for("nothing to do"))
        until(lambda: (state / "news.txt").exists(), state / "logs" / "install.log")
        say(f"its environment was made in {time.monotonic() - began:.0f} s, while the session went on")
        screen.type("where does this session stand?")
        say(screen.wait_for("Do you want to proceed"))
        shown = screen.confirm("Do you want to proceed", "It stands at eighty percent")
        say(shown)
        assert "its tools are ready" in " ".join(shown.split())
    assert '"limit_tokens":50000' in api.messages("")[-1].everything().replace("\\", "")
    counted = stranger.shell(str(state / "venv" / "bin" / "gaia-budget"), "spend", "--json").stdout
    assert json.loads(counted)["total"]["responses"] == len(api.messages(""))
    remove_plugin(stranger)


def until(done: Callable[[], bool], log: Path) -> None:
    """Wait for another process' file, at most the minutes that a slow network needs."""
    deadline = time.monotonic() + 900
    while not done():
        assert time.monotonic() < deadline, (
            log.read_text("utf-8")[-3000:] if log.exists() else "nothing was begun"
        )
        time.sleep(0.5)  # polls the installer of the client's own server: nothing announces its end

"""Where things lie: our own state folder, the ecosystem's folder, Claude Code's folders."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import Any

from gaia_budget.errors import ConfigError
from gaia_hooks.facts import places as facts

README = """\
This folder holds the state of GAIA Token Budget (the command `gaia-budget`). It is private to you.

settings.toml   your settings; `gaia-budget settings` explains every key
prices.toml     your own prices, over the public ones (you make it; see docs/prices.md)
routing.toml    your own tasks and tiers, over ours (you make it; see docs/routing.md)
alerts.toml     your own alert rules, over ours (you make it; see docs/alerts.md)
webhook-secret  what alerts to a webhook are signed with (you make it, mode 0600)
ledger.db       the record of what was spent (SQLite; its -wal and -shm files belong to it)
sessions/       the running counts of Claude Code sessions
snapshot.json   prices, limits and module folders, prepared for the hooks
hook/           the compiled copy of the hooks that Claude Code is wired to, one folder per version
telemetry.json  where Claude Code's telemetry is received, and the token (only after `init --telemetry`)
calls/          calls of apps between being sent and being booked; empty most of the time
learned         when apps' calls were last looked through for retries on a stronger model
cache/          answers kept so that the same request is not paid twice; may be deleted
claude-md/      for the splitter: earlier states of each CLAUDE.md, what sessions loaded, trigger words
l1-template.md  your own text for every split CLAUDE.md, where you want some
backups/        files as they were before `gaia-budget` changed them, named by their SHA-256
logs/           ARGUS events when there is no GAIA_ROOT, and our own log

`gaia-budget init --undo` takes our entries out of Claude Code's settings. After that the folder may be deleted;
the record of past spend goes with it.
"""


MANAGED = {"darwin": "/Library/Application Support/ClaudeCode", "win32": "C:/Program Files/ClaudeCode"}


def home() -> Path:
    """Our state folder: `GAIA_BUDGET_HOME`, else the user's data folder of this system. It may not exist yet."""
    return Path(facts.home(_variable))


def refuse_a_strangers() -> None:
    """Raises ConfigError where our state folder is another user's: whoever owns it decides what is held and started."""
    folder = home()
    try:
        if sys.platform == "win32" or folder.stat().st_uid == os.geteuid():
            return
    except (FileNotFoundError, NotADirectoryError):
        return  # nobody's: who makes it says where it cannot be
    except OSError as error:
        raise ConfigError(
            folder,
            f"this state folder cannot be reached: {error.strerror or error}",
            cure="Give yourself the right to enter what lies above it, or name another one with GAIA_BUDGET_HOME",
            slug="state-folder",
        ) from error
    raise ConfigError(
        folder,
        "this state folder belongs to another user, who could change what it says",
        cure="Run this as that user, or name a folder of your own with GAIA_BUDGET_HOME",
        slug="state-folder",
    )


def ensure_home() -> Path:
    """Create the state folder (mode 0700) with a README that says what each part is; return it. Raises ConfigError."""
    refuse_a_strangers()
    folder = home()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    readme = folder / "README.txt"
    if not readme.exists():
        readme.write_text(README, encoding="utf-8")
        readme.chmod(0o600)
    return folder


def may_write(folder: Path) -> bool:
    """Whether this user may make files in a folder."""
    effective = os.access in os.supports_effective_ids
    return os.access(folder, os.W_OK, effective_ids=effective)


def real(path: Path) -> Path:
    """A path with its links followed as far as they lead; `Path.resolve` ends in a fault on a ring of links."""
    return Path(os.path.realpath(path))


def settings_file() -> Path:
    """The user's settings, `settings.toml`. It may not exist."""
    return home() / "settings.toml"


def gaia_root() -> Path | None:
    """The ecosystem's folder: `GAIA_ROOT`, else the setting `gaia_root`, else None. It may not exist."""
    named = os.environ.get("GAIA_ROOT", "").strip() or configured("gaia_root")
    if not named:
        return None
    if not isinstance(named, str):
        raise ConfigError(settings_file(), "must be a folder in quotes", key="gaia_root")
    return expanded(named)


def logs_dir() -> Path:
    """Where ARGUS events are written: `logs` of the ecosystem's folder where that exists, else of our own."""
    root = gaia_root()
    return (root if root is not None and root.is_dir() else home()) / "logs"


def claude_config_dirs() -> list[Path]:
    """Claude Code's configuration folders, the one in use first (`CLAUDE_CONFIG_DIR`, else `~/.claude`).

    Those of `claude_config_dirs` follow; a pattern stands for the folders that are there now. They may not exist.
    """
    found = [folder for name in further_config_dirs() for folder in _alike(name)]
    return list(dict.fromkeys([claude_config_dir(), *found]))


def further_config_dirs() -> list[Path]:
    """What the setting `claude_config_dirs` names (WSL, a second account, an app's): folders, and patterns with `*`."""
    listed = configured("claude_config_dirs") or []
    names = listed.split(os.pathsep) if isinstance(listed, str) else listed
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ConfigError(settings_file(), "must be a list of folders", key="claude_config_dirs")
    return [expanded(name) for name in names if name.strip()]


def _alike(folder: Path) -> list[Path]:
    """The folders that a name with `*` stands for; a name without is one."""
    parts = folder.parts
    plain = next((place for place, part in enumerate(parts) if facts.ANY in part), None)
    if plain is None:
        return [folder]
    return sorted(found for found in Path(*parts[:plain]).glob("/".join(parts[plain:])) if found.is_dir())


def claude_config_dir() -> Path:
    """The configuration folder of the Claude Code that runs here: `CLAUDE_CONFIG_DIR`, else `~/.claude`."""
    return Path(facts.claude_folder(_variable))


def relative_config_dir() -> str:
    """What is wrong with a `CLAUDE_CONFIG_DIR` that names no whole path; empty where nothing is."""
    named = os.environ.get(facts.CONFIG_DIR, "")
    if not named.strip() or facts.is_absolute(named):
        return ""
    return (
        f"{facts.CONFIG_DIR} is {named!r}: Claude Code takes that as a folder inside of whatever folder it is started "
        "in, so each project has its settings and transcripts apart. Write the whole path, without ~ in quotes"
    )


def managed_settings() -> list[Path]:
    """The settings that the machine's administrator gives Claude Code, the last one strongest. None need exist.

    Those in a folder that is closed to us, and so to the Claude Code that this user starts, are none.
    """
    folder = Path(MANAGED.get(sys.platform, "/etc/claude-code"))
    further: list[Path] = []
    with contextlib.suppress(OSError):
        further = sorted((folder / "managed-settings.d").glob("*.json"))
    return [folder / "managed-settings.json", *further]


def configured(key: str) -> Any:
    """One raw value of the environment or settings.toml, where checking them all would cost too much start-up."""
    from gaia_budget.configfile import read_toml

    return os.environ.get(f"GAIA_BUDGET_{key.upper()}") or read_toml(settings_file()).get(key)


def program(module: str, *arguments: str) -> list[str]:
    """The command that starts a module of ours from anywhere.

    Neither the folder that it is started in nor PYTHON* variables of somebody's project may put other modules in
    place of ours. The user's own site stays: `pip install --user` puts us there, and `-I` would hide it.
    """
    return [sys.executable, "-E", "-P", "-m", module, *arguments]


def expanded(name: str) -> Path:
    """The path that a person means by a setting's text: `~` is the home, and a relative name starts there."""
    return Path(facts.folder(name, facts.user_home(_variable)))


def _variable(name: str) -> str:
    return os.environ.get(name, "")

"""The user's settings: `settings.toml` in the state folder, each key also as `GAIA_BUDGET_<KEY>`.

The environment wins over the file, the file over the defaults. `gaia-budget settings` prints every key.
"""

from __future__ import annotations

import json
import os
from typing import Any

from gaia_budget import places
from gaia_budget.checked import Wrong
from gaia_budget.errors import ConfigError
from gaia_budget.settings.keys import Settings
from gaia_hooks.machine import files

__all__ = ["PREFIX", "load", "origin", "set_top_level", "variables"]

PREFIX = "GAIA_BUDGET_"
OLD_NAMES = {"billing": "claude_code_billing"}
"""Keys that had another name: they are still read."""


def load() -> Settings:
    """Read the settings as they are now. Raises ConfigError with file, line, key and valid choices."""
    places.refuse_a_strangers()
    try:
        return Settings(**_values())
    except Wrong as error:
        raise _config_error(error) from None


def variables() -> dict[str, str]:
    """The environment variable of each key, older names of keys among them."""
    return {key: PREFIX + key.upper() for key in (*OLD_NAMES, *Settings.keys)}


def _values() -> dict[str, Any]:
    """What is set: the environment over settings.toml. No `.env` of whatever folder we run in is looked for."""
    from gaia_budget.configfile import read_toml

    set_here = {key: os.environ.get(name, "") for key, name in variables().items()}
    named = [
        *read_toml(places.settings_file()).items(),
        *((key, set_here[key]) for key in set_here if set_here[key]),
    ]
    return {OLD_NAMES.get(key, key): value for key, value in named}


def set_top_level(key: str, value: str | bool) -> None:
    """Write one value of the settings file, the rest of it untouched. Raises ConfigError, OSError."""
    from gaia_budget.configfile import read_text, read_toml, toml_with

    file = places.ensure_home() / "settings.toml"
    listed = read_toml(file)
    text = read_text(file) if file.exists() else ""
    named = next((name for name in _names(key) if name in listed), None)
    files.replace(str(file), toml_with(text, named, f"{key} = {json.dumps(value)}").encode("utf-8"))


def origin(key: str) -> str:
    """Where the value of a key comes from: the environment variable, settings.toml, or `default`."""
    from gaia_budget.configfile import read_toml

    if key == "gaia_root" and os.environ.get("GAIA_ROOT"):
        return "GAIA_ROOT"
    for variable in (PREFIX + name.upper() for name in _names(key)):
        if os.environ.get(variable):
            return variable
    listed = read_toml(places.settings_file())
    return "settings.toml" if any(name in listed for name in _names(key)) else "default"


def _names(key: str) -> list[str]:
    return [key, *(old for old, new in OLD_NAMES.items() if new == key)]


def _config_error(wrong: Wrong) -> ConfigError:
    from gaia_budget.configfile import read_text, toml_line

    path, problem, choices = wrong.path, wrong.problem, wrong.choices
    source = origin(str(path[0]))
    if source not in ("settings.toml", "default"):
        inside = ".".join(map(str, path)) if len(path) > 1 else None
        return ConfigError(f"environment variable {source}", problem, key=inside, choices=choices)
    file = places.settings_file()
    text = read_text(file)
    for name in _names(str(path[0])):  # the key as the file has it
        line = toml_line(text, (name, *path[1:]))
        if line is not None:
            key = ".".join(map(str, (name, *path[1:])))
            return ConfigError(file, problem, line=line, key=key, choices=choices)
    return ConfigError(file, problem, key=".".join(map(str, path)), choices=choices)

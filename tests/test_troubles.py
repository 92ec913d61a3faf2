"""Every slug that an error can bear is explained under the class that bears it, and nothing else is explained."""

from __future__ import annotations

import ast
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from gaia_budget import errors
from gaia_budget.errors import BudgetExceededError, ConfigError, GaiaBudgetError, NotFoundError

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted(
    file for folder in ("core", "hooks", "claude_md", "mcp_server") for file in (ROOT / folder).rglob("*.py")
)
INSTALLER = ROOT / "install.py"
NO_ERRORS = {"said", "seen"}
EXPLAINED = {slug for kind, group in errors.troubles().items() if kind not in NO_ERRORS for slug in group}


def named(file: Path) -> set[str]:
    """Every slug that stands in a file as `slug="…"`, as a default, or beside its text in a table."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.keyword) and node.arg == "slug" and isinstance(node.value, ast.Constant):
            found.add(node.value.value)
        if isinstance(node, ast.Tuple):
            found |= {
                one.value for one in node.elts if isinstance(one, ast.Constant) and one.value in EXPLAINED
            }
        if isinstance(node, ast.arguments):
            for argument, value in zip(node.kwonlyargs, node.kw_defaults, strict=True):
                if argument.arg == "slug" and isinstance(value, ast.Constant):
                    found.add(value.value)
    return found


def raised(file: Path) -> list[tuple[str, str, int]]:
    """(class, slug, line) of each error that a file makes with a slug of its own."""
    return [
        (node.func.id, word.value.value, node.lineno)
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        for word in node.keywords
        if word.arg == "slug" and isinstance(word.value, ast.Constant)
    ]


def kinds() -> dict[str, set[str]]:
    """For each class its own slugs and those of the classes that it is one of."""
    grouped = {kind: set(group) for kind, group in errors.troubles().items()}
    for one in sorted(subclasses(GaiaBudgetError), key=lambda one: len(one.__mro__)):
        parents = [parent.__name__ for parent in one.__mro__ if parent.__name__ in grouped]
        grouped[one.__name__] = set().union(*(grouped[name] for name in parents))
    return grouped


def subclasses(kind: type) -> set[type]:
    from gaia_budget.ledger.database import failures  # noqa: F401 (their classes are counted in)
    from gaia_claude_md.pair import merge  # noqa: F401
    from gaia_claude_md.plan import splitting  # noqa: F401

    return set(kind.__subclasses__()).union(*(subclasses(one) for one in kind.__subclasses__()))


def test_each_slug_that_the_sources_name_is_explained_and_each_that_is_explained_is_named() -> None:
    assert set().union(*map(named, [*SOURCES, INSTALLER])) == EXPLAINED


def test_each_error_takes_its_slug_from_the_list_of_its_class() -> None:
    known = kinds()
    made = [(file.name, *one) for file in [*SOURCES, INSTALLER] for one in raised(file)]
    assert len(made) > 150
    assert [one for one in made if one[1] in known and one[2] not in known[one[1]]] == []


def test_what_is_no_error_is_quoted_from_the_sources_to_the_letter() -> None:
    text = "".join(file.read_text("utf-8") for file in SOURCES)
    assert [words for words in errors.troubles()["said"] if words not in text] == []


@pytest.mark.parametrize(
    "error",
    [
        NotFoundError("module", "jseker", ["jseeker"]),
        ConfigError("settings.toml", "is not a known key", line=3, slug="config-twice"),
        BudgetExceededError("no", scope="module x", spent_nano=1, reserved_nano=2, limit_nano=3),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_goes_from_one_process_to_another_as_it_is(error: GaiaBudgetError) -> None:
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize("words", [["spend", "--project", "nowhere"], ["prices", "show", "no-such-model"]])
def test_an_error_tells_people_its_slug_and_programs_the_whole(words: list[str], home: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "gaia_budget", *words, "--json"], capture_output=True, text=True,
                          env=os.environ, check=False)  # fmt: skip
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("[unknown-name]")
    told = json.loads(done.stdout)["error"]
    assert told["slug"] == "unknown-name" and told["message"] in done.stderr
    assert told["cure"] == errors.troubles()["NotFoundError"]["unknown-name"][1]

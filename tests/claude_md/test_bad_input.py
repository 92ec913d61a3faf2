"""Files that go wrong as people's files do: a clear word, and no line lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from gaia_budget.cli.app import app
from gaia_budget.errors import InputError
from gaia_claude_md.files import finding, operations
from gaia_claude_md.plan.splitting import SplitOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS = "# Shop\n\n" + "".join(f"## Part {n}\n\nThe module {n} reads.\nIt is called.\n\n" for n in range(20))
RULES = "# Rules\n\n" + "".join(f"- Never do thing {n}; it breaks part {n}.\n" for n in range(200))


@pytest.fixture
def l1(tmp_path: Path) -> Path:
    path = tmp_path / "CLAUDE.md"
    path.write_text(PARTS, "utf-8")
    return path


def run(*arguments: object) -> str:
    """What a command says; raises what it refuses."""
    result = CliRunner().invoke(app, ["claude-md", *map(str, arguments)])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result.output


def index_of(text: str) -> str:
    return text[text.index("<!-- gaia:index") :]


PASTED: dict[str, Callable[[str, str], str]] = {
    "the index": lambda l1, l2: l1 + index_of(l1),
    "the index of another split": lambda l1, l2: (
        l1 + index_of(l1).replace("gaia:index ", "gaia:index 0")[:-1]
    ),
    "all of it": lambda l1, l2: l1 + l1,
    "the line that ends the index": lambda l1, l2: l1 + "\n<!-- gaia:end -->\n",
    "that line before everything": lambda l1, l2: "<!-- gaia:end -->\n" + l1,
    "all of L2": lambda l1, l2: l1 + l2,
    "an anchor": lambda l1, l2: l1 + "\n<!-- gaia:l1 1 -->\n",
}


@pytest.mark.parametrize("what", PASTED)
def test_a_comment_of_ours_that_is_pasted_twice_is_named_with_its_lines(what: str, l1: Path) -> None:
    operations.apply(operations.propose(l1, SplitOptions()))
    l2 = finding.l2_of(l1)
    l1.write_text(PASTED[what](l1.read_text("utf-8"), l2.read_text("utf-8")), "utf-8")
    before = l1.read_bytes(), l2.read_bytes()
    for command in (
        ["split", "--yes"],
        ["join"],
        ["check"],
        ["list"],
        ["show", "part-3"],
        ["watch", "--once"],
    ):
        with pytest.raises(InputError, match=r"L1 has our comment `<!-- gaia:\w+ …` at line \d+.*delete"):
            run(*command, l1)
    assert "our comment" in run("verify", l1)
    assert (l1.read_bytes(), l2.read_bytes()) == before
    operations.restore(l1)
    assert l1.read_text("utf-8") == PARTS


def test_a_file_that_is_one_list_of_200_rules_says_what_would_let_some_of_them_stay(l1: Path) -> None:
    l1.write_text(RULES, "utf-8")
    with pytest.raises(
        InputError, match=r"200 prohibitions cannot stay; line 3 to 202 can stay only whole"
    ) as no:
        run("split", l1)
    assert "--promote" not in str(no.value)
    assert l1.read_text("utf-8") == RULES
    run("split", "--yes", l1)
    assert "thing 0" not in l1.read_text("utf-8"), "a part of a list misleads"
    assert RULES.partition("\n\n")[2] in run("show", "rules", l1)
    run("join", l1)
    assert l1.read_text("utf-8") == RULES


def test_many_lists_of_rules_are_kept_as_far_as_they_fit_and_the_rest_is_counted(l1: Path) -> None:
    lists = "# Rules\n\n" + "".join(
        f"## Part {n}\n\n" + "".join(f"- Never do thing {n}.{k}.\n" for k in range(10)) + "\n"
        for n in range(20)
    )
    l1.write_text(lists, "utf-8")
    with pytest.raises(InputError, match=r"1[89]0 prohibitions cannot stay; --promote part-\d"):
        run("split", l1)
    run("split", "--yes", l1)
    kept = [line for line in l1.read_text("utf-8").splitlines() if line.startswith("- Never")]
    assert len(kept) >= 10 and len(kept) % 10 == 0

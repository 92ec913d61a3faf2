"""What must stay in sight: in L1 itself, or in a section that the index names; and never half a list."""

from __future__ import annotations

import random

import pytest

from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.sections import sections_of
from gaia_claude_md.markdown.tokens import loaded_tokens
from gaia_claude_md.markdown.units import units_of
from gaia_claude_md.plan.pieces import features_of, piece_of, worth
from gaia_claude_md.plan.splitting import MAX_LINES, SplitOptions, split
from support.instructions import instructions

SEEDS = range(20)
FILLER = "".join(f"A paragraph about part {n}, which explains how it came to be.\n\n" for n in range(40))


@pytest.mark.parametrize("seed", SEEDS)
def test_every_must_keep_line_is_in_l1_or_its_section_is_in_the_index(seed: int) -> None:
    text, must_keep = instructions(seed)
    pair = split(text, SplitOptions())
    sections = sections_of(parse(text))
    for line in must_keep:
        section = next(section for section in sections if line in section.text)
        assert line in pair.l1 or f"`{section.slug}`" in pair.l1, line


@pytest.mark.parametrize("seed", SEEDS)
def test_the_prohibitions_of_a_usual_file_are_in_l1_all_of_them(seed: int) -> None:
    text, must_keep = instructions(seed)
    pair = split(text, SplitOptions())
    assert [line for line in must_keep if line.startswith("- ")] == [
        line for line in pair.l1.splitlines() if line in must_keep and line.startswith("- ")
    ]
    assert "Critical, for everyone:" in pair.l1


@pytest.mark.parametrize("seed", SEEDS)
def test_no_list_is_in_l1_in_part(seed: int) -> None:
    text, _ = instructions(seed)
    document = parse(text)
    kept = set(split(text, SplitOptions()).l1.splitlines())
    for block in document.blocks:
        if block.kind == "bullet_list":
            items = [line.rstrip() for line in document.lines[block.start : block.end]]
            assert sum(item in kept for item in items) in (0, len(items))


def test_l1_is_short_and_saves_most_of_the_tokens() -> None:
    saved = []
    for seed in SEEDS:
        text, _ = instructions(seed)
        pair = split(text, SplitOptions())
        assert pair.l1.count("\n") <= MAX_LINES
        saved.append(1 - loaded_tokens(pair.l1) / loaded_tokens(text))
    assert sorted(saved)[len(saved) // 2] >= 0.70


def test_a_lead_in_moves_with_its_list() -> None:
    text = "# P\n\n## Rules\n\nNever do any of this:\n\n- push to main\n- log secrets\n\n" + FILLER
    pair = split(text, SplitOptions())
    assert "Never do any of this:\n\n- push to main\n- log secrets\n" in pair.l1


def test_a_numbered_list_that_a_fence_interrupts_stays_in_one_piece() -> None:
    text = "# P\n\n## Rules\n\n1. Never push\n\n```sh\nmake\n```\n\n2. Never force\n\n## Other\n\n" + FILLER
    pair = split(text, SplitOptions())
    assert ("Never push" in pair.l1) == ("Never force" in pair.l1)


def test_a_pinned_section_is_in_l1_and_a_section_pinned_away_is_not() -> None:
    filler = "".join(f"## Topic {n}\n\nText about topic {n}.\n\n" for n in range(20))
    text = f"# P\n\n<!-- l1 -->\n## Haiku\n\nPlain words.\n\n<!-- l2 -->\n## Rules\n\nNever push.\n\n{filler}"
    pair = split(text, SplitOptions())
    assert "Plain words." in pair.l1
    assert "Never push." not in pair.l1


def test_the_template_fills_in_for_a_topic_that_the_source_lacks_and_only_then() -> None:
    filler = "".join(f"## Topic {n}\n\nText about topic {n}.\n\n" for n in range(20))
    template = {"subagents": "## Subagents\nThey do not see this file.", "rules": "## Rules\nBe careful."}
    pair = split(f"# P\n\n## Rules\n\nNever push.\n\n{filler}", SplitOptions(template=template))
    assert "They do not see this file." in pair.l1
    assert "Be careful." not in pair.l1


def test_a_heading_that_forbids_keeps_its_list_and_a_guideline_that_only_sounds_so_does_not_go_before_it() -> (
    None
):
    soft = "".join(f"## {n} guidelines\n\n- Small {n} fixes may not need examples\n\n" for n in range(12))
    text = f"# P\n\n{soft}## Do Not\n\n- Push to main\n- Edit gen/\n\n{FILLER}"
    assert "## Do Not\n- Push to main\n- Edit gen/\n" in split(text, SplitOptions()).l1


@pytest.mark.parametrize("sign", ["❌ ", "🚫 ", "No "])
def test_a_list_of_prohibitions_stays_whole_wherever_it_stands(sign: str) -> None:
    items = "".join(
        f"- {sign}{what}\n" for what in ("pushing to main", "edits under gen/", "secrets in logs")
    )
    assert items in split(f"# P\n\n{FILLER}## Database\n\n{items}\n{FILLER}", SplitOptions()).l1


def test_a_file_that_needs_only_a_little_cut_is_cut_a_little() -> None:
    text = "# P\n\n" + "".join(
        f"## Rule {n}\n\nAlways run step {n} before you commit, {'and read what it says, ' * 8}.\n\n"
        for n in range(11)
    )
    pair = split(text, SplitOptions())
    kept = [n for n in range(11) if f"step {n} before" in pair.l1]
    assert pair.l2 is not None
    assert len(kept) == 10


def test_what_refers_back_goes_with_what_it_refers_to() -> None:
    text = "# P\n\n## Rules\n\nNever push to main.\n\nThis holds for hotfixes too.\n\n" + FILLER
    assert "Never push to main.\n\nThis holds for hotfixes too.\n" in split(text, SplitOptions()).l1


def test_a_tag_around_a_whole_file_is_opened() -> None:
    parts = "".join(f"## Part {n}\n\nThe module {n} reads its table.\n\n" for n in range(20))
    text = f"<guidelines>\n\n## Conventions\n\n- Never create folders.\n\n{parts}</guidelines>\n"
    assert "- Never create folders.\n" in split(text, SplitOptions()).l1


MANAGED = {
    "marks with a version": "<!-- BEGIN TOOL v:1 hash:ab -->\n## Tool\n\nUse it.\n\n<!-- END TOOL -->\n",
    "marks behind the name": "<!-- tool configuration start-->\n# Tool\n\n- use it\n<!-- tool configuration end-->\n",
    "one line": "<!-- TOOL-START -->[Index]|root: ./docs|a:{b.mdx}<!-- TOOL-END -->\n",
}


@pytest.mark.parametrize("what", MANAGED)
def test_a_block_that_a_tool_manages_stays_whole_to_where_its_marks_say_it_ends(what: str) -> None:
    parts = "".join(f"## Part {n}\n\nThe module {n} reads its table.\n\n" for n in range(20))
    assert MANAGED[what] in split(f"# P\n\n{MANAGED[what]}\n{parts}", SplitOptions()).l1


def test_the_words_of_the_index_are_none_of_code_paths_or_escapes() -> None:
    noise = "```py\nzebra = giraffe\n```\n\nSee `hippo` in src/rhino/lion.py &amp; https://tiger.invalid/x \\panther.\n"
    noise += "\n"
    parts = "".join(f"## Part {n}\n\n{noise}Invoices are settled nightly.\n\n" for n in range(20))
    l1 = split(f"# P\n\n{parts}", SplitOptions()).l1
    rows = [line for line in l1.splitlines() if line.startswith("- `")]
    assert rows and all("nvoices" in row or "settled" in row for row in rows)
    for animal in ("zebra", "giraffe", "hippo", "rhino", "lion", "tiger", "panther", "amp"):
        assert not any(animal in row for row in rows), animal


def test_the_worth_of_a_piece_is_the_same_in_whatever_order_its_words_are_read() -> None:
    text, _ = instructions(1)
    document = parse(text)
    for unit in units_of(document, lambda target: False):
        features = list(features_of(piece_of(document, unit)).items())
        orders = [random.Random(seed).sample(features, len(features)) for seed in range(20)]
        assert len({worth(dict(order)) for order in orders}) == 1


OWNERS = (
    "# Till\n\n## Role\nTill counts what a shop takes and tells ARGUS and MYCEL of it.\n\n"
    "## Constitutional Constraints\n1. Never invent a receipt -- only real ones count\n"
    "2. All calls are logged\n3. The ledger is the truth and never rewritten\n4. Corrections are never dropped\n\n"
    "## Directory Structure\ntill/ -- the core package\nauto/ -- automation beside it\n"
    "  BOUNDARY RULE: auto may import from till, till must NEVER import from auto.\ndata/ -- receipts\nui/ -- the app\n"
    "scripts/ -- maintenance\ntests/ -- the suite\ndocs/ -- the guide\noutput/ -- reports\n\n"
    "## Testing\n```bash\npytest tests/ -q\n```\n\n" + FILLER + "## DO NOT\n"
    "- Invent receipts that are not in data/\n- Use the dearest model at runtime\n- Keep keys anywhere except .env\n"
)


def test_what_a_heading_forbids_and_the_best_rules_stand_before_a_description_that_insists_somewhere() -> (
    None
):
    l1 = split(OWNERS, SplitOptions()).l1
    for kept in ("1. Never invent a receipt", "- Use the dearest model at runtime", "tells ARGUS and MYCEL"):
        assert kept in l1, kept


def test_one_name_of_the_ecosystem_alone_is_the_projects_own() -> None:
    own = "# P\n\n## Data\n\n- jseeker keeps its rows\n\n## Others\n\n- MYCEL answers, ARGUS watches\n\n"
    decided = split(own + FILLER, SplitOptions()).plan.decisions
    topics = {d.scored.unit.path[-1].title: d.scored.topic for d in decided[:2]}
    assert topics == {"Data": "other", "Others": "gaia"}

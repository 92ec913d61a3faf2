"""Leaves the words and texts of the sections where the hook finds them (see `gaia_hooks.say.sections`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget import places
from gaia_claude_md.markdown.sections import sections_of
from gaia_hooks.machine import files, jsonio
from gaia_hooks.say import sections as hook

if TYPE_CHECKING:
    from pathlib import Path

    from gaia_claude_md.plan.planner import SplitPlan

LONGEST_TEXT = 8_000  # characters; the client cuts longer additions to a prompt down to a preview


def write(l1: Path, l2: Path, l2_data: bytes, plan: SplitPlan) -> None:
    """Write the trigger file of a split; the hook passes over it as soon as L2 has another size. Raises OSError."""
    folder = str(places.real(l1).parent)
    rows = [
        [section.slug, [word for word in plan.rows[section.slug].split(", ") if word], section.text]
        for section in sections_of(plan.document)
        if section.slug in plan.rows and len(section.text) <= LONGEST_TEXT
    ]
    content = {"folder": folder, "l2": str(places.real(l2)), "size": len(l2_data), "rows": rows}
    files.replace(hook.path_of(str(places.ensure_home()), folder), jsonio.dumps(content), durable=False)

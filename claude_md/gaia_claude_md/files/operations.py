"""Check, split, join, restore and verify files: what the command line, the watcher and the MCP server call."""

from __future__ import annotations

import difflib
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gaia_budget import backups
from gaia_budget.errors import InputError
from gaia_claude_md.files import finding, reading, startup, store
from gaia_claude_md.files.source import Source, read_source, source_of
from gaia_claude_md.markdown.blocks import parse
from gaia_claude_md.markdown.lines import bare, split_lines
from gaia_claude_md.markdown.lookup import named, pinned
from gaia_claude_md.markdown.sections import Section, sections_of
from gaia_claude_md.markdown.tokens import estimate, loaded_tokens
from gaia_claude_md.pair import layout
from gaia_claude_md.pair.index import BEGIN
from gaia_claude_md.pair.merge import ConflictError
from gaia_claude_md.plan import splitting
from gaia_claude_md.plan.draft import MAX_LINES
from gaia_claude_md.plan.pieces import prohibitions
from gaia_claude_md.plan.splitting import DEFAULT_TOKEN_CAP, SplitOptions

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gaia_claude_md.files.startup import Loaded
    from gaia_claude_md.files.store import StoredFiles
    from gaia_claude_md.markdown.units import Pin


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found. Tokens are estimates; those of L1 leave out comments, which the client strips.

    `imports` load with L1 and count as it does.
    """

    path: Path
    lines: int
    l1_tokens: int
    l2_tokens: int
    imports: list[Loaded]
    sections: list[Section]
    problems: list[str]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A split that has not been written.

    `leaving` are prohibitions and security rules that L1 would lose; `rules` the rule files, None for one that goes.
    """

    source: Source
    pair: splitting.Pair
    l1_data: bytes
    l2_data: bytes | None
    leaving: list[str]
    rules: dict[Path, bytes | None]

    @property
    def changed(self) -> bool:
        """Whether writing it would change a file."""
        files = self.source.files
        now = {path: files.data_of(path) for path in self.rules}
        return (self.l1_data, self.l2_data, self.rules) != (files.l1_data, files.l2_data, now)

    def diff(self) -> str:
        """What writing it would change, as a unified diff."""
        files = self.source.files
        steps = [(files.l1, self.l1_data), (files.l2, self.l2_data), *self.rules.items()]
        return "".join(_diff(path, files.data_of(path), data) for path, data in steps)


def check(path: Path | str, token_cap: int = DEFAULT_TOKEN_CAP) -> Checked:
    """Count what a session loads. Raises InputError; too much is no error but one of the `problems`."""
    files = reading.read(path)
    l1 = files.l1_text
    lines, tokens = len(split_lines(l1)), loaded_tokens(l1)
    problems = []
    if lines > MAX_LINES:
        problems.append(f"{lines} lines; at most {MAX_LINES} are allowed")
    imports = startup.imported(files.l1)
    imported = sum(loaded.tokens for loaded in imports)
    if tokens > token_cap:
        problems.append(f"about {tokens} tokens; at most {token_cap} are allowed (l1_token_cap)")
    elif tokens + imported > token_cap:
        names = ", ".join(startup.shown(loaded.path, files.l1) for loaded in imports[: startup.SHOWN])
        problems.append(
            f"about {tokens} tokens and {imported} more that it imports ({names}); at most {token_cap} are allowed "
            "(l1_token_cap). Without the @ a file is read when it is needed"
        )
    source = source_of(files)
    l2_tokens = estimate(files.l2_text) if source.manifest and files.l2_text else 0
    return Checked(files.l1, lines, tokens, l2_tokens, imports, sections_of(parse(source.text)), problems)


def propose(
    path: Path | str, options: SplitOptions, pins: Sequence[tuple[str, Pin]] = (), by_path: bool | None = None
) -> Proposal:
    """Plan the split of a file, or the update of a split one, without writing.

    `pins` are sections to pin first, as (slug, number or title; "l1" or "l2"). `by_path` says whether sections that are
    for certain files become rules; None leaves it as it is. Raises InputError.
    """
    source = read_source(path)
    for name, pin in pins:
        source = replace(source, text=pinned(source.text, name, pin))
    files = source.files
    options = replace(
        options,
        l2_name=reading.shown_name(files.l2),
        exists=lambda target: finding.imported_file(files.l1, target) is not None,
        edits=source.edits,
        in_tree=reading.in_tree(files.l1, source.manifest, by_path),
    )
    if source.state == "whole" and files.l2_data is not None:
        raise InputError(
            f"{files.l2} exists and was not made by a split. Rename it first", slug="file-in-the-way"
        )
    pair = splitting.split(
        source.text,
        options,
        before=layout.sha256(files.l1_text),
        previous=source.manifest,
        there=files.our_rules(source.manifest),
        l1_name=files.l1.name,
    )
    l1_data = (files.bom + pair.l1).encode("utf-8")
    l2_data = None if pair.l2 is None else pair.l2.encode("utf-8")
    written, files = store.rules_to_write(files, source.manifest, pair.rules)
    source = replace(source, files=files)
    return Proposal(source, pair, l1_data, l2_data, _leaving(files.l1_text, pair), written)


def apply(proposal: Proposal) -> None:
    """Write a proposal: L2 first, L1 last, so that L1 tells whether a write came to its end.

    Until then the whole text is the one that was kept before the first step.
    """
    files = proposal.source.files
    if proposal.l2_data is None:
        if proposal.changed:
            _write_whole(proposal.source, "split")
        return
    with store.lock(files.l1):
        steps = [(files.l2, proposal.l2_data), *proposal.rules.items(), (files.l1, proposal.l1_data)]
        if proposal.changed:
            changed = [(path, data) for path, data in steps if data != files.data_of(path)]
            store.write(files, "split", proposal.source.bytes, changed)
        with suppress(OSError):  # a help for the hook, which does without it
            store.write_triggers(files.l1, files.l2, proposal.l2_data, proposal.pair.plan)


def join(path: Path | str) -> Source:
    """Put the whole text back into L1 and remove L2; also the one command after any interrupted write."""
    source = read_source(path)
    if source.files.l2_data is not None and source.state != "whole":
        _write_whole(source, "join")
    return source


def _write_whole(source: Source, verb: str) -> None:
    """L2 first learns which text is the whole one, so that a kill before its removal is recognised."""
    files = source.files
    steps: list[tuple[Path, bytes | None]] = []
    gone: list[Path] = []
    found = layout.read_l2(files.l2_text or "", str(files.l2))
    if found:
        body, manifest = found
        gone = [reading.rules_folder(files.l1) / name for name in files.our_rules(manifest)]
        manifest = replace(manifest, source=layout.sha256(source.text), body=layout.sha256(body))
        manifest = replace(manifest, rules=files.rules_as_read(manifest))
        steps.append((files.l2, layout.l2_text(body, manifest).encode("utf-8")))
    whole = (files.bom + source.text).encode("utf-8")
    with store.lock(files.l1):
        removed = [(path, None) for path in (*gone, files.l2)]
        store.write(files, verb, source.bytes, [*steps, (files.l1, whole), *removed])


def restore(path: Path | str, number: int | None = None) -> StoredFiles:
    """Bring both files back as they were before a write of ours: the newest, or a numbered one.

    Raises InputError when there is no such state.
    """
    l1 = finding.locate(path)
    states = store.states(l1)
    if not states:
        raise InputError(f"{l1}: nothing to restore; no state of it was ever kept", slug="no-backup")
    state = states[-1] if number is None else next((s for s in states if s.number == number), None)
    if state is None:
        raise InputError(f"{l1}: there is no state {number}. There are 1 to {len(states)}", slug="no-backup")
    l2 = finding.l2_of(l1)
    there = {path: _bytes_of(path) for path in store.rules_to_restore(l1, _bytes_of(l2), state.rules)}
    now = reading.Files(l1, l2, _bytes_of(l1) or b"", _bytes_of(l2), there)
    l1_data, l2_data = (backups.content(name) if name else None for name in (state.l1, state.l2))
    ruled = [
        (path, backups.content(name) if (name := state.rules.get(path.name)) else None) for path in there
    ]
    steps: list[tuple[Path, bytes | None]] = [(l2, l2_data), *ruled, (l1, l1_data)]
    with store.lock(l1):
        store.write(now, "restore", backups.content(state.source), steps if l2_data else steps[::-1])
    return state


def verify(path: Path | str, token_cap: int = DEFAULT_TOKEN_CAP) -> list[str]:
    """What is wrong with a pair: nothing, when every line is there and every section loads."""
    try:
        source = read_source(path)
    except ConflictError as error:
        return error.problems
    problems = []
    if source.state == "interrupted":
        problems.append("a write was interrupted; nothing is lost. `gaia-budget claude-md split` ends it")
    if source.state == "split" and source.manifest and layout.sha256(source.text) != source.manifest.source:
        problems.append("the text differs from the one that was split, though neither file was edited")
    if source.state == "edited":
        problems.append("edited since the split. `gaia-budget claude-md split` takes the edits in")
    document = parse(source.text)
    sections = sections_of(document)
    if "".join(section.text for section in sections) != source.text:
        problems.append("the sections do not add up to the text")
    problems += [f"section {s.slug} does not load" for s in sections if named(sections, s.slug) != [s]]
    return problems + (check(path, token_cap).problems if source.manifest else [])


def warnings(path: Path | str) -> list[str]:
    """What undoes the saving of a split, in words."""
    source = read_source(path)
    saved = loaded_tokens(source.text) - loaded_tokens(source.files.l1_text)
    return startup.warnings(source.files.l1, saved)


def _leaving(l1: str, pair: splitting.Pair) -> list[str]:
    """Prohibitions and security rules that are in L1 now and would not be after; those pinned away are agreed."""
    if pair.l2 is None:
        return []
    document = pair.plan.document
    agreed = {
        line
        for decision in pair.plan.decisions
        if decision.scored.unit.pin == "l2"
        for line in prohibitions(document.text(decision.scored.unit.start, decision.scored.unit.end))
    }
    staying = {bare(line).strip() for line in split_lines(pair.l1)}
    opening = BEGIN.search(l1)
    before = l1[: opening.start()] if opening else l1
    return [line for line in prohibitions(before) if line not in staying and line not in agreed]


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _diff(path: Path, before: bytes | None, after: bytes | None) -> str:
    if before == after:
        return ""
    old, new = ((data or b"").decode("utf-8").splitlines(keepends=True) for data in (before, after))
    lines = difflib.unified_diff(old, new, f"{path.name} (now)", f"{path.name} (then)")
    return "".join(line if line.endswith("\n") else line + "\n" for line in lines)

"""Bulk reading against a corpus whose truth is known, and against files that change under us."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_budget.transcripts.discovery import Transcript, find
from gaia_budget.transcripts.heading import heading
from gaia_budget.transcripts.lines import Hits
from gaia_budget.transcripts.reading import Reading, ReadingPosition, read
from gaia_hooks.facts.tokens.torn import HEAD
from gaia_hooks.facts.tokens.usage import merged
from gaia_hooks.session import tail
from support import corpus
from support.rows import assistant, write

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gaia_hooks.facts.tokens.responses import Response


def fresh(transcript: Transcript) -> Reading:
    return read(transcript, ReadingPosition(began=heading(transcript).began))


def by_key(responses: Iterable[Response]) -> dict[str, Response]:
    """The responses as the ledger keeps them: the first maker, the larger figures."""
    found: dict[str, Response] = {}
    for response in responses:
        known = found.setdefault(response.key, response)
        known.usage = merged(known.usage, response.usage)
        known.recached = max(known.recached, response.recached)
    return found


def count_all(config_dir: Path) -> dict[str, Response]:
    transcripts = sorted(find([config_dir]), key=lambda one: (heading(one).began, one.path))
    return by_key(response for one in transcripts for response in fresh(one).responses)


@pytest.fixture
def main(tmp_path: Path) -> Transcript:
    return Transcript(str(tmp_path / "session.jsonl"), "session", "")


def test_every_trap_of_the_corpus_is_counted_to_the_token(tmp_path: Path) -> None:
    truth = corpus.write(tmp_path, size=3_000_000)
    counted = count_all(tmp_path)
    told = {
        key: (one.session_id, one.agent_id, one.model, one.usage, one.recached)
        for key, one in counted.items()
    }
    assert told == {
        key: (t.session, t.agent, t.model, t.usage, t.recached) for key, t in truth.responses.items()
    }


def test_each_malformed_line_is_reported_with_its_file_and_line(tmp_path: Path) -> None:
    truth = corpus.write(tmp_path)
    skipped = [skip for one in find([tmp_path]) for skip in fresh(one).skipped]
    assert [(os.path.basename(skip.file), skip.line) for skip in skipped] == truth.malformed
    assert all("not one whole JSON document" in skip.reason for skip in skipped)
    assert truth.malformed


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        corpus.write(tmp_path / name, seed=7)
    files = [sorted((tmp_path / name).rglob("*.jsonl")) for name in ("one", "two")]
    assert [f.read_bytes() for f in files[0]] == [f.read_bytes() for f in files[1]]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 5000), max_size=6))
def test_reading_in_any_portions_gives_what_reading_at_once_gives(
    tmp_path_factory: pytest.TempPathFactory, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("portions")
    rows = [
        assistant(f"m{turn}", second=turn * 10 + part, input_tokens=5, output_tokens=part * 7 + 1,
                  reads=turn * 100 if turn % 3 else 0, write_5m=100 if turn % 3 else turn * 100)
        for turn in range(1, 7) for part in range(2)
    ]  # fmt: skip
    whole = Transcript(str(folder / "whole.jsonl"), "whole", "")
    write(folder / "whole.jsonl", *rows)
    data = (folder / "whole.jsonl").read_bytes()
    at_once = by_key(fresh(whole).responses)
    growing = Transcript(str(folder / "growing.jsonl"), "growing", "")
    mark, seen = ReadingPosition(), []
    for end in [*sorted(min(cut, len(data)) for cut in cuts), len(data)]:
        with (folder / "growing.jsonl").open("ab") as file:
            file.write(data[_size(growing) : end])
        reading = read(growing, mark)
        mark = reading.bookmark
        seen += reading.responses
    portions = by_key(seen)
    assert {k: (r.usage, r.recached) for k, r in portions.items()} == {
        k: (r.usage, r.recached) for k, r in at_once.items()
    }


def _size(transcript: Transcript) -> int:
    return os.path.getsize(transcript.path) if os.path.exists(transcript.path) else 0


def test_only_new_bytes_are_read_again(main: Transcript, tmp_path: Path) -> None:
    write(tmp_path / "session.jsonl", assistant("a", output_tokens=1))
    first = fresh(main)
    assert read(main, first.bookmark).bytes_read == 0
    before = os.path.getsize(main.path)
    write(tmp_path / "session.jsonl", assistant("b", second=1, output_tokens=2))
    second = read(main, first.bookmark)
    assert second.bytes_read == os.path.getsize(main.path) - before
    assert [one.key for one in second.responses] == ["a", "b"]


def test_a_truncated_or_replaced_file_is_read_anew(main: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    write(file, assistant("a", output_tokens=1), assistant("b", second=1, output_tokens=2))
    mark = fresh(main).bookmark
    size = file.stat().st_size
    file.write_bytes(b"")
    write(file, assistant("c", second=2, output_tokens=3))
    assert [one.key for one in read(main, mark).responses] == ["c"]
    other = tmp_path / "other"
    write(other, *(assistant(f"d{n}", second=n, output_tokens=4) for n in range(20)))
    assert other.stat().st_size > size
    other.replace(file)
    assert len(read(main, mark).responses) == 20


def test_a_torn_last_line_counts_once_it_is_whole(main: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    write(file, assistant("a", output_tokens=1), assistant("b", second=1, output_tokens=2))
    whole = file.read_bytes()
    file.write_bytes(whole[:-30])
    first = fresh(main)
    assert [one.key for one in first.responses] == ["a"]
    assert not first.skipped
    with file.open("ab") as end:
        end.write(whole[-30:])
    assert [one.key for one in read(main, first.bookmark).responses] == ["a", "b"]


def test_a_whole_last_line_without_its_line_end_counts(main: Transcript, tmp_path: Path) -> None:
    file = tmp_path / "session.jsonl"
    write(file, assistant("a", output_tokens=1))
    file.write_bytes(file.read_bytes().rstrip(b"\n"))
    assert [one.key for one in fresh(main).responses] == ["a"]


@pytest.mark.parametrize("size", [1 << 10, 4 << 20, 10 << 20])
def test_a_line_of_any_length_is_read(main: Transcript, tmp_path: Path, size: int) -> None:
    row = assistant("long", output_tokens=9)
    row["message"]["content"] = [{"type": "text", "text": 'é"\\' * (size // 4)}]
    write(
        tmp_path / "session.jsonl",
        assistant("a", output_tokens=1),
        row,
        assistant("b", second=2, output_tokens=2),
    )
    assert [one.key for one in fresh(main).responses] == ["a", "long", "b"]


def test_bulk_reading_and_the_hooks_see_the_same_responses(main: Transcript, tmp_path: Path) -> None:
    corpus.write(tmp_path / "c")
    for one in find([tmp_path / "c"]):
        growth = tail.grow(tail.Place(one.path), 1 << 40)
        hooks = {seen.key for seen in tail.responses(growth, {})}
        assert {seen.key for seen in fresh(one).responses} == hooks, one.path


def test_a_folder_listed_twice_or_linked_is_read_once(tmp_path: Path) -> None:
    corpus.write(tmp_path / "real")
    try:
        (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    except OSError:
        pytest.skip("this account may not make symbolic links")
    once = find([tmp_path / "real"])
    assert find([tmp_path / "real", tmp_path / "link", tmp_path / "real"]) == once
    assert once


def test_subagents_and_older_places_of_their_files_are_found(tmp_path: Path) -> None:
    projects = tmp_path / "projects" / "-home"
    for name in ("s.jsonl", "s/subagents/agent-a1.jsonl", "agent-a2.jsonl", "s/notes.txt"):
        write(projects / name, assistant("a"))
    found = {(one.session_id, one.agent_id) for one in find([tmp_path])}
    assert found == {("s", ""), ("s", "a1"), ("", "a2")}
    assert find([tmp_path / "nothing"]) == []


@given(st.lists(st.sampled_from(["a}", "b", "xc}", "x" * HEAD + "c}", "", "ca", "x}", "x"]), max_size=12))
def test_one_needle_counts_in_the_beginning_of_a_line_and_torn_lines_come_too(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in lines).encode()
    hits = [line.decode() for _, line, _ in Hits(io.BytesIO(text), 0, (b"a", b"b"), b"c")]  # type: ignore[arg-type]
    torn = [line for line in lines if line and not line.endswith("}")]
    assert hits == [
        line for line in lines if "a" in line or "b" in line or "c" in line[:HEAD] or line in torn
    ]


@given(st.lists(st.sampled_from(["a", "b", "ab", "x", "", "aa"]), max_size=12), st.booleans())
def test_lines_with_any_needle_come_once_and_in_the_files_order(lines: list[str], ended: bool) -> None:
    text = "\n".join(lines).encode() + (b"\n" if ended else b"")
    hits = [(offset, line) for offset, line, _ in Hits(io.BytesIO(text), 0, (b"a", b"b"))]  # type: ignore[arg-type]
    naive, at = [], 0
    for line in text.split(b"\n"):
        naive += [(at, line)] if b"a" in line or b"b" in line else []
        at += len(line) + 1
    assert hits == naive

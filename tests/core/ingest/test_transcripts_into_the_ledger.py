"""Transcripts into the ledger: exact, once, and safe against everything that happens to a run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from gaia_hooks.facts import snapshot
from support import corpus
from support.ecosystem import make
from support.rows import SESSION, assistant, write

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from support.sessions import Truth

    from .conftest import Bench


def assert_exact(bench: Bench, truth: Truth) -> None:
    """The ledger's figures are the truth: tokens of each kind, re-cached tokens, dollars, each session's own."""
    total = bench.total()
    assert (total.responses, total.recached_tokens) == (len(truth.responses), truth.recached())
    assert truth.tokens() == (
        total.input_tokens, total.output_tokens, total.cache_read_tokens, total.cache_write_5m_tokens,
        total.cache_write_1h_tokens, total.reasoning_tokens, total.web_searches)  # fmt: skip
    assert total.cost_nano == truth.nano() + sum(truth.hidden.values())
    for session, nano in truth.client.items():
        spent = bench.ledger.session(session)
        assert spent is not None
        assert (spent.cost_nano, spent.unattributed_nano) == (nano, truth.hidden[session]), session


def test_tokens_and_dollars_of_every_session_equal_the_truth(bench: Bench) -> None:
    truth = corpus.write(bench.claude, size=4_000_000)
    report = bench.run()
    assert report.responses_new == len(truth.responses)
    assert not report.unreconciled
    assert_exact(bench, truth)


def test_a_second_run_reads_nothing_and_changes_nothing(bench: Bench) -> None:
    truth = corpus.write(bench.claude)
    bench.run()
    again = bench.run()
    assert (again.files, again.bytes, again.events_new, again.completed) == (0, 0, 0, 0)
    assert_exact(bench, truth)


def test_unknown_models_are_unpriced_and_not_free(bench: Bench) -> None:
    truth = corpus.write(bench.claude)
    bench.run()
    unknown = [told for told in truth.responses.values() if told.nano is None]
    assert bench.total().unpriced_responses == len(unknown) > 0


def test_reading_everything_again_changes_nothing(bench: Bench) -> None:
    truth = corpus.write(bench.claude)
    bench.run()
    for file in bench.claude.rglob("*.jsonl"):
        copy = file.with_suffix(".copy")
        shutil.copyfile(file, copy)
        copy.replace(file)
    again = bench.run()
    assert (again.events_new, again.completed) == (0, 0)
    assert again.files == len(list(bench.claude.rglob("*.jsonl")))
    assert_exact(bench, truth)


def test_a_backup_in_a_second_configuration_folder_is_not_counted_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    truth = corpus.write(bench.claude)
    shutil.copytree(bench.claude, bench.home / "backup")
    monkeypatch.setenv("GAIA_BUDGET_CLAUDE_CONFIG_DIRS", str(bench.home / "backup"))
    bench.run()
    assert_exact(bench, truth)


def test_deleted_transcripts_take_nothing_with_them(bench: Bench) -> None:
    truth = corpus.write(bench.claude)
    bench.run()
    shutil.rmtree(bench.claude)
    bench.run()
    assert_exact(bench, truth)


def test_files_that_are_cut_short_and_grow_again_lose_and_double_nothing(bench: Bench) -> None:
    truth = corpus.write(bench.claude, long_line=1000)
    bench.run()
    files = {file: file.read_bytes() for file in bench.claude.rglob("*.jsonl")}
    for file, data in files.items():
        file.write_bytes(data[: len(data) // 2])
    bench.run()
    assert_exact(bench, truth)
    for file, data in files.items():
        with file.open("ab") as end:
            end.write(data[len(data) // 2 :])
    bench.run()
    assert_exact(bench, truth)


def test_a_response_grows_while_its_rows_are_still_written(bench: Bench) -> None:
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("a", input_tokens=3, output_tokens=1))
    bench.run()
    write(file, assistant("a", second=1, input_tokens=3, output_tokens=50))
    report = bench.run()
    assert (report.responses_new, report.completed, bench.total().output_tokens) == (0, 1, 50)


def test_a_session_belongs_to_the_module_of_its_first_folder(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GAIA_ROOT", str(make(tmp_path / "gaia", {"shop": tmp_path / "shop"})))
    file = bench.project / f"{SESSION}.jsonl"
    write(file, assistant("a", cwd=str(tmp_path / "shop" / "src"), output_tokens=1),
          assistant("b", second=1, cwd=str(tmp_path / "elsewhere"), output_tokens=1))  # fmt: skip
    write(bench.project / SESSION / "subagents" / "agent-x.jsonl",
          assistant("c", second=2, agent="x", cwd=str(tmp_path / "elsewhere"), output_tokens=1))  # fmt: skip
    write(bench.project / "other.jsonl",
          assistant("d", second=3, session="other", cwd=str(tmp_path / "elsewhere"), output_tokens=1))  # fmt: skip
    bench.run()
    by_module = {row.key[0]: row.figures.responses for row in bench.ledger.spend().rows}
    assert by_module == {"shop": 3, "elsewhere": 1}


def test_a_subagent_is_named_by_its_type(bench: Bench) -> None:
    write(bench.project / f"{SESSION}.jsonl", assistant("a", output_tokens=1))
    agents = bench.project / SESSION / "subagents"
    write(agents / "agent-x.jsonl", assistant("b", agent="x", output_tokens=1))
    (agents / "agent-x.meta.json").write_text('{"agentType":"Explore","description":"private"}', "utf-8")
    bench.run()
    spent = bench.ledger.session(SESSION)
    assert spent is not None
    assert {(part.key, part.name) for part in spent.agents} == {("main", "main"), ("x", "Explore")}


def test_the_snapshot_for_the_hooks_carries_the_months_spend(bench: Bench) -> None:
    bench.run()
    policy = snapshot.load(str(bench.home / "gaia-budget"))
    assert policy["written_at"] > 0
    assert policy["counted_to"] > 0


RUN = """
from gaia_budget import settings
from gaia_budget.ingest.run import run
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
with Ledger.open(settings=load()) as ledger:
    print(run(settings.load(), ledger).responses_new)
"""


def test_several_runs_at_once_count_everything_once(bench: Bench) -> None:
    truth = corpus.write(bench.claude, size=2_000_000)
    rivals = [
        subprocess.Popen([sys.executable, "-c", RUN], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    new = [int(rival.communicate()[0]) for rival in rivals]
    assert sum(new) == len(truth.responses)
    assert_exact(bench, truth)


KILLED = """
import os, sys
from gaia_budget import settings
from gaia_budget.ingest import sessions
from gaia_budget.ingest.run import run
from gaia_budget.ledger import Ledger
from gaia_budget.settings import load
sessions.BATCH = 10
left = int(sys.argv[1])
def dying(work):
    def write(self, *arguments, **named):
        global left
        left -= 1
        if left < 0:
            os._exit(9)
        return work(self, *arguments, **named)
    return write
Ledger.record = dying(Ledger.record)
with Ledger.open(settings=load()) as ledger:
    run(settings.load(), ledger)
"""


def test_a_run_killed_between_any_two_batches_loses_and_doubles_nothing(bench: Bench) -> None:
    truth = corpus.write(bench.claude, size=1_500_000)
    codes = [
        subprocess.run([sys.executable, "-c", KILLED, str(batches)], check=False, env=os.environ).returncode
        for batches in (1, 2, 3)
    ]
    assert codes == [9, 9, 9]
    bench.run()
    assert_exact(bench, truth)

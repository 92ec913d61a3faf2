"""Retries on a stronger model and prompts asked anew are learnt from without anybody typing, below a person's word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gaia_budget.ingest.report import Report
from gaia_budget.ingest.run import OFTEN, learn, learn_now_and_then
from gaia_budget.ledger import Ledger
from gaia_budget.ledger.outcomes import SOON, TaskCall, happened
from gaia_budget.model import Event
from gaia_budget.routing import table
from gaia_budget.routing.learning import DAY_MICROSECONDS, Candidate, TaskVerdict, choose
from gaia_budget.settings import load

if TYPE_CHECKING:
    from pathlib import Path

STRENGTH = {"small": 0, "middle": 1, "large": 2}.get


def call(
    name: str, minute: float, model: str, *, task: str = "letter", work: str = "w", prompt: int = 900
) -> TaskCall:
    return TaskCall(name, int(minute * 60_000_000), "jseeker", task, model, work, prompt)


def found(*calls: TaskCall) -> list[tuple[str, str]]:
    return [(one.model, one.kind) for one in happened(calls, STRENGTH).values()]


def test_a_stronger_model_soon_after_says_that_the_first_did_not_suffice() -> None:
    assert found(call("a", 0, "small"), call("b", 5, "large")) == [("small", "retry")]


def test_nothing_is_learnt_from_other_tasks_other_work_later_calls_and_cheaper_ones() -> None:
    first = call("a", 0, "small")
    assert found(first, call("b", 5, "large", task="other")) == []
    assert found(first, call("b", 5, "large", work="x")) == []
    assert found(call("a", 0, "small", work=""), call("b", 5, "large", work="")) == []
    assert found(first, call("b", SOON / 60_000_000 + 1, "large")) == []
    assert found(call("a", 0, "large"), call("b", 5, "small")) == []
    assert found(call("a", 0, "unknown"), call("b", 5, "large")) == []


def test_the_same_prompt_again_is_work_done_again_and_another_prompt_is_not() -> None:
    assert found(call("a", 0, "small"), call("b", 1, "small")) == [("small", "redone")]
    assert found(call("a", 0, "small"), call("b", 1, "small", prompt=901)) == []
    assert found(call("a", 0, "small", prompt=40), call("b", 1, "small", prompt=40)) == []


def test_what_was_found_once_is_found_with_the_same_id_again() -> None:
    calls = [call("a", 0, "small"), call("b", 5, "large")]
    assert list(happened(calls, STRENGTH).items()) == list(happened(reversed(calls), STRENGTH).items())


def test_what_happened_weighs_less_than_a_persons_word() -> None:
    models = [Candidate("claude-haiku-5-5", 0, 1), Candidate("claude-sonnet-5-5", 100, 10)]
    now = DAY_MICROSECONDS

    def expected(kind: str) -> float:
        seen = [TaskVerdict(now - 1, "claude-haiku-5-5", False, kind)] * 3
        return choose(models, "claude-haiku-5-5", seen, now, table.load().learning).evidence[0].share

    assert expected("said") < expected("escalation") < expected("retry") < expected("redone")


def test_the_ledgers_calls_are_learnt_from_once(ledger: Ledger) -> None:
    now = ledger.now()
    ledger.record(
        [
            Event(event_id=name, ts=now - ago, source="app", module="jseeker", task="cover_letter", model=model,
                  input_tokens=900, output_tokens=50, correlation_id="c")
            for name, ago, model in (("a", 60_000_000, "claude-haiku-5-5"), ("b", 1, "claude-sonnet-5-5"))
        ]
    )  # fmt: skip
    learn(ledger, Report())
    learn(ledger, Report())
    [one] = ledger.outcomes("cover_letter")
    assert (one.model, one.ok, one.kind, one.module) == ("claude-haiku-5-5", False, "retry", "jseeker")


def test_what_an_apps_own_check_judged_is_not_judged_twice(ledger: Ledger) -> None:
    now = ledger.now()
    ledger.record_outcome("cover_letter", "claude-haiku-5-5", False, kind="escalation")
    ledger.record(
        [
            Event(event_id=name, ts=now - ago, source="app", module="jseeker", task="cover_letter", model=model,
                  input_tokens=900, output_tokens=50, correlation_id="c")
            for name, ago, model in (("a", 60_000_000, "claude-haiku-5-5"), ("b", 1, "claude-sonnet-5-5"))
        ]
    )  # fmt: skip
    learn(ledger, Report())
    assert [one.kind for one in ledger.outcomes("cover_letter")] == ["escalation"]


def retried(ledger: Ledger, work: str = "c") -> None:
    """A call, and the same task on a stronger model a minute later."""
    ledger.record(
        [
            Event(event_id=f"{work}{name}", ts=ledger.now() - ago, source="app", module="jseeker", task="cover_letter",
                  model=model, input_tokens=900, output_tokens=50, correlation_id=work)
            for name, ago, model in (("a", 60_000_000, "claude-haiku-5-5"), ("b", 1, "claude-sonnet-5-5"))
        ]
    )  # fmt: skip


def learnt(ledger: Ledger) -> int:
    learn_now_and_then(ledger, Report())
    return len(ledger.outcomes("cover_letter"))


def test_a_question_reads_the_last_days_calls_once_an_hour(ledger: Ledger) -> None:
    started = ledger.now()
    assert learnt(ledger) == 0
    retried(ledger)
    assert learnt(ledger) == 0
    ledger.clock = lambda: started + OFTEN + 60_000_000
    assert learnt(ledger) == 1
    retried(ledger, "d")
    assert learnt(ledger) == 1
    ledger.clock = lambda: started  # a clock that was set back
    assert learnt(ledger) == 2


def test_taking_in_learns_always_and_the_question_after_it_need_not(ledger: Ledger) -> None:
    assert learnt(ledger) == 0
    retried(ledger)
    learn(ledger, Report())
    retried(ledger, "d")
    assert learnt(ledger) == 1


def test_what_could_not_be_learnt_is_said_each_time_and_learnt_once_the_table_can_be_read(
    ledger: Ledger,
) -> None:
    retried(ledger)
    table.file().parent.mkdir(parents=True, exist_ok=True)
    table.file().write_text("[tiers\n", encoding="utf-8")
    for _ in range(2):
        report = Report()
        learn_now_and_then(ledger, report)
        assert [one.file for one in report.skipped] == [str(table.file())]
    table.file().unlink()
    assert learnt(ledger) == 1


def test_another_ledger_of_the_same_machine_is_learnt_from_at_once(ledger: Ledger, tmp_path: Path) -> None:
    assert learnt(ledger) == 0
    with Ledger.open(f"sqlite:///{(tmp_path / 'other.db').as_posix()}", settings=load()) as other:
        retried(other)
        assert learnt(other) == 1

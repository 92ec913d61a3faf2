"""A file that is renewed again and again: whole for every reader, whenever its writer dies, and after a lost power."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gaia_hooks.facts import session_types
from gaia_hooks.session import sessions, state_file
from support.rows import SESSION, assistant, write

from . import dying

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .conftest import Watched

RENEWALS = int(os.environ.get("GAIA_TEST_RENEWALS", "400"))


def test_it_is_the_old_or_the_new_one_wherever_its_writer_is_killed(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    at, died = 0, True
    while died:
        at += 1
        for number in range(3):
            state_file.renew(str(file), b"old %d" % number)
        died = dying.killed(lambda: state_file.renew(str(file), b"the new one"), at, seed=at)
        assert file.read_bytes() in ((b"old 2", b"the new one") if died else (b"the new one",))
        state_file.renew(str(file), b"a later one, and longer")
        assert file.read_bytes() == b"a later one, and longer"
        assert sorted(one.name for one in tmp_path.iterdir()) == ["state.json", "state.json.spare"]
        assert len({one.stat().st_ino for one in tmp_path.iterdir()}) == 2
    assert at == 6


def test_who_reads_it_without_its_lock_sees_one_version_of_it(tmp_path: Path) -> None:
    file, reads = tmp_path / "state.json", 0
    state_file.renew(str(file), b"0")
    writer = os.fork()
    if writer == 0:
        for number in range(1, RENEWALS):
            sign = b"%d" % (number % 10)
            state_file.renew(str(file), sign * (30_000 if number % 3 else 300_000))
        os._exit(0)
    while os.waitpid(writer, os.WNOHANG) == (0, 0):
        data = state_file.read(str(file))
        assert set(data) == {data[0]}
        assert len(data) in (1, 30_000, 300_000)
        reads += 1
    assert reads > 1


@pytest.mark.parametrize("make", [os.link, os.symlink])
def test_a_spare_that_has_another_name_is_not_written_over(
    tmp_path: Path, make: Callable[[Path, str], None]
) -> None:
    file, elsewhere = tmp_path / "state.json", tmp_path / "elsewhere"
    state_file.renew(str(file), b"first")
    elsewhere.write_bytes(b"somebody's")
    make(elsewhere, str(file) + state_file.SPARE)
    state_file.renew(str(file), b"second")
    assert file.read_bytes() == b"second"
    assert elsewhere.read_bytes() == b"somebody's"


@pytest.mark.parametrize("torn", [b"", b"\0" * 3000, b'{"type":"feat'])
def test_a_state_that_is_torn_is_the_one_before_it_and_counts_what_came_since_once(
    watched: Watched, torn: bytes
) -> None:
    for number, tokens in enumerate((1, 170_000, 1, 1)):
        write(watched.transcript, assistant(f"m{number}", second=number, output_tokens=tokens))
        watched.hook("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id=f"t{number}")
    sessions.set_type(str(watched.home), SESSION, "architecture", session_types.COMMAND)
    write(watched.transcript, assistant("m4", second=4, output_tokens=300_000))
    assert watched.hook("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="t4")  # 94 %: said once
    watched.hook("Stop")
    whole, lines = watched.figures(), len(watched.lines())
    watched.state_file.write_bytes(torn)
    assert watched.hook("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="t5") == {}
    watched.hook("SessionEnd")
    mine = sessions.read(str(watched.home), SESSION)
    assert mine is not None
    assert (mine.type, mine.chosen_by) == ("architecture", session_types.COMMAND)
    assert (watched.figures().usage, watched.figures().cost_nano) == (whole.usage, whole.cost_nano)
    assert len(watched.lines()) == lines == 5


def test_a_response_that_grows_after_its_state_was_lost_is_logged_with_what_it_grew_by(
    watched: Watched,
) -> None:
    for number in range(3):
        write(watched.transcript, assistant(f"m{number}", second=number, output_tokens=700))
        watched.hook("Stop")
    watched.state_file.write_bytes(b"")
    write(watched.transcript, assistant("m1", second=1, output_tokens=717))
    watched.hook("SessionEnd")
    assert sum(line["output_tokens"] for line in watched.lines()) == 2117


def test_a_state_of_which_a_part_is_older_is_the_one_before_it(watched: Watched) -> None:
    for number in range(3):
        write(watched.transcript, assistant(f"m{number}", second=number, output_tokens=700))
        watched.hook("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id=f"t{number}")
    whole, stored = watched.figures(), watched.state_file.read_bytes()
    mixed = stored.replace(b",1400,", b",700,")
    assert mixed != stored
    watched.state_file.write_bytes(mixed)
    assert watched.hook("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="t3") == {}
    assert watched.figures().usage == whole.usage


def test_what_was_logged_after_the_state_that_a_lost_power_left_is_not_logged_again(watched: Watched) -> None:
    states = []
    for number in range(6):
        write(watched.transcript, assistant(f"m{number}", second=number, output_tokens=10))
        watched.hook("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id=f"t{number}")
        states.append(watched.state_file.read_bytes())
    watched.hook("Stop")
    whole, lines = watched.figures().usage, watched.lines()
    watched.state_file.write_bytes(states[2])
    os.utime(watched.state_file, (1, 1))  # before the machine was started
    watched.hook("SessionEnd")
    assert (watched.figures().usage, watched.lines()) == (whole, lines)
    assert len(lines) == 6


def test_it_is_not_logged_again_either_where_the_next_event_has_nothing_to_log(watched: Watched) -> None:
    for number in range(2):
        write(watched.transcript, assistant(f"m{number}", second=number, output_tokens=10 + number))
        watched.hook("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id=f"t{number}")
    before = watched.state_file.read_bytes()
    watched.hook("Stop")
    watched.state_file.write_bytes(before)
    os.utime(watched.state_file, (1, 1))  # before the machine was started
    watched.hook("PreToolUse", tool_name="Bash", tool_input={}, tool_use_id="t2")
    watched.hook("Stop")
    assert [line["output_tokens"] for line in watched.lines()] == [10, 11]

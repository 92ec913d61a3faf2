"""The ledger and the hooks take the same files for a session's, whatever lies beside them, below them or is linked."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gaia_budget.transcripts.discovery import find
from gaia_hooks.facts import session_files

SESSIONS = ("s", "t")
FOLDERS = st.sampled_from(["workflows", "wf_1", "wf.1", ".x", "subagents", "agent-f.jsonl"])
NAMES = st.sampled_from(["agent-1.jsonl", "agent-2.jsonl", "journal.jsonl", "agent-1.meta.json", "notes"])
TOPS = st.sampled_from(["", "s", "s/subagents", "t/subagents"])
FILES = st.lists(st.tuples(TOPS, st.lists(FOLDERS, max_size=8), NAMES), max_size=8)
LINKS = st.lists(st.tuples(TOPS, st.sampled_from([".", "..", "../../t", "loop", "far", "far/agent-x.jsonl"])))


def linked(place: Path, target: Path | str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    try:
        place.symlink_to(target)
    except OSError:
        pytest.skip("this account may not make symbolic links")


def written(project: Path, *names: str) -> Path:
    for name in names:
        file = project / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}\n", encoding="utf-8")
    return project


def of_the_ledger(config: Path, session: str) -> set[tuple[str, str]]:
    return {(one.agent_id, one.path) for one in find([config]) if one.agent_id and one.session_id == session}


def of_hooks(project: Path, session: str) -> set[tuple[str, str]]:
    named = session_files.new_agents(str(project / f"{session}.jsonl"), {})
    return {(agent, os.path.realpath(path)) for agent, path in named}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files=FILES, links=LINKS)
def test_the_ledger_and_the_hooks_name_the_same_subagents_of_a_session(
    tmp_path_factory: pytest.TempPathFactory,
    files: list[tuple[str, list[str], str]],
    links: list[tuple[str, str]],
) -> None:
    home = Path(os.path.realpath(tmp_path_factory.mktemp("trees"))) / "subagents" / "home"
    project = written(home / "projects" / "-p", "s.jsonl", "t.jsonl")
    written(project, *("/".join([top, *folders, name]).lstrip("/") for top, folders, name in files))
    for number, (top, target) in enumerate(links):
        far = written(home / f"far{number}", "agent-x.jsonl")
        name = f"agent-link{number}.jsonl" if target.endswith(".jsonl") else f"link{number}"
        to = {"loop": name, "far": far, "far/agent-x.jsonl": far / "agent-x.jsonl"}.get(target, target)
        linked(project / top / name, to)
    for session in SESSIONS:
        assert of_the_ledger(home, session) == of_hooks(project, session)


def test_what_a_workflow_notes_of_itself_is_no_session(tmp_path: Path) -> None:
    run = "s/subagents/workflows/wf_1/"
    written(tmp_path / "projects" / "-p", "s.jsonl", run + "agent-a.jsonl", run + "journal.jsonl")
    assert {(one.session_id, one.agent_id) for one in find([tmp_path])} == {("s", ""), ("s", "a")}


def test_a_session_whose_folder_is_linked_keeps_its_subagents(tmp_path: Path) -> None:
    project = written(tmp_path / "projects" / "-p", "s.jsonl")
    moved = written(tmp_path / "moved", "subagents/agent-a.jsonl")
    linked(project / "s", moved)
    assert {(one.session_id, one.agent_id) for one in find([tmp_path])} == {("s", ""), ("s", "a")}


def test_a_link_to_another_sessions_folder_makes_none_of_its_subagents_ours(tmp_path: Path) -> None:
    project = written(tmp_path / "projects" / "-p", "s.jsonl", "t.jsonl", "t/subagents/agent-a.jsonl")
    linked(project / "s", project / "t")
    assert {agent for agent, _ in of_the_ledger(tmp_path, "t")} == {"a"}
    assert not of_the_ledger(tmp_path, "s")


@pytest.mark.parametrize("name", ["loop", "loop.jsonl", "agent-loop.jsonl"])
@pytest.mark.parametrize("folder", ["", "s", "s/subagents"])
def test_a_link_to_itself_hides_nothing(tmp_path: Path, folder: str, name: str) -> None:
    project = written(tmp_path / "projects" / "-p", "s.jsonl", "s/subagents/agent-a.jsonl")
    linked(project / folder / name, name)
    assert {(one.session_id, one.agent_id) for one in find([tmp_path])} == {("s", ""), ("s", "a")}
    assert ("a", os.path.realpath(project / "s/subagents/agent-a.jsonl")) in of_hooks(project, "s")

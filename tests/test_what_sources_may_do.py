"""What may start a program, open a file or write to a terminal stands in named modules, each with its reason.

Text of a project, a log or a transcript that becomes a program, a path or a voice is the fault that this product must
not have. So each of these three is done in few places, which are read with that in mind; a new one is named here.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = [ROOT / folder for folder in ("core", "hooks", "mcp_server", "claude_md")]

STARTING = frozenset(("subprocess", "multiprocessing", "pty", "concurrent.futures.process"))
_FORMS = ("l", "le", "lp", "lpe", "v", "ve", "vp", "vpe")
STARTS = frozenset(
    [
        *("system", "popen", "startfile", "posix_spawn", "posix_spawnp", "fork", "forkpty", "start_detached"),
        *("create_subprocess_exec", "create_subprocess_shell", "run_process", "open_process"),
        *(kind + form for kind in ("exec", "spawn") for form in _FORMS),
    ]
)
OPENS = frozenset(
    [
        *("open", "fdopen", "open_to_read", "read_text", "read_bytes", "write_text", "write_bytes", "rmtree"),
        *("unlink", "symlink_to", "hardlink_to", "copyfile", "copytree", "mkdtemp", "mkstemp"),
    ]
)
PRINTS = frozenset(("print", "echo", "secho", "writelines"))
STREAMS = ("sys.stdout", "sys.stderr", "sys.__stdout__", "sys.__stderr__")

MAY_START = {
    "core/gaia_budget/alerts/channels/desktop.py": "the system's own notifier, by our own text",
    "core/gaia_budget/ancestry.py": "the system's tables of processes and connections, by whole path",
    "core/gaia_budget/setup/hookcopy.py": "the copy of the hooks that init wrote, unchanged since",
    "core/gaia_budget/setup/installing/making.py": "the interpreter that runs us, and pip of the environment",
    "core/gaia_budget/setup/interpreter.py": "the interpreter that runs us",
    "core/gaia_budget/setup/mcp_server.py": "the client on the user's PATH",
    "core/gaia_budget/setup/proof/trial.py": "the client on the user's PATH, in a temporary home",
    "core/gaia_budget/setup/trying/world.py": "our own commands, and what init wrote, in a temporary home",
    "hooks/gaia_hooks/machine/beside.py": "our own ingest, as the snapshot names it; the system's own notifier",
    "hooks/gaia_hooks/machine/system.py": "what the one above asks for",
    "hooks/gaia_hooks/wrapped_statusline.py": "the user's own status line, as init found it",
    "mcp_server/gaia_mcp/worker.py": "our own worker",
    "mcp_server/launch.py": "the plugin's own installer, the server that it has installed",
    "claude_md/gaia_claude_md/files/repository.py": "git, without anything that a repository could start",
}
_OURS = "below our own state folder"
_PACKAGED = "data of our own package"
_NAMED = "what the user names on the command line or in the settings"
_SETTINGS = "settings files of the client, at their fixed places"
_TRANSCRIPTS = "transcripts found below the client's configuration folders"
_SPLIT = "the CLAUDE.md that was asked about, and what lies beside it"
MAY_OPEN = {
    "core/gaia_budget/alerts/channels/webhook.py": _OURS + "; a connection to the webhook of the settings",
    "core/gaia_budget/alerts/rules.py": _PACKAGED + ", " + _OURS,
    "core/gaia_budget/ancestry.py": "/proc of our ancestors",
    "core/gaia_budget/argus/reading.py": "logs listed in the folder of logs",
    "core/gaia_budget/argus_page/figures.py": _PACKAGED,
    "core/gaia_budget/backups.py": _OURS + ", by digest",
    "core/gaia_budget/budgets/spool.py": _OURS,
    "core/gaia_budget/cli/app.py": _OURS,
    "core/gaia_budget/cli/deciding/prices.py": _TRANSCRIPTS,
    "core/gaia_budget/cli/human.py": "the terminal",
    "core/gaia_budget/cli/export.py": _NAMED,
    "core/gaia_budget/cli/seeing/page.py": _NAMED,
    "core/gaia_budget/configfile.py": "the user's and the owner's files, at their fixed places",
    "core/gaia_budget/dashboard/application.py": _PACKAGED,
    "core/gaia_budget/dashboard/guard.py": "/proc: connections, and who holds them",
    "core/gaia_budget/dashboard/views.py": _PACKAGED,
    "core/gaia_budget/errors.py": _PACKAGED,
    "core/gaia_budget/ledger/database/read_only.py": "the ledger of the settings, copied into a temporary folder",
    "core/gaia_budget/owner.py": "the owner's two files, at their fixed places",
    "core/gaia_budget/ingest/telemetry.py": _OURS,
    "core/gaia_budget/middleware/books/log.py": "logs of the modules, as files.append opened them just before",
    "core/gaia_budget/middleware/books/journal.py": _OURS,
    "core/gaia_budget/middleware/caching/prompt_cache.py": _PACKAGED,
    "core/gaia_budget/middleware/caching/response_cache.py": _OURS + ", by digest",
    "core/gaia_budget/places.py": _OURS,
    "core/gaia_budget/prices/calibration.py": _OURS,
    "core/gaia_budget/prices/catalogue.py": _OURS + ", " + _NAMED,
    "core/gaia_budget/ingest/context.py": _TRANSCRIPTS,
    "core/gaia_budget/ingest/report.py": _TRANSCRIPTS,
    "core/gaia_budget/prices/contract.py": _SETTINGS,
    "core/gaia_budget/prices/families.py": _PACKAGED,
    "core/gaia_budget/prices/fees.py": _PACKAGED,
    "core/gaia_budget/prices/limits.py": _PACKAGED,
    "core/gaia_budget/prices/vocabulary.py": _PACKAGED + ", " + _OURS,
    "core/gaia_budget/reports/sessions/beside_client.py": _TRANSCRIPTS,
    "core/gaia_budget/routing/upkeep/reviewed.py": _OURS,
    "core/gaia_budget/settings/__init__.py": _OURS,
    "core/gaia_budget/setup/checks/client_checks.py": _SETTINGS,
    "core/gaia_budget/setup/checks/noted.py": "what Claude Code has noted of a folder",
    "core/gaia_budget/setup/history.py": _TRANSCRIPTS,
    "core/gaia_budget/setup/hookcopy.py": _PACKAGED + ", " + _OURS,
    "core/gaia_budget/setup/init.py": _SETTINGS,
    "core/gaia_budget/setup/installing/environment.py": _OURS,
    "core/gaia_budget/setup/installing/making.py": _OURS + ", lock files of the clone",
    "core/gaia_budget/setup/journal.py": _SETTINGS + ", " + _OURS,
    "core/gaia_budget/setup/proof/proving.py": _SETTINGS + ", a temporary home",
    "core/gaia_budget/setup/proof/trial.py": "a temporary home",
    "core/gaia_budget/setup/short_command.py": "the short name, at its fixed place",
    "core/gaia_budget/setup/trying/demo.py": _PACKAGED + ", a temporary home",
    "core/gaia_budget/setup/trying/selftest.py": _PACKAGED + ", a temporary home",
    "core/gaia_budget/setup/trying/world.py": "a temporary home",
    "core/gaia_budget/setup/undo.py": _SETTINGS + ", " + _OURS,
    "core/gaia_budget/ledger/database/migrations.py": _PACKAGED,
    "core/gaia_budget/routing/classify.py": _PACKAGED,
    "core/gaia_budget/transcripts/heading.py": _TRANSCRIPTS,
    "core/gaia_budget/transcripts/reading.py": _TRANSCRIPTS,
    "hooks/gaia_hooks/bundle.py": "the copy of the hooks that is being made",
    "hooks/gaia_hooks/machine/files.py": "the one place that opens files for hooks: regular ones, without waiting",
    "hooks/gaia_hooks/machine/system.py": "the null device",
    "hooks/gaia_hooks/session/state_file.py": "the spare beside a state of ours, never one with another name",
    "hooks/gaia_hooks/session/tail.py": _TRANSCRIPTS,
    "mcp_server/gaia_mcp/transport/serving.py": _OURS,
    "mcp_server/launch.py": _OURS,
    "claude_md/gaia_claude_md/files/finding.py": _SPLIT,
    "claude_md/gaia_claude_md/files/loads.py": _OURS,
    "claude_md/gaia_claude_md/files/operations.py": _SPLIT,
    "claude_md/gaia_claude_md/files/reading.py": _SPLIT + ": regular files alone, without waiting",
    "claude_md/gaia_claude_md/files/store.py": _OURS,
    "claude_md/gaia_claude_md/files/watch.py": _SPLIT,
    "claude_md/gaia_claude_md/plan/pieces.py": _PACKAGED,
    "claude_md/gaia_claude_md/plan/selection.py": _OURS,
}
MAY_PRINT = {
    "mcp_server/launch.py": "lines of JSON to the client",
    "core/gaia_budget/cli/output.py": "the one place that prints: what steers a terminal is taken out",
    "core/gaia_budget/cli/claude_md/commands.py": "a section that was asked for, to the letter",
    "core/gaia_budget/cli/seeing/paper.py": "tables, whose names are cleaned before",
    "core/gaia_budget/cli/setup/settings.py": "the user's own settings",
    "core/gaia_budget/reports/money/export.py": "CSV of events, to the letter, for programs",
    "core/gaia_budget/setup/installing/making.py": "our own words, before there is a command line",
    "core/gaia_budget/dashboard/serving.py": "our own words, a host and a port",
    "mcp_server/gaia_mcp/transport/serving.py": "our own words, a port, and names of variables",
}


MAY_FOLLOW = {
    "core/gaia_budget/setup/trying/demo.py": "its own temporary folder",
    "core/gaia_budget/setup/trying/selftest.py": "its own temporary folder",
}
"""`Path.resolve`, which raises RuntimeError on a ring of links; `places.real` follows the links of others."""


def does(source: str) -> set[str]:
    """What of the five the text of a module does: `start`, `open`, `print`, `follow`, `here`."""
    tree, found, renamed = ast.parse(source), set[str](), dict[str, str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {"start" for one in node.names if one.name in STARTING}
        elif isinstance(node, ast.ImportFrom):
            found |= {
                "start" for one in node.names if node.module in STARTING or one.name in STARTS - {"system"}
            }
            found |= {"start" for one in node.names if node.module == "os" and one.name in STARTS}
            renamed |= {one.asname: one.name for one in node.names if one.asname}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            found |= _called(node, renamed)
        if isinstance(node, ast.List | ast.Tuple) and _could_find_it_here(node):
            found.add("here")
    return found


def _could_find_it_here(words: ast.List | ast.Tuple) -> bool:
    """Whether a command starts a module of Python by its name: the folder that it is started in may have one, too."""
    said = {one.value for one in words.elts if isinstance(one, ast.Constant)}
    return "-m" in said and said.isdisjoint(("-I", "-P"))


def _called(node: ast.Call, renamed: dict[str, str]) -> set[str]:
    function = node.func
    text = ast.unparse(function)
    name = function.attr if isinstance(function, ast.Attribute) else text
    name = renamed.get(name, name)
    if name == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        name, text = str(node.args[1].value), f"{ast.unparse(node.args[0])}.{node.args[1].value}"
    found = set[str]()
    if name in STARTS and (name != "system" or text.startswith("os.")):
        found.add("start")
    if name == "resolve":
        found.add("follow")
    if name in OPENS and text != "Ledger.open":
        found.add("open")
    if name in PRINTS or (
        name == "write" and text.removesuffix(".buffer.write").removesuffix(".write") in STREAMS
    ):
        found.add("print")
    return found


@cache
def modules() -> dict[str, set[str]]:
    """What each module does."""
    files = [file for folder in SOURCES for file in folder.rglob("*.py")]
    return {file.relative_to(ROOT).as_posix(): does(file.read_text("utf-8")) for file in files}


@pytest.mark.parametrize(
    ("what", "named"),
    [("start", MAY_START), ("open", MAY_OPEN), ("print", MAY_PRINT), ("follow", MAY_FOLLOW), ("here", {})],
    ids=["start", "open", "print", "follow", "here"],
)
def test_only_named_modules_do_what_foreign_text_must_not_reach(what: str, named: dict[str, str]) -> None:
    assert len(modules()) > 200
    assert {name for name, done in modules().items() if what in done} == set(named)


@pytest.mark.parametrize(
    ("planted", "what"),
    [
        ("import subprocess as calls\ndef f(row): calls.run([row['command']])", "start"),
        ("from os import execv\ndef f(row): execv(row['path'], [])", "start"),
        ("import os\ndef f(row): getattr(os, 'system')(row['command'])", "start"),
        ("from gaia_hooks.machine import system\ndef f(row): system.start_detached([row['x']])", "start"),
        ("from pathlib import Path\ndef f(row): return Path(row['file']).read_text()", "open"),
        ("def f(row):\n with open(row['file']) as file: return file.read()", "open"),
        ("from io import open as reader\ndef f(row): return reader(row['file'])", "open"),
        ("def f(row): print(row['name'])", "print"),
        ("import sys\ndef f(row): sys.stderr.write(row['name'])", "print"),
        ("import typer\ndef f(row): typer.echo(row['name'])", "print"),
        ("from pathlib import Path\ndef f(row): return Path(row['file']).resolve()", "follow"),
        ("import sys\ndef f(row): return [sys.executable, '-m', 'venv', row['place']]", "here"),
    ],
)
def test_a_planted_violation_is_seen(planted: str, what: str) -> None:
    assert what in does(planted)


def test_harmless_code_is_not_taken_for_one() -> None:
    assert (
        does("import sys, platform\nplatform.system()\nLedger.open(url)\nseen.remove(1)\nfile.write(data)")
        == set()
    )

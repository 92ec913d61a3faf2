"""Writes the pages and files that come from the code; `--check` only says which are out of date (exit 1).

Run it as `just docs`; a test runs it with `--check`.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import click

    from gaia_budget.checked import Keyed
    from gaia_budget.ledger.database.tables import Table

ROOT = Path(__file__).resolve().parent.parent
NOTE = "<!-- made by docs/generate.py from the code: change it there -->\n\n"

# The plugin's bootstrap: the folder comes as an argument, since a path may hold any character; whatever is
# missing, it ends in exit 0 (exit 2 would deny every tool call, see AGENTS.md). A Python that is too old ends in
# exit 1 before it has read anything, and PLUGIN_LINE goes on with the next one.
PLUGIN_BOOTSTRAP = """\
import sys
if sys.version_info < (3, 9):
 sys.exit(1)
try:
 sys.path.insert(0, sys.argv[1])
 import gaia_hooks.main as hook
 hook.run()
except BaseException:
 pass
try:
 import posix as system
except ImportError:
 import nt as system
system._exit(0)
"""
# In a shell, which can look for a Python: `sh` on POSIX, Git Bash on Windows, where `python3` is mostly a name of the
# Store's that starts nothing. No file of ours is its program: `sh` ends in exit 2 where that is missing.
PLUGIN_LINE = (
    "case $OS in Windows_NT) set py python python3;; *) set python3 {newer} python;; esac; "
    'for p; do "$p" -I -S -c \'exec({program})\' "$CLAUDE_PLUGIN_ROOT/hooks" 2>/dev/null && exit 0; done; exit 0'
)


def command_line() -> str:
    """Every command with its options, from the command line's own help."""
    import click
    import typer

    from gaia_budget.cli.app import app

    root = typer.main.get_command(app)
    parts = [NOTE, "# The command line\n\n", f"{root.help}\n\n", EXITS]
    for path, command in _commands(root, "gaia-budget"):
        context = click.Context(command, info_name=path)
        usage = " ".join([path, *command.collect_usage_pieces(context)])
        parts.append(f"## `{path}`\n\n{(command.help or '').strip()}\n\n    {usage}\n\n")
        rows = [record for param in command.params if (record := param.get_help_record(context))]
        if rows:
            parts.append("| | |\n|---|---|\n")
            parts += [f"| `{_cell(name)}` | {_cell(text)} |\n" for name, text in rows]
            parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


EXITS = """Every command takes `--json`: one document on standard output, everything else on standard error.
Exit codes: 0 done, 1 a check failed or the input is wrong, 2 wrong usage, 3 a fault of ours.

"""


def _commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    children = getattr(command, "commands", None)
    if children is None:
        yield path, command
        return
    if getattr(command, "invoke_without_command", False) and path != "gaia-budget":
        yield path, command
    for name in sorted(children):
        if not children[name].hidden:
            yield from _commands(children[name], f"{path} {name}")


def settings() -> str:
    """Every setting with its type, default and meaning."""
    from gaia_budget.settings import PREFIX
    from gaia_budget.settings.keys import ModuleSettings, Settings

    return (
        f"{NOTE}# Settings\n\n"
        "`settings.toml` in the state folder; `gaia-budget settings` shows each value in force and its origin. "
        f"Each key can also be set as an environment variable, `{PREFIX}<KEY>`, which wins over the file.\n\n"
        f"{_fields(Settings)}\n## For one module: `[modules.<id>]`\n\n{_fields(ModuleSettings)}"
    )


def _fields(record: type[Keyed]) -> str:
    rows = ["| key | default | meaning |\n|---|---|---|\n"]
    for name, one in record.keys.items():
        default = "" if one.made or one.default is None else f"`{_shown(one.default)}`"
        rows.append(f"| `{name}` | {default} | {_cell(one.meaning)} |\n")
    return "".join(rows)


def _shown(value: object) -> str:
    return json.dumps(value, default=str) if not isinstance(value, str) else value or '""'


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


SCHEMA = """# The ledger's tables

The same on SQLite and PostgreSQL. Money is integer nano-dollars (10⁻⁹ USD), instants are UTC microseconds since
1970. Every key starts with `org`. Beside the tables stands a view, `api_costs`: the app rows of jseeker in the form
of jSeeker's own table (naive UTC `timestamp`, `cost_usd` as a floating number).

"""


def schema() -> str:
    """Every table of the ledger with its columns, indexes and checks."""
    from gaia_budget.ledger.database.schema import TABLES

    return NOTE + SCHEMA + "\n".join(map(_table, TABLES))


def _table(table: Table) -> str:
    lines = [f"## {table.name}\n\n{table.meaning}\n\n| column | type | meaning |\n|---|---|---|\n"]
    for column in table.columns:
        kind = ("integer" if column.number else "text") + (" or null" if column.nullable else "")
        lines.append(f"| `{column.name}` | {kind} | {_cell(column.meaning)} |\n")
    lines.append(f"\n- key: {_listed(table.key)}\n")
    for index in table.indexes:
        where = f", only where `{index.where}`" if index.where else ""
        lines.append(f"- index `{index.name}`: {_listed(index.columns)}{where}\n")
    return "".join([*lines, *(f"- check `{check}`\n" for check in table.checks)])


TROUBLE = """# When something is wrong

An error ends in its slug, such as `[unknown-name]`; this page has each of them. With `--json` the same comes as a
document: `{"error": {"slug": …, "message": …, "cure": …}}`. An error stops before anything is written, or says what was
written. `gaia-budget doctor` looks at everything at once; `gaia-budget selftest` makes a report that can
be sent.

"""
KINDS = {
    "seen": ("Without a message", "what you see"),
    "said": ("What hooks, the status line and the plugin's server say", "words"),
    "InstallError": ("Installing (`install.py`)", "slug"),
    "InputError": ("What was asked for (exit 1)", "slug"),
    "NotFoundError": ("Names (exit 1; 404 at the endpoint)", "slug"),
    "ConfigError": ("Settings files (exit 1)", "slug"),
    "BudgetExceededError": ("Limits (exit 1)", "slug"),
    "LedgerError": ("The record of what was spent (exit 1; 503 at the endpoint)", "slug"),
    "ChannelError": ("Alerts that could not be sent (kept, and tried again)", "slug"),
    "InternalError": ("Faults of ours (exit 3)", "slug"),
}


def troubles() -> str:
    """Every error by its slug, and what else is said, with cause and cure."""
    from gaia_budget import errors

    known, parts = errors.troubles(), [NOTE, TROUBLE]
    for kind, (title, first) in KINDS.items():
        parts.append(f"## {title}\n\n| {first} | why | what to do |\n|---|---|---|\n")
        for words, (cause, cure) in known.pop(kind).items():
            name = {"slug": f"`{words}`", "words": f'"{words.replace("%s", "…")}"'}.get(first, words)
            parts.append(f"| {_cell(name)} | {_cell(cause)} | {_cell(cure)} |\n")
        parts.append("\n")
    assert not known, known
    return "".join(parts).rstrip("\n") + "\n"


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def plugin_hooks() -> str:
    """`hooks/hooks.json`: what `init` wires for clients of every version."""
    from gaia_budget.setup import wiring

    wired, newer = {}, " ".join(f"python3.{minor}" for minor in range(15, 8, -1))
    for event in wiring.events_known_to(None):
        entry = wiring.handler(event, Path(), Path())
        del entry["args"]
        entry["command"] = PLUGIN_LINE.format(newer=newer, program=json.dumps(PLUGIN_BOOTSTRAP))
        wired[event] = [{"hooks": [entry]}]
    return _json({"description": "Counts tokens and warns; always exits 0.", "hooks": wired})


def wiring_example() -> str:
    """What `gaia-budget init` puts into a settings file, with paths made up."""
    from gaia_budget.setup import wiring

    plan = wiring.Wiring(Path("/path/to/python3"), Path("/path/to/gaia-budget/hook/VERSION"))
    return _json(json.loads(wiring.wired("{}\n", plan, Path("settings.json"))))


def with_version(name: str) -> str:
    """A file that names the program's version in JSON: as it is, with the version that `pyproject.toml` defines."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    return re.sub(r'("version": ")[^"]*"', rf'\g<1>{version}"', (ROOT / name).read_text("utf-8"), count=1)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2) + "\n"


FILES: dict[str, Callable[[], str]] = {
    "docs/command-line.md": command_line,
    "docs/settings.md": settings,
    "docs/schema.md": schema,
    "docs/when-something-is-wrong.md": troubles,
    "hooks/hooks.json": plugin_hooks,
    ".claude/wiring-example.json": wiring_example,
    ".claude-plugin/plugin.json": lambda: with_version(".claude-plugin/plugin.json"),
    "docs/mcp.md": lambda: with_version("docs/mcp.md"),
}


def main() -> None:
    """Write what has changed, or with `--check` name it."""
    stale = []
    for name, make in FILES.items():
        file, wanted = ROOT / name, make()
        if not file.exists() or file.read_text("utf-8") != wanted:
            stale.append(name)
            if "--check" not in sys.argv[1:]:
                file.parent.mkdir(exist_ok=True)
                file.write_text(wanted, "utf-8", newline="\n")
    sys.stdout.write("".join(f"{name}\n" for name in stale) or "all generated files are up to date\n")
    sys.exit(1 if stale and "--check" in sys.argv[1:] else 0)


if __name__ == "__main__":
    main()

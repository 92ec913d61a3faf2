"""The command `gaia-budget`: its verbs put together."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from typing import Annotated, Any, NoReturn

import typer

from gaia_budget.cli import encoding
from gaia_budget.cli.output import JsonFlag, emit_json, note, say
from gaia_budget.cli.verbs import Whole

FAULT = 3
WRONG_USAGE = 2
"""What a command line that cannot be read ends in, as other programs do."""

REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.ENAMETOOLONG)
"""What the system says of a place that the user has to mend: no fault of ours."""
PLACES = "Give yourself rights there and above it, make room, or name another place"

app = typer.Typer(
    name="gaia-budget",
    cls=Whole,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Token budgets for Claude Code and for apps: exact counting, warnings in time, limits that hold.",
)


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        say(f"gaia-budget {version('gaia-token-budget')}")
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    as_json: JsonFlag = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version.")
    ] = False,
) -> None:
    """Where everything stands: today, this month against the caps, projects, models, what needs you."""
    if context.invoked_subcommand is None:
        from gaia_budget.cli.seeing.overview import overview

        overview(as_json)


def main() -> None:
    """Run the command line. A reader who has read enough and goes (`| head`) is no error."""
    try:
        ended = _run()
    except SystemExit as left:
        ended = 0 if isinstance(left.__context__, BrokenPipeError) else left.code
    try:
        if not sys.stdout.closed:
            sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be written goes nowhere
    sys.exit(ended)


def _run() -> Any:
    """Its exit code; every error ends here with a message and a code of its own (see `gaia_budget.errors`)."""
    from typer.exceptions import TyperException

    from gaia_budget import ancestry
    from gaia_budget.errors import GaiaBudgetError, InputError
    from gaia_hooks.facts import trust

    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 (where it was closed)
    sys.stderr = sys.stderr or sys.stdout
    for stream in (sys.stdout, sys.stderr):
        encoding.fit(stream)
    # pydantic would look through every installed package for plug-ins: a third of a command's start.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    ignored = trust.forget_project_variables(ancestry.working_folders())
    if ignored:
        note(f"gaia-budget: {trust.notice(ignored)}")
    try:
        return app(standalone_mode=False)
    except TyperException as error:
        if context := getattr(error, "ctx", None):
            note(context.get_usage())
        wrong = InputError(error.format_message(), slug="command-line")
        _end(wrong.slug, str(wrong), WRONG_USAGE)
    except typer.Abort:
        left = InputError("nothing was answered", slug="declined")
        _end(left.slug, str(left), left.exit_code)
    except GaiaBudgetError as error:
        _end(error.slug, str(error), error.exit_code)
    except Exception as error:  # noqa: BLE001 (the edge: any fault of ours ends in exit 3 with a log to send)
        if isinstance(error, OSError) and error.errno in REFUSALS:
            refused = InputError(
                f"{error.filename or 'a file'}: {error.strerror}. {PLACES}", slug="system-refuses"
            )
            _end(refused.slug, str(refused), refused.exit_code)
        _end("fault", f"a fault of ours; please send {_fault_log()}", FAULT)


def _end(slug: str, message: str, exit_code: int) -> NoReturn:
    """The last words: for people on stderr, with the slug that the documentation knows; as a document where asked."""
    from gaia_budget import errors

    with contextlib.suppress(BrokenPipeError):
        note(f"gaia-budget: {message} [{slug}]")
        if "--json" in sys.argv:
            emit_json(errors.told(slug, message))
    sys.exit(exit_code)


def _fault_log() -> str:
    """Write the current exception's trace to a file of its own, else give it; it holds code places, no data."""
    import platform
    import traceback

    from gaia_budget import places
    from gaia_budget.errors import ConfigError

    trace = f"{platform.platform()} Python {platform.python_version()}\n{traceback.format_exc()}"
    try:
        file = places.ensure_home() / "logs" / "fault.log"
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(trace, encoding="utf-8")
    except (OSError, ConfigError):
        return f"this:\n{trace}"
    return str(file)

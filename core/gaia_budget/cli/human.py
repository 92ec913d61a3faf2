"""A human's word: what nothing inside of a Claude Code session can give, whatever variables and terminals it makes."""

from __future__ import annotations

import os

from gaia_budget import ancestry
from gaia_budget.errors import ConfigError, InputError

SENDING = frozenset(
    ("ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
)
"""What of the client's own says to whom a request goes, and as whose; all else of a project is forgotten by now."""


def require(what: str, question: str = "", *, yes: bool) -> None:
    """Ask on the controlling terminal; `yes`: outside of a session the command itself is the word.

    Raises InputError inside of a session, without a terminal, and where the answer is no.
    """
    if ancestry.is_inside_a_session():
        raise InputError(
            f"{what} is for a human alone, and this runs inside of a Claude Code session, where a model types, too: "
            "run it in a terminal of your own",
            slug="human-alone",
        )
    if yes:
        return
    try:
        answer = _asked_on_terminal(f"{question} [y/N] ")
    except OSError:
        raise InputError(
            f"{what} needs a human's word and there is no terminal to ask on: add --yes, or run it in a terminal",
            slug="needs-a-yes",
        ) from None
    if answer.strip().lower() not in ("y", "yes"):
        raise InputError(f"{what} needs a yes: nothing was changed", slug="declined")


def require_for_hard_limits(what: str) -> None:
    """Refuse inside of a session where something is blocked at a limit, or the settings cannot be read.

    What hooks hold counts as well as the settings: those have the variables of whoever calls.
    """
    from gaia_budget import snapshot
    from gaia_budget.settings import load

    try:
        hard = snapshot.blocks(snapshot.held()) or load().has_hard_cap
    except ConfigError:
        hard = True
    if hard:
        require(what, yes=True)


def refuse_a_projects_address() -> None:
    """A project whose settings say where requests go would be sent the text, and the user's key with it."""
    from gaia_hooks.facts import trust

    taken = trust.forget_project_variables(ancestry.working_folders(), SENDING)
    if taken:
        raise InputError(
            f"the settings of this project set {', '.join(taken)}, and so where the text would be sent, and as whose: "
            "take the estimate, or ask in a terminal of your own",
            slug="project-redirects",
        )


def _asked_on_terminal(question: str) -> str:
    device = ("CONIN$", "CONOUT$") if os.name == "nt" else ("/dev/tty", "/dev/tty")
    with open(device[1], "w", encoding="utf-8") as out, open(device[0], encoding="utf-8") as answers:  # noqa: PTH123
        out.write(question)
        out.flush()
        return answers.readline()

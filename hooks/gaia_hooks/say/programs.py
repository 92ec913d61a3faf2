"""A program of agents (`Workflow`) before it runs: how many it starts, and what they are likely to use."""

from gaia_hooks.facts.workflow import fanout, script_lists
from gaia_hooks.machine import files
from gaia_hooks.say.figures import SessionFigures, grouped, limit_of
from gaia_hooks.session import allowances
from gaia_hooks.session import counting as sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SCRIPT_ENDS = (".js", ".mjs", ".ts")


class Estimate:
    """Agents at least and at most, budget tokens in all, and what that rests on."""

    __slots__ = ("at_least", "at_most", "each", "told", "used")

    def __init__(self, session: sessions.Session, tool_input: "dict[str, Any]") -> None:
        text = _script(session, tool_input)
        least, most = (
            script_lists.UNTOLD if text is None else fanout.agents_started(text, tool_input.get("args"))
        )
        self.told = most is not None
        self.at_least = least
        self.at_most = least + fanout.CAP if most is None else most
        self.used = allowances.finished(session.state, in_runs=True)
        self.each = allowances.allowance(session.state, session.policy, in_runs=True)

    @property
    def tokens(self) -> int:
        """What is set aside: as many agents as may start, each with what such agents have used."""
        return self.at_most * self.each

    def words(self) -> str:
        """The estimate as people read it, with its range and what it rests on."""
        if not self.told:
            agents = "a number of agents that its text does not tell (counted as %d)" % self.at_most
        elif self.at_least == self.at_most:
            agents = "%d agents" % self.at_most if self.at_most != 1 else "1 agent"
        else:
            agents = "%d to %d agents" % (self.at_least, self.at_most)
        if not self.used:
            rests = "%s each, `subagent_allowance_tokens`: none has finished yet" % grouped(self.each)
        else:
            rests = "range %s to %s; %s each is the median of %d finished" % (
                grouped(self.at_least * self.used[0]),
                grouped(self.at_most * self.used[-1]),
                grouped(self.each),
                len(self.used),
            )
        return "%s, about %s tokens (estimate; %s)" % (agents, grouped(self.tokens), rests)


def announced(session: sessions.Session, figures: SessionFigures, payload: "dict[str, Any]") -> str:
    """What a program that is about to run is likely to use, said once per call."""
    note = "program:%s" % payload.get("tool_use_id")
    if note in session.state.told:
        return ""
    session.state.told.append(note)
    tool_input = payload.get("tool_input")
    estimate = Estimate(session, tool_input if type(tool_input) is dict else {})
    limit = limit_of(session)
    return (
        "GAIA budget: this workflow starts %s. With it about %d %% of this %s session's %s tokens are used."
        % (
            estimate.words(),
            (figures.budget_tokens + estimate.tokens) * 100 // limit,
            session.state.type,
            grouped(limit),
        )
    )


def _script(session: sessions.Session, tool_input: "dict[str, Any]") -> "str | None":
    """The program's text: given, in a file, or by its name in the project or the user's folder; None: not found."""
    script = tool_input.get("script")
    if type(script) is str and script:
        return script
    path, name = tool_input.get("scriptPath"), tool_input.get("name")
    if type(path) is str and path:
        return _text(path if path[0] in "/\\" or path[1:2] == ":" else files.join(session.state.cwd, path))
    if type(name) is str and name and not set(name) & set("/\\"):
        from gaia_hooks.facts import places

        for folder in (files.join(session.state.cwd, ".claude"), places.claude_folder()):
            for end in SCRIPT_ENDS:
                text = _text(files.join(folder, "workflows", name + end))
                if text is not None:
                    return text
    return None


def _text(path: str) -> "str | None":
    try:
        return files.read(path, 0, fanout.TEXT_LIMIT + 1).decode("utf-8", "replace")
    except OSError:
        return None

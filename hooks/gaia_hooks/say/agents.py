"""Agents before they run: how many a program of them (`Workflow`) starts and is likely to use, and the cheaper model.

A subagent past the limit gets the cheapest model its module allows, and both human and agent are told.
"""

from gaia_hooks.facts import places, snapshot
from gaia_hooks.machine import files, system
from gaia_hooks.say.figures import SessionFigures, grouped, limit_of
from gaia_hooks.session import allowances
from gaia_hooks.session import counting as sessions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from gaia_hooks.session.state import State

SCRIPT_ENDS = (".js", ".mjs", ".ts")
HEAD_BYTES = 4096


class Estimate:
    """Agents at least and at most, budget tokens in all, and what that rests on."""

    __slots__ = ("at_least", "at_most", "each", "told", "used")

    def __init__(self, session: sessions.Session, tool_input: "dict[str, Any]") -> None:
        from gaia_hooks.facts.workflow import fanout, script_lists

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
        for folder in (files.join(session.state.cwd, ".claude"), places.claude_folder()):
            for end in SCRIPT_ENDS:
                text = _text(files.join(folder, "workflows", name + end))
                if text is not None:
                    return text
    return None


def _text(path: str) -> "str | None":
    from gaia_hooks.facts.workflow import fanout

    try:
        return files.read(path, 0, fanout.TEXT_LIMIT + 1).decode("utf-8", "replace")
    except OSError:
        return None


def _names_a_model(mine: "State", policy: "dict[str, Any]", kind: str) -> bool:
    """Whether the definition of a subagent (project's or user's `agents/*.md`) has a `model` of its own."""
    if not kind:
        return False
    project = system.variable("CLAUDE_PROJECT_DIR") or mine.cwd
    own = places.claude_folder()
    for folder in (files.join(project, ".claude", "agents"), files.join(own, "agents")):
        for name in files.names_in(folder):
            if name.endswith(".md"):
                head = _frontmatter(files.join(folder, name))
                if head.get("name", name[:-3]) == kind:
                    return head.get("model", "inherit") not in ("", "inherit")
    return False


def _frontmatter(path: str) -> "dict[str, str]":
    try:
        text = files.read(path, 0, HEAD_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return {}
    lines = text.splitlines()
    found: dict[str, str] = {}
    if lines and lines[0].strip() == "---":
        for line in lines[1:]:
            if line.strip() == "---":
                break
            key, colon, value = line.partition(":")
            if colon and not key.startswith((" ", "\t", "#")):
                found[key.strip()] = value.strip().strip("\"'")
    return found


def _cheapest(session: sessions.Session, families: "list[str]") -> str:
    """The cheapest alias in the module's list; the cheapest of all where it has none of Claude's families."""
    allowed = snapshot.module_policy(session.policy, session.state.module).get("models") or families
    return next((family for family in families if family in allowed), families[0])


def cheaper(session: sessions.Session, tool_input: "dict[str, Any]", reason: str) -> "dict[str, Any]":
    """Rewrite the call's model; protected agents and those whose own definition names a model keep theirs."""
    kind = tool_input.get("subagent_type")
    kind = kind if type(kind) is str else ""
    families = list(session.policy["families"])  # the aliases that an `Agent` call takes
    model, asked = _cheapest(session, families), tool_input.get("model")
    if asked in families and families.index(asked) <= families.index(model):
        return {}
    if kind in session.policy["protected_agents"] or _names_a_model(session.state, session.policy, kind):
        return {"systemMessage": "%s The subagent %s keeps its own model." % (reason, kind)}
    said = "%s The subagent runs on %s instead of %s." % (reason, model, asked or "its default model")
    return {
        "systemMessage": said,
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "updatedInput": dict(tool_input, model=model),
            "additionalContext": said,
        },
    }

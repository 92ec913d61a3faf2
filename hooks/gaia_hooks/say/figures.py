"""What a session has used so far: the settled tallies plus the responses that are still open."""

from gaia_hooks.facts import session_types
from gaia_hooks.facts.tokens import usage
from gaia_hooks.session import counting as sessions
from gaia_hooks.session import state

TYPE_CHECKING = False


CHARACTERS_PER_TOKEN = 4  # of tool results, which are mostly code and English: an estimate, shown as one
WORTH_NAMING_PERCENT = 20


class SessionFigures:
    """Sums of one session, and of each thread and model in it. Tokens are integers, money nano-dollars."""

    def __init__(self, session: sessions.Session) -> None:
        self.usage: tuple[int, ...] = usage.NOTHING
        self.recached = 0
        self.cost_nano = 0
        self.unpriced = 0
        self.responses = 0
        self.tokens_of_thread: dict[str, int] = {}
        self.tokens_of_model: dict[str, int] = {}
        mine = session.state
        for thread_id, models in mine.tallies.items():
            for model, tally in models.items():
                self._add(thread_id, model, tally)
        for thread_id, response, cost in session.growing():
            tally = state.Tally()
            tally.add(response.usage, response.recached, cost, 0 if response.part_of else 1)
            self._add(thread_id, response.model, tally)

    def _add(self, thread_id: str, model: str, tally: state.Tally) -> None:
        tokens = usage.budget_tokens(tally.usage, tally.recached)
        self.usage = tuple(old + new for old, new in zip(self.usage, tally.usage))
        self.recached += tally.recached
        self.cost_nano += tally.cost_nano
        self.unpriced += tally.unpriced
        self.responses += tally.responses
        self.tokens_of_thread[thread_id] = self.tokens_of_thread.get(thread_id, 0) + tokens
        self.tokens_of_model[model] = self.tokens_of_model.get(model, 0) + tokens

    @property
    def budget_tokens(self) -> int:
        """What counts against the session's limit (requirement R24)."""
        return usage.budget_tokens(self.usage, self.recached)

    def biggest_cause(self, mine: state.State) -> str:
        """The subagents where together they used more than the main thread, and the biggest one; else the model.

        Beside the model the tool whose results weigh most is named, where they are a good part of it.
        """
        if not self.tokens_of_thread:
            return ""
        used = self.tokens_of_thread.get(state.MAIN, 0)
        agents = [name for name in self.tokens_of_thread if name != state.MAIN]
        together = sum(self.tokens_of_thread[name] for name in agents)
        if together > used:
            most = max(agents, key=lambda name: self.tokens_of_thread[name])
            kind = mine.threads[most].agent_type if most in mine.threads else ""
            one = "subagent %s (%s tokens)" % (kind or most, grouped(self.tokens_of_thread[most]))
            if len(agents) == 1:
                return one
            running = sum(name in mine.threads and mine.threads[name].live for name in agents)
            still = ", %d of them running" % running if running else ""
            return "%d subagents%s (%s tokens), the biggest %s" % (len(agents), still, grouped(together), one)
        model = max(self.tokens_of_model, key=lambda name: self.tokens_of_model[name])
        cause = "main thread on %s (%s tokens)" % (model, grouped(used))
        tool = max(mine.results, key=lambda name: mine.results[name], default="")
        tokens = min(used, mine.results[tool] // CHARACTERS_PER_TOKEN) if tool else 0
        if tool and tokens * 100 >= WORTH_NAMING_PERCENT * used:
            cause += ", about %s of them results of %s" % (grouped(tokens), tool)
        return cause


def grouped(number: int) -> str:
    """An integer with thousands separated, as people read it."""
    return "{:,}".format(number)


def limit_of(session: sessions.Session) -> int:
    """The token limit of the session's type."""
    return session_types.limit(session.policy, session.state.type)

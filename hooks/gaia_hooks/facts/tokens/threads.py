"""The responses of one thread, the main one or a subagent's, in the order of its file: open, settled, sent again."""

from gaia_hooks.facts.tokens import usage
from gaia_hooks.facts.tokens.responses import MADE_BY, Response

REMEMBERED = 16  # settled responses of a thread whose late rows are still recognised

TYPE_CHECKING = False
if TYPE_CHECKING:
    Settled = tuple[tuple[int, ...], tuple[tuple[int, ...], ...], str]  # usage, runs, request
    Settling = tuple[Response, "Settled | None"]  # a settled response, and what was settled of it earlier


class Thread:
    """The responses of one thread (the main one, or one subagent) in the order of its file.

    `open` is the newest response, which may still grow; an older one is settled. `prompt` is the prompt of the
    request before the open one and `held` what that one left in the cache.
    """

    __slots__ = ("held", "open", "prompt", "settled")

    def __init__(
        self,
        prompt: int = 0,
        held: int = 0,
        open_response: "Response | None" = None,
        settled: "dict[str, Settled] | None" = None,
    ) -> None:
        self.prompt = prompt
        self.held = held
        self.open = open_response
        self.settled = settled if settled is not None else {}

    def add(self, seen: Response) -> "list[Settling]":
        """Take in one sighting; return what it settles."""
        current = self.open
        if current is not None and current.key == seen.key:
            current.absorb(seen)
            current.recached = (
                self._recached(current)
                if current.runs
                else usage.recached_tokens(current.usage, self.prompt, self.held)
            )
            return []
        if seen.key in self.settled:
            return [late for one in (seen, *seen.parts) for late in self._late(one)]
        done = self.settle()
        seen.recached = (
            self._recached(seen) if seen.runs else usage.recached_tokens(seen.usage, self.prompt, self.held)
        )
        self.open = seen
        return done

    def request_of(self, key: str) -> str:
        """The request of a response that the thread still remembers; empty when it does not."""
        if self.open is not None and self.open.key == key:
            return self.open.request
        known = self.settled.get(key)
        return known[2] if known is not None else ""

    def knows(self, key: str) -> bool:
        """Whether the response is open, or settled so lately that its late rows are taken in."""
        return key in self.settled or (self.open is not None and self.open.key == key)

    def settle(self) -> "list[Settling]":
        """Close the open response: the turn, the subagent or the session has ended, or a newer one began."""
        current = self.open
        if current is None:
            return []
        self.open = None
        last = current.runs[-1] if current.runs else current.usage
        prompt = usage.prompt_tokens(last)
        if prompt:
            self.prompt, self.held = prompt, usage.held_tokens(last)
        settled = self.settled
        for one in current.parts:
            settled[one.key] = (one.usage, one.runs, one.request)
        settled[current.key] = (current.usage, current.runs, current.request)
        while len(settled) > REMEMBERED:
            del settled[next(iter(settled))]
        return [(one, None) for one in (current, *current.parts)] if current.parts else [(current, None)]

    def _recached(self, seen: Response) -> int:
        """Over the runs of a response, each of which reads what the one before it left."""
        prompt, held, found = self.prompt, self.held, 0
        for run in seen.runs:
            found += usage.recached_tokens(run, prompt, held)
            prompt, held = usage.prompt_tokens(run), usage.held_tokens(run)
        return found

    def _late(self, seen: Response) -> "list[Settling]":
        """A row of a response that was settled already; only what it has grown by is new."""
        before = self.settled.get(seen.key)
        if before is None:  # a part that the settled response did not have yet
            self.settled[seen.key] = (seen.usage, seen.runs, seen.request)
            return [(seen, None)]
        larger = usage.merged(before[0], seen.usage)
        if larger == before[0]:
            return []
        whole = seen.alike(larger, 0)
        whole.runs = seen.runs if larger == seen.usage else ()
        self.settled[seen.key] = (whole.usage, whole.runs, whole.request)
        return [(whole, before)]


def identified(seen: Response, thread: "Thread") -> None:
    """Give a sighting its key by what its own thread knows: for who reads a file without the session's others."""
    current = thread.open
    if current is not None and current.key == seen.key and current.request == seen.request:
        return  # the next row of the same answer, as nearly all are
    request = thread.request_of(seen.key)
    if request and seen.request and request != seen.request:
        seen.rename(seen.key + MADE_BY + seen.request)

"""How many agents a workflow's script starts, as far as its text tells: a range whose upper end may be untold.

What is not understood is untold, never less: an unknown list, a loop without literal bounds, a function handed to
another. Lists are known as literals, by `args` of the call, and through what keeps or shortens their length.
"""

from gaia_hooks.facts.workflow.script_lists import ONCE, UNTOLD, Lists, plus, times
from gaia_hooks.facts.workflow.script_text import Script, UnreadableScript, ends_statement, last_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gaia_hooks.facts.workflow.script_lists import Count

STARTER = "agent"
CAP = 20  # agents that Claude Code runs at once: what an untold number counts as
TEXT_LIMIT = 1 << 19
DEEPEST = 40
EACH = frozenset(("map", "flatMap", "forEach", "filter", "some", "every", "find", "findIndex", "reduce"))
RUN_ONCE = frozenset(
    ("", "parallel", "all", "allSettled", "race", "any", "then", "finally", "phase", "log", "push")
)
HIDING = ("eval", "Function", "globalThis", "workflow", "import", "require", "class", "this")
DEFINING = ("const", "let", "var", "function")
CONDITIONS = ("if", "else", "switch", "catch", "case")
BLOCKS: "dict[str, Count]" = {"else": (0, 1), "try": ONCE, "finally": ONCE, "do": UNTOLD}


def agents_started(text: str, args: object = None) -> "Count":
    """At least and at most how many agents a script starts with these `args`; at most None: its text does not tell."""
    if len(text) > TEXT_LIMIT:
        return UNTOLD
    try:
        return _Counting(Script(text), args).total()
    except (UnreadableScript, KeyError, IndexError, RecursionError):
        return UNTOLD


class _Counting:
    def __init__(self, script: Script, args: object) -> None:
        self.script = script
        self.lists = Lists(script, args)
        self.path: list[str] = []  # names that are being counted: a function that calls itself is untold

    def total(self) -> "Count":
        found = self.calls_of(STARTER, set())
        if any(name in self.script.words for name in HIDING):
            found = found[0], None
        return found

    def calls_of(self, name: str, except_at: "set[int]") -> "Count":
        """How often what stands behind a name runs."""
        if name in self.path or len(self.path) > DEEPEST:
            return UNTOLD
        self.path.append(name)
        found: Count = (0, 0)
        for at, around in self.script.words.get(name, ()):
            if at not in except_at and not self._is_key(at, name):
                called = self.script.code[at + len(name) :].lstrip()[:1] == "("
                found = plus(found, self.runs(at, around, handed_over=not called))
        self.path.pop()
        return found

    def _is_key(self, at: int, name: str) -> bool:
        """Whether a word is a property's name, or one's length is asked: no use of the value."""
        code = self.script.code
        before, after = code[:at].rstrip()[-2:], code[at + len(name) :].lstrip()
        if before[-1:] == "." and before != "..":
            return True
        return after.startswith(".length") or (after[:1] == ":" and before[-1:] in ("{", ","))

    def runs(self, at: int, around: "tuple[int, ...]", handed_over: bool) -> "Count":
        """How often the code at a place runs; `handed_over`: as a function that others may call."""
        found, function = ONCE, handed_over
        for opened in (*reversed(around), -1):
            level = self.script.flat(opened + 1, at)
            sign = self.script.code[opened] if opened >= 0 else "{"
            inner, at = at, opened
            if sign == "(":
                count, function = self._in_call(opened, level, function)
            elif sign == "[":
                count, function = ONCE, function or _has_function(level.rpartition(",")[2])
            else:
                statement = _last_statement(level)
                count = self._ruled(opened, inner, statement)
                if function or _has_function(statement):  # its uses are counted with all that is around them
                    return times(found, times(count, self._uses(_name_of(statement))))
                if opened >= 0:
                    block, function, at = self._what_block(opened)
                    count = times(count, block)
            found = times(found, count)
        return found

    def _in_call(self, opened: int, level: str, function: bool) -> "tuple[Count, bool]":
        number, argument = level.count(","), level.rpartition(",")[2]
        function = function or _has_function(argument)
        script = self.script
        begins = script.path_before(opened)
        callee = script.code[begins:opened].rstrip()
        name = callee.rpartition(".")[2].strip()
        if name in ("for", "while"):
            return UNTOLD, function
        if name == "pipeline" and number:
            return self.lists.length(*script.parts(opened)[0]), False
        if not function:
            return ONCE, False
        if name in EACH and "." in callee and not number:
            return self.lists.length(begins, begins + callee.rstrip().rindex(".")), False
        if callee.replace(" ", "") == "Array.from" and number:
            return self.lists.length(*script.parts(opened)[0]), False
        if name == "catch":
            return (0, 1), False
        if name in RUN_ONCE:
            called = script.code[script.partner[opened] + 1 :].lstrip()[:1] == "("
            return ONCE, name == "" and not called  # what is only put in brackets is still a function
        return UNTOLD, False

    def _ruled(self, opened: int, at: int, statement: str) -> "Count":
        """How often a statement in a block, or at the top, runs by what stands before it: loops and conditions."""
        words = statement.replace("(", " (").split()
        count: Count = ONCE
        if any(word in ("while", "do") for word in words):
            count = UNTOLD
        elif "for" in words:
            count = self._loop_without_braces(opened, at)
        if (
            any(word in CONDITIONS for word in words)
            or "?" in statement
            or "&&" in statement
            or "||" in statement
        ):
            count = times(count, (0, 1))
        return count

    def _what_block(self, opened: int) -> "tuple[Count, bool, int]":
        """How often a block runs for one run of what it stands in, whether it is a function's, where it begins."""
        code = self.script.code
        before = code[:opened].rstrip()
        if before.endswith("=>"):
            return ONCE, True, opened
        word = last_word(before)
        if word in BLOCKS:
            return BLOCKS[word], False, len(before) - len(word)
        if not before.endswith(")"):
            return ONCE, False, opened  # an object, or a block of its own
        header = self.script.partner[len(before) - 1]
        ahead = code[:header].rstrip()
        word = last_word(ahead)
        begins = len(ahead) - len(word)
        if word == "for" or (word == "await" and last_word(ahead[:begins].rstrip()) == "for"):
            return self._loop(header), False, begins
        if word in ("if", "switch", "catch"):
            return (0, 1), False, begins
        if "function" in ahead[-80:].replace("*", " ").split()[-2:]:
            return ONCE, True, opened
        return UNTOLD, False, begins  # a loop, or a method

    def _uses(self, name: str) -> "Count":
        """How often a function or a list of functions of this name is run; one that nobody names is untold."""
        places = [at for at, _ in self.script.words.get(name, ())]
        defined = [at for at in places if last_word(self.script.code[:at].rstrip(" *")) in DEFINING]
        if len(defined) != 1 or len(places) < 2:
            return UNTOLD
        return self.calls_of(name, {defined[0]})

    def _loop_without_braces(self, opened: int, before: int) -> "Count":
        """The loop of a block that rules a statement; which of several it is does not show: the longest."""
        most: "int | None" = 0
        for at, around in self.script.words.get("for", ()):
            if at < before and (around[-1] if around else -1) == opened:
                count = self._loop(self.script.code.index("(", at))[1]
                most = None if None in (most, count) else max(most or 0, count or 0)
        return 0, most

    def _loop(self, header: int) -> "Count":
        """How often a `for` runs its body; leaving it early is not looked for: at most."""
        script = self.script
        inside = script.code[header + 1 : script.partner[header]]
        if " of " in inside:
            begins = header + 1 + inside.index(" of ") + 4
            return self.lists.length(begins, script.partner[header])
        parts = [part.replace(" ", "") for part in inside.split(";")]
        if len(parts) == 3 and parts[2].endswith("++") and "=" in parts[0]:
            name = parts[2][:-2]
            start, bound = parts[0].rpartition("=")[2], parts[1]
            for sign, more in (("<=", 1), ("<", 0)):
                if bound.startswith(name + sign):
                    last = self.lists.number(bound[len(name + sign) :])
                    if start.isdigit() and last is not None and len(script.words[name]) >= 3:
                        return 0, max(0, last + more - int(start))
        return UNTOLD


def _has_function(text: str) -> bool:
    return "=>" in text or "function" in text


def _name_of(statement: str) -> str:
    """The name that a function, or a list of them, is given in a statement; empty where it has none."""
    words = statement.replace("(", " (").replace("*", " ").split()
    if len(words) > 2 and words[0] in ("const", "let", "var") and words[2] == "=":
        return words[1]
    following = words[words.index("function") + 1 :] if "function" in words else []
    return following[0] if following else ""


def _last_statement(level: str) -> str:
    """The statement that a level's code ends in; loops and conditions stay with what they rule."""
    start = level.rfind(";") + 1
    at = level.rfind("{}") + 2
    if at > 1 and at > start and not level[at:].lstrip().startswith((".", ",", ")", "else", "=")):
        start = at
    for at in range(start, len(level)):
        if level[at] == "\n" and ends_statement(level[:at], level[at:]):
            line = level[start:at].rstrip()
            rules = line.endswith("()") and last_word(line[:-2].rstrip()) in ("for", "while", "if")
            if not rules and not line.endswith(("else", "do")):
                start = at + 1
    return level[start:]

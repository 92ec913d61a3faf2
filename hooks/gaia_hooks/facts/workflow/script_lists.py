"""How many elements a list in a script has: a range whose upper end may be untold.

Known are literals, `args` of the call, constants that nothing is added to, and what keeps or shortens a list's length.
"""

from gaia_hooks.facts.workflow.script_text import CLOSING, OPENING, Script, ends_statement, last_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Count = tuple[int, "int | None"]  # at least, at most; None is untold

UNTOLD: "Count" = (0, None)
ONCE: "Count" = (1, 1)
SAME_LENGTH = frozenset(("map", "sort", "reverse", "keys", "entries", "values", "fill", "slice", "filter"))


def plus(one: "Count", other: "Count") -> "Count":
    """The sum of two ranges."""
    return one[0] + other[0], None if one[1] is None or other[1] is None else one[1] + other[1]


def times(one: "Count", other: "Count") -> "Count":
    """The product of two ranges; nothing times an untold number is nothing."""
    if 0 in (one[1], other[1]):
        return 0, 0
    return one[0] * other[0], None if one[1] is None or other[1] is None else one[1] * other[1]


class Lists:
    """The lists of one script that was called with `args`."""

    def __init__(self, script: Script, args: object) -> None:
        self.script = script
        self.args = args
        self.path: list[str] = []  # names being followed: one that leads to itself is untold

    def number(self, text: str) -> "int | None":
        if text.isdigit():
            return int(text)
        if text.endswith(".length"):
            found = self._named(text[: -len(".length")])
            return found[1]
        bound = self._defined(text)
        if bound is not None:
            value = self.script.code[bound[0] : bound[1]].strip()
            return int(value) if value.isdigit() else None
        return None

    def length(self, start: int, end: int) -> "Count":
        """How many elements the list has that an expression gives."""
        script = self.script
        while start < end and script.code[start].isspace():
            start += 1
        while end > start and script.code[end - 1].isspace():
            end -= 1
        text = script.code[start:end]
        if text.startswith("await "):
            return self.length(start + 6, end)
        if text.startswith("new "):
            return self.length(start + 4, end)
        if text[:1] in ("[", "(") and script.partner[start] == end - 1:
            return self._elements(start) if text[0] == "[" else self.length(start + 1, end - 1)
        if text.startswith("{"):  # as `Array.from` takes it
            number = self.number(text.replace(" ", "")[len("{length:") :].rstrip(",}"))
            return UNTOLD if number is None or "length:" not in text else (number, number)
        if text.endswith(")"):
            return self._made_by(start, script.partner[end - 1])
        return self._named(text)

    def _elements(self, opened: int) -> "Count":
        found: Count = (0, 0)
        for start, end in self.script.parts(opened):
            text = self.script.code[start:end]
            spread = text.lstrip().startswith("...")
            found = plus(found, self.length(start + text.index("...") + 3, end) if spread else ONCE)
        return found

    def _made_by(self, start: int, opened: int) -> "Count":
        script = self.script
        callee = script.code[start:opened].rstrip()
        name, parts = callee.rpartition(".")[2].strip(), script.parts(opened)
        if callee.replace(" ", "") == "Array.from" and parts:
            return self.length(*parts[0])
        if callee == "Array" and len(parts) == 1:
            number = self.number(script.code[parts[0][0] : parts[0][1]].strip())
            return UNTOLD if number is None else (number, number)
        if name in ("parallel", "pipeline", "all", "allSettled") and parts:
            return self.length(*parts[0])
        if name in SAME_LENGTH and "." in callee:
            found = self.length(start, start + callee.rindex("."))
            return (0, found[1]) if name in ("slice", "filter") else found
        return UNTOLD

    def _named(self, text: str) -> "Count":
        """The list behind a name: a part of `args`, or a constant that nothing is added to."""
        names = text.replace("?.", ".").split(".")
        if names[0] == "args" and "args" in self.script.words:
            value: Any = self.args
            for name in names[1:]:
                value = value.get(name) if type(value) is dict else None
            return (len(value), len(value)) if type(value) is list else UNTOLD
        bound = self._defined(text)
        if bound is None or text in self.path:
            return UNTOLD
        self.path.append(text)
        found = self.length(*bound)
        self.path.pop()
        return found

    def _defined(self, name: str) -> "tuple[int, int] | None":
        """Where the value of a constant stands, if it has one definition and nothing changes it."""
        script, code, found = self.script, self.script.code, None
        for at, _ in script.words.get(name, ()):
            after = code[at + len(name) :].lstrip()
            if after.startswith((".push", ".unshift", ".splice", ".length =", "[")):
                return None
            if after[:1] == "=" and after[:2] not in ("==", "=>"):
                if found is not None or last_word(code[:at].rstrip()) != "const":
                    return None
                found = code.index("=", at) + 1
        return None if found is None else (found, self._statement_end(found))

    def _statement_end(self, at: int) -> int:
        code = self.script.code
        while at < len(code) and code[at] != ";" and code[at] not in CLOSING:
            if code[at] in OPENING:
                at = self.script.partner[at]
            elif code[at] == "\n" and ends_statement(code[:at], code[at:]):
                break
            at += 1
        return at

"""The text of a JavaScript program as code alone: strings, comments and patterns blanked, brackets matched.

Every sign keeps its place. What stood in quotes is zeros, so that an element stays one; `${…}` in a template is kept
as code in square brackets.
"""

BLANK, ZERO = " ", "0"
OPENING, CLOSING = "([{", ")]}"
BEFORE_PATTERN = frozenset("(,=:[!&|?{};+-*%<>~^\n")  # after these a slash begins a pattern, else it divides

GOES_ON = "=>,+-*/%&|?:(<.[{"  # a line that ends or begins so is one with its neighbour
STARTS_ON = ".,?:+-*/%&|=)]}"


class UnreadableScript(ValueError):
    """The brackets of the text do not match."""


class Script:
    """Code, the partner of each bracket, and every identifier with the brackets around it, outermost first."""

    def __init__(self, text: str) -> None:
        self.code = "".join(_blanked(text))
        self.partner: dict[int, int] = {}
        self.words: dict[str, list[tuple[int, tuple[int, ...]]]] = {}
        self._scan()

    def _scan(self) -> None:
        code, at, stack = self.code, 0, []
        while at < len(code):
            sign = code[at]
            if sign in OPENING:
                stack.append(at)
            elif sign in CLOSING:
                if not stack or OPENING.index(code[stack[-1]]) != CLOSING.index(sign):
                    raise UnreadableScript("brackets")
                opened = stack.pop()
                self.partner[opened], self.partner[at] = at, opened
            elif _begins_word(sign):
                end = at + 1
                while end < len(code) and _in_word(code[end]):
                    end += 1
                self.words.setdefault(code[at:end], []).append((at, tuple(stack)))
                at = end
                continue
            elif sign.isdigit():
                while at + 1 < len(code) and _in_word(code[at + 1]):
                    at += 1
            at += 1
        if stack:
            raise UnreadableScript("brackets")

    def flat(self, start: int, end: int) -> str:
        """The code of one level: what stands in brackets is left out, the brackets stay."""
        parts, at = [], start
        while at < end:
            sign = self.code[at]
            if sign in OPENING and self.partner[at] < end:
                parts.append(sign + self.code[self.partner[at]])
                at = self.partner[at] + 1
            else:
                parts.append(sign)
                at += 1
        return "".join(parts)

    def parts(self, opened: int) -> "list[tuple[int, int]]":
        """Where the arguments of a call, or the elements of a list, begin and end; empty ones are none."""
        found, at, start, end = [], opened + 1, opened + 1, self.partner[opened]
        while at <= end:
            sign = self.code[at]
            if at == end or sign == ",":
                if self.code[start:at].strip():
                    found.append((start, at))
                start = at + 1
            elif sign in OPENING:
                at = self.partner[at]
            at += 1
        return found

    def path_before(self, at: int) -> int:
        """Where the expression begins whose end is just before `at`: names, dots, calls and indexes."""
        code, at = self.code, at - 1
        while at >= 0:
            while at >= 0 and code[at].isspace():
                at -= 1
            if at >= 0 and code[at] in ")]":
                at = self.partner[at] - 1
                if at >= 0 and (_in_word(code[at]) or code[at] in ")]"):
                    continue
            elif at >= 0 and _in_word(code[at]):
                while at >= 0 and _in_word(code[at]):
                    at -= 1
            else:
                break
            before = at
            while before >= 0 and code[before].isspace():
                before -= 1
            if before < 0 or code[before] != ".":
                break
            at = before - 1 - (before > 0 and code[before - 1] == "?")
        return at + 1


def _begins_word(sign: str) -> bool:
    return sign.isalpha() or sign in "_$"


def _in_word(sign: str) -> bool:
    return sign.isalnum() or sign in "_$"


def _blanked(text: str) -> "list[str]":
    out: list[str] = []
    braces: list[int] = []  # of each open `${`, how many braces are open inside it
    at, last = 0, "\n"  # `last`: the last sign of code that is no blank
    while at < len(text):
        sign, two = text[at], text[at : at + 2]
        if two in ("//", "/*"):
            end = text.find("\n" if two == "//" else "*/", at + 2)
            end = len(text) if end < 0 else end + (2 if two == "/*" else 0)
            out.append("".join("\n" if one == "\n" else BLANK for one in text[at:end]))
        elif sign in "\"'" or (sign == "/" and last in BEFORE_PATTERN):
            end = _quoted(text, at)
            out.append(ZERO * (end - at))
            last = ZERO
        elif sign == "`" or (sign == "}" and braces and not braces[-1]):
            if sign == "}":
                braces.pop()
                out.append("]")
            else:
                out.append(ZERO)
            end, inside = _template(text, at + 1)
            out.append(ZERO * (end - at - 1 - inside))
            if inside:
                out.append("[")
                braces.append(0)
            last = "[" if inside else ZERO
        else:
            if braces and sign in "{}":
                braces[-1] += 1 if sign == "{" else -1
            out.append(sign)
            last = last if sign.isspace() else sign
            end = at + 1
        at = end
    return out


def _quoted(text: str, at: int) -> int:
    """Where a string or a pattern ends; at the line's end where it is not closed."""
    quote, at, listed = text[at], at + 1, False
    while at < len(text) and text[at] != "\n":
        if text[at] == "\\":
            at += 1
        elif quote == "/" and text[at] in "[]":
            listed = text[at] == "["
        elif text[at] == quote and not listed:
            return at + 1
        at += 1
    return min(at, len(text))


def _template(text: str, at: int) -> "tuple[int, bool]":
    """Where a template's text ends, and whether code begins there."""
    while at < len(text):
        if text[at] == "\\":
            at += 1
        elif text[at] == "`":
            return at + 1, False
        elif text[at] == "$" and text[at + 1 : at + 2] == "{":
            return at + 2, True
        at += 1
    return len(text), False


def last_word(text: str) -> str:
    """The identifier that a text ends in."""
    at = len(text)
    while at and (text[at - 1].isalnum() or text[at - 1] in "_$"):
        at -= 1
    return text[at:]


def ends_statement(before: str, after: str) -> bool:
    """Whether a statement ends between two parts of a text, at the end of a line."""
    before, after = before.rstrip(), after.lstrip()
    return not before or (before[-1] not in GOES_ON and after[:1] not in STARTS_ON)

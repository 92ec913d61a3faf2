"""What a session's first prompt tells of its type: plain words for small and for architectural work, nothing else.

A wrong guess of `quick_fix` warns too early, so it needs a word for a small change, or a short wish to mend, and
nothing that widens the work. Loaded for one prompt per session.
"""

QUICK_FIX, ARCHITECTURE = "quick_fix", "architecture"


def _phrases(text: str) -> "tuple[str, ...]":
    return tuple(part.strip().replace("_", " ") for part in text.split(","))


SMALL_WORDS = frozenset(
    _phrases("""typo, typo's, spelling, misspelled, hotfix, lint, linter, whitespace, indentation, unused, misaligned,
    tooltip, favicon, flaky, revert, bump, pin, rename, swap, escape, gitignore, mypy, ruff""")
)
SMALL_PHRASES = _phrases("""off-by-one, off by one, one-liner, one liner, quick one, quick fix, small fix, minor fix,
    instead of, should be_, should say, is wrong, wrong_, missing, correct the, correct it, the version number,
    the license year, the default_, type hint, division by zero, null pointer, keyerror, typeerror, hard coded,
    to false, to true""")
MENDING = frozenset(
    _phrases("""fix, handle, correct, change, set, increase, decrease, sort, replace, remove, delete, strip, append,
    turn, nudge, deterministic, color, colour""")
)
WIDENING = frozenset(
    _phrases("""everywhere, across, all, every, each, including, investigate, find, sometimes, why, know, design, plan,
    propose, implement, build, create, support, migrate, migration, upgrade, integrate, integration, refactor,
    architecture, system, feature, page, endpoint, dashboard, wizard, flow, frontend, backend, package, coverage,
    tests, documentation, api, leak, release, users', improve, speed, clean, review, explain, parser, script,
    command, language, languages, strategy""")
)
LARGE_PHRASES = _phrases("""architect, system design, design doc, technical design, trade-off, tradeoff, adr_, rfc_,
    migration plan, roadmap, blueprint, big picture, long-term plan, threat model, compare approaches,
    evaluate options, options and risks, bounded context, target state, monorepo, microservice, disaster recovery,
    multi-tenant, multi-region, boundaries, sync protocol, data model for, concept for, decouple, will not scale,
    scalable""")
LARGE_BEGINNINGS = _phrases("design_, rethink_, propose_, redesign_, we must choose, come up with a_")
NO_GUESS_BEGINNINGS = ("/", "continue", "go on", "resume", "traceback", "error:", "exception", "<")
LONGEST_SMALL_PROMPT = 160  # characters
LONGEST_MENDING_PROMPT = 16  # words


def infer(prompt: str) -> "str | None":
    """The type that a first prompt plainly tells, or None when unsure."""
    text = " ".join(prompt.lower().split())
    if not text or text.startswith(NO_GUESS_BEGINNINGS):
        return None
    if text.startswith(LARGE_BEGINNINGS) or any(phrase in text for phrase in LARGE_PHRASES):
        return ARCHITECTURE
    return QUICK_FIX if _is_small(text) else None


def _is_small(text: str) -> bool:
    listed = "".join(sign if sign.isalnum() or sign in "'-" else " " for sign in text).split()
    words = frozenset(listed)
    if len(text) > LONGEST_SMALL_PROMPT or "set up" in text or not words.isdisjoint(WIDENING):
        return False
    if not words.isdisjoint(SMALL_WORDS) or any(phrase in text for phrase in SMALL_PHRASES):
        return True
    return len(listed) <= LONGEST_MENDING_PROMPT and not words.isdisjoint(MENDING) and listed[0] != "add"

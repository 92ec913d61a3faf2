"""Which figures and instants can be facts: what lies outside is set aside and named before anything reckons with it.

A count that wrapped around below zero, a date of year 1 or 9999, a float where a count belongs: each stands in real
logs, and one of them must neither end a command nor be added to a bill.
"""

from gaia_hooks.machine import clock

MOST_TOKENS = 10**9  # of one response: beyond is an unsigned underflow, a clock, a made-up number
FIRST_YEAR, LAST_YEAR = "1970", "2199"  # what every database's and calendar's functions take
LATEST = 7_258_118_400 * clock.MICRO  # 2200-01-01
LONGEST_MS = 10 * 366 * 86_400_000  # ten years


def is_count(value: object) -> bool:
    """Whether a value is a count of tokens, calls or requests of one response."""
    return type(value) is int and 0 <= value <= MOST_TOKENS


def is_instant(micros: "int | None") -> bool:
    """Whether an instant (microseconds since the epoch) can be one at which something was spent."""
    return micros is not None and 0 < micros < LATEST

"""Money as integer nano-dollars (10**-9 USD), and how it is shown."""

NANO = 1_000_000_000


def usd(nano: int) -> str:
    """An amount of nano-dollars as an exact decimal string in USD, with at least four decimals."""
    sign = "-" if nano < 0 else ""
    whole, fraction = divmod(abs(nano), NANO)
    digits = "%09d" % fraction
    return "%s%d.%s" % (sign, whole, digits[:4] + digits[4:].rstrip("0"))


def usd_short(nano: int) -> str:
    """An amount of nano-dollars for reading: `$` and four decimals, rounded half to even."""
    sign = "-" if nano < 0 else ""
    tenth_mills, rest = divmod(abs(nano), 100_000)
    if rest > 50_000 or (rest == 50_000 and tenth_mills % 2):
        tenth_mills += 1
    return "%s$%d.%04d" % (sign, tenth_mills // 10_000, tenth_mills % 10_000)

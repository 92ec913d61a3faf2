"""Money as integer nano-dollars (10**-9 USD), and how it is shown."""

NANO = 1_000_000_000
CENT = 10_000_000  # nano-dollars


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


def cents(nano: int) -> int:
    """Nano-dollars as cents, rounded half to even."""
    floor, rest = divmod(nano, CENT)
    return floor + (rest * 2 > CENT or (rest * 2 == CENT and floor % 2 == 1))


def dollars(count: int, whole: bool = False) -> str:
    """Cents as dollars, such as `$1,204.50`; with `whole` as `$10` where no cents are to be said."""
    before, rest = divmod(abs(count), 100)
    sign = "\u2212" if count < 0 else ""
    return "%s$%s" % (sign, "{:,}".format(before)) + ("" if whole and not rest else ".%02d" % rest)

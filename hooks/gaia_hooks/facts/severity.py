"""How bad an alert is: the one order by which every face picks the worst of several."""

WARNING, CRITICAL = "warning", "critical"
SEVERITIES = (WARNING, CRITICAL)  # rising


def rank(severity: str, threshold: object, fired: int) -> "tuple[int, object, int]":
    """Sorts alerts of one figure: the severity first, then the threshold that was passed, then the newer one.

    `threshold` is any number that grows with how bad it is; `fired` an instant.
    """
    return (SEVERITIES.index(severity) if severity in SEVERITIES else -1, threshold, fired)

"""One line in the width that it is given: pieces with ranks, of which the least useful goes first."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

SEPARATOR = " · "
ALWAYS = 0
WARNS, CRITICAL = 80, 95  # percent, from which a figure is coloured
COLOURS = {WARNS: "\033[33m%s\033[39m", CRITICAL: "\033[1;31m%s\033[22;39m"}


class Piece:
    """Words that stay or go together. The highest `rank` goes first; what is ranked `ALWAYS` stays."""

    __slots__ = ("level", "rank", "text")

    def __init__(self, text: str, rank: int = ALWAYS, level: int = 0) -> None:
        self.text = text
        self.rank = rank
        self.level = level


def percent(value: float, rank: int = ALWAYS, least: str = "") -> Piece:
    """A share, cut to a whole percent: 79.9 is not yet 80."""
    level = CRITICAL if value >= CRITICAL else WARNS if value >= WARNS else 0
    return Piece("%s%d %%" % (least, value), rank, level)


def line(parts: "Iterable[list[Piece]]", width: int, colours: bool = False) -> str:
    """The parts, each its pieces with blanks between, in at most `width` columns.

    Where even what always stays is wider, it stays all the same: the client cuts it, a figure is never left out.
    """
    parts = [part for part in parts if part]
    while True:
        text = _joined(parts, False)
        highest = max((piece.rank for part in parts for piece in part), default=ALWAYS)
        if len(text) <= width or highest == ALWAYS:
            return _joined(parts, colours)
        kept = [[piece for piece in part if piece.rank < highest] for part in parts]
        parts = [part for part in kept if part]


def _joined(parts: "Iterable[list[Piece]]", colours: bool) -> str:
    return SEPARATOR.join(" ".join(_shown(piece, colours) for piece in part) for part in parts)


def _shown(piece: Piece, colours: bool) -> str:
    return COLOURS[piece.level] % piece.text if colours and piece.level else piece.text

"""What people and tools do to a split pair: edits that must survive a merge, and edits that must be refused."""

from __future__ import annotations

from collections.abc import Callable

NEW = "A line nobody had written before."
Edit = Callable[[list[str], list[str]], None]


def anchors(l2: list[str]) -> list[int]:
    return [at for at, line in enumerate(l2) if line.startswith("<!-- gaia:l1 ")]


def bullet(lines: list[str]) -> int:
    return next(at for at, line in enumerate(lines) if line.startswith("- ") and "`:" not in line)


def index_at(l1: list[str]) -> int:
    return next(at for at, line in enumerate(l1) if line.startswith("<!-- gaia:index"))


def heading(lines: list[str]) -> int:
    return next(at for at, line in enumerate(lines) if line.startswith("## "))


def prose(l2: list[str]) -> int:
    return next(at for at, line in enumerate(l2) if line.startswith("The "))


def _replace_heading(l1: list[str], l2: list[str]) -> None:
    l1[heading(l1)] = f"## {NEW}\n"


SURVIVING: dict[str, Edit] = {
    "appended to L1": lambda l1, l2: l1.append(f"\n{NEW}\n"),
    "appended to L1 without a line end": lambda l1, l2: l1.append(NEW),
    "a section appended to L1": lambda l1, l2: l1.extend(["\n", "## Added\n", "\n", f"{NEW}\n"]),
    "put before everything in L1": lambda l1, l2: l1.insert(0, f"{NEW}\n\n"),
    "put before the index": lambda l1, l2: l1.insert(index_at(l1), f"\n{NEW}\n"),
    "a section put before the index": lambda l1, l2: l1.insert(index_at(l1), f"\n## Added\n\n{NEW}\n"),
    "a bullet changed in L1": lambda l1, l2: l1.__setitem__(bullet(l1), f"- {NEW}\n"),
    "a bullet added in L1": lambda l1, l2: l1.insert(bullet(l1) + 1, f"- {NEW}\n"),
    "a heading changed in L1": _replace_heading,
    "a line below a heading in L1": lambda l1, l2: l1.insert(heading(l1) + 1, f"{NEW}\n\n"),
    "appended to L2": lambda l1, l2: l2.append(f"\n{NEW}\n"),
    "put before everything in L2": lambda l1, l2: l2.insert(0, f"{NEW}\n\n"),
    "a line changed in L2": lambda l1, l2: l2.__setitem__(prose(l2), f"{NEW}\n"),
    "a line beside an anchor in L2": lambda l1, l2: l2.insert(anchors(l2)[0], f"{NEW}\n\n"),
    "both sides changed": lambda l1, l2: (l1.append(f"\n{NEW}\n"), l2.insert(0, "Another.\n\n"))[0],
    "windows line ends in both": lambda l1, l2: (
        l1.__setitem__(slice(None), [line.replace("\n", "\r\n") for line in [*l1, f"{NEW}\n"]]),
        l2.__setitem__(slice(None), [line.replace("\n", "\r\n") for line in l2]),
    )[0],
}

CONFLICTING: dict[str, Edit] = {
    "an anchor deleted": lambda l1, l2: l2.__delitem__(anchors(l2)[0]),
    "an anchor doubled": lambda l1, l2: l2.insert(0, l2[anchors(l2)[0]]),
    "a foreign anchor": lambda l1, l2: l2.insert(0, "<!-- gaia:l1 99 -->\n"),
    "the index deleted": lambda l1, l2: l1.__delitem__(slice(index_at(l1), None)),
    "the index doubled": lambda l1, l2: l1.extend(l1[index_at(l1) :]),
    "every piece deleted": lambda l1, l2: l1.__delitem__(slice(0, index_at(l1))),
}

"""Which module of the ecosystem a working directory belongs to."""

from gaia_hooks.facts import names
from gaia_hooks.machine import files

UNALLOCATED = "unallocated"


def folded(path: str) -> str:
    """A path in one form for comparison: forward slashes, lower case, `/x/…` as `x:/…`, no slash at the end."""
    form = path.replace("\\", "/").lower()
    while "//" in form:
        form = form.replace("//", "/")
    if form.startswith("/mnt/") and form[6:7] in ("/", "") and form[5:6].isalpha():
        form = form[4:]  # a Windows drive as WSL shows it
    if form[0:1] == "/" and form[1:2].isalpha() and form[2:3] in ("/", ""):
        form = form[1:2] + ":" + form[2:]
    return form.rstrip("/") if len(form) > 1 else form


def registered(cwd: str, roots: "list[list[str]]") -> "str | None":
    """The module with the longest root that holds the folder; `roots` are [folded root, module] pairs."""
    place, best, found = folded(cwd) + "/", -1, None
    for root, module in roots:
        if place.startswith(root + "/") and len(root) > best:
            best, found = len(root), module
    return found


def module_of(cwd: str, roots: "list[list[str]]") -> str:
    """The registered module, else the name of the git repository's folder in lower case, else `unallocated`."""
    found = registered(cwd, roots) if cwd else None
    return found or _repository(cwd) or UNALLOCATED


def _repository(cwd: str) -> str:
    folder = cwd
    while folder:
        marker = files.join(folder, ".git")
        if files.exists(marker):
            return _name(_main_tree(folder, marker))
        above = files.parent(folder)
        if above == folder:
            break
        folder = above
    return ""


def _main_tree(folder: str, marker: str) -> str:
    """A linked worktree's `.git` is a file that names the main repository: it is the same module."""
    try:
        text = files.read(marker, 0, 4096).decode("utf-8", "replace")
    except OSError:
        return folder  # a folder: the main tree itself
    before, found, _ = text.partition("/.git/worktrees/")
    return before.partition("gitdir:")[2].strip() if found else folder


def _name(folder: str) -> str:
    return names.shown(folder.replace("\\", "/").rstrip("/").rpartition("/")[2].lower())

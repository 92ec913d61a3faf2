"""Which module of the ecosystem a working directory belongs to."""

from gaia_hooks.facts import names, places
from gaia_hooks.machine import files

UNALLOCATED = "unallocated"
DEFAULT_ORG = "default"


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


def roots_of(projects: "dict[str, str]", base: str) -> "list[list[str]]":
    """[folded root, module] pairs of the registry's projects; relative paths start at the registry's folder.

    A module's name is in lower case wherever it is compared: that of its cap, of its settings, of an app.
    """
    return [[folded(_rooted(base, path)), key.lower()] for key, path in projects.items()]


def _rooted(base: str, path: str) -> str:
    absolute = path.startswith(("/", "\\")) or path[1:2] == ":"
    return path if absolute or not base else "%s/%s" % (base, path)


def registered(cwd: str, roots: "list[list[str]]") -> "str | None":
    """The module with the longest root that holds the folder; `roots` are [folded root, module] pairs."""
    place, best, found = folded(cwd) + "/", -1, None
    for root, module in roots:
        if place.startswith(root + "/") and len(root) > best:
            best, found = len(root), module
    return found


def module_of(cwd: str, roots: "list[list[str]]") -> str:
    """The registered module, else the git repository's folder, else the folder itself, by name in lower case.

    A folder that is gone has its name still; `unallocated` is only what has no folder at all.
    """
    found = registered(cwd, roots) if cwd else None
    return found or _repository(cwd) or _name(cwd) or UNALLOCATED


def _repository(cwd: str) -> str:
    """The folder's repository; the home folder's own (of dotfiles) is nobody else's."""
    folder, home = cwd, folded(places.user_home())
    while folder:
        marker = files.join(folder, ".git")
        if files.exists(marker) and (folder == cwd or folded(folder) != home):
            return _name(_main_tree(folder, marker))
        above = files.parent(folder)
        if above == folder:
            break
        folder = above
    return ""


def main_trees(folder: str) -> "list[str]":
    """The folders that may be the main repository of a folder that is a linked worktree; none for any other."""
    try:
        text = files.read(files.join(folder, ".git"), 0, 4096).decode("utf-8", "replace")
    except OSError:
        return []
    git = _beside(folder, text.partition("gitdir:")[2].strip())
    found = [git.rpartition("/worktrees/")[0]]
    try:
        found.append(
            _beside(git, files.read(files.join(git, "commondir"), 0, 4096).decode("utf-8", "replace").strip())
        )
    except (OSError, ValueError):
        pass  # a repository of its own, or one that is gone
    return [_without_git(one) for one in found if one]


def _beside(folder: str, path: str) -> str:
    form = path.replace("\\", "/").replace("\0", "")
    if form.startswith("/") or form[1:2] == ":":
        return form
    while form.startswith("../") or form == "..":
        folder, form = files.parent(folder), form[3:]
    return files.join(folder, form)


def _main_tree(folder: str, marker: str) -> str:
    """A linked worktree's `.git` is a file that names the main repository, which may be bare: it is the same module."""
    try:
        text = files.read(marker, 0, 4096).decode("utf-8", "replace")
    except OSError:
        return folder  # a folder: the main tree itself
    named = text.partition("gitdir:")[2].strip().replace("\\", "/")
    main, found, _ = named.rpartition("/worktrees/")
    if not found:
        return folder
    return _without_git(_beside(folder, main))  # git can be told to write it relative to the worktree


def _without_git(main: str) -> str:
    """`shop/.git` and `shop/.bare` are of the folder `shop`; a bare `shop.git` is called `shop`."""
    for end in ("/.git", "/.bare"):
        if main.endswith(end):
            return main[: -len(end)]
    return main[: -len(".git")] if main.endswith(".git") else main


def _name(folder: str) -> str:
    return names.shown(folder.replace("\\", "/").rstrip("/").rpartition("/")[2].lower())

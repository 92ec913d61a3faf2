"""The modules of a hook in one file, and first what common events run of them: all else costs more than the work.

`init` has the wired interpreter make one for the hooks and one for the status line (`python bundle.py FOLDER`); the
bootstrap loads it where it fits the running interpreter, and imports the modules one by one where it does not.
"""

import sys

PACKAGE = "gaia_hooks"
ENTRIES = {"hooks.bundle": "gaia_hooks.main", "statusline.bundle": "gaia_hooks.statusline"}
HEAD = 4096  # bytes of the loader, after the magic number

# A bundle: the interpreter's magic number, the loader, what is loaded at once, and then the rests of the modules, which
# are read when they are asked for: every page that a hook touches costs it time, and every word that it compiles.
#
# The bootstrap runs the loader where that fits, with the bundle open as `file`. It loads `natives`, a list of
# (extension module, its file), and `codes`, a list of (module, its file, its code, the place of its rest) in the order
# of completion, and runs the module that `hook` names. An extension module is loaded from the file where the
# interpreter that made the bundle has it: the search for it lists whole folders. Where that fails, `import` finds it.
LOADER = """\
import sys, _imp
from marshal import loads
if file.seek(0, 2) != {whole}:
    raise ValueError("cut short")
file.seek({first})
natives, codes = loads(file.read({size}))
kind = type(sys)
def waiting(module, rest):
    space = module.__dict__
    def __getattr__(name):
        if name[:2] == "__":
            raise AttributeError(name)
        del space["__getattr__"]
        with open(file.name, "rb", 0) as again:
            again.seek({rests} + rest[0])
            code = again.read(rest[1])
        exec(loads(code), space)
        return getattr(module, name)
    space["__getattr__"] = __getattr__
    space["_self"] = module
for name, path in natives:
    try:
        made = _imp.create_dynamic(sys.modules["_frozen_importlib"].ModuleSpec(name, None, origin=path))
        _imp.exec_dynamic(made)
        sys.modules[name] = made
    except Exception:
        pass
try:
    for name, path, code, rest in codes:
        module = sys.modules[name] = kind(name)
        module.__file__ = path
        module._modules = sys.modules
        above, _, own = name.rpartition(".")
        if above:
            setattr(sys.modules[above], own, module)
        if path.endswith("__init__.py"):
            module.__path__ = [path[:-12]]
        if rest:
            waiting(module, rest)
        if code:
            exec(code, module.__dict__)
except BaseException:
    for name, _, _, _ in codes:
        sys.modules.pop(name, None)
    raise
try:
    __import__(hook)
    sys.modules[hook].run()
except BaseException:
    pass
try:
    import posix as system
except ImportError:
    import nt as system
system._exit(0)
"""


def build(folder: str) -> None:
    """Write the bundles of the package in `folder` for this interpreter. Raises OSError."""
    import importlib.util
    import marshal

    sys.path.insert(0, folder)
    from gaia_hooks.common import common
    from gaia_hooks.halves import halves

    for name, entry in ENTRIES.items():
        named = common(entry)
        codes, rests = [], b""
        for module, path in _completed(entry):
            code, rest = halves(path, named.get(module))
            codes.append((module, path, code, (len(rests), len(rest)) if rest else None))
            rests += rest
        content = marshal.dumps((_natives(), codes))
        magic = importlib.util.MAGIC_NUMBER
        first = len(magic) + HEAD
        end = first + len(content)
        text = LOADER.format(whole=end + len(rests), first=first, size=len(content), rests=end)
        loader = marshal.dumps(compile(text, "bundle", "exec"))
        if len(loader) > HEAD:
            raise ValueError("the loader is larger than HEAD")
        with open(folder + "/" + name, "wb") as file:
            file.write(magic + loader.ljust(HEAD, b"\0") + content + rests)


def _completed(entry: str) -> "list[tuple[str, str]]":
    """The package's modules that importing `entry` loads, with their files, each after those it needs."""
    import importlib
    from importlib.machinery import SourceFileLoader

    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]
    order: list[tuple[str, str]] = []
    original = SourceFileLoader.exec_module

    def recording(loader: SourceFileLoader, module: object) -> None:
        original(loader, module)  # type: ignore[arg-type]
        if loader.name.partition(".")[0] == PACKAGE:
            order.append((loader.name, loader.path))

    SourceFileLoader.exec_module = recording  # type: ignore[assignment,method-assign]
    try:
        importlib.import_module(entry)
    finally:
        SourceFileLoader.exec_module = original  # type: ignore[method-assign]
    return order


def _natives() -> "list[tuple[str, str]]":
    """The extension modules that the hooks use, where they are not part of the interpreter itself."""
    found = []
    for name in ("_json", "fcntl", "msvcrt"):
        path = getattr(sys.modules.get(name), "__file__", None)
        if path:
            found.append((name, path))
    return found


if __name__ == "__main__":
    build(sys.argv[1])

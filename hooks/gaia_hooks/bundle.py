"""The modules of a hook in one file, and first what common events run of them: all else costs more than the work.

`init` has the wired interpreter make one for the hooks and one for the status line (`python bundle.py FOLDER`); the
bootstrap loads it where it fits the running interpreter, and imports the modules one by one where it does not.
"""

import sys

PACKAGE = "gaia_hooks"
ENTRIES = {"hooks.bundle": "gaia_hooks.main", "statusline.bundle": "gaia_hooks.statusline"}

# Runs inside the bootstrap with `natives`, a list of (extension module, its file), and `codes`, a list of (module, its
# file, its code, the marshalled code of the rest of it) in the order of completion. The rest runs when something of it
# is first asked for. An extension module is loaded from the file where the interpreter that made the bundle has it: the
# search for it lists whole folders. Where that fails, `import` finds it.
LOADER = """\
import sys, _imp
from marshal import loads
kind = type(sys)
def waiting(module, rest):
    space = module.__dict__
    def __getattr__(name):
        if name[:2] == "__":
            raise AttributeError(name)
        del space["__getattr__"]
        exec(loads(rest), space)
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
        codes = [(module, path, *halves(path, named.get(module))) for module, path in _completed(entry)]
        content = (compile(LOADER, "bundle", "exec"), _natives(), codes)
        with open(folder + "/" + name, "wb") as file:
            file.write(importlib.util.MAGIC_NUMBER + marshal.dumps(content))


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

"""All modules that every hook loads, in one file: finding and opening each costs more than the hook's own work.

`init` has the wired interpreter make it (`python bundle.py FOLDER`); the bootstrap loads it where it fits the
running interpreter, and imports the modules one by one where it does not.
"""

import sys

NAME = "hooks.bundle"
PACKAGE = "gaia_hooks"
ENTRY = "gaia_hooks.main"

# Runs inside the bootstrap with `codes`, a list of (module name, code) in the order of completion, and `folder`.
LOADER = """\
import sys
kind = type(sys)
try:
    for name, code in codes:
        module = sys.modules[name] = kind(name)
        module.__file__ = code.co_filename
        if "." in name:
            setattr(sys.modules[name.partition(".")[0]], name.rpartition(".")[2], module)
        else:
            module.__path__ = [folder + "/" + name]
        exec(code, module.__dict__)
except BaseException:
    for name, _ in codes:
        sys.modules.pop(name, None)
    raise
"""


def build(folder: str) -> None:
    """Write the bundle of the package in `folder` for this interpreter. Raises OSError."""
    import importlib.util
    import marshal

    sys.path.insert(0, folder)
    codes = [(name, _compiled(path)) for name, path in _completed(ENTRY)]
    content = (compile(LOADER, "bundle", "exec"), codes)
    with open(folder + "/" + NAME, "wb") as file:
        file.write(importlib.util.MAGIC_NUMBER + marshal.dumps(content))


def _completed(entry: str) -> "list[tuple[str, str]]":
    """The package's modules that importing `entry` loads, each after those it needs."""
    import importlib
    from importlib.machinery import SourceFileLoader

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


def _compiled(path: str) -> object:
    with open(path, "rb") as file:
        return compile(file.read(), path, "exec", dont_inherit=True, optimize=2)


if __name__ == "__main__":
    build(sys.argv[1])

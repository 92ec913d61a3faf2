"""All modules that every hook loads, in one file: finding and opening each costs more than the hook's own work.

`init` has the wired interpreter make one for the hooks and one for the status line (`python bundle.py FOLDER`); the
bootstrap loads it where it fits the running interpreter, and imports the modules one by one where it does not.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType

PACKAGE = "gaia_hooks"
ENTRIES = {"hooks.bundle": "gaia_hooks.main", "statusline.bundle": "gaia_hooks.statusline"}

# What most events do without: its code runs when something of it is first asked for (which modules a process runs is
# held by `tests/hooks/test_bundle.py`).
LATER = frozenset(
    (
        "gaia_hooks.facts.modules",
        "gaia_hooks.facts.names",
        "gaia_hooks.facts.prices.billing",
        "gaia_hooks.facts.prices.money",
        "gaia_hooks.session.argus",
        "gaia_hooks.session.heading",
        "gaia_hooks.session.months",
    )
)

# Runs inside the bootstrap with `folder`, `natives`, a list of (extension module, its file), and `codes`, a list of
# (module, its file, its code) in the order of completion; the code of what is for later is marshalled. An extension
# module is loaded from the file where the interpreter that made the bundle has it: the search for it lists whole
# folders. Where that fails, `import` finds it.
LOADER = """\
import sys, _imp
from marshal import loads
kind = type(sys)
class Waiting(kind):
    def __getattr__(self, name):
        if name[:2] == "__":
            raise AttributeError(name)
        self.__class__ = kind
        exec(loads(waiting.pop(self.__name__)), self.__dict__)
        return getattr(self, name)
waiting = {}
for name, path in natives:
    try:
        made = _imp.create_dynamic(sys.modules["_frozen_importlib"].ModuleSpec(name, None, origin=path))
        _imp.exec_dynamic(made)
        sys.modules[name] = made
    except Exception:
        pass
try:
    for name, path, code in codes:
        now = type(code) is not bytes
        module = sys.modules[name] = kind(name) if now else Waiting(name)
        module.__file__ = path
        above, _, own = name.rpartition(".")
        if above:
            setattr(sys.modules[above], own, module)
        if path.endswith("__init__.py"):
            module.__path__ = [path[:-12]]
        if now:
            exec(code, module.__dict__)
        else:
            waiting[name] = code
except BaseException:
    for name, _, _ in codes:
        sys.modules.pop(name, None)
    raise
"""


def build(folder: str) -> None:
    """Write the bundles of the package in `folder` for this interpreter. Raises OSError."""
    import importlib.util
    import marshal

    sys.path.insert(0, folder)
    for name, entry in ENTRIES.items():
        codes = [
            (module, path, marshal.dumps(code) if module in LATER else code)
            for module, path, code in ((module, path, _compiled(path)) for module, path in _completed(entry))
        ]
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


def _compiled(path: str) -> "CodeType":
    """A module's code without docstrings and annotations: nobody reads them there, and each costs every hook time."""
    import ast

    class Bare(ast.NodeTransformer):
        def visit_arg(self, node: ast.arg) -> ast.arg:
            node.annotation = None
            return node

        def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
            node.returns = None
            return self.generic_visit(node)

        def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
            if node.value is None:
                return ast.Pass()
            return ast.Assign(targets=[node.target], value=node.value)

    with open(path, "rb") as file:
        tree = ast.fix_missing_locations(Bare().visit(ast.parse(file.read(), path)))
    code: CodeType = compile(tree, path, "exec", dont_inherit=True, optimize=2)
    return code


if __name__ == "__main__":
    build(sys.argv[1])

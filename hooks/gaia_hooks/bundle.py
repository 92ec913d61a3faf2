"""The modules of a hook in one file, and first what common events run of them: all else costs more than the work.

Of each module the rest stays marshalled until it is asked for. A function or class belongs to the rest where `common`
does not name it and nothing needs it while the module itself runs; what the first half says of it becomes an attribute
of the module (`_self`), whose look-up runs the rest. Nobody reads docstrings, annotations and line numbers in a bundle,
and each costs every hook time.

`init` has the wired interpreter make one for the hooks and one for the status line (`python bundle.py FOLDER`); the
bootstrap loads it where it fits the running interpreter, and imports the modules one by one where it does not.
"""

import ast
import importlib.util
import marshal
import sys
from importlib.machinery import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)
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
    sys.path.insert(0, folder)
    from gaia_hooks.common import common

    for name, entry in ENTRIES.items():
        named = common(entry)
        codes, rests = [], b""
        for module, path in _completed(entry):
            code, rest = _halves(path, named.get(module))
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


def _halves(path: str, common: "set[str] | None") -> "tuple[CodeType | None, bytes]":
    """The code of a module and, marshalled, that of its rest; all of it is the rest where `common` is None."""
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    body = [made for node in tree.body for made in _direct(_Bare().visit(node))]
    if common is None:
        return None, marshal.dumps(_code(body, path))
    waiting = _waiting(body, common)
    names = frozenset(node.name for node in waiting if isinstance(node, DEFINITIONS))
    now = [_Asking(names).visit(node) for node in body if node not in waiting]
    return _code(now, path), marshal.dumps(_code(waiting, path)) if waiting else b""


def _code(body: "list[ast.stmt]", path: str) -> "CodeType":
    tree = ast.fix_missing_locations(ast.Module(body, []))
    code: CodeType = compile(tree, path, "exec", dont_inherit=True, optimize=2)
    return _without_lines(code)


def _without_lines(code: "CodeType") -> "CodeType":
    """Line numbers are a quarter of what a hook reads, and only a trace asks for them (`gaia_hooks.machine.log`)."""
    inner = tuple(_without_lines(one) if isinstance(one, type(code)) else one for one in code.co_consts)
    table = "co_linetable" if hasattr(code, "co_linetable") else "co_lnotab"
    lines: "Any" = {table: b""}
    return code.replace(co_consts=inner, **lines)


def _direct(node: ast.stmt) -> "list[ast.stmt]":
    """A statement of a module: nothing of what is for a type checker, and our own modules from where they are.

    An import of what is there already costs ten times as much as the two look-ups.
    """
    if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
        return [made for one in node.orelse for made in _direct(one)]
    if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == PACKAGE:
        text = "".join(
            "%s = _modules[%r].%s\n" % (one.asname or one.name, node.module, one.name) for one in node.names
        )
        return ast.parse(text).body
    return [node]


def _waiting(body: "list[ast.stmt]", common: "set[str]") -> "list[ast.stmt]":
    """The definitions that no common event needs, and what is taken from other modules for these alone."""
    named = {name.partition(".")[0] for name in common}  # functions, and classes of methods
    found = [node for node in body if isinstance(node, DEFINITIONS) and node.name not in named]
    while True:
        kept = [node for node in body if node not in found]
        needed = _needed(kept) | _bound_inside(body)
        left = [node for node in found if node.name not in needed]
        if len(left) == len(found):
            break
        found = left
    names = [one for node in kept for one in ast.walk(node) if isinstance(one, ast.Name)]
    read = {name.id for name in names if isinstance(name.ctx, ast.Load)}
    return [node for node in body if node in found or _taken(node) not in ("", *read)]


def _taken(node: ast.stmt) -> str:
    """The name of what a statement takes from a module of ours (see `_direct`); empty for any other."""
    name, _, value = ast.unparse(node).partition(" = ") if isinstance(node, ast.Assign) else ("", "", "")
    return name if value.startswith("_modules[") else ""


def _needed(body: "list[ast.stmt]") -> "set[str]":
    """The names that are read while statements of a module run: not what stands in functions."""
    names: set[str] = set()

    class Reader(ast.NodeVisitor):
        def visit_Name(self, node: ast.Name) -> None:
            names.add(node.id)

        def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
            for one in (*node.decorator_list, *node.args.defaults, *node.args.kw_defaults):
                if one is not None:
                    self.visit(one)

    for node in body:
        Reader().visit(node)
    return names


def _bound_inside(body: "list[ast.stmt]") -> "set[str]":
    """The names that anything binds but the module itself: there they may mean something else."""
    names: set[str] = set()
    for node in ast.walk(ast.Module(body, [])):
        if isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.alias):
            names.add((node.asname or node.name).partition(".")[0])
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            names.add(node.id)
        elif isinstance(node, (ast.ExceptHandler, *DEFINITIONS)) and node not in body:
            names.add(str(node.name))
    return names


class _Asking(ast.NodeTransformer):
    """Makes attributes of the module of names that wait."""

    def __init__(self, names: "frozenset[str]") -> None:
        self._names = names

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id not in self._names:
            return node
        return ast.copy_location(ast.Attribute(ast.Name("_self", ast.Load()), node.id, node.ctx), node)


class _Bare(ast.NodeTransformer):
    """Takes annotations out."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if node.value is None:
            return ast.Pass()
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


if __name__ == "__main__":
    build(sys.argv[1])

"""A module in two halves: what a common event runs, and the rest, whose code stays marshalled until it is asked for.

Runs when a bundle is made. Nobody reads docstrings, annotations and line numbers there, and each costs every hook time.
A function or class belongs to the rest where `common` does not name it and nothing needs it while the module itself
runs; what the first half says of it becomes an attribute of the module (`_self`), whose look-up runs the rest.
"""

import ast
import marshal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

    Definition = ast.FunctionDef | ast.ClassDef

DEFINITIONS = (ast.FunctionDef, ast.ClassDef)


def halves(path: str, common: "set[str] | None") -> "tuple[CodeType | None, bytes]":
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
    if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "gaia_hooks":
        text = "".join(
            "%s = _modules[%r].%s\n" % (one.asname or one.name, node.module, one.name) for one in node.names
        )
        return ast.parse(text).body
    return [node]


def _waiting(body: "list[ast.stmt]", common: "set[str]") -> "list[ast.stmt]":
    """The definitions that no common event needs, and what is taken from other modules for these alone."""
    found = [node for node in body if isinstance(node, DEFINITIONS) and not _is_common(node, common)]
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
    """The name of what a statement takes from a module of ours; empty for any other."""
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
        within, target = node.value.value, node.targets[0]
        if (
            isinstance(within, ast.Subscript)
            and isinstance(within.value, ast.Name)
            and isinstance(target, ast.Name)
        ):
            return target.id if within.value.id == "_modules" else ""
    return ""


def _is_common(node: "Definition", common: "set[str]") -> bool:
    if isinstance(node, ast.ClassDef):
        return any(name.startswith(node.name + ".") for name in common)
    return node.name in common


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
        return ast.Assign(targets=[node.target], value=node.value)

"""Show signatures as they stand in the source, and find what a name in backticks means where it is written.

A name resolves as it would in its own module: `Grid` in a docstring of ``flow/simulate.py`` is the Grid that
this module imports, `xr.Dataset` a class of another package, which gets no link. What means nothing there is
left to Sphinx, which warns: a docstring cannot keep a name that has moved.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import sys
import textwrap
from collections.abc import Iterable
from functools import reduce
from types import ModuleType
from typing import Any

from docutils.nodes import Element
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.nodes import make_refnode

PACKAGE = "tlfourier"


def signature_as_written(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str, str | None] | None:
    """Return the parameters and the type that are returned, with the names the source has for types."""
    if signature is None or not (inspect.isclass(obj) or inspect.isroutine(obj)):
        return None
    try:
        source = textwrap.dedent(inspect.getsource(inspect.unwrap(obj)))
        written = _Plain().visit(ast.parse(source)).body[0]
    except (OSError, TypeError, SyntaxError):
        return None
    if isinstance(written, ast.ClassDef):
        return _constructor(written, signature), None
    if not isinstance(written, ast.FunctionDef):
        return None
    bound = what == "method" and not isinstance(inspect.getattr_static(*_owner(name)), staticmethod)
    return _parameters(written, bound), None if written.returns is None else ast.unparse(written.returns)


class _Plain(ast.NodeTransformer):
    """Show the type of an argument without the limits that its door holds it to: the text has them."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:  # the name that ast gives it
        self.generic_visit(node)
        limited = isinstance(node.value, ast.Name) and node.value.id == "Annotated"
        return node.slice.elts[0] if limited and isinstance(node.slice, ast.Tuple) else node


def _owner(name: str) -> tuple[Any, str]:
    """Return the class of a method and the method's own name."""
    module, kind, method = name.rsplit(".", 2)
    return getattr(sys.modules[module], kind), method


def _constructor(written: ast.ClassDef, otherwise: str) -> str:
    """Return the parameters of a class: those of its ``__init__``, or the fields of a dataclass."""
    for statement in written.body:
        if isinstance(statement, ast.FunctionDef) and statement.name == "__init__":
            return _parameters(statement, bound=True)
    if any("dataclass" in ast.unparse(decorator) for decorator in written.decorator_list):
        fields = [line for line in written.body if isinstance(line, ast.AnnAssign)]
        return f"({', '.join(map(_field, fields))})"
    return otherwise


def _field(line: ast.AnnAssign) -> str:
    default = "" if line.value is None else f" = {ast.unparse(line.value)}"
    return f"{ast.unparse(line.target)}: {ast.unparse(line.annotation)}{default}"


def _parameters(written: ast.FunctionDef, bound: bool) -> str:
    first = written.args.posonlyargs or written.args.args
    if bound:
        del first[0]
    return f"({ast.unparse(written.args)})"


def resolve(app: Sphinx, env: BuildEnvironment, node: pending_xref, shown: Element) -> Element | None:
    """Link a name to what it means in the module where it stands; leave names of other packages unlinked."""
    if node.get("refdomain") != "py":
        return None
    documented = env.domains["py"].objects
    name, module = node["reftarget"], sys.modules.get(node.get("py:module") or PACKAGE)
    try:
        found = _look_up(name, module)
    except (AttributeError, ImportError):
        found = None
    full_name: str | None = _full_name(found)
    if full_name not in documented:
        # a method, an attribute or a constant; a word in small letters may be anything
        telling = "." in name or name[0].isupper()
        full_name = _only(one for one in documented if telling and one.endswith(f".{name}"))
    if full_name:
        entry = documented[full_name]
        return make_refnode(app.builder, node["refdoc"], entry.docname, entry.node_id, shown, full_name)
    return None if found is None else shown


def _look_up(name: str, module: ModuleType | None) -> Any:
    """Return what a dotted name stands for in a module, among the builtins, or as a name to import."""
    first, *rest = name.split(".")
    for place in (module, builtins):
        if hasattr(place, first):
            return reduce(getattr, rest, getattr(place, first))
    return reduce(getattr, rest, importlib.import_module(first))


def _full_name(found: Any) -> str:
    """Return the name under which something is documented, if it is a function, a class or a module."""
    if isinstance(found, ModuleType):
        return found.__name__
    return f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"


def _only(names: Iterable[str]) -> str | None:
    """Return the one name that there is."""
    first, *others = [*names, None]
    return first if others == [None] else None


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-signature", signature_as_written)
    app.connect("missing-reference", resolve)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

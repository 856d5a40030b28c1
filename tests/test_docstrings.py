"""Docstrings say what is true: their parameters are the function's, and an error that is raised is named."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from tlfourier.book.toc import notebooks

REPOSITORY = Path(__file__).parents[1]
SOURCE = REPOSITORY / "src"
MODULES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__init__.py")
Documented = ast.FunctionDef | ast.ClassDef


def named(path: Path) -> str:
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


def documented(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[Documented, str]]:
    """Yield every public function, class and method with the docstrings that a reader of it sees."""
    outer = ast.get_docstring(tree) or "" if isinstance(tree, ast.ClassDef) else ""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield node, ast.get_docstring(node) or ""
            yield from documented(node)
        elif isinstance(node, ast.FunctionDef) and (
            node.name in ("__init__", "__post_init__") or not node.name.startswith("_")
        ):
            yield node, outer + (ast.get_docstring(node) or "")


def section(text: str, title: str) -> list[str]:
    """Return the lines of a section of a docstring that are not indented."""
    found = re.search(rf"^{title}\n-+\n(.*?)(?=\n\n\w+\n-+\n|\Z)", text, re.DOTALL | re.MULTILINE)
    return [line for line in found[1].splitlines() if line[:1].strip()] if found else []


def parameters(node: Documented) -> set[str]:
    """Return the names of what a function takes, or a class: its fields, or what its ``__init__`` takes."""
    if isinstance(node, ast.ClassDef):
        makers = [one for one in node.body if isinstance(one, ast.FunctionDef) and one.name == "__init__"]
        if makers:
            return parameters(makers[0])
        fields = [one.target for one in node.body if isinstance(one, ast.AnnAssign)]
        return {one.id for one in fields if isinstance(one, ast.Name) and not one.id.startswith("_")}
    taken = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    taken += [one for one in (node.args.vararg, node.args.kwarg) if one]
    return {one.arg for one in taken} - {"self", "cls"}


def raises_value_error(node: ast.AST) -> bool:
    raised = [one.exc for one in ast.walk(node) if isinstance(one, ast.Raise)]
    return any(isinstance(one, ast.Call) and ast.unparse(one.func) == "ValueError" for one in raised)


@pytest.mark.parametrize("path", MODULES, ids=named)
def test_docstrings_are_true(path: Path) -> None:
    wrong = []
    for node, text in documented(ast.parse(path.read_text())):
        listed = {
            name.strip("* ")
            for line in section(ast.get_docstring(node) or "", "Parameters")
            for name in line.split(" : ")[0].split(",")
        }
        if listed and listed != parameters(node):
            wrong.append(f"{node.name} documents {sorted(listed)}, not {sorted(parameters(node))}")
        if isinstance(node, ast.FunctionDef) and raises_value_error(node) and "ValueError" not in text:
            wrong.append(f"{node.name} raises ValueError, which no docstring says")
    assert not wrong


def test_the_reference_has_what_pages_import_and_nothing_else() -> None:
    pages = (REPOSITORY / "book" / "reference").glob("*.md")
    listed = [name for page in pages for name in re.findall(r"automodule:: (\S+)", page.read_text())]
    assert len(listed) == len(set(listed))
    assert set(listed) <= set(map(named, MODULES))
    assert imported() <= set(listed)


def imported() -> set[str]:
    """Return the modules that the book's pages import."""
    cells = [cell for page in notebooks() for cell in nbformat.read(REPOSITORY / page, 4).cells]
    known = set(map(named, MODULES))
    found = set()
    for cell in cells:
        if cell.cell_type == "code":
            for node in ast.walk(ast.parse(cell.source)):
                if isinstance(node, ast.ImportFrom):
                    found |= {str(node.module), *(f"{node.module}.{one.name}" for one in node.names)}
    return found & known

"""A reader: runs pages, then each line of code that their Try suggests, in this process.

``python -m tests.pages.reader PAGE...`` writes for each page a line of JSON: its path, and for every
suggestion its seconds of work and its error, if any. Array shapes are not checked here, as for any reader.
"""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from pathlib import Path
from types import ModuleType

os.environ.setdefault("MPLBACKEND", "agg")

import matplotlib.pyplot as plt
import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from tlfourier.io.paths import require_checkout
from tlfourier.io.words import one_line

REPOSITORY = require_checkout()
# the pages say that these are long work, or need it first: without being asked for, it is not begun
LONG = ('study.make.scores("forcing reversed")', 'profile = "smoke"')


def suggested(page: Path) -> list[str]:
    """Return the code under a page's Try: what is more than a name, and no command of a shell."""
    cells = nbformat.read(REPOSITORY / page, as_version=4).cells
    (text,) = (cell.source for cell in cells if cell.cell_type == "markdown" and "## Try" in cell.source)
    spans = re.findall(r"`([^`]+)`", re.sub(r"\{\w+\}`[^`]*`", "", text.partition("## Try")[2]))
    return [span for span in spans if is_code(span)]


def is_code(span: str) -> bool:
    """Tell whether a span is a Python statement that says more than a name or a word."""
    try:
        (statement,) = ast.parse(span).body
    except (SyntaxError, ValueError):
        return False
    bare = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Name | ast.Constant)
    return not bare and "make" not in span.split()[:1]


def replaced(cells: list[str], assignment: str) -> list[str] | None:
    """Return the page's code with an assignment in place of its own, None where it has none of that name."""
    name = assignment.partition("=")[0].strip()
    own = re.compile(rf"^{re.escape(name)} = .*$", re.MULTILINE)
    if not any(own.search(cell) for cell in cells):
        return None
    return [own.sub(lambda _: assignment, cell, count=1) for cell in cells]


def page_shell() -> InteractiveShell:
    """Return a shell whose names are not this program's own: processes that it starts import that anew."""
    InteractiveShell.clear_instance()
    module = ModuleType("page")
    return InteractiveShell.instance(user_module=module, user_ns=module.__dict__)


def execute(shell: InteractiveShell, *cells: str) -> str | None:
    """Run cells until one fails; return its error in one line."""
    for cell in cells:
        with capture_output():
            result = shell.run_cell(cell)
        plt.close("all")
        if (error := result.error_before_exec or result.error_in_exec) is not None:
            return f"{one_line(cell)}: {type(error).__name__}: {one_line(error)}"
    return None


def worked() -> float:
    """Return the seconds of work of this process and those it waited for: others may share the machine."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def read(page: Path, shell: InteractiveShell) -> dict[str, object]:
    """Run a page and what it suggests; return seconds and errors."""
    cells = [
        cell.source
        for cell in nbformat.read(REPOSITORY / page, as_version=4).cells
        if cell.cell_type == "code"
    ]
    tried: dict[str, tuple[float, str | None]] = {}
    if failed := execute(shell, *cells):
        return {"page": str(page), "failed": failed, "tried": tried}
    spans = suggested(page)
    again = {span: replaced(cells, span) for span in spans if re.match(r"\w+ = ", span)}
    # a name that the page does not have is for the suggestions themselves
    for span in sorted(spans, key=lambda span: span not in again or again[span] is not None):
        lines = again.get(span) or [span]
        if span.startswith("overrides = "):
            lines = replaced(lines, 'profile = "smoke"') or lines
        if span in LONG:
            lines = [line.replace("study.make.", "study.") for line in lines]
        started = worked()
        error = execute(shell, *lines)
        if span in LONG:
            error = None if error and ": NotMade: " in error else f"not refused as NotMade: {error}"
        tried[span] = (round(worked() - started, 2), error)
    return {"page": str(page), "failed": None, "tried": tried}


if __name__ == "__main__":
    os.chdir(REPOSITORY / "book")
    for name in sys.argv[1:]:
        print(json.dumps(read(Path(name), page_shell())), flush=True)

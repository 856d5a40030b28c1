"""Let plain ``jupyter-book build .`` show outputs: read a page's executed copy where there is a current one.

``make book`` does not need this: it builds from a folder in which the executed copies are the sources.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

EXECUTED = Path("build") / "laptop"


def read_executed_copy(app: Sphinx, docname: str, source: list[str]) -> None:
    """Replace a notebook's text by its executed copy's, unless the notebook has changed since."""
    page = Path(app.env.doc2path(docname))
    copy = Path(app.srcdir) / EXECUTED / f"{docname}.ipynb"
    if page.suffix == ".ipynb" and copy.is_file() and copy.stat().st_mtime >= page.stat().st_mtime:
        source[0] = copy.read_text(encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", read_executed_copy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

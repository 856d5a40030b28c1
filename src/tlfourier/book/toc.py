"""The book's table of contents: which pages there are, in which order, and about which system."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tlfourier.io.paths import require_checkout
from tlfourier.io.words import said_as
from tlfourier.study.settings import StudySpec

LAST = "reproducibility"


def toc_files(repository: Path | None = None) -> list[Path]:
    """List the source files of ``_toc.yml`` in reading order, relative to the repository.

    Raises ValueError: the file cannot be read, or an entry has neither a notebook nor a Markdown file.
    """
    repository, found = repository or require_checkout(), []
    for name in _entries(_tree(repository / "_toc.yml")):
        files = [
            Path(name + suffix) for suffix in (".ipynb", ".md") if (repository / (name + suffix)).is_file()
        ]
        if len(files) != 1:
            raise ValueError(
                f"_toc.yml names {name!r}: expected one file {name}.ipynb or {name}.md, found {len(files)}"
            )
        found += files
    return found


def _tree(path: Path) -> Any:
    """Return plain lists, tables and words; no aliases, by which a short file can be an endless tree."""
    kinds = (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError)
    with said_as(f"{path} is not a table of contents that can be read", kinds=kinds):
        text = path.read_bytes().decode()
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ValueError("it has aliases")
        tree = yaml.safe_load(text)
        if not all(isinstance(name, str) and name.isprintable() for name in _entries(tree)):
            raise ValueError("an entry is not a name")
        return tree


def _entries(node: Any) -> Iterator[str]:
    """Yield every ``root`` and ``file`` of a table of contents, depth first."""
    if isinstance(node, list):
        for item in node:
            yield from _entries(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("root", "file"):
                yield value
            else:
                yield from _entries(value)


def systems_of(page: Path) -> list[str]:
    """Return the systems whose studies a notebook reads, which its metadata name; first that it is about.

    Settings that a run changes are those of one system, and must not reach pages that are about another: what
    these read of it is the study as the profile has it. ValueError for a notebook that cannot be read.
    """
    with said_as(f"{page} is not a notebook that can be read", kinds=(ValueError, TypeError, AttributeError)):
        about = json.loads(page.read_bytes())["metadata"].get("tlfourier", {})
        return [str(name) for name in about.get("systems", [StudySpec.system])]


def notebooks(names: list[str] | None = None, repository: Path | None = None) -> list[Path]:
    """List the notebooks to execute, ``reproducibility`` last; ``names`` picks some by path or by stem.

    Raises ValueError: a name is no notebook of the table of contents.
    """
    pages = sorted((p for p in toc_files(repository) if p.suffix == ".ipynb"), key=lambda p: p.stem == LAST)
    if names is None:
        return pages
    known = {str(page): page for page in pages} | {page.stem: page for page in pages}
    for name in names:
        if name not in known:
            raise ValueError(f"unknown page {name!r}: accepted are {', '.join(page.stem for page in pages)}")
    return [page for page in pages if page in [known[name] for name in names]]

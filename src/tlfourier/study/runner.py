"""Execute the book's notebooks through papermill, in the order of its table of contents.

Pages are independent: the order is for the reader, except that ``reproducibility`` comes last, because it
reports on the others. The executed copies go to ``build/<profile>/`` under the same relative paths; what ran,
for how long and on which artifacts goes to ``build/<profile>/run.json``.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import time
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import papermill
import torch
import yaml
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm
from traitlets.config import Config

from tlfourier.study.page import REPOSITORY

LAST = "reproducibility"
VERSIONED = ("tlfourier", "torch", "numpy", "scipy", "xarray", "matplotlib", "papermill", "jupyter-book")
# by default a kernel talks over TCP, and prints a warning about it into the page
_IPC = Config({"KernelManager": {"transport": "ipc"}})


class PageError(RuntimeError):
    """A page of the book could not be executed to its end."""


def build_folder(profile: str) -> Path:
    """Return the folder that the executed pages and the book of a profile go to."""
    return REPOSITORY / "build" / profile


def toc_files(repository: Path = REPOSITORY) -> list[Path]:
    """List the source files of ``_toc.yml`` in reading order, relative to the repository.

    Raises
    ------
    ValueError
        An entry has neither a notebook nor a Markdown file.
    """
    found = []
    for name in _entries(yaml.safe_load((repository / "_toc.yml").read_text())):
        files = [
            Path(name + suffix) for suffix in (".ipynb", ".md") if (repository / (name + suffix)).is_file()
        ]
        if len(files) != 1:
            raise ValueError(
                f"_toc.yml names {name!r}: expected one file {name}.ipynb or {name}.md, found {len(files)}"
            )
        found += files
    return found


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


def notebooks(names: list[str] | None = None, repository: Path = REPOSITORY) -> list[Path]:
    """List the notebooks to execute, ``reproducibility`` last; ``names`` picks some by path or by stem.

    Raises
    ------
    ValueError
        A name is no notebook of the table of contents.
    """
    pages = sorted((p for p in toc_files(repository) if p.suffix == ".ipynb"), key=lambda p: p.stem == LAST)
    if names is None:
        return pages
    known = {str(page): page for page in pages} | {page.stem: page for page in pages}
    for name in names:
        if name not in known:
            raise ValueError(f"unknown page {name!r}: accepted are {', '.join(page.stem for page in pages)}")
    return [page for page in pages if page in [known[name] for name in names]]


def run_pages(
    profile: str, overrides: Mapping[str, Any] | None = None, pages: list[str] | None = None
) -> Path:
    """Execute pages with ``profile`` and ``overrides`` and return the folder of the executed copies.

    Parameters
    ----------
    profile, overrides
        The two values that every page takes.
    pages
        Paths or stems of the notebooks to execute; all by default.

    Raises
    ------
    PageError
        A cell failed: one sentence with the page, the cell and its error. Pages before it are kept.
    """
    parameters = {"profile": profile, "overrides": dict(overrides or {})}
    chosen = notebooks(pages)
    folder = build_folder(profile)
    folder.mkdir(parents=True, exist_ok=True)
    record = _Record(folder / "run.json", parameters)
    with tqdm(chosen, desc=f"pages, {profile}", unit="page", disable=None) as bar:
        for page in bar:
            bar.set_postfix_str(page.stem)
            started = time.perf_counter()
            used, complaints = _run_page(page, folder, parameters)
            seconds = time.perf_counter() - started
            record.add(page, seconds, used, complaints)
            bar.write(f"{seconds:7.1f} s  {page}")
            for line in complaints:
                bar.write(f"           {line}")
    return folder


def _run_page(page: Path, folder: Path, parameters: dict[str, Any]) -> tuple[list[dict[str, Any]], list[str]]:
    """Execute one page; return the artifacts that it used and what it wrote to stderr."""
    source, executed = REPOSITORY / page, folder / page
    executed.parent.mkdir(parents=True, exist_ok=True)
    ledger = folder / "ledger.jsonl"
    ledger.write_text("")
    # one kernel at a time, so it may have every core; see the store for what makes the artifacts
    environment = {"OMP_NUM_THREADS": str(torch.get_num_threads()), "TLFOURIER_LEDGER": str(ledger)}
    with _environment(environment), _one_sentence(page):
        notebook = papermill.execute_notebook(
            str(source),
            str(executed),
            parameters=parameters,
            kernel_name="python3",
            cwd=str(source.parent),
            progress_bar=False,
            config=_IPC,
        )
    _show_what_ran(notebook)
    nbformat.write(notebook, executed)
    used = [json.loads(line) for line in ledger.read_text().splitlines()]
    ledger.unlink()
    return used, _stderr(notebook)


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _one_sentence(page: Path) -> Iterator[None]:
    """Turn what papermill raises into one sentence that names the page and the cell."""
    try:
        yield
    except papermill.PapermillExecutionError as error:
        what = f"{error.ename}: {error.evalue}".splitlines()[0]
        raise PageError(f"{page}, cell {error.cell_index + 1}: {what}") from None
    except DeadKernelError:
        raise PageError(f"{page}: its kernel died; is the memory full?") from None


def _show_what_ran(notebook: NotebookNode) -> None:
    """Let the parameters cell show the values of this run, and hide the cell that papermill injected."""
    tagged = {tag: cell for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    injected = tagged["injected-parameters"]
    injected.metadata.tags.append("remove-cell")
    tagged["parameters"].source = injected.source.removeprefix("# Parameters\n").strip()
    # papermill's notes hold the paths of this machine, and the book offers its notebooks for download
    for part in (notebook, *notebook.cells):
        part.metadata.pop("papermill", None)


def _stderr(notebook: NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output.text for output in outputs if output.get("name") == "stderr"]
    return [line for text in texts for line in text.splitlines() if line.strip()]


class _Record:
    """What ran: ``run.json``, rewritten after every page so that the last page can read about the others."""

    def __init__(self, path: Path, parameters: dict[str, Any]) -> None:
        self.path = path
        before = json.loads(path.read_text()) if path.is_file() else {}
        same = before.get("parameters") == parameters
        self.pages: dict[str, Any] = before["pages"] if same else {}
        self.head = {
            "parameters": parameters,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.machine()}",
            "threads": torch.get_num_threads(),
            "versions": {name: version(name) for name in VERSIONED},
        }

    def add(self, page: Path, seconds: float, used: list[dict[str, Any]], complaints: list[str]) -> None:
        """Note one page, and write the file whole or not at all."""
        entry = {"seconds": round(seconds, 1), "artifacts": used, "stderr": complaints}
        self.pages[page.as_posix()] = entry
        temporary = self.path.with_suffix(".tmp")
        temporary.write_text(json.dumps({**self.head, "pages": self.pages}, indent=1))
        os.replace(temporary, self.path)


def read_run(profile: str) -> dict[str, Any]:
    """Return the record of a profile's last run: versions, and seconds and artifacts of every page.

    Raises
    ------
    ValueError
        No page of that profile was run yet.
    """
    path = build_folder(profile) / "run.json"
    if not path.is_file():
        raise ValueError(
            f"no run of profile {profile!r} is recorded: start with `tlfourier run --profile {profile}`"
        )
    record: dict[str, Any] = json.loads(path.read_text())
    return record

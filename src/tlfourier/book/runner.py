"""Execute the book's notebooks through papermill, in the order of its table of contents.

Pages are independent: the order is for the reader, except that ``reproducibility`` comes last, because it
reports on the others. The executed copies go to ``build/<profile>/`` under the same relative paths; what ran,
for how long and on which artifacts goes to ``build/<profile>/run.json``.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
import torch
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm
from traitlets.config import Config

from tlfourier.book.record import Record
from tlfourier.book.toc import notebooks
from tlfourier.io.paths import build_folder, require_checkout


class PageError(RuntimeError):
    """A page of the book could not be executed to its end."""


def run_pages(
    profile: str,
    overrides: Mapping[str, Any] | None = None,
    pages: list[str] | None = None,
    repository: Path | None = None,
) -> Path:
    """Execute pages with ``profile`` and ``overrides`` and return the folder of the executed copies.

    Parameters
    ----------
    profile, overrides
        The two values that every page takes.
    pages
        Paths or stems of the notebooks to execute; all by default.
    repository
        Folder with ``_toc.yml`` and the pages; the checkout by default.

    Raises
    ------
    PageError
        A cell failed: one sentence with the page, the cell and its error. Pages before it are kept.
    """
    repository = repository or require_checkout()
    parameters = {"profile": profile, "overrides": dict(overrides or {})}
    chosen = notebooks(pages, repository)
    folder = build_folder(profile, repository)
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(folder / "run.json", parameters)
    with tqdm(chosen, desc=f"pages, {profile}", unit="page", disable=None) as bar:
        for page in bar:
            bar.set_postfix_str(page.stem)
            started = time.perf_counter()
            used, complaints = _run_page(repository, page, folder, parameters)
            seconds = time.perf_counter() - started
            record.add(page, seconds, used, complaints)
            bar.write(f"{seconds:7.1f} s  {page}")
            for line in complaints:
                bar.write(f"           {line}")
    return folder


def _run_page(
    repository: Path, page: Path, folder: Path, parameters: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Execute one page; return the artifacts that it used and what it wrote to stderr."""
    source, executed = repository / page, folder / page
    executed.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        ledger = Path(scratch) / "ledger.jsonl"
        # one kernel at a time, so it may have every core that this process may have
        environment = {"OMP_NUM_THREADS": str(torch.get_num_threads()), "TLFOURIER_LEDGER": str(ledger)}
        with _environment(environment), _one_sentence(page):
            notebook = papermill.execute_notebook(
                str(source),
                str(executed),
                parameters=parameters,
                kernel_name="python3",
                cwd=str(source.parent),
                progress_bar=False,
                config=_kernel(Path(scratch)),
            )
        used = [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.is_file() else []
    _show_what_ran(notebook)
    nbformat.write(notebook, executed)
    return used, _stderr(notebook)


def _kernel(folder: Path) -> Config:
    """Let the kernel talk through sockets in ``folder``, and be silent when it is told to stop.

    Over TCP, the default, it warns into the page; and it calls the interrupt that ends it an error.
    """
    manager = {"transport": "ipc", "ip": str(folder / "kernel")}
    return Config({"KernelManager": manager, "NotebookClient": {"extra_arguments": ["--log-level=50"]}})


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
        # counted from 1, without the cell that papermill injected
        raise PageError(f"{page}, cell {error.cell_index}: {what}") from None
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

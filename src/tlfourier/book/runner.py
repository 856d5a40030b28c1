"""Execute the book's notebooks side by side: on every core one kernel of one thread.

Pages are independent and their order is for the reader; only ``reproducibility`` waits for the others, as it
reports on them. The executed copies go to ``build/<profile>/`` under the same relative paths; what ran, for
how long and on which artifacts goes to ``build/<profile>/run.json``.
"""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
import time
from collections.abc import Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, DeadKernelError
from nbformat import NotebookNode
from tqdm import tqdm
from traitlets.config import Config

from tlfourier.book.record import Record
from tlfourier.book.toc import LAST, notebooks
from tlfourier.io.paths import build_folder, require_checkout

# sums depend on the number of threads, and a page's numbers must not depend on what runs beside it
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_PATIENCE = 600  # seconds, for a kernel to begin and for what it prints to arrive: busy is no failure
# silent when it is told to stop, and without the history that all kernels of a user would write to one file
_KERNEL = ["--log-level=50", "--HistoryManager.hist_file=:memory:"]


class PageError(RuntimeError):
    """A page of the book could not be executed to its end."""


def run_pages(
    profile: str,
    overrides: Mapping[str, Any] | None = None,
    pages: list[str] | None = None,
    repository: Path | None = None,
    kernels: int | None = None,
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
    kernels
        How many pages run side by side; by default one on each core.

    Raises
    ------
    PageError
        A cell failed: one sentence with the page, the cell and its error. The pages beside it are finished
        and kept, none is begun after it.
    """
    repository = repository or require_checkout()
    parameters = {"profile": profile, "overrides": dict(overrides or {})}
    chosen = notebooks(pages, repository)
    folder = build_folder(profile, repository)
    folder.mkdir(parents=True, exist_ok=True)
    record = Record(folder / "run.json", parameters, notebooks(None, repository))
    with tqdm(total=len(chosen), desc=f"pages, {profile}", unit="page", disable=None) as bar:
        run = _Run(repository, folder, parameters, record, bar)
        _interruptible(run.pages(chosen, kernels or _cores()))
    return folder


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _interruptible(work: Coroutine[Any, Any, None]) -> None:
    """Run to the end; on Ctrl-C cancel, which ends every kernel.

    In the main thread every nbclient would take the signal from the others and end its own kernel only.
    """
    with asyncio.Runner() as runner, ThreadPoolExecutor(1) as thread:
        loop = runner.get_loop()
        task = loop.create_task(work)
        done = thread.submit(loop.run_until_complete, task)
        try:
            done.result()
        except KeyboardInterrupt:
            loop.call_soon_threadsafe(task.cancel)
            raise


@dataclass(frozen=True)
class _Run:
    """Pages on their way from ``repository`` to ``folder``."""

    repository: Path
    folder: Path
    parameters: dict[str, Any]
    record: Record
    bar: tqdm[Any]

    async def pages(self, chosen: list[Path], kernels: int) -> None:
        """Execute as many pages at once as there are kernels, then the one that reports on the others."""
        free, failed = asyncio.Semaphore(kernels), dict[Path, PageError]()

        async def one(page: Path) -> None:
            async with free:
                if not failed:
                    try:
                        await self.page(page)
                    except PageError as error:
                        failed[page] = error

        await asyncio.gather(*(one(page) for page in chosen if page.stem != LAST))
        await asyncio.gather(*(one(page) for page in chosen if page.stem == LAST))
        for page in chosen:
            if page in failed:
                raise failed[page]

    async def page(self, page: Path) -> None:
        """Execute one page, write its copy, and note the artifacts that it used and its complaints."""
        self.bar.set_postfix_str(page.stem)
        started = time.perf_counter()
        notebook = nbformat.read(self.repository / page, as_version=4)
        _set(notebook, page, self.parameters)
        with tempfile.TemporaryDirectory() as scratch:
            ledger = Path(scratch) / "ledger.jsonl"
            await _execute(notebook, page, (self.repository / page).parent, ledger)
            used = [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.is_file() else []
        copy = self.folder / page
        copy.parent.mkdir(parents=True, exist_ok=True)
        nbformat.write(notebook, copy)
        seconds, complaints = time.perf_counter() - started, _stderr(notebook)
        self.record.add(page, seconds, used, complaints)
        self.bar.update()
        for line in (f"{seconds:7.1f} s  {page}", *(f"{'':11}{line}" for line in complaints)):
            self.bar.write(line)


def _set(notebook: NotebookNode, page: Path, parameters: Mapping[str, Any]) -> None:
    """Write the values of this run into the cell with the tag ``parameters``."""
    tagged = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    if len(tagged) != 1:
        raise PageError(f"{page}: {len(tagged)} cells have the tag 'parameters', expected one")
    profile, overrides = json.dumps(parameters["profile"]), parameters["overrides"]
    tagged[0].source = f"profile = {profile}\noverrides = {overrides!r}"


async def _execute(notebook: NotebookNode, page: Path, folder: Path, ledger: Path) -> None:
    """Fill in a notebook's outputs, from a kernel of its own; it talks through sockets beside ``ledger``.

    Over TCP, the default, it would warn into the page.
    """
    manager = {"transport": "ipc", "ip": str(ledger.with_name("kernel"))}
    client = NotebookClient(
        notebook,
        config=Config({"KernelManager": manager}),
        kernel_name="python3",
        extra_arguments=_KERNEL,
        startup_timeout=_PATIENCE,
        iopub_timeout=_PATIENCE,
        raise_on_iopub_timeout=True,
        record_timing=False,
        shutdown_kernel="immediate",
    )
    environment = {**os.environ, **_ONE_THREAD, "TLFOURIER_LEDGER": str(ledger)}
    try:
        await client.async_execute(cwd=str(folder), env=environment)
    except CellExecutionError as error:
        what = f"{error.ename}: {error.evalue}".splitlines()[0]
        raise PageError(f"{page}, cell {_failed(notebook)}: {what}") from None
    except DeadKernelError:
        raise PageError(f"{page}: its kernel died; is the memory full?") from None


def _failed(notebook: NotebookNode) -> int:
    """Return the number of the cell with an error, counted from 1."""
    kinds = [{output.output_type for output in cell.get("outputs", [])} for cell in notebook.cells]
    return 1 + ["error" in kind for kind in kinds].index(True)


def _stderr(notebook: NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output.text for output in outputs if output.get("name") == "stderr"]
    return [line for text in texts for line in text.splitlines() if line.strip()]

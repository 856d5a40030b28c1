"""Execute the book's notebooks through papermill, side by side: on every core one kernel of one thread.

Pages are independent and their order is for the reader; only ``reproducibility`` waits for the others, as it
reports on them. The executed copies go to ``build/<profile>/`` under the same relative paths; what ran, for
how long and on which artifacts goes to ``build/<profile>/run.json``.
"""

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
import papermill
from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from tqdm import tqdm
from traitlets import Instance, default
from traitlets.config import Config

from tlfourier.book.record import Record
from tlfourier.book.toc import LAST, notebooks, systems_of
from tlfourier.io.atomic import write_bytes
from tlfourier.io.paths import build_folder, require_checkout
from tlfourier.io.words import one_line
from tlfourier.study.settings import StudySpec
from tlfourier.sweep.run import cores
from tlfourier.sweep.signals import heard

# sums depend on the number of threads, and a page's numbers must not depend on what runs beside it
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
_SOCKET_PATH = 75  # of the 107 bytes that a socket's path may have, what its folder and name leave
_LOOK = 1.0  # seconds between looks whether the run was interrupted
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
    system: str = StudySpec.system,
) -> Path:
    """Execute pages with ``profile`` and ``overrides`` and return the folder of the executed copies.

    Raises PageError: a cell failed: one sentence with the page, the cell and its error. The pages beside it
    are finished and kept, none is begun after it.

    Parameters
    ----------
    profile, overrides
        The two values that every page takes; ``overrides`` are for the pages about ``system``.
    pages
        Paths or stems of the notebooks to execute; all by default.
    repository
        Folder with ``_toc.yml`` and the pages; the checkout by default.
    kernels
        How many pages run side by side; by default one on each core.
    system
        Name of the system whose settings ``overrides`` are.
    """
    repository = repository or require_checkout()
    parameters = {"profile": profile, "overrides": dict(overrides or {})}
    chosen = notebooks(pages, repository)
    folder = build_folder(profile, repository)
    folder.mkdir(parents=True, exist_ok=True)
    asked = parameters | ({"system": system} if overrides else {})
    record = Record(folder / "run.json", asked, notebooks(None, repository))
    with tqdm(total=len(chosen), desc=f"pages, {profile}", unit="page", disable=None) as bar:
        run = _Run(repository, folder, parameters, system, record, bar)
        run.pages([page for page in chosen if page.stem != LAST], kernels or cores())
        run.pages([page for page in chosen if page.stem == LAST], 1)
    return folder


class _ThisPython(KernelSpecManager):
    """Know one kernel, that of this environment: another's may lie on JUPYTER_PATH under the same name."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        """Return it."""
        return KernelSpec(**get_kernel_dict())


class _Kernel(AsyncKernelManager):
    """Start that kernel."""

    kernel_spec_manager = Instance(KernelSpecManager, ())

    @default("kernel_spec_manager")
    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return _ThisPython()


class _Engine(NBClientEngine):
    """Papermill's own engine, with folder and environment of each kernel rather than of this process."""

    name = "tlfourier"

    @classmethod
    def execute_managed_notebook(
        cls, nb_man: Any, kernel_name: str, run: "_Run", start: Mapping[str, Any], **options: Any
    ) -> NotebookNode:
        """Execute a notebook in a kernel that ``run`` can end."""
        # over TCP, the default, a kernel warns into the page
        with tempfile.TemporaryDirectory(dir=_room_for_sockets()) as sockets:
            manager = {"transport": "ipc", "ip": f"{sockets}/kernel"}
            client = PapermillNotebookClient(
                nb_man,
                config=Config({"KernelManager": manager}),
                kernel_name=kernel_name,
                kernel_manager_class=_Kernel,
                extra_arguments=_KERNEL,
                startup_timeout=_PATIENCE,
                iopub_timeout=_PATIENCE,
                record_timing=False,
                shutdown_kernel="immediate",
            )
            run.clients.append(client)
            try:
                return client.execute(**start)
            finally:
                run.clients.remove(client)


def _room_for_sockets() -> str | None:
    """Return a folder with a path short enough for sockets, None for that of all temporary files."""
    if len(os.fsencode(tempfile.gettempdir())) <= _SOCKET_PATH:
        return None
    shorter = (folder for folder in ("/tmp", "/var/tmp", "/dev/shm") if os.access(folder, os.W_OK | os.X_OK))
    if (found := next(shorter, None)) is None:
        raise RuntimeError(
            f"the folder of temporary files, {tempfile.gettempdir()}, is too long for a kernel's sockets: "
            f"let TMPDIR name one of at most {_SOCKET_PATH} characters"
        )
    return found


papermill_engines.register(_Engine.name, _Engine)


@dataclass(frozen=True)
class _Run:
    """Pages on their way from ``repository`` to ``folder``."""

    repository: Path
    folder: Path
    parameters: dict[str, Any]
    system: str
    record: Record
    bar: "tqdm[Any]"
    clients: list[PapermillNotebookClient] = field(default_factory=list)

    def pages(self, chosen: list[Path], kernels: int) -> None:
        """Execute as many pages at once as there are kernels; none is begun after one that failed."""
        pool = ThreadPoolExecutor(max(1, min(kernels, len(chosen))))
        futures = {pool.submit(copy_context().run, self._alone, page): page for page in chosen}
        left = set(futures)
        try:
            with heard() as check:
                while left:
                    done, left = wait(left, timeout=_LOOK, return_when=FIRST_COMPLETED)
                    check()
                    failed = [future for future in done if future.exception()]
                    for future in done.difference(failed):
                        self.note(futures[future], *future.result())
                    if failed:  # a future that is cancelled is never reported, so do not wait for it
                        left = {future for future in left if not future.cancel()}
        except KeyboardInterrupt:
            pool.shutdown(wait=False, cancel_futures=True)
            self.end()
            raise
        pool.shutdown()
        for future in futures:  # of several that failed, the first in the book
            if not future.cancelled():
                future.result()

    def note(self, page: Path, seconds: float, used: list[dict[str, Any]], complaints: list[str]) -> None:
        """Record a page that was executed, and show it."""
        self.record.add(page, seconds, used, complaints)
        self.bar.update()
        for line in (f"{seconds:7.1f} s  {page}", *(f"{'':11}{line}" for line in complaints)):
            self.bar.write(line)

    def _alone(self, page: Path) -> tuple[float, list[dict[str, Any]], list[str]]:
        """Execute a page in an event loop of its own, which the thread would leave open."""
        try:
            return self.page(page)
        finally:
            ensure_event_loop().close()

    def end(self) -> None:
        """End every kernel at once; the pages then end with an error."""
        for client in list(self.clients):
            process = getattr(client.km, "provisioner", None)
            if process is not None and process.pid:
                os.kill(process.pid, signal.SIGKILL)

    def page(self, page: Path) -> tuple[float, list[dict[str, Any]], list[str]]:
        """Execute one page and write its copy; return its seconds, artifacts used, and complaints."""
        self.bar.set_postfix_str(page.stem)
        started = time.perf_counter()
        with tempfile.TemporaryDirectory() as scratch:
            ledger = Path(scratch) / "ledger.jsonl"
            notebook = self._executed(page, ledger)
            used = [json.loads(line) for line in ledger.read_text().splitlines()] if ledger.is_file() else []
        _show_what_ran(notebook)
        write_bytes(self.folder / page, (nbformat.writes(notebook) + "\n").encode())
        return time.perf_counter() - started, used, _stderr(notebook)

    def _executed(self, page: Path, ledger: Path) -> NotebookNode:
        source = self.repository / page
        untouched: dict[str, Any] = {"overrides": {}} if systems_of(source)[:1] != [self.system] else {}
        # a page finds the command line of this environment, activated or not
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
        environment = {**os.environ, **_ONE_THREAD, "TLFOURIER_LEDGER": str(ledger), "PATH": path}
        try:
            return papermill.execute_notebook(
                str(source),
                None,
                parameters=self.parameters | untouched,
                engine_name=_Engine.name,
                kernel_name="python3",
                progress_bar=False,
                request_save_on_cell_execute=False,
                run=self,
                start={"cwd": str(source.parent), "env": environment},
            )
        except papermill.PapermillExecutionError as error:
            what = one_line(f"{error.ename}: {error.evalue}", longest=1000)
            # counted from 1, without the cell that papermill injected
            raise PageError(f"{page}, cell {error.cell_index}: {what}") from None
        except DeadKernelError:
            raise PageError(f"{page}: its kernel died; is the memory full?") from None


def _show_what_ran(notebook: NotebookNode) -> None:
    """Let the parameters cell show the values of this run, in place of the cell that papermill injected."""
    tagged = {tag: cell for cell in notebook.cells for tag in cell.metadata.get("tags", [])}
    injected = tagged["injected-parameters"]
    notebook.cells.remove(injected)
    tagged["parameters"].source = injected.source.removeprefix("# Parameters\n").strip()
    # papermill's notes hold the paths of this machine, and the book offers its notebooks for download
    for part in (notebook, *notebook.cells):
        part.metadata.pop("papermill", None)


def _stderr(notebook: NotebookNode) -> list[str]:
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    texts = [output.text for output in outputs if output.get("name") == "stderr"]
    return [line for text in texts for line in text.splitlines() if line.strip()]

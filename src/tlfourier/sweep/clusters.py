"""Where a sweep runs: the cores of this machine, a running scheduler, or SLURM; one thread a worker."""

from __future__ import annotations

import contextlib
import importlib.util
import logging
import os
import shutil
import signal
import threading
import tomllib
from collections.abc import Iterator
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tlfourier.io.extras import need
from tlfourier.io.paths import PROFILES, build_folder
from tlfourier.sweep.jobs import LOOK, Jobs

if TYPE_CHECKING:  # of the extra `sweep`
    from distributed import Client, LocalCluster

SLURM_TEMPLATE = PROFILES / "clusters" / "slurm.toml"
_SETTINGS = {
    # a worker killed for its memory takes its task with it: twice may be chance, three times is not
    "distributed.scheduler.allowed-failures": 2,
    "distributed.worker.daemon": True,
}
_ATTEMPTS = 3
_PORT = ":0"  # of the scheduler's own pages: any free one, so that two sweeps do not meet at dask's 8787
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def has_dask() -> bool:
    """Tell whether the extra ``sweep`` is installed: without it a sweep runs in this process."""
    return importlib.util.find_spec("distributed") is not None


@contextlib.contextmanager
def local(workers: int, memory: int | None = None) -> Iterator[Client]:
    """Start ``workers`` processes of one thread each; all end with the block, or with this process.

    Parameters
    ----------
    workers : int
    memory : int, optional
        Bytes that a worker may take before it is replaced; by default its share of what is there.
    """
    need("sweep", "distributed")
    import dask
    from distributed import Client
    from distributed.system import MEMORY_LIMIT

    share = memory or MEMORY_LIMIT // workers
    with dask.config.set(_SETTINGS), contextlib.ExitStack() as stack:
        with _deaf():
            cluster = stack.enter_context(_started(workers, share))
            client = stack.enter_context(Client(cluster))
        yield client


def _started(workers: int, memory: int) -> LocalCluster:
    """Start a cluster, anew if a worker dies while it starts: later on, dask itself replaces it."""
    from distributed import LocalCluster

    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=memory,
                dashboard_address=_PORT,
                silence_logs=logging.ERROR,
                env=_ONE_THREAD,
            )
        except RuntimeError:
            if attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


@contextlib.contextmanager
def _deaf() -> Iterator[None]:
    """Start threads and processes that never see Ctrl-C: it is for the driver, which ends them in order.

    They inherit the mask. Here an interrupt, which any older thread may have been given, waits for the end of
    the block: a cluster that is half started cannot be stopped in order.
    """
    # if it started later, it would let interrupts through in the thread that starts it
    resource_tracker.ensure_running()
    caught: list[int] = []
    main = threading.current_thread() is threading.main_thread()
    handler = signal.signal(signal.SIGINT, lambda number, _: caught.append(number)) if main else None
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        if main:
            signal.signal(signal.SIGINT, handler)
    if caught:
        raise KeyboardInterrupt


@contextlib.contextmanager
def running(address: str, timeout: float = 10.0) -> Iterator[Client]:
    """Use a scheduler that runs already; its workers need this package, and the store at the same address.

    Raises
    ------
    ValueError
        Nothing answers there.
    """
    need("sweep", "distributed")
    from distributed import Client

    try:
        client = Client(address, timeout=timeout)
    except (OSError, ValueError) as error:
        raise ValueError(f"no scheduler answers at {address!r} ({error}): expected tcp://HOST:PORT") from None
    with client:
        yield client


@contextlib.contextmanager
def slurm(template: Path = SLURM_TEMPLATE, look: float = LOOK) -> Iterator[Client]:
    """Let SLURM start workers as jobs, as ``template`` says, and end them with the block.

    A job that ends early is submitted anew, after at most ``look`` seconds.

    Raises
    ------
    ValueError
        The template is unreadable, or SLURM is not installed.
    ModuleNotFoundError
        dask-jobqueue is not installed.
    RuntimeError
        SLURM refuses the jobs, or they all end before they have a worker.
    """
    settings = read_template(template)
    cluster_class = _slurm_cluster()
    if shutil.which("sbatch") is None:
        raise ValueError("--slurm needs SLURM's commands, but sbatch is not found: run it on a login node")
    number = settings.pop("jobs")
    exports = [f"export {name}={value}" for name, value in _ONE_THREAD.items()]
    settings["job_script_prologue"] = [*exports, *settings.get("job_script_prologue", [])]
    settings.setdefault("scheduler_options", {"dashboard_address": _PORT})
    logs = settings.setdefault("log_directory", str(build_folder("slurm")))
    import dask
    from distributed import Client

    with dask.config.set(_SETTINGS), contextlib.ExitStack() as stack:
        with _deaf():
            cluster = stack.enter_context(
                cluster_class(
                    processes=settings["cores"],
                    silence_logs=logging.ERROR,
                    **settings,
                )
            )
            client = stack.enter_context(Client(cluster))
            jobs = stack.enter_context(Jobs(cluster, client, number, logs, look))
        jobs.wait()
        yield client


def _slurm_cluster() -> Any:
    """Import the class; what dask-jobqueue does to Ctrl-C when it is imported (exit, code 0) is undone."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    need("slurm", "dask_jobqueue")
    from dask_jobqueue.slurm import SLURMCluster

    for number, handler in handlers.items():
        signal.signal(number, handler)
    return SLURMCluster


def read_template(path: Path) -> dict[str, Any]:
    """Read what SLURM is to be asked for.

    Raises
    ------
    ValueError
        The file is no TOML table with ``jobs``, ``cores``, ``memory`` and ``walltime``.
    """
    try:
        settings = tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ValueError(f"the SLURM template {path} cannot be read: {error}") from None
    lacking = [name for name in ("jobs", "cores", "memory", "walltime") if name not in settings]
    if lacking:
        raise ValueError(f"the SLURM template {path} lacks {', '.join(lacking)}: see {SLURM_TEMPLATE.name}")
    return settings

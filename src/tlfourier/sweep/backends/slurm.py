"""Let SLURM start the workers of a sweep, and keep as many jobs as it asked for."""

from __future__ import annotations

import contextlib
import getpass
import logging
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import dask
from distributed import Client, Status

from tlfourier.io.paths import build_folder
from tlfourier.sweep.backends.dask import LOOPBACK, ONE_THREAD, SETTINGS, deaf
from tlfourier.sweep.backends.template import TEMPLATE, read_template

LOOK = 15.0  # seconds between looks at the queue, which all of a site's users share


@contextlib.contextmanager
def slurm(template: Path = TEMPLATE, look: float = LOOK) -> Iterator[Client]:
    """Let SLURM start workers as jobs, as ``template`` says, and end them with the block.

    A job that ends early is submitted anew, after at most ``look`` seconds. ValueError if the template is
    unreadable, or dask-jobqueue or SLURM is not installed; RuntimeError if SLURM refuses the jobs, or they
    all end before they have a worker.
    """
    settings = read_template(template)
    cluster_class = _slurm_cluster()
    if shutil.which("sbatch") is None:
        raise ValueError("--slurm needs SLURM's commands, but sbatch is not found: run it on a login node")
    number = settings.pop("jobs")
    exports = [f"export {name}={value}" for name, value in ONE_THREAD.items()]
    settings["job_script_prologue"] = [*exports, *settings.get("job_script_prologue", [])]
    settings["scheduler_options"] = {"dashboard_address": LOOPBACK, **settings.get("scheduler_options", {})}
    logs = settings.setdefault("log_directory", str(build_folder("slurm")))
    with dask.config.set(SETTINGS), contextlib.ExitStack() as stack:
        with deaf():
            cluster = stack.enter_context(
                cluster_class(processes=settings["cores"], silence_logs=logging.ERROR, **settings)
            )
            client = stack.enter_context(Client(cluster, set_as_default=False))
            jobs = stack.enter_context(Jobs(cluster, client, number, logs, look))
        jobs.wait()
        yield client


def _slurm_cluster() -> Any:
    """Import the class; what dask-jobqueue does to Ctrl-C when it is imported (exit, code 0) is undone."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        from dask_jobqueue.slurm import SLURMCluster
    except ModuleNotFoundError:
        raise ValueError("--slurm needs dask-jobqueue: `pip install tlfourier[slurm]`") from None
    for number, handler in handlers.items():
        signal.signal(number, handler)
    return SLURMCluster


class Jobs:
    """The jobs of a cluster, of which ``number`` are kept, watched from a thread while the block runs.

    A job ends early when it is cancelled, runs out of time, or its node fails; dask-jobqueue does not replace
    it. When several in a row have ended before one worker of theirs was seen, none is submitted any more and
    what still waits is cancelled: then something is wrong with the jobs, and ``trouble`` says so with the
    folder ``logs``. The queue is looked at every ``look`` seconds.
    """

    def __init__(self, cluster: Any, client: Client, number: int, logs: str, look: float = LOOK) -> None:
        self.cluster, self.client, self.number = cluster, client, number
        self.logs, self.look = logs, look
        self.trouble = ""
        self._futile = 0
        self._seen: set[str] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="slurm-jobs", daemon=True)

    def __enter__(self) -> Jobs:
        for _ in range(self.number):
            self.cluster.worker_spec.update(self.cluster.new_worker_spec())
        self._submit()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        if self.trouble and kind is None:
            raise RuntimeError(self.trouble)

    def wait(self) -> None:
        """Return as soon as there is a worker; RuntimeError if the jobs end without any."""
        while not self.trouble and not self.client.nthreads():
            self._stop.wait(0.2)
        if self.trouble:
            raise RuntimeError(self.trouble)

    def _submit(self) -> None:
        """Submit what is wanted and not there."""
        try:
            self.cluster.sync(self.cluster._correct_state)
        except RuntimeError as error:
            for job in self.cluster.workers.values():
                if not job.job_id:  # a cluster that closes insists on jobs that have ended
                    job.status = Status.failed
            lines = [line for line in str(error).splitlines() if line.strip()]
            raise RuntimeError(f"SLURM does not take the job: {lines[-1]}") from None

    def _watch(self) -> None:
        while not self._stop.wait(self.look):
            try:
                self._replace()
            except RuntimeError as error:
                self.trouble = str(error)
            if self.trouble:
                self.client.close()  # the driver finds every task cancelled
                return

    def _replace(self) -> None:
        """Submit anew what has left the queue; notice what never came to work."""
        queue = queued()
        if queue is None:
            return
        self._seen |= {str(one["name"]) for one in self.cluster.scheduler_info["workers"].values()}
        lost = [name for name, job in self.cluster.workers.items() if job.job_id not in queue]
        for name in lost:
            worked = {worker for worker in self._seen if worker == name or worker.startswith(f"{name}-")}
            self._seen -= worked
            self._futile = 0 if worked else self._futile + 1
        if self._futile > 2 * self.number:
            count = f"{self._futile} SLURM jobs in a row ended before they had a worker"
            self.trouble = f"{count}: see the logs in {self.logs}"
        elif lost or len(self.cluster.workers) < self.number:
            self.cluster.sync(self._forget, lost)
            self._submit()

    async def _forget(self, names: list[str]) -> None:
        """Let the cluster find that jobs are wanting."""
        for name in names:
            self.cluster.workers.pop(name, None)


def queued() -> set[str] | None:
    """Return the ids of this user's jobs in SLURM's queue, or None if it does not answer."""
    command = ["squeue", "--noheader", "--format=%i", f"--user={getpass.getuser()}"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    except (OSError, subprocess.SubprocessError):
        return None  # a controller that restarts is no reason to submit anything twice
    return set(answer.stdout.split())

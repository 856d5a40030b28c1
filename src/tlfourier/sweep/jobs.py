"""Keep as many SLURM jobs as a sweep asked for: one that ended is submitted anew."""

from __future__ import annotations

import getpass
import subprocess
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # of the extra `sweep`
    from distributed import Client

LOOK = 15.0  # seconds between looks at the queue, which all of a site's users share


class Jobs:
    """The jobs of a cluster, watched from a thread for as long as the block runs.

    A job ends early when it is cancelled, runs out of time, or its node fails; dask-jobqueue does not replace
    it. When several in a row have ended before one worker of theirs was seen, none is submitted any more and
    what still waits is cancelled: then something is wrong with the jobs, and ``trouble`` says so.

    Parameters
    ----------
    cluster : SLURMCluster
    client : Client
        Of the cluster.
    number : int
        Jobs to keep.
    logs : str
        Folder of the jobs' logs.
    look : float, optional
        Seconds between looks at the queue.
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
        """Return as soon as there is a worker.

        Raises
        ------
        RuntimeError
            The jobs end without any.
        """
        while not self.trouble and not self.client.nthreads():
            self._stop.wait(0.2)
        if self.trouble:
            raise RuntimeError(self.trouble)

    def _submit(self) -> None:
        """Submit what is wanted and not there."""
        from distributed import Status

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

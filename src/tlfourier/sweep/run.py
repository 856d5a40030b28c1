"""From the options of a sweep to the place where it runs, and what it will probably cost."""

import os
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from tlfourier.store.store import Store
from tlfourier.sweep.backends.here import run_here
from tlfourier.sweep.outcome import Outcome
from tlfourier.sweep.plan import Plan
from tlfourier.sweep.progress import duration

START = 20.0  # seconds of work that starting workers is worth


def cores() -> int:
    """Return the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def run_on_this_machine(plan: Plan, store: Store, workers: int | None = None) -> Outcome:
    """Make the tasks of a plan on ``workers`` processes; 1 is this process.

    By default one for each core, unless all is done in less time than processes take to start. Without dask,
    which the extra ``sweep`` brings, everything is made in this process.
    """
    default = cores() if plan.total() >= START and find_spec("distributed") else 1
    if (crew := min(workers or default, len(plan.tasks))) <= 1:
        return run_here(plan, store)
    dask = _dask()
    with dask.local(crew) as client:
        return dask.run(plan, store, client)


def run(
    to_do: Plan,
    store: Store,
    workers: int | None = None,
    scheduler: str | None = None,
    slurm: str | None = None,
    task_index: int | None = None,
    tasks: int | None = None,
) -> Outcome:
    """Run a plan where the options say; ValueError for two ways that exclude each other, or half of one."""
    ways = {"--workers": workers, "--scheduler": scheduler, "--slurm": slurm, "--task-index": task_index}
    given = [name for name, value in ways.items() if value is not None]
    if len(given) > 1:
        raise ValueError(f"{' and '.join(given)} exclude each other: give one of them")
    if (task_index is None) != (tasks is None):
        raise ValueError("--task-index and --tasks belong together: give both, as --task-index 0 --tasks 10")
    if task_index is not None and tasks is not None:
        return run_here(to_do, store, to_do.part(task_index, tasks))
    if not to_do.tasks:
        return Outcome()
    if scheduler is None and slurm is None:
        return run_on_this_machine(to_do, store, workers)
    dask = _dask()
    from tlfourier.sweep.backends.slurm import slurm as start

    with start(Path(slurm)) if slurm is not None else dask.running(scheduler) as client:
        return dask.run(to_do, store, client)


def forecast(to_do: Plan, list_all: bool) -> str:
    """Say what a sweep will make, and how long it will probably take."""
    lines = [
        f"{duration(to_do.seconds[key]):>8}  {node.name}  {to_do.describe(key)}"
        for key, node in to_do.tasks.items()
        if list_all
    ]
    spans = ", ".join(f"{duration(to_do.makespan(n))} on {n}" for n in dict.fromkeys((1, cores(), 10, 100)))
    cost = f": about {spans} workers" if to_do.tasks else ""
    return "\n".join([*lines, f"{len(to_do.tasks)} artifacts to make{cost}"])


def _dask() -> ModuleType:
    """Import the part that needs dask only where it is used."""
    if find_spec("distributed") is None:
        raise ValueError('several workers need dask: `pip install "tlfourier[sweep]"`, or take --workers 1')
    from tlfourier.sweep.backends import dask

    return dask

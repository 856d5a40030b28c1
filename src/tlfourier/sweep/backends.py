"""From the options of ``tlfourier sweep`` to the place where it runs, and what it will probably cost."""

from __future__ import annotations

from pathlib import Path

from tlfourier.store.store import Store
from tlfourier.sweep import clusters, progress
from tlfourier.sweep.plan import Plan, describe
from tlfourier.sweep.run import Outcome, run_here, run_on_this_machine
from tlfourier.sweep.run import run as run_on


def run(
    to_do: Plan,
    store: Store,
    workers: int | None = None,
    scheduler: str | None = None,
    slurm: str | None = None,
    task_index: int | None = None,
    tasks: int | None = None,
) -> Outcome:
    """Run a plan where the options say.

    Raises
    ------
    ValueError
        Two ways that exclude each other, or half of a way.
    """
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
    if scheduler is not None:
        with clusters.running(scheduler) as client:
            return run_on(to_do, store, client)
    if slurm is not None:
        with clusters.slurm(Path(slurm)) as client:
            return run_on(to_do, store, client)
    return run_on_this_machine(to_do, store, workers)


def forecast(to_do: Plan, list_all: bool) -> str:
    """Say what a sweep will make, and how long it will probably take."""
    lines = []
    if list_all:
        lines += [
            f"{progress.duration(to_do.cost(key)):>8}  {node.name}  {describe(node)}"
            for key, node in to_do.tasks.items()
        ]
    crew = clusters.cores()
    spans = ", ".join(
        f"{progress.duration(to_do.makespan(n))} on {n}" for n in dict.fromkeys((1, crew, 10, 100))
    )
    lines.append(
        f"{len(to_do.tasks)} artifacts to make" + (f": about {spans} workers" if to_do.tasks else "")
    )
    if unknown := to_do.unknown():
        lines.append(f"not counted, because nothing of the kind was measured: {', '.join(unknown)}")
    return "\n".join(lines)

"""Sweep one small study in three ways: one worker, a worker for each core, one process with all threads.

The sizes of fields and networks are those of the laptop profile, with fewer samples, steps and time. The
first way also gives the rates (seconds of one thread per unit of work, by stage) of which forecasts are made.
"""

from __future__ import annotations

import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.report import Goal, Row, Section
from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import Node
from tlfourier.store.store import Store
from tlfourier.study import settings
from tlfourier.study.stages import networks
from tlfourier.study.study import Study
from tlfourier.sweep import clusters, costs, run
from tlfourier.sweep.plan import plan

SMALL: dict[str, Any] = {
    "seeds": 1,
    "simulation": {"size": 256, "spin_up": 1.0, "interval": 0.2},
    "split": {"train": 24, "validation": 8, "test": 8, "gap": 12},
    "training": {"samples": 24, "epochs": 8},
    "transfer": {"samples": 16, "steps": 40, "scratch_steps": 40},
}
TASKS = 400
GOAL = 0.65
"""Time of one worker for each of two cores over the time of one worker: 0.5 would be perfect."""


def measure(quick: bool) -> Section:
    """Run the study in three ways, and many tasks that do nothing."""
    spec = settings.load("smoke", {"seeds": 1}) if quick else settings.load("laptop", SMALL)
    cores = clusters.cores()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        leaves = Study(spec, Store(root, networks.MAKERS)).leaves()
        one, rates = _timed(_here, leaves, root / "one")
        crew, _ = _timed(_crew, leaves, root / "crew")
        threads, _ = _timed(_threads, leaves, root / "threads")
        overhead = _overhead(root / "empty", TASKS // 10 if quick else TASKS)
    rows: list[Row] = [
        {"way": "1 worker of 1 thread", "seconds": one, "over_one_worker": 1.0},
        {"way": f"{cores} workers of 1 thread", "seconds": crew, "over_one_worker": crew / one},
        {"way": f"1 worker of {cores} threads", "seconds": threads, "over_one_worker": threads / one},
        {"way": "overhead of a task, store and scheduler", "seconds": overhead, "over_one_worker": None},
    ]
    goal = Goal(f"sweep on {cores} workers over 1", crew / one, GOAL)
    about = {"rates": rates, "task_overhead": overhead, "cores": cores, "artifacts": len(leaves)}
    goals = [goal] if cores == 2 and not quick else []
    return Section("sweep", "one study from nothing in three ways, seconds", rows, goals, [], about)


def _timed(
    way: Callable[[list[Node], Store], None], leaves: list[Node], root: Path
) -> tuple[float, dict[str, float]]:
    """Return the seconds from an empty store to a full one, and the rate of every stage."""
    store = Store(root, networks.MAKERS, resumable=networks.RESUMABLE)
    started = time.perf_counter()
    way(leaves, store)
    seconds = time.perf_counter() - started
    return seconds, _rates(leaves, store)


def _here(leaves: list[Node], store: Store) -> None:
    to_do = plan(store, leaves)
    run.run_here(to_do, store, progress=False).check(to_do)


def _threads(leaves: list[Node], store: Store) -> None:
    _here(leaves, dataclasses.replace(store, threads=clusters.cores()))


def _crew(leaves: list[Node], store: Store) -> None:
    to_do = plan(store, leaves)
    with clusters.local(clusters.cores()) as client:
        run.run(to_do, store, client, progress=False).check(to_do)


def _rates(leaves: list[Node], store: Store) -> dict[str, float]:
    """Return the median seconds per unit of work of every stage."""
    seen: dict[str, list[float]] = {}
    for node in {node.key: node for leaf in leaves for node in leaf.tree()}.values():
        folder = store.local(node)
        if folder is not None:
            seen.setdefault(node.stage, []).append(read_manifest(folder)["seconds"] / costs.work(node))
    return {stage: statistics.median(values) for stage, values in sorted(seen.items())}


def _overhead(root: Path, count: int) -> float:
    """Return the seconds that a task costs beyond its work, with the cores busy making nothing."""
    store = Store(root, {"nothing": make_nothing})
    to_do = plan(store, [Node("nothing", 1, {"number": number}) for number in range(count)])
    with clusters.local(clusters.cores()) as client:
        client.run(_warm)
        return run.run(to_do, store, client, progress=False).seconds / count


def make_nothing(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Write one small file."""
    (folder / "number.txt").write_text(str(node.spec["number"]))


def _warm() -> None:
    """Let a worker import what tasks need."""
    run.sentence(ValueError())

"""Sweep one small study in three ways: one worker, a worker for each core, one process with all threads.

The sizes of fields and networks are those of the laptop profile, with fewer samples, steps and time. The
first way also gives the rates (seconds of one thread per unit of work, by stage) of which forecasts are made.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Callable, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from benchmarks.empty import empty_study
from benchmarks.report import Goal, Row, Section
from tlfourier.io.words import one_line
from tlfourier.store.node import Node, tree
from tlfourier.store.stage import Folder, Get, Stage
from tlfourier.store.store import Store
from tlfourier.study import settings, targets
from tlfourier.sweep.backends import dask, here
from tlfourier.sweep.plan import plan, rates
from tlfourier.sweep.run import cores

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
    workers = cores()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        studies = [empty_study(spec, root / name) for name in ("one", "crew", "threads")]
        leaves = targets.grid(studies[0].design, ["forcing"]) if quick else studies[0].leaves()
        one, crew, threads = (
            _timed(way, leaves, study.store)
            for way, study in zip((_here, _crew, _threads), studies, strict=True)
        )
        known = rates(studies[0].store, tree(leaves))
        overhead = _overhead(root / "empty", TASKS // 10 if quick else TASKS)
    rows: list[Row] = [
        {"way": "1 worker of 1 thread", "seconds": one, "over_one_worker": 1.0},
        {"way": f"{workers} workers of 1 thread", "seconds": crew, "over_one_worker": crew / one},
        {"way": f"1 worker of {workers} threads", "seconds": threads, "over_one_worker": threads / one},
        {"way": "overhead of a task, store and scheduler", "seconds": overhead, "over_one_worker": None},
    ]
    goal = Goal(f"sweep on {workers} workers over 1", crew / one, GOAL)
    about = {"rates": known, "task_overhead": overhead, "cores": workers, "artifacts": len(leaves)}
    goals = [goal] if workers == 2 and not quick else []
    return Section("sweep", "one study from nothing in three ways, seconds", rows, goals, [], about)


def _timed(way: Callable[[list[Node], Store], None], leaves: list[Node], store: Store) -> float:
    """Return the seconds from an empty store to a full one."""
    started = time.perf_counter()
    way(leaves, store)
    return time.perf_counter() - started


def _here(leaves: list[Node], store: Store) -> None:
    to_do = plan(store, leaves)
    here.run_here(to_do, store, progress=False).check(to_do)


def _threads(leaves: list[Node], store: Store) -> None:
    _here(leaves, dataclasses.replace(store, threads=cores()))


def _crew(leaves: list[Node], store: Store) -> None:
    to_do = plan(store, leaves)
    with dask.local(cores()) as client:
        dask.run(to_do, store, client, progress=False).check(to_do)


def _overhead(root: Path, count: int) -> float:
    """Return the seconds that a task costs beyond its work, with the cores busy making nothing."""
    store = Store(root, {NOTHING.name: NOTHING})
    to_do = plan(store, [NOTHING.node(number) for number in range(count)])
    with dask.local(cores()) as client:
        client.run(_warm)
        return dask.run(to_do, store, client, progress=False).seconds / count


def nothing_node(number: int) -> Node:
    """Return the node of nothing."""
    return Node("nothing", 1, {"number": number})


def make_nothing(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    """Write one small file."""
    (folder / "number.txt").write_text(str(node.spec["number"]))


def read_nothing(node: Node, get: Get) -> str:
    """Read the small file."""
    return (get(node) / "number.txt").read_text()


def one(node: Node) -> float:
    """Return the work of nothing, which is counted in tasks."""
    return 1.0


NOTHING = Stage(
    "nothing",
    1,
    node=nothing_node,
    make=make_nothing,
    read=read_nothing,
    work=one,
    rate=1e-2,
    describe=attrgetter("name"),
)


def _warm() -> None:
    """Let a worker import what tasks need."""
    one_line(ValueError())

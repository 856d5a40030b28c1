"""Our solver, its peers and the bare transforms in one run: the time of an evaluation, the same fields.

All contestants use every core that the process may use (``taskset -c 0`` makes it one) and take turns. Beside
the time on the clock stands the processor time, over all threads, which other processes disturb less.
"""

import os
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from benchmarks.case import Case, Contestant, four_transforms, ours
from benchmarks.peers import Maker, available, fluidsim, jax_cfd
from benchmarks.report import Goal, Row, Section
from benchmarks.timing import Times, compare

PEERS: dict[str, Maker] = {
    "fluidsim": fluidsim,
    "jax-cfd": lambda case, dt: jax_cfd(case, dt, precomputed=False),
    "jax-cfd, forcing precomputed": jax_cfd,
}
TRANSFORMS = "four real transforms"
LIMITS = {"fluidsim": 0.7, "jax-cfd, forcing precomputed": 0.5, TRANSFORMS: 1.3}
"""Our time per evaluation over theirs, at most."""
SINGLE_LIMIT = 0.5
"""Our time in float32 over that in float64, at most."""

Key = tuple[str, str]
"""A contestant's name and its precision."""


def measure(quick: bool = False) -> Section:
    """Return the milliseconds per evaluation of every contestant.

    Raises
    ------
    RuntimeError
        If the contestants do not approach the same field.
    """
    use_all_cores()
    peers, skipped = available(PEERS)
    sizes, rounds = ((64, 128), 5) if quick else ((512, 1024), 20)
    agreement = fields_agree(Case(64 if quick else 256), peers)
    rows, goals = [], []
    for size in sizes:
        times = timings(Case(size), peers, rounds)
        rows += [_row(size, key, times) for key in times]
        # The project promises nothing for the small grids of a quick run.
        goals += [] if quick else _goals(size, times)
    title = "one evaluation of the right-hand side (step time / stages), milliseconds"
    settings = {
        "case": asdict(Case(sizes[-1])),
        "threads": torch.get_num_threads(),
        "rounds": rounds,
        "agreement": agreement,
    }
    return Section("solver", title, rows, goals, skipped, settings)


def use_all_cores() -> None:
    """Let torch use every core that this process may use."""
    can_tell = hasattr(os, "sched_getaffinity")
    torch.set_num_threads(len(os.sched_getaffinity(0)) if can_tell else os.cpu_count() or 1)


def timings(case: Case, peers: dict[str, Maker], rounds: int) -> dict[Key, Times]:
    """Return the seconds per evaluation: ours and the bare transforms in both precisions, and the peers'."""
    # The largest speeds at the start are about 4: this keeps the CFL number at about 0.5.
    dt, omega = 0.8 / case.size, case.initial()
    steps = max(1, 1024 // case.size)
    actions: dict[Key, Callable[[], object]] = {}
    evaluations: dict[Key, int] = {}

    def enter(name: str, precision: str, contestant: Contestant) -> None:
        actions[name, precision] = contestant.stepping(omega, steps)
        evaluations[name, precision] = steps * contestant.evaluations

    for precision in ("float64", "float32"):
        typed = replace(case, precision=precision)
        enter("tlfourier", precision, ours(typed, dt))
        actions[TRANSFORMS, precision] = four_transforms(typed)
        evaluations[TRANSFORMS, precision] = 1
    for name, make in peers.items():
        enter(name, "float64", make(case, dt))
    measured = compare({str(key): action for key, action in actions.items()}, rounds)
    return {key: _share(measured[str(key)], evaluations[key]) for key in actions}


def fields_agree(
    case: Case, peers: dict[str, Maker], duration: float = 0.1, steps: int = 50
) -> dict[str, Any]:
    """Return the distances to our finest field after a common time, at steps of dt, dt / 2 and dt / 4.

    All must approach the same field, ours at dt / 8, at the order of their schemes: 4 for ours and
    fluidsim's; for jax-cfd's 4 in advection and 2 in viscosity, so that its distance falls at least as fast
    as order 2.
    """
    omega = case.initial()
    exact = ours(case, duration / (8 * steps)).advance(omega, 8 * steps)
    agreement = {}
    for name, make in {"tlfourier": ours, **peers}.items():
        distances = [
            distance(make(case, duration / n).advance(omega, n), exact) for n in (steps, 2 * steps, 4 * steps)
        ]
        order = float(np.log2(distances[1] / distances[2]))
        agreement[name] = {"distances": distances, "order": order}
        if order < (1.8 if name.startswith("jax-cfd") else 3.5) or not distances[-1] < 1e-6:
            raise RuntimeError(
                f"{name} does not approach our field: distances {distances}, order {order:.2f}"
            )
    return agreement


def distance(omega: np.ndarray, exact: np.ndarray) -> float:
    """Return the relative L2 distance of two fields."""
    return float(np.linalg.norm(omega - exact) / np.linalg.norm(exact))


def _share(times: Times, evaluations: int) -> Times:
    """Return the part of one evaluation."""
    return Times(times.fastest / evaluations, times.median / evaluations, times.processor / evaluations)


def _row(size: int, key: Key, times: dict[Key, Times]) -> Row:
    """Return one line of the table."""
    name, precision = key
    own, bare = times[key], times[TRANSFORMS, precision]
    return {
        "contestant": name,
        "grid": size,
        "precision": precision,
        "fastest_ms": 1e3 * own.fastest,
        "median_ms": 1e3 * own.median,
        "processor_ms": 1e3 * own.processor,
        "over_four_transforms": own.fastest / bare.fastest,
    }


def _goals(size: int, times: dict[Key, Times]) -> list[Goal]:
    """Return our fastest turn over that of each contestant with a limit."""
    own, single = times["tlfourier", "float64"], times["tlfourier", "float32"]
    goals = [
        Goal(
            f"solver, {size}², float64: time over {name}", own.fastest / times[name, "float64"].fastest, limit
        )
        for name, limit in LIMITS.items()
        if (name, "float64") in times
    ]
    what = f"solver, {size}²: time in float32 over float64"
    return [*goals, Goal(what, single.fastest / own.fastest, SINGLE_LIMIT)]

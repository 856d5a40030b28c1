"""Work against precision: what an error costs with each code's steppers, over steps up to the largest stable.

The error is that of the vorticity after a common time, the cost the time on the clock per unit of simulated
time. Every code computes the same semi-discrete equation, so that only the error of the steps is left.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import pairwise

import numpy as np
import torch

from benchmarks.case import Case, ours
from benchmarks.peers import Maker, available, fluidsim, jax_cfd
from benchmarks.report import Goal, Row, Section
from benchmarks.solver import distance, use_all_cores
from benchmarks.timing import compare
from tlfourier.flow.steppers import COMPARED

DURATION = 0.125
COARSEST, FINEST = 24, 768
"""Fewest and most steps in that time; a run that leaves the flow is not a point of the diagram."""
RATIO = math.sqrt(2)
"""Between the numbers of steps of two runs."""
LEFT = 0.1
"""A relative error beyond which a run has left the flow."""
ERROR, LIMIT = 1e-6, 0.7
"""The goal: our cost at this error over that of the cheapest peer."""

PEERS: dict[str, Maker] = {
    "fluidsim RK4": fluidsim,
    "fluidsim RK2": partial(fluidsim, scheme="RK2"),
    "jax-cfd CN-RK4": jax_cfd,
    "jax-cfd CN-RK2": partial(jax_cfd, scheme="crank_nicolson_rk2"),
}


@dataclass(frozen=True)
class Point:
    """One run: its number of steps and its relative error."""

    steps: int
    error: float


def measure(quick: bool = False) -> Section:
    """Return error and cost of every stepper at every step that stays on the flow."""
    use_all_cores()
    case = Case(64 if quick else 256)
    peers, skipped = available(PEERS)
    makers = _ours(case) | {(name, "float64"): make for name, make in peers.items()}
    omega = case.initial()
    exact = ours(case, DURATION / (2 * FINEST)).advance(omega, 2 * FINEST)
    seconds = _seconds_per_step(case, makers, rounds=5 if quick else 30)
    rows: list[Row] = []
    costs: dict[tuple[str, str], float] = {}
    for (name, precision), make in makers.items():
        points = _points(lambda dt, make=make: make(case, dt).advance, omega, exact)  # type: ignore[misc]
        cost = 1e3 * seconds[name, precision] / DURATION
        rows += [_row(name, precision, point, cost) for point in points]
        costs[name, precision] = cost * _steps_for(ERROR, points)
    title = f"error after time {DURATION} against milliseconds per time unit, {case.size}²"
    settings = {"case": asdict(case), "duration": DURATION, "threads": torch.get_num_threads()}
    return Section("precision", title, rows, [] if quick else _goals(costs, peers), skipped, settings)


def _ours(case: Case) -> dict[tuple[str, str], Maker]:
    """Return our steppers in both precisions."""

    def make(name: str, precision: str) -> Maker:
        return lambda case, dt: ours(replace(case, precision=precision), dt, name)

    return {(f"tlfourier {name}", p): make(name, p) for name in COMPARED for p in ("float64", "float32")}


def _seconds_per_step(
    case: Case, makers: dict[tuple[str, str], Maker], rounds: int
) -> dict[tuple[str, str], float]:
    """Return the fastest step of every contestant, which take turns."""
    steps, omega = 4, case.initial()
    actions = {str(key): make(case, DURATION / FINEST).stepping(omega, steps) for key, make in makers.items()}
    times = compare(actions, rounds)
    return {key: times[str(key)].fastest / steps for key in makers}


def _points(
    advance: Callable[[float], Callable[[np.ndarray, int], np.ndarray]], omega: np.ndarray, exact: np.ndarray
) -> list[Point]:
    """Return the runs from the finest step to the largest that stays on the flow."""
    points: list[Point] = []
    for i in range(round(math.log(FINEST / COARSEST, RATIO)) + 1):
        steps = round(FINEST / RATIO**i)
        # A peer may stop by itself when its run is no longer finite, which is a ValueError of fluidsim.
        try:
            with np.errstate(all="ignore"):
                error = distance(advance(DURATION / steps)(omega, steps), exact)
        except ValueError:
            break
        if not error < LEFT:
            break
        points.append(Point(steps, error))
    return points


def _steps_for(error: float, points: list[Point]) -> float:
    """Return the steps that reach an error, on a line in logarithms between two runs; infinite if none do."""
    for fine, coarse in pairwise(points):
        if fine.error <= error < coarse.error:
            share = math.log(error / fine.error) / math.log(coarse.error / fine.error)
            return fine.steps * (coarse.steps / fine.steps) ** share
    return points[-1].steps if points and points[-1].error <= error else math.inf


def _row(name: str, precision: str, point: Point, cost: float) -> Row:
    """Return one line of the table; ``cost`` is that of one step in ``DURATION``."""
    return {
        "contestant": name,
        "precision": precision,
        "steps": point.steps,
        "dt": DURATION / point.steps,
        "error": point.error,
        "ms_per_time_unit": cost * point.steps,
    }


def _goals(costs: dict[tuple[str, str], float], peers: dict[str, Maker]) -> list[Goal]:
    """Return our cost at the goal's error over the cheapest peer's."""
    reached = [name for name in peers if math.isfinite(costs[name, "float64"])]
    if not reached:
        return []
    own = min(costs[f"tlfourier {name}", "float64"] for name in COMPARED)
    cheapest = min(reached, key=lambda name: costs[name, "float64"])
    what = f"work at error {ERROR:g}, 256², float64: time over the cheapest peer's, {cheapest}"
    return [Goal(what, own / costs[cheapest, "float64"], LIMIT)]

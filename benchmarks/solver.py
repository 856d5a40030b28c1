"""Compare our solver with jax-cfd's in one run: the time of an evaluation, and whether the fields agree.

Prints one table and writes it to ``build/bench/solver.json``. All contestants use every core that the process
may use (``taskset -c 0`` makes it one); they take turns, so that a busy machine is as busy for each of them.
Beside the time on the clock stands the processor time, over all threads, which other processes disturb less.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.case import Case, Contestant, four_transforms, ours
from benchmarks.peers import jax_cfd

OUTPUT = Path("build/bench/solver.json")
GOAL = 0.5
"""Our time per evaluation over jax-cfd's, at most."""

Row = dict[str, str | float]


def main() -> int:
    """Run the comparison; return 1 if the fields disagree."""
    torch.set_num_threads(
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    torch.set_grad_enabled(False)
    case = Case(512)
    rows, skipped = timings(case, dt=5e-4, rounds=25)
    agreement = None if skipped else fields_agree(Case(256))
    ratio = _ratio(rows)
    report = {
        "case": asdict(case),
        "threads": torch.get_num_threads(),
        "milliseconds_per_evaluation": rows,
        "skipped": skipped,
        "ratio_to_jax_cfd": ratio,
        "goal": GOAL,
        "agreement": agreement,
    }
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps(report, indent=2) + "\n")
    print(table(report))
    return 0 if agreement is None or agreement["agrees"] else 1


def timings(case: Case, dt: float, rounds: int) -> tuple[list[Row], list[str]]:
    """Return the milliseconds per evaluation of every contestant, and the names of those not installed."""
    contestants, skipped = [ours(case, dt)], []
    for precomputed in (False, True):
        try:
            contestants.append(jax_cfd(case, dt, precomputed))
        except ModuleNotFoundError as error:
            skipped.append(f"jax-cfd ({error}; install the extra 'peers')")
            break
    actions = {c.name: (_stepping(c, case), c.evaluations) for c in contestants}
    actions["four real transforms alone"] = four_transforms(case), 1
    clock: dict[str, list[float]] = {name: [] for name in actions}
    processor: dict[str, list[float]] = {name: [] for name in actions}
    for turn in range(rounds + 2):
        for name, (action, evaluations) in actions.items():
            before = time.perf_counter(), time.process_time()
            action()
            # The first two turns compile and fill the caches.
            if turn > 1:
                clock[name].append(1e3 * (time.perf_counter() - before[0]) / evaluations)
                processor[name].append(1e3 * (time.process_time() - before[1]) / evaluations)
    rows: list[Row] = []
    for name, values in clock.items():
        row: Row = {"name": name, "fastest": min(values), "median": statistics.median(values)}
        rows.append(row | {"processor": statistics.median(processor[name])})
    return rows, skipped


def _stepping(contestant: Contestant, case: Case) -> Callable[[], object]:
    """Return an action that takes a contestant's next step."""
    state = contestant.begin(case.initial())

    def action() -> object:
        nonlocal state
        state = contestant.step(state)
        return state

    return action


def fields_agree(case: Case, duration: float = 0.1, steps: int = 50) -> dict[str, Any]:
    """Compare the fields after a common time, at steps of dt, dt / 2 and dt / 4.

    Both codes must approach the same field, ours at dt / 8, at the order of their schemes: 4 for ours; for
    jax-cfd's 4 in advection and 2 in viscosity, so that its distance falls at least as fast as order 2.
    """
    omega = case.initial()
    exact = ours(case, duration / (8 * steps)).advance(omega, 8 * steps)
    distances = {
        contestant: [
            float(np.linalg.norm(make(n).advance(omega, n) - exact) / np.linalg.norm(exact))
            for n in (steps, 2 * steps, 4 * steps)
        ]
        for contestant, make in {
            "ours": lambda n: ours(case, duration / n),
            "jax-cfd": lambda n: jax_cfd(case, duration / n, precomputed=True),
        }.items()
    }
    orders = {name: float(np.log2(d[1] / d[2])) for name, d in distances.items()}
    agrees = orders["ours"] > 3.5 and orders["jax-cfd"] > 1.8 and distances["jax-cfd"][-1] < 1e-6
    return {"size": case.size, "time": duration, "distances": distances, "orders": orders, "agrees": agrees}


def _ratio(rows: list[Row]) -> dict[str, float]:
    """Return our fastest and median time over those of the faster way of running jax-cfd."""
    peers = [row for row in rows if str(row["name"]).startswith("jax-cfd")]
    if not peers:
        return {}
    kinds = ("fastest", "median", "processor")
    return {kind: float(rows[0][kind]) / min(float(p[kind]) for p in peers) for kind in kinds}


def table(report: dict[str, Any]) -> str:
    """Return the report as text."""
    case, agreement, ratio = report["case"], report["agreement"], report["ratio_to_jax_cfd"]
    lines = [
        f"one evaluation of the right-hand side, {case['size']} x {case['size']}, float64, "
        f"{report['threads']} thread(s), milliseconds (step time / stages)",
        f"{'':34s}{'fastest':>10s}{'median':>10s}{'processor':>10s}",
    ]
    for row in report["milliseconds_per_evaluation"]:
        lines.append(f"{row['name']:34s}{row['fastest']:10.2f}{row['median']:10.2f}{row['processor']:10.2f}")
    lines += [f"skipped: {name}" for name in report["skipped"]]
    if ratio:
        verdict = "met" if ratio["fastest"] <= GOAL else "missed"
        lines.append(f"{'ours / faster jax-cfd':34s}" + "".join(f"{value:10.2f}" for value in ratio.values()))
        lines.append(f"goal: at most {GOAL} of jax-cfd's fastest: {verdict}")
    if agreement:
        size, duration = agreement["size"], agreement["time"]
        lines.append(
            f"distance from our finest field after time {duration} at {size} x {size}: dt, dt / 2, dt / 4"
        )
        for name, distances in agreement["distances"].items():
            values = "".join(f"{d:10.1e}" for d in distances)
            lines.append(f"{name:34s}{values}   order {agreement['orders'][name]:.2f}")
        lines.append("the fields agree" if agreement["agrees"] else "THE FIELDS DISAGREE")
    return "\n".join([*lines, f"written to {OUTPUT}"])


if __name__ == "__main__":
    sys.exit(main())

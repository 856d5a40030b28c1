"""How long the whole study takes on 1 to 1,000 workers, and what limits it there: a schedule, not a run.

All 11 single layers and all 55 pairs, in 3 cases, with 10 seeds, at laptop sizes: tasks are scheduled by the
same rule as in a sweep (the most urgent first), with the rates and the overhead of a task that ``sweep`` has
measured. The third case stands in for one that is still to come: it has the flows and the cost of the others.
"""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from benchmarks.report import Row, Section
from tlfourier.store.node import tree
from tlfourier.study import settings, targets
from tlfourier.study.design import Design
from tlfourier.study.verdicts import STAGES
from tlfourier.sweep.plan import Plan

MEASURED = Path("build/bench/performance.json")
WORKERS = (1, 2, 10, 100, 1000)
SEEDS, SETS = 10, ("singles", "pairs", "all")
MOVED = {"train": 2, "transfer": 1, "score": 1}
"""Megabytes that a task of the stage reads and writes in the store at laptop size, rounded up."""


def measure(quick: bool) -> Section:
    """Schedule the study on every number of workers; ``quick`` changes nothing."""
    report = json.loads(MEASURED.read_text()) if MEASURED.is_file() else {"sections": {}}
    measured = report["sections"].get("sweep", {}).get("settings", {})
    rates, overhead = measured.get("rates", {}), measured.get("task_overhead", 0.0)
    if not rates:
        return Section(
            "scale", "the whole study on many workers", [], [], ["rates (run the section sweep first)"]
        )
    spec = settings.load("laptop", {"seeds": SEEDS})
    spec = dataclasses.replace(
        spec, cases={**spec.cases, "third": settings.CaseSpec("viscous", "small_scale")}
    )
    tasks = {node.key: node for node in tree(targets.grid(Design(spec), layers=SETS))}
    seconds = {key: rates[node.stage] * STAGES[node.stage].work(node) for key, node in tasks.items()}
    timed = Plan(tasks, seconds, STAGES)
    rows: list[Row] = [_row(timed, workers, overhead) for workers in WORKERS]
    return Section(
        "scale",
        f"{len(timed.tasks)} artifacts of the whole study, hours",
        rows,
        [],
        [],
        _settings(timed, overhead),
    )


def _row(timed: Plan, workers: int, overhead: float) -> Row:
    """Return the hours on so many workers, and which of four bounds is the largest."""
    bounds = {
        "the work": timed.total() / workers,
        "the longest chain (simulate, train, re-train)": max(timed.urgency.values()),
        "the scheduler": overhead * len(timed.tasks),
    }
    hours = max(timed.makespan(workers), bounds["the scheduler"]) / 3600
    tightest = max(bounds, key=bounds.__getitem__)
    return {
        "workers": float(workers),
        "hours": hours,
        "speed_up": timed.total() / 3600 / hours,
        "efficiency": timed.total() / 3600 / hours / workers,
        "limited_by": tightest,
        "store_mb_per_s": _traffic(timed) / (3600 * hours),
    }


def _traffic(timed: Plan) -> float:
    return float(sum(MOVED.get(node.stage, 0) for node in timed.tasks.values()))


def _settings(timed: Plan, overhead: float) -> dict[str, Any]:
    stages_of = {node.stage for node in timed.tasks.values()}
    shares = {
        stage: sum(timed.seconds[key] for key, node in timed.tasks.items() if node.stage == stage) / 3600
        for stage in sorted(stages_of)
    }
    return {
        "seeds": SEEDS,
        "layer_sets": list(SETS),
        "cases": 3,
        "hours_by_stage": shares,
        "task_overhead": overhead,
    }

"""How time and memory of every stage grow with the grid, the samples, the channels and the sets of layers.

Each measurement is a real stage of a small study in a process of its own. Memory is what the process grew by
beyond its imports: all of it (``peak_mib``), and what the system cannot read back from a file
(``anonymous_mib``, the figure that is promised). Exponents are slopes of a line through the logarithms.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from benchmarks.growing import cost
from benchmarks.report import Goal, Row, Section

MARGIN = 0.2
"""Beyond the exponent of the mathematics: what a fit over few sizes can tell."""
FLOOR_MIB = 8.0
"""Below, memory is the allocator's and not the stage's."""
ONE_RUN = {"flows.decaying.runs": 1}
"""The snapshots of a run that is not measured here need not divide into several."""
_SHORT = {"simulation.interval": 0.02, "simulation.spin_up": 0.2, "simulation.size": 128, "filter.size": 64}


@dataclass(frozen=True)
class Series:
    """One stage and what varies in it.

    Parameters
    ----------
    stage, varies : str
    sizes : tuple of int
    keys : tuple of str
        Settings that take the size; none for the number of layer sets.
    time, memory : float
        Exponents of the mathematics.
    fixed : mapping
        Other settings.
    mapped : bool
        Read the training samples from disk whatever their size.
    """

    stage: str
    varies: str
    sizes: tuple[int, ...]
    keys: tuple[str, ...]
    time: float
    memory: float
    fixed: dict[str, Any] = field(default_factory=dict)
    mapped: bool = False


_DATA = {"filter.size": 48, "simulation.spin_up": 1.0, "training.epochs": 1}
_LEARN = {"filter.size": 32, "training.epochs": 2}
SERIES = (
    # Time steps grow with N (CFL), each costs N² log N: 3 and a quarter over these grids.
    Series("simulate", "N", (64, 128, 256), ("simulation.size",), 3.25, 2.0, {**_SHORT, "filter.size": 32}),
    Series("diagnose", "snapshots", (64, 128, 256), ("split.train", "training.samples"), 1.0, 0.0, _SHORT),
    Series("filter", "snapshots", (64, 128, 256), ("split.train", "training.samples"), 1.0, 0.0, _SHORT),
    Series("pairs", "samples", (128, 256, 512), ("split.train", "training.samples"), 1.0, 0.0, _DATA),
    Series("scales", "samples", (128, 256, 512), ("split.train", "training.samples"), 1.0, 1.0, _DATA),
    Series("train", "samples", (128, 256, 512), ("split.train", "training.samples"), 1.0, 1.0, _DATA),
    Series(
        "train",
        "samples, mapped",
        (128, 256, 512),
        ("split.train", "training.samples"),
        1.0,
        0.0,
        _DATA,
        True,
    ),
    Series("train", "channels", (8, 16, 32), ("network.channels",), 2.0, 2.0, _LEARN),
    Series("transfer", "layer sets", (1, 3, 9), (), 1.0, 0.0, _LEARN),
    Series("score", "samples", (32, 64, 128), ("split.test",), 1.0, 1.0, _LEARN),
)


def measure(quick: bool = False) -> Section:
    """Return time and memory of every series, with the exponents as goals."""
    rows: list[Row] = []
    goals: list[Goal] = []
    with tempfile.TemporaryDirectory() as store:
        for series in SERIES[1:3] if quick else SERIES:
            part = [_cost(series, size, store) for size in series.sizes[: 2 if quick else None]]
            rows += part
            goals += [] if quick else _goals(series, part)
    title = "growth of a study's stages: seconds, and MiB beyond the imports"
    return Section("growth", title, rows, goals, settings={"profile": "smoke", "margin": MARGIN})


def _cost(series: Series, size: int, store: str) -> Row:
    """Make the inputs here, then measure the stage in a process of its own."""
    task = {
        "store": store,
        "stage": series.stage,
        "overrides": {**ONE_RUN, **series.fixed, **dict.fromkeys(series.keys, size)},
        "sets": 1 if series.keys else size,
        "mapped": series.mapped,
    }
    cost({**task, "prepare": True})
    return {
        "stage": series.stage,
        "varies": series.varies,
        "size": size,
        **_process({**task, "prepare": False}),
    }


def _process(task: dict[str, Any]) -> dict[str, float | None]:
    command = [sys.executable, "-m", "benchmarks.growing", json.dumps(task)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{task['stage']} failed: {done.stderr.strip().splitlines()[-1]}")
    values: dict[str, float | None] = json.loads(done.stdout.splitlines()[-1])
    return values


def _goals(series: Series, rows: list[Row]) -> list[Goal]:
    name = f"{series.stage} against {series.varies}"
    memory = [max(FLOOR_MIB, float(_memory(row))) for row in rows]
    seconds = [float(row["seconds"] or math.nan) for row in rows]
    return [
        Goal(f"{name}: exponent of time", exponent(series.sizes, seconds), series.time + MARGIN),
        Goal(f"{name}: exponent of memory", exponent(series.sizes, memory), series.memory + MARGIN),
    ]


def _memory(row: Row) -> float:
    value = row["peak_mib"] if row["anonymous_mib"] is None else row["anonymous_mib"]
    return float(value or 0.0)


def exponent(sizes: tuple[int, ...], values: list[float]) -> float:
    """Return the slope of ``log(values)`` against ``log(sizes)`` by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])

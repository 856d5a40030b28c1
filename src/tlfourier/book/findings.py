"""Reduce what the benchmarks measured to the numbers of the performance page, as words.

A number that no benchmark has measured becomes "not measured", so that the page can be read all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import xarray as xr

from tlfourier.book.performance import NOWHERE, Performance

OURS = "tlfourier"
TRANSFORMS = "four real transforms"
ERROR = 1e-6
"""The relative error at which costs are compared."""
FLOOR_MIB = 8.0
"""Below, memory is the allocator's and not the stage's, and takes no part in an exponent."""

Words = dict[str, str]


def pick(table: xr.Dataset, **where: str | int | float) -> xr.Dataset:
    """Return the rows of a table with these values."""
    kept = np.ones(table.sizes["row"], dtype=bool)
    for name, value in where.items():
        kept &= table[name].values == value
    return table.isel(row=kept)


def solver(bench: Performance) -> Words:
    """Return what an evaluation costs on the largest grid, beside the transforms and the fastest peer."""
    table = bench.table("solver")
    grids = sorted({int(grid) for grid in table["grid"].values})
    double = pick(table, grid=max(grids, default=0), precision="float64")
    single = pick(table, grid=max(grids, default=0), precision="float32")
    own, bare = pick(double, contestant=OURS), pick(double, contestant=TRANSFORMS)
    peers = double.isel(row=[str(name) not in (OURS, TRANSFORMS) for name in double["contestant"].values])
    ms = _first(own["fastest_ms"])
    order = np.argsort(peers["fastest_ms"].values)
    fastest = peers.isel(row=order[:1])
    return {
        "grids": " and ".join(f"{grid}²" for grid in grids) or NOWHERE,
        "grid": f"{max(grids)}²" if grids else NOWHERE,
        "own_ms": word(ms, ".1f"),
        "over_transforms": word(ms / _first(bare["fastest_ms"]), ".2f"),
        "peer": str(fastest["contestant"].item()) if fastest.sizes["row"] else "no other solver",
        "over_peer": word(ms / _first(fastest["fastest_ms"]), ".2f"),
        "single_ratio": word(_first(pick(single, contestant=OURS)["fastest_ms"]) / ms, ".2f"),
    }


def precision(bench: Performance) -> Words:
    """Return what an error of `ERROR` costs with our cheapest stepper and with the cheapest peer."""
    table = pick(bench.table("precision"), precision="float64")
    names = list(dict.fromkeys(map(str, table["contestant"].values)))
    costs = {name: cost_at(pick(table, contestant=name), ERROR) for name in names}
    own = _cheapest({name: cost for name, cost in costs.items() if name.startswith(OURS)})
    peer = _cheapest({name: cost for name, cost in costs.items() if not name.startswith(OURS)})
    return {
        "error": f"{ERROR:.0e}",
        "own_stepper": own[0],
        "own_cost": word(own[1], ",.0f"),
        "peer_stepper": peer[0],
        "peer_cost": word(peer[1], ",.0f"),
        "cost_ratio": word(own[1] / peer[1], ".2f"),
    }


def cost_at(runs: xr.Dataset, error: float) -> float:
    """Return the milliseconds per time unit that reach an error, on lines in logarithms; NaN if none do."""
    order = np.argsort(runs["error"].values)
    errors, costs = runs["error"].values[order], runs["ms_per_time_unit"].values[order]
    if not errors.size or errors[0] > error:
        return math.nan
    return float(np.exp(np.interp(math.log(error), np.log(errors), np.log(costs))))


def training(bench: Performance) -> Words:
    """Return which share of the convolutions' rate a step reaches, and what a sweep over layers costs."""
    table = bench.table("training")
    steps = pick(table, contestant="training step", precision="bfloat16")
    shares = dict(zip(steps["channels"].values, steps["share"].values, strict=True))
    seconds = {str(row["contestant"].item()): row["median"].item() / 1e3 for row in _rows(table)}
    whole, naive = (seconds.get(name, math.nan) for name in (SWEEP, FULL))
    return {
        "shares": ", ".join(f"{share:.0%} with {channels:.0f}" for channels, share in shares.items())
        or NOWHERE,
        "first_layer": word(seconds.get("transfer of layer 1", math.nan), ".1f"),
        "last_layer": word(seconds.get("transfer of layer 11", math.nan), ".1f"),
        "sweep_ratio": word(whole / naive, ".2f"),
    }


SWEEP, FULL = "sweep over all layers, one by one", "as many full trainings"


def recipe_and_skill(bench: Performance) -> Words:
    """Return how much faster a sweep is than the published recipe, and what lower precision costs."""
    whole = pick(bench.table("recipe"), work="sweep over these layers")
    skill = bench.table("skill")
    mean, spread = (pick(skill, seed=name) for name in ("mean", "standard deviation"))
    return {
        "recipe_ratio": word(_first(whole["full_over_ours"]), ".1f"),
        "frozen_ratio": word(_first(whole["frozen_over_ours"]), ".1f"),
        "skill_difference": word(_first(mean["difference"]), "+.1e"),
        "skill_spread": word(_first(spread["error_float32"]), ".1e"),
    }


def growth(bench: Performance) -> xr.Dataset:
    """Fit the exponents of every series of the section ``growth``.

    Returns
    -------
    xr.Dataset
        Over ``series``: ``stage`` and what ``varies``, the ``largest`` size with its ``seconds`` and ``mib``
        (beyond the imports, without what the system can read back from a file), the exponents ``time`` and
        ``memory`` with the promised ``time_limit`` and ``memory_limit``. NaN where nothing was promised.
    """
    table = bench.table("growth")
    keys = list(dict.fromkeys(zip(table["stage"].values, table["varies"].values, strict=True)))
    parts = [pick(table, stage=stage, varies=varies) for stage, varies in keys]
    columns: dict[str, list[float | str]] = {
        "stage": [str(stage) for stage, _ in keys],
        "varies": [str(varies) for _, varies in keys],
        "largest": [float(part["size"].max()) for part in parts],
        "seconds": [float(part["seconds"][-1]) for part in parts],
        "mib": [float(memory(part)[-1]) for part in parts],
        "time": [exponent(part["size"].values, part["seconds"].values) for part in parts],
        "memory": [exponent(part["size"].values, np.maximum(FLOOR_MIB, memory(part))) for part in parts],
    }
    for kind in ("time", "memory"):
        names = [f"{stage} against {varies}: exponent of {kind}" for stage, varies in keys]
        columns[f"{kind}_limit"] = [bench.limit(name) for name in names]
    return xr.Dataset({name: ("series", values) for name, values in columns.items()})


def memory(part: xr.Dataset) -> np.ndarray:
    """Return MiB: anonymous memory where the system tells it, else all of it."""
    anonymous = part["anonymous_mib"].values
    return np.where(np.isnan(anonymous), part["peak_mib"].values, anonymous)


def exponent(sizes: np.ndarray, values: np.ndarray) -> float:
    """Return the slope of ``log(values)`` against ``log(sizes)``, NaN from less than two sizes."""
    if len(set(sizes.tolist())) < 2 or not (values > 0).all():
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def scale(bench: Performance) -> Words:
    """Return what more workers bring: two measured, many forecast."""
    ways, table = bench.table("sweep"), bench.table("scale")
    crew = ways.isel(row=slice(1, 2))
    most = table.isel(row=slice(-1, None))
    return {
        "crew": str(crew["way"].item()) if crew.sizes["row"] else "more workers",
        "crew_ratio": word(_first(crew["over_one_worker"]), ".2f"),
        "alone_hours": word(_first(pick(table, workers=1.0)["hours"]), ".1f"),
        "most_workers": word(_first(most["workers"]), ",.0f"),
        "most_hours": word(_first(most["hours"]), ".2f"),
        "limited_by": str(most["limited_by"].item()) if most.sizes["row"] else NOWHERE,
    }


def promises(bench: Performance) -> Words:
    """Count the goals that were met and name those that were not."""
    goals = bench.goals()
    missed = [
        str(name)
        for name, verdict in zip(goals["goal"].values, goals["verdict"].values, strict=True)
        if verdict != "met"
    ]
    return {
        "goal_count": str(goals.sizes["goal"]),
        "met_count": str(goals.sizes["goal"] - len(missed)),
        "missed": "; ".join(missed) or "none",
    }


def word(value: float, form: str) -> str:
    """Write a number, or that there is none."""
    return format(value, form) if math.isfinite(value) else NOWHERE


def _first(column: xr.DataArray) -> float:
    return float(column.values[0]) if column.size else math.nan


def _rows(table: xr.Dataset) -> Iterable[xr.Dataset]:
    return (table.isel(row=number) for number in range(table.sizes["row"]))


def _cheapest(costs: dict[str, float]) -> tuple[str, float]:
    reached = {name: cost for name, cost in costs.items() if math.isfinite(cost)}
    name = min(reached, key=reached.__getitem__, default=None)
    return (name, reached[name]) if name else (NOWHERE, math.nan)

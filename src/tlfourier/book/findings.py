"""Reduce what the benchmarks measured to the numbers of the performance page, as words.

A number that no benchmark has measured becomes "not measured", so that the page can be read all the same.
"""

import math

import numpy as np
import pandas as pd

from tlfourier.book.performance import NOWHERE, Performance

OURS = "tlfourier"
TRANSFORMS = "four real transforms"
ERROR = 1e-6
"""The relative error at which costs are compared."""
FLOOR_MIB = 8.0
"""Below, memory is the allocator's and not the stage's, and takes no part in an exponent."""

Words = dict[str, str]


def pick(table: pd.DataFrame, **where: str | int | float) -> pd.DataFrame:
    """Return the rows of a table with these values."""
    return table[(table[list(where)] == pd.Series(where)).all(axis="columns")]


def solver(bench: Performance) -> Words:
    """Return what an evaluation costs on the largest grid, beside the transforms and the fastest peer."""
    table = bench.table("solver")
    grids = sorted(set(table["grid"].astype(int)))
    double = pick(table, grid=max(grids, default=0), precision="float64")
    single = pick(table, grid=max(grids, default=0), precision="float32")
    own, bare = pick(double, contestant=OURS), pick(double, contestant=TRANSFORMS)
    fastest = double[~double["contestant"].isin([OURS, TRANSFORMS])].nsmallest(1, "fastest_ms")
    ms = _first(own["fastest_ms"])
    return {
        "grids": " and ".join(f"{grid}²" for grid in grids) or NOWHERE,
        "grid": f"{max(grids)}²" if grids else NOWHERE,
        "own_ms": word(ms, ".1f"),
        "over_transforms": word(ms / _first(bare["fastest_ms"]), ".2f"),
        "peer": "".join(fastest["contestant"]) or "no other solver",
        "over_peer": word(ms / _first(fastest["fastest_ms"]), ".2f"),
        "single_ratio": word(_first(pick(single, contestant=OURS)["fastest_ms"]) / ms, ".2f"),
    }


def precision(bench: Performance) -> Words:
    """Return what an error of `ERROR` costs with our cheapest stepper and with the cheapest peer."""
    table = pick(bench.table("precision"), precision="float64")
    costs = {str(name): cost_at(runs, ERROR) for name, runs in table.groupby("contestant", sort=False)}
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


def cost_at(runs: pd.DataFrame, error: float) -> float:
    """Return the milliseconds per time unit that reach an error, on lines in logarithms; NaN if none do."""
    errors, costs = runs.sort_values("error")[["error", "ms_per_time_unit"]].to_numpy().T
    if not errors.size or errors[0] > error:
        return math.nan
    return float(np.exp(np.interp(math.log(error), np.log(errors), np.log(costs))))


def training(bench: Performance) -> Words:
    """Return which share of the convolutions' rate a step reaches, and what a sweep over layers costs."""
    table = bench.table("training")
    steps = pick(table, contestant="training step", precision="bfloat16")
    shares = zip(steps["channels"], steps["share"], strict=True)
    seconds = (table.set_index("contestant")["median"] / 1e3).to_dict()
    whole, naive = (seconds.get(name, math.nan) for name in (SWEEP, FULL))
    return {
        "shares": ", ".join(f"{share:.0%} with {channels:.0f}" for channels, share in shares) or NOWHERE,
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


def growth(bench: Performance) -> pd.DataFrame:
    """Fit the exponents of every series of the section ``growth``.

    Returns
    -------
    pd.DataFrame
        One row a series: ``stage`` and what ``varies``, the ``largest`` size with its ``seconds`` and ``mib``
        (beyond the imports, without what the system can read back from a file), the exponents ``time`` and
        ``memory`` with the promised ``time_limit`` and ``memory_limit``. NaN where nothing was promised.
    """
    series = bench.table("growth").groupby(["stage", "varies"], sort=False)
    rows = [
        {
            "stage": stage,
            "varies": varies,
            "largest": part["size"].max(),
            "seconds": part["seconds"].iloc[-1],
            "mib": memory(part).iloc[-1],
            "time": exponent(part["size"], part["seconds"]),
            "memory": exponent(part["size"], memory(part).clip(lower=FLOOR_MIB)),
            "time_limit": bench.limit(f"{stage} against {varies}: exponent of time"),
            "memory_limit": bench.limit(f"{stage} against {varies}: exponent of memory"),
        }
        for (stage, varies), part in series
    ]
    columns = ["stage", "varies", "largest", "seconds", "mib", "time", "memory", "time_limit", "memory_limit"]
    return pd.DataFrame(rows, columns=columns)


def memory(part: pd.DataFrame) -> pd.Series:
    """Return MiB: anonymous memory where the system tells it, else all of it."""
    return part["anonymous_mib"].fillna(part["peak_mib"])


def exponent(sizes: pd.Series, values: pd.Series) -> float:
    """Return the slope of ``log(values)`` against ``log(sizes)``, NaN from less than two sizes."""
    if len(set(sizes)) < 2 or not (values > 0).all():
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(values), 1)[0])


def scale(bench: Performance) -> Words:
    """Return what more workers bring: two measured, many forecast."""
    ways, table = bench.table("sweep"), bench.table("scale")
    crew, most = ways.iloc[1:2], table.iloc[-1:]
    return {
        "crew": "".join(crew["way"]) or "more workers",
        "crew_ratio": word(_first(crew["over_one_worker"]), ".2f"),
        "alone_hours": word(_first(pick(table, workers=1.0)["hours"]), ".1f"),
        "most_workers": word(_first(most["workers"]), ",.0f"),
        "most_hours": word(_first(most["hours"]), ".2f"),
        "limited_by": "".join(most["limited_by"]) or NOWHERE,
    }


def promises(bench: Performance) -> Words:
    """Count the goals that were met and name those that were not."""
    goals = bench.goals()
    missed = goals.index[goals["verdict"] != "met"]
    return {
        "goal_count": str(len(goals)),
        "met_count": str(len(goals) - len(missed)),
        "missed": "; ".join(missed) or "none",
    }


def word(value: float, form: str) -> str:
    """Write a number, or that there is none."""
    return format(value, form) if math.isfinite(value) else NOWHERE


def _first(column: pd.Series) -> float:
    return float(column.iloc[0]) if len(column) else math.nan


def _cheapest(costs: dict[str, float]) -> tuple[str, float]:
    reached = {name: cost for name, cost in costs.items() if math.isfinite(cost)}
    name = min(reached, key=reached.__getitem__, default=None)
    return (name, reached[name]) if name else (NOWHERE, math.nan)

"""The one home of statistics: effects over training seeds to means, intervals and p-values.

The unit is the training seed, never the snapshot: the snapshots of one test block share their network, and a
network trained again differs more than its own test snapshots suggest.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from tlfourier.closure.models import of_size
from tlfourier.doors import door

ALPHA = 0.05
"""Chance of one false verdict or more in a family of tests."""


@door
@dataclass(frozen=True)
class Decision:
    """What the seeds say of a mean and a bound, as one test of a family.

    ``side`` is 1 or -1 if the mean is shown to lie above or below the bound, 0 if it is not decided.
    ``effect`` is the mean over seeds, ``low`` to ``high`` its two-sided interval at ``level``: it excludes
    the bound exactly when the side is decided. ``p`` is the smaller one-sided p-value, corrected, and
    ``level`` is ``1 - alpha / m`` where Holm's method makes it p m.
    """

    side: int
    effect: float
    low: float
    high: float
    seeds: int
    p: float
    level: float


@door
def decide(
    effects: Sequence[ArrayLike], bounds: Sequence[float] | None = None, alpha: float = ALPHA
) -> list[Decision]:
    """Decide for every row of a family on which side of its bound the mean lies, by Student's t.

    A side is decided if its one-sided p-value, corrected by `holm` over the family, is below ``alpha / 2``.
    One seed decides nothing. Each row of ``effects`` has shape (seeds,); for two networks of one seed it is
    their paired difference. ``bounds`` has one number for each row, fixed before looking; zero by default.
    ValueError for effects that are not a row of finite numbers, or an alpha outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha}: it must lie between 0 and 1")
    limits = [0.0] * len(effects) if bounds is None else bounds
    tests = [_student(values, bound) for values, bound in zip(effects, limits, strict=True)]
    factors = _step_down(np.array([test.p for test in tests]))
    return [_decision(test, factor, alpha) for test, factor in zip(tests, factors.tolist(), strict=True)]


@door
def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values corrected by Holm's step-down method, in their order (Scand. J. Statist. 6, 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p_values, dtype=float)
    return np.minimum(1.0, p * _step_down(p))


def _step_down(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what Holm's method multiplies each p-value by, before it is cut off at one.

    The k-th smallest of n is multiplied by n - k + 1, or by more where a smaller one has a larger product.
    """
    order = np.argsort(p, kind="stable")
    counts = np.arange(p.size, 0, -1.0)
    largest = np.maximum.accumulate(counts * p[order])
    factors = np.empty(p.size)
    factors[order] = np.divide(largest, p[order], out=counts.copy(), where=p[order] > 0)
    return factors


class _Student(NamedTuple):
    excess: float
    effect: float
    seeds: int
    p: float
    interval: Callable[[float], tuple[float, float]]


def _student(effects: ArrayLike, bound: float) -> _Student:
    """Return the smaller one-sided p-value of a mean against its bound, and its interval at any level."""
    from scipy import stats  # slow to import

    values = np.asarray(effects, dtype=float)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"effects of shape {values.shape}: give one finite number per seed")
    mean, seeds = float(values.mean()), values.size
    if seeds == 1:
        return _Student(0.0, mean, 1, 1.0, lambda _: (-math.inf, math.inf))
    if np.ptp(values) <= 1e-12 * np.abs(values).max():  # equal but for rounding
        excess = float(values[0]) - bound
        return _Student(excess, mean, seeds, 0.0 if excess else 1.0, lambda _: (values[0], values[0]))
    test = stats.ttest_1samp(values, bound)
    return _Student(mean - bound, mean, seeds, float(test.pvalue) / 2, test.confidence_interval)


def _decision(test: _Student, factor: float, alpha: float) -> Decision:
    level = 1 - alpha / factor
    low, high = map(float, test.interval(level))
    side = int(np.sign(test.excess)) if test.p * factor < alpha / 2 else 0
    return Decision(side, test.effect, low, high, test.seeds, min(1.0, test.p * factor), level)


@door
def depth_correlation(scores: xr.DataArray) -> xr.DataArray:
    """Return Spearman's rank correlation of a score with the number of the re-trained layer, per seed.

    +1: the score grows from each layer to the next; for an error this means that shallower is always better.
    NaN where all layers score the same, as when every one of them keeps the base network. ``scores`` are over
    (layer, seed), layers numbered from the input; ValueError if there are fewer than three.
    """
    from scipy import stats  # slow to import

    if scores.sizes["layer"] < 3:
        raise ValueError(f"{scores.sizes['layer']} layers: a rank correlation needs at least 3")
    columns = scores.sortby("layer").transpose("seed", "layer")
    values = [
        float(stats.spearmanr(columns["layer"], row).statistic) if np.ptp(row) > 0 else math.nan
        for row in columns.values
    ]
    return xr.DataArray(values, {"seed": columns["seed"]}, attrs={"long_name": "Spearman's ρ"})


@door
def single_layers(scores: xr.DataArray) -> xr.DataArray:
    """Keep the models that re-train one layer, as a dimension ``layer`` of whole numbers.

    ``scores`` are over (model, seed), models named as in `tlfourier.closure.models`; ValueError if none of
    them re-trains a single layer.
    """
    names = of_size(scores["model"].values, 1)
    if not names:
        raise ValueError(f"models {', '.join(scores['model'].values)}: none of them re-trains a single layer")
    return scores.sel(model=names).rename(model="layer").assign_coords(layer=[int(name) for name in names])


@door
def per_seed(scores: xr.Dataset) -> xr.Dataset:
    """Average scores over snapshots and keep those that are one number for each network."""
    mean = scores.mean("snapshot") if "snapshot" in scores.dims else scores
    alone = [name for name, values in mean.items() if set(values.dims) <= {"model", "seed"}]
    return mean[alone]


@door
def gather(rows: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Put scores of one model each side by side, `per_seed`, over (model, seed), by new names of the models.

    Each has its scores over ``seed``, with a dimension ``model`` of size one or none.
    """
    alone = (row.squeeze("model", drop=True) if "model" in row.dims else row for row in rows.values())
    whole = xr.concat(map(per_seed, alone), dim="model", combine_attrs="override", join="outer")
    return whole.assign_coords(model=list(rows))

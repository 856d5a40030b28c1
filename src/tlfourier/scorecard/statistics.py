"""The one home of statistics: effects over replicates to means, intervals and p-values.

The unit is the replicate, a training on one realisation of the flows, never the snapshot: the snapshots of
one test block share their network, and a network trained again differs more than its own test snapshots
suggest.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from tlfourier.closure.models import of_size
from tlfourier.doors import door

ALPHA = 0.05
"""Chance of one false verdict or more in a family of tests."""
POWER = 0.8
"""Chance that as many replicates as are needed would decide."""
_FLIPS = 20  # a million ways


@door
@dataclass(frozen=True)
class Decision:
    """What the replicates say of a mean and a bound, as one test of a family.

    ``side`` is 1 or -1 if the mean is shown to lie above or below the bound, 0 if it is not decided, by the
    ``test`` that is named. ``effect`` is the mean over the replicates, called ``seeds`` for short. ``p`` is
    the smaller one-sided p-value, corrected; ``low`` to ``high`` is Student's two-sided interval of the mean
    at ``level``, ``1 - alpha / m`` where Holm's method makes the p-value p m. ``needed``, by
    `replicates_needed`, is how many independent replicates would decide what these, at least two, did not.
    """

    side: int
    effect: float
    low: float
    high: float
    seeds: int
    p: float
    level: float
    test: str
    needed: float


FLIPS, STUDENT = "sign flips", "Student's t"
"""Names of the two tests by which a mean is decided."""


@door
def decide(
    effects: Sequence[ArrayLike], bounds: Sequence[float] | None = None, alpha: float = ALPHA
) -> list[Decision]:
    """Decide for every row of a family on which side of its bound the mean lies.

    A side is decided if its one-sided p-value, corrected by `holm` over the family, is below ``alpha / 2``.
    The test is that of `sign_flips`, which assumes no distribution, where so few ways of signs can pass the
    correction: of a family of six from 8 replicates on. With fewer, or more than 20, it is Student's t. One
    replicate decides nothing, nor do two that agree. Each row of ``effects`` has shape (replicates,); for two
    networks of one replicate it is their paired difference. ``bounds`` has one number for each row, fixed
    before looking; zero by default.
    ValueError for effects that are not a row of finite numbers, or an alpha outside (0, 1).
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha={alpha}: it must lie between 0 and 1")
    limits = [0.0] * len(effects) if bounds is None else bounds
    level = alpha / max(1, len(limits))
    tests = [_tested(values, bound, level) for values, bound in zip(effects, limits, strict=True)]
    factors = _step_down(np.array([test.p for test in tests])).tolist()
    found = [_decision(test, factor, alpha) for test, factor in zip(tests, factors, strict=True)]
    return [
        replace(one, needed=replicates_needed(values, bound, alpha, len(limits)))
        if one.side == 0 and one.seeds > 1
        else one
        for one, values, bound in zip(found, effects, limits, strict=True)
    ]


@door
def sign_flips(effects: ArrayLike, bound: float = 0.0) -> float:
    """Return the exact p-value of a mean against a bound by flipping signs, one-sided, the smaller of two.

    If the effects lie symmetrically about the bound, each of the ``2**n`` ways to give their deviations signs
    is as likely as what was seen; p is the share of ways whose mean is at least as far on the side where it
    was seen. No distribution is assumed; at best p is ``2**-n``: of 8 replicates .0039.

    ``effects`` have the shape (replicates,), at most 20 of them; ValueError if they are not finite.

    Examples
    --------
    >>> sign_flips([0.2, 0.3, 0.1, 0.5]), sign_flips([0.2, -0.3, 0.1, 0.5])
    (0.0625, 0.3125)
    """
    values = np.asarray(effects, dtype=float) - bound
    if values.ndim != 1 or not 1 <= values.size <= _FLIPS or not np.isfinite(values).all():
        raise ValueError(
            f"effects of shape {values.shape}: give 1 to {_FLIPS} finite numbers, one a replicate"
        )
    ways = (np.arange(2**values.size)[:, None] >> np.arange(values.size)) & 1
    sums = (1 - 2 * ways) @ values
    rounding = 1e-12 * np.abs(values).sum()
    return float(min((sums >= values.sum() - rounding).mean(), (sums <= values.sum() + rounding).mean()))


@door
def replicates_needed(effects: ArrayLike, bound: float = 0.0, alpha: float = ALPHA, tests: int = 1) -> float:
    """Return how many replicates would decide a mean against a bound, were effect and scatter those seen.

    The smallest n at which Student's test at the one-sided level ``alpha / (2 tests)`` has a power of 80 %;
    ``tests`` is the size of the family, for all of which Bonferroni's level holds. Infinite where the mean
    lies at the bound or more than 10,000 would be needed. ``effects`` have the shape (replicates,), at least
    two; ValueError for fewer, or what is not finite.
    """
    from scipy import optimize, stats  # slow to import

    values = np.asarray(effects, dtype=float) - bound
    if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
        raise ValueError(f"effects of shape {values.shape}: give at least two finite numbers")
    scatter = values.std(ddof=1)
    if scatter <= 1e-12 * np.abs(values).max():
        return 3.0 if values.any() else math.inf
    distance = abs(values.mean()) / scatter

    def lacking(n: float) -> float:
        critical = stats.t.isf(alpha / (2 * tests), n - 1)
        return POWER - float(stats.nct.sf(critical, n - 1, distance * math.sqrt(n)))

    if lacking(2.0) <= 0:
        return 2.0
    return math.inf if lacking(1e4) > 0 else float(math.ceil(optimize.brentq(lacking, 2.0, 1e4)))


@door
def variance_parts(effects: ArrayLike, groups: Sequence[int]) -> tuple[float, float]:
    """Return the variance between groups and that within them, of replicates in groups of equal size.

    Of one-way analysis of variance: ``within`` is the mean square inside the groups, ``between`` what the
    group means vary beyond that, ``max(0, (MSB - MSW) / m)`` with m in each. Groups are the realisations of
    the flows, what varies within them is the training. ``effects`` have the shape (replicates,), ``groups``
    one number for each; ValueError unless there are at least two groups of one size, at least two.

    Examples
    --------
    >>> variance_parts([1.0, 3.0, 11.0, 13.0], [0, 0, 1, 1])
    (49.0, 2.0)
    """
    values, labels = np.asarray(effects, dtype=float), np.asarray(groups)
    rows = [values[labels == one] for one in np.unique(labels)]
    sizes = {row.size for row in rows}
    if values.shape != labels.shape or len(rows) < 2 or len(sizes) != 1 or min(sizes) < 2:
        raise ValueError(f"groups {list(groups)}: at least two of equal size, at least two, are needed")
    table = np.stack(rows)
    size = table.shape[1]
    within = float(table.var(axis=1, ddof=1).mean())
    between = float(table.mean(axis=1).var(ddof=1)) - within / size
    return max(0.0, between), within


@door
def scatter(errors: xr.DataArray, groups: Sequence[int]) -> xr.Dataset:
    """Return the standard deviations between groups of replicates and within them, for each model.

    The roots of `variance_parts`, ``between`` and ``within`` over model; NaN unless there are at least two
    groups of one size, at least two. ``errors`` are over (model, seed), ``groups`` one number for each seed.
    """
    counts = [list(groups).count(one) for one in set(groups)]
    known = len(counts) > 1 and len(set(counts)) == 1 and counts[0] > 1
    rows = errors.transpose("model", "seed").values
    parts = [variance_parts(row, groups) if known else (math.nan, math.nan) for row in rows]
    between, within = np.sqrt(np.array(parts)).T
    return xr.Dataset(
        {"between": ("model", between), "within": ("model", within)}, {"model": errors["model"]}
    )


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


class _Tested(NamedTuple):
    excess: float
    effect: float
    seeds: int
    p: float
    test: str
    interval: Callable[[float], tuple[float, float]]


def _tested(effects: ArrayLike, bound: float, level: float) -> _Tested:
    """Return the smaller one-sided p-value of a mean against its bound, and its interval at any level.

    ``level`` is what the smallest p-value of the family is held against, twice.
    """
    student = _student(effects, bound)
    if student.seeds > _FLIPS or 2.0**-student.seeds >= level / 2:
        return student
    return student._replace(p=sign_flips(effects, bound), test=FLIPS)


def _student(effects: ArrayLike, bound: float) -> _Tested:
    from scipy import stats  # slow to import

    values = np.asarray(effects, dtype=float)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"effects of shape {values.shape}: give one finite number per replicate")
    mean, seeds = float(values.mean()), values.size
    equal = np.ptp(values) <= 1e-12 * np.abs(values).max()  # but for rounding
    if seeds == 1 or (seeds == 2 and equal):  # two that agree, as ranks may, have no scatter to go by
        return _Tested(0.0, mean, seeds, 1.0, STUDENT, lambda _: (-math.inf, math.inf))
    if equal:
        p = 0.0 if values[0] != bound else 1.0
        return _Tested(values[0] - bound, mean, seeds, p, STUDENT, lambda _: (values[0], values[0]))
    test = stats.ttest_1samp(values, bound)
    return _Tested(mean - bound, mean, seeds, float(test.pvalue) / 2, STUDENT, test.confidence_interval)


def _decision(test: _Tested, factor: float, alpha: float) -> Decision:
    level = 1 - alpha / factor
    low, high = map(float, test.interval(level))
    side = int(np.sign(test.excess)) if test.p * factor < alpha / 2 else 0
    p = min(1.0, test.p * factor)
    return Decision(side, test.effect, low, high, test.seeds, p, level, test.test, math.nan)


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
    """Average scores over snapshots and keep those that are one number for each network (and layer)."""
    mean = scores.mean("snapshot") if "snapshot" in scores.dims else scores
    alone = [name for name, values in mean.items() if set(values.dims) <= {"model", "seed", "layer"}]
    return mean[alone]


@door
def gather(rows: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Put scores of one model each side by side, `per_seed`, over (model, seed), by new names of the models.

    Each has its scores over ``seed``, with a dimension ``model`` of size one or none.
    """
    alone = (row.squeeze("model", drop=True) if "model" in row.dims else row for row in rows.values())
    whole = xr.concat(map(per_seed, alone), dim="model", combine_attrs="override", join="outer")
    return whole.assign_coords(model=list(rows))

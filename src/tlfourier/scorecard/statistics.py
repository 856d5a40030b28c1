"""Turn differences between trained networks into a verdict: supported, refuted or undecided.

The unit is the training seed, never the snapshot: the snapshots of one test block share their network, and a
network trained again differs more than its own test snapshots suggest.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Verdict:
    """Hold what the seeds say about a claim of the form "effect > margin".

    Parameters
    ----------
    word : str
        ``"supported"``, ``"refuted"`` or ``"undecided"``.
    effect : float
        Mean over seeds.
    low, high : float
        Ends of the confidence interval of the mean.
    seeds : int
        Number of seeds.
    """

    word: str
    effect: float
    low: float
    high: float
    seeds: int


def verdict(effects: ArrayLike, margin: float = 0.0, confidence: float = 0.95) -> Verdict:
    """Judge the claim that the mean effect exceeds a margin, from one number per seed.

    ``low, high = mean ∓ t * sd / sqrt(seeds)`` with Student's t of ``seeds - 1`` degrees of freedom. The
    claim is supported if ``low > margin``, refuted if ``high < margin``, undecided otherwise; one seed
    decides nothing.

    Parameters
    ----------
    effects : array_like, shape (seeds,)
        For two networks of one seed, their paired difference.
    margin : float
        Fixed before looking.
    confidence : float
        Of the two-sided interval, between 0 and 1.

    Raises
    ------
    ValueError
        For effects that are not a row of finite numbers, or a confidence outside (0, 1).
    """
    values = np.asarray(effects, dtype=float)
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise ValueError(f"effects of shape {values.shape}: give one finite number per seed")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: it must lie between 0 and 1")
    mean = float(values.mean())
    half = math.inf
    if values.size > 1:
        from scipy import stats  # here, because it takes a second to import

        t = float(stats.t.ppf((1 + confidence) / 2, values.size - 1))
        half = t * float(values.std(ddof=1)) / math.sqrt(values.size)
    low, high = mean - half, mean + half
    word = "supported" if low > margin else "refuted" if high < margin else "undecided"
    return Verdict(word, mean, low, high, values.size)


def depth_correlation(scores: xr.DataArray) -> xr.DataArray:
    """Return Spearman's rank correlation of a score with the number of the re-trained layer, per seed.

    +1: the score grows from each layer to the next; for an error this means that shallower is always better.
    NaN where all layers score the same, as when every one of them keeps the base network.

    Parameters
    ----------
    scores : xr.DataArray
        Over (layer, seed), layers numbered from the input.

    Raises
    ------
    ValueError
        If there are fewer than three layers.
    """
    from scipy import stats

    if scores.sizes["layer"] < 3:
        raise ValueError(f"{scores.sizes['layer']} layers: a rank correlation needs at least 3")
    columns = scores.sortby("layer").transpose("seed", "layer")
    values = [
        float(stats.spearmanr(columns["layer"], row).statistic) if np.ptp(row) > 0 else math.nan
        for row in columns.values
    ]
    return xr.DataArray(
        values, {"seed": columns["seed"]}, name="depth_correlation", attrs={"long_name": "Spearman's ρ"}
    )


def single_layers(scores: xr.DataArray) -> xr.DataArray:
    """Keep the models that re-train one layer, as a dimension ``layer`` of whole numbers.

    Parameters
    ----------
    scores : xr.DataArray
        Over (model, seed); a single layer is a model named by its number, as ``"2"``.

    Raises
    ------
    ValueError
        If no model re-trains a single layer.
    """
    names = [name for name in scores["model"].values.tolist() if str(name).isdigit()]
    if not names:
        raise ValueError(f"models {', '.join(scores['model'].values)}: none of them re-trains a single layer")
    chosen = scores.sel(model=names).rename(model="layer")
    return chosen.assign_coords(layer=[int(name) for name in names]).sortby("layer")


def paired(scores: xr.DataArray, worse: str, better: str) -> xr.DataArray:
    """Return ``scores(worse) - scores(better)`` per seed: positive if the claimed order holds.

    Parameters
    ----------
    scores : xr.DataArray
        An error over (model, seed).
    worse, better : str
        Names of two models.

    Raises
    ------
    ValueError
        If a model is unknown.
    """
    for name in (worse, better):
        if name not in scores["model"].values:
            raise ValueError(f"unknown model {name!r}: accepted are {', '.join(scores['model'].values)}")
    return scores.sel(model=worse, drop=True) - scores.sel(model=better, drop=True)


def per_seed(scores: xr.Dataset) -> xr.Dataset:
    """Average scores over snapshots and keep those that are one number for each network."""
    mean = scores.mean("snapshot") if "snapshot" in scores.dims else scores
    alone = [name for name, values in mean.items() if set(values.dims) <= {"model", "seed"}]
    return mean[alone]


def gather(rows: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Put scores of one model each side by side, `per_seed`, over (model, seed).

    Parameters
    ----------
    rows : mapping of str to xr.Dataset
        New name of each model and its scores over ``seed``, with a dimension ``model`` of size one or none.
    """
    single = [
        per_seed(row.squeeze("model", drop=True) if "model" in row.dims else row) for row in rows.values()
    ]
    return xr.concat(single, dim="model", combine_attrs="override").assign_coords(model=list(rows))


def verdict_table(claims: Mapping[str, ArrayLike | xr.DataArray], margin: float = 0.0) -> xr.Dataset:
    """Judge several claims "effect > margin" and list effect, interval and verdict along ``claim``.

    Parameters
    ----------
    claims : mapping of str to array_like, shape (seeds,)
        The claim in words and its effect for every seed.
    margin : float
        See `verdict`.
    """
    rows = {claim: verdict(effects, margin) for claim, effects in claims.items()}
    columns = {
        "effect": ("claim", [row.effect for row in rows.values()]),
        "low": ("claim", [row.low for row in rows.values()]),
        "high": ("claim", [row.high for row in rows.values()]),
        "verdict": ("claim", [row.word for row in rows.values()]),
    }
    return xr.Dataset(columns, {"claim": list(rows)})

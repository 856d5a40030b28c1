"""Rank the re-trained layers of a case, and say in a few numbers how its scores turned out."""

import math

import numpy as np
import xarray as xr

from tlfourier.closure.models import BASELINES
from tlfourier.doors import door
from tlfourier.scorecard.statistics import decide, depth_correlation, per_seed, single_layers

LEAST_GAP = 0.02
"""A gap below this part of the error without transfer is too small to speak of its parts."""


@door
def rank_layers(validation: xr.DataArray, test: xr.DataArray) -> xr.Dataset:
    """Rank single layers by an error over (layer, seed): chosen on validation, reported on the test block.

    Returns over ``layer``: ``rank`` (1 is the lowest mean validation error), ``mean`` and ``sd`` of the test
    error over seeds; over ``seed``: ``best``, the layer that this seed's validation block would choose.
    """
    rank = validation.mean("seed").argsort().values.argsort() + 1
    spread = test.std("seed", ddof=1) if test.sizes["seed"] > 1 else xr.full_like(test.mean("seed"), np.nan)
    best = validation["layer"].values[validation.transpose("seed", "layer").values.argmin(axis=1)]
    return xr.Dataset(
        {"rank": ("layer", rank), "mean": test.mean("seed"), "sd": spread, "best": ("seed", best)},
        {"layer": validation["layer"], "seed": validation["seed"]},
    )


@door
def chosen_layer(ranking: xr.Dataset) -> int:
    """Return the layer of rank 1."""
    return int(ranking["layer"].values[ranking["rank"].values == 1][0])


@door
def rivals(scores: xr.DataArray, best: int) -> list[int]:
    """List the layers that the seeds do not show to be worse than the best one, itself left out.

    ``scores`` are an error over (layer, seed), compared with the layer ``best`` by paired differences and
    Holm's correction over the other layers.
    """
    others = scores.drop_sel(layer=best)
    worse = _above_zero(others - scores.sel(layer=best, drop=True))
    return [int(layer) for layer in others["layer"].values if layer not in worse]


@door
def winners(scores: xr.DataArray, baseline: str) -> list[int]:
    """List the single layers that the seeds show to beat a baseline, one of the models.

    ``scores`` are an error over (model, seed), compared by paired differences and Holm's correction over the
    layers.
    """
    return _above_zero(scores.sel(model=baseline, drop=True) - single_layers(scores))


def _above_zero(differences: xr.DataArray) -> list[int]:
    """List the layers whose mean is shown to be positive, all layers being one family."""
    decisions = decide(list(differences.transpose("layer", "seed").values))
    layers = differences["layer"].values.tolist()
    return [layer for layer, found in zip(layers, decisions, strict=True) if found.side > 0]


@door
def closed_gap(scores: xr.DataArray, model: str) -> float:
    """Return the share of the distance from no transfer to scratch on all samples that a model closes.

    ``mean(none - model) / mean(none - scratch_all)`` over seeds, for an error over (model, seed).
    """
    none, own, aim = (scores.sel(model=name, drop=True) for name in ("none", model, "scratch_all"))
    return ((none - own).mean("seed") / (none - aim).mean("seed")).item()


@door
def headline(test: xr.Dataset, validation: xr.Dataset) -> xr.Dataset:
    """Reduce the scores of one case to the numbers that its story needs.

    Scores are over (model, seed[, snapshot]), of every baseline and every single layer. Layers are chosen on
    the validation block only; every error is that of the test block.

    Returns scalars. Relative RMSE, mean over seeds: one for each of `BASELINES`, ``best`` and ``worst`` for
    those layers. ``best_layer``, ``worst_layer``; ``rank_2``, the rank of layer 2 among the single layers,
    one is best; ``gap_layer``, ``gap_gain``, ``gap_all``: the part of the way from no transfer to a network
    trained on all target samples that the best layer, the output gain and all layers cover, NaN if there is
    no such gap to close (`LEAST_GAP`); ``depth``, the mean over seeds of Spearman's rank correlation of layer
    number and RMSE.
    """
    rmse = per_seed(test)["rmse"]
    mean = rmse.mean("seed")
    ranking = rank_layers(single_layers(per_seed(validation)["rmse"]), single_layers(rmse))
    order = ranking["layer"].sortby(ranking["rank"]).values
    models = {name: name for name in BASELINES} | {"best": str(order[0]), "worst": str(order[-1])}
    numbers = {name: float(mean.sel(model=model)) for name, model in models.items()}
    measurable = numbers["none"] - numbers["scratch_all"] > LEAST_GAP * numbers["none"]
    for name, model in {"layer": models["best"], "gain": "gain", "all": "all"}.items():
        numbers[f"gap_{name}"] = closed_gap(rmse, model) if measurable else math.nan
    numbers["depth"] = float(depth_correlation(single_layers(rmse)).mean())
    layers = {"best_layer": int(order[0]), "worst_layer": int(order[-1])}
    return xr.Dataset(numbers | layers | {"rank_2": int(ranking["rank"].sel(layer=2))})


@door
def part_in_words(part: float | xr.DataArray) -> str:
    """Write a part of a gap in percent, or that there is none, for a sentence "covers ... of the way"."""
    value = float(part)
    return f"{100 * value:.0f} %" if math.isfinite(value) else "no measurable part"


@door
def samples_to_catch_up(curve: xr.Dataset, model: str, other: str) -> int | None:
    """Return from how many samples on a model is no worse than another, in the mean over seeds; or None.

    ``curve`` has ``rmse`` over (percent, model, seed) and ``samples`` over percent, in ascending order.

    Examples
    --------
    >>> errors = [[[0.9], [0.5]], [[0.5], [0.45]], [[0.3], [0.4]]]
    >>> curve = xr.Dataset(
    ...     {"rmse": (("percent", "model", "seed"), errors), "samples": ("percent", [1, 10, 100])},
    ...     {"model": ["scratch_few", "2"]},
    ... )
    >>> samples_to_catch_up(curve, "scratch_few", "2")
    100
    """
    mean = curve["rmse"].mean("seed")
    behind = (mean.sel(model=model) > mean.sel(model=other)).values
    ahead = curve["samples"].values[~np.logical_or.accumulate(behind[::-1])[::-1]]
    return int(ahead[0]) if ahead.size else None

"""What the scores of one case say in a few numbers."""

import math

import xarray as xr

from tlfourier.scorecard.ranking import closed_gap, rank_layers
from tlfourier.scorecard.statistics import depth_correlation, per_seed, single_layers

BASELINES = ("none", "gain", "all", "scratch_few", "scratch_all")
LEAST_GAP = 0.02
"""A gap below this part of the error without transfer is too small to speak of its parts."""


def headline(test: xr.Dataset, validation: xr.Dataset) -> xr.Dataset:
    """Reduce the scores of one case to the numbers that its story needs.

    Parameters
    ----------
    test, validation : xr.Dataset
        Scores over (model, seed[, snapshot]) of every baseline and every single layer. Layers are chosen on
        the validation block only; every error is that of the test block.

    Returns
    -------
    xr.Dataset
        Scalars. Relative RMSE, mean over seeds: one for each of `BASELINES`, ``best`` and ``worst`` for those
        layers. ``best_layer``, ``worst_layer``; ``rank_2``, the rank of layer 2 among the single layers, one
        is best; ``gap_layer``, ``gap_gain``, ``gap_all``: the part of the way from no transfer to a network
        trained on all target samples that the best layer, the output gain and all layers cover, NaN if there
        is no such gap to close (`LEAST_GAP`); ``depth``, the mean over seeds of Spearman's rank correlation
        between a layer's number and its RMSE.
    """
    rmse, ranking = _ranked(test, validation)
    order = ranking["layer"].sortby(ranking["rank"]).values
    best, worst = str(order[0]), str(order[-1])
    numbers = {name: float(rmse.sel(model=name).mean()) for name in BASELINES}
    numbers |= {"best": float(rmse.sel(model=best).mean()), "worst": float(rmse.sel(model=worst).mean())}
    numbers |= {"best_layer": int(best), "worst_layer": int(worst)}
    numbers["rank_2"] = int(ranking["rank"].sel(layer=2))
    models = {"layer": best, "gain": "gain", "all": "all"}
    measurable = numbers["none"] - numbers["scratch_all"] > LEAST_GAP * numbers["none"]
    numbers |= {
        f"gap_{name}": closed_gap(rmse, model) if measurable else math.nan for name, model in models.items()
    }
    numbers["depth"] = float(depth_correlation(single_layers(rmse)).mean())
    return xr.Dataset(numbers)


def in_words(part: float | xr.DataArray) -> str:
    """Write a part of a gap in percent, or that there is none, for a sentence "covers ... of the way"."""
    value = float(part)
    return f"{100 * value:.0f} %" if math.isfinite(value) else "no measurable part"


def _ranked(test: xr.Dataset, validation: xr.Dataset) -> tuple[xr.DataArray, xr.Dataset]:
    """Return the test RMSE over (model, seed) and the single layers ranked on the validation block."""
    rmse = per_seed(test)["rmse"]
    return rmse, rank_layers(single_layers(per_seed(validation)["rmse"]), single_layers(rmse))

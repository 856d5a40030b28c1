"""State what is said of re-trained layers as effects, one number for each training seed."""

import numpy as np
import xarray as xr

from tlfourier.scorecard.statistics import depth_correlation, paired, single_layers, verdict


def rank_layers(validation: xr.DataArray, test: xr.DataArray) -> xr.Dataset:
    """Rank single layers by an error: chosen on the validation block, reported on the test block.

    Parameters
    ----------
    validation, test : xr.DataArray
        The same error (lower is better) over (layer, seed).

    Returns
    -------
    xr.Dataset
        Over ``layer``: ``rank`` (1 is the lowest mean validation error), ``mean`` and ``sd`` of the test
        error over seeds; over ``seed``: ``best``, the layer that this seed's validation block would choose.
    """
    order = validation.mean("seed").argsort().values
    rank = np.empty(order.size, dtype=int)
    rank[order] = np.arange(1, order.size + 1)
    spread = test.std("seed", ddof=1) if test.sizes["seed"] > 1 else xr.full_like(test.mean("seed"), np.nan)
    best = validation["layer"].values[validation.transpose("seed", "layer").values.argmin(axis=1)]
    return xr.Dataset(
        {"rank": ("layer", rank), "mean": test.mean("seed"), "sd": spread, "best": ("seed", best)},
        {"layer": validation["layer"], "seed": validation["seed"]},
    )


def chosen_layer(ranking: xr.Dataset) -> int:
    """Return the layer of rank 1."""
    return int(ranking["layer"].values[ranking["rank"].values == 1][0])


def rivals(scores: xr.DataArray, best: int) -> list[int]:
    """List the layers that the seeds do not show to be worse than the best one, itself left out.

    Parameters
    ----------
    scores : xr.DataArray
        An error over (layer, seed).
    best : int
        The layer to compare with, by `verdict` on the paired differences.
    """
    reference = scores.sel(layer=best)
    others = [int(layer) for layer in scores["layer"].values if layer != best]
    return [layer for layer in others if verdict(scores.sel(layer=layer) - reference).word != "supported"]


def winners(scores: xr.DataArray, baseline: str) -> list[int]:
    """List the single layers that the seeds show to beat a baseline.

    Parameters
    ----------
    scores : xr.DataArray
        An error over (model, seed).
    baseline : str
        Name of the model to compare with, by `verdict` on the paired differences.
    """
    layers = [int(layer) for layer in single_layers(scores)["layer"].values]
    return [layer for layer in layers if verdict(paired(scores, baseline, str(layer))).word == "supported"]


def layer_claims(scores: xr.DataArray, best: int) -> dict[str, xr.DataArray]:
    """State what is said of single layers as effects per seed, positive if the claim holds.

    Parameters
    ----------
    scores : xr.DataArray
        An error over (model, seed), with every single layer and every baseline.
    best : int
        The layer that the validation block chose.
    """
    last = int(single_layers(scores)["layer"].max())
    chosen = str(best)
    return {
        "the shallower, the better (rank correlation of error and depth)": depth_correlation(
            single_layers(scores)
        ),
        f"layer {best} beats no transfer": paired(scores, "none", chosen),
        f"layer {best} beats the output gain": paired(scores, "gain", chosen),
        f"layer {best} beats scratch on the same few samples": paired(scores, "scratch_few", chosen),
        f"layer 2 beats layer {last - 1}": paired(scores, str(last - 1), "2"),
        f"layer 2 beats layer {last}": paired(scores, str(last), "2"),
        f"all layers beat layer {best}": paired(scores, chosen, "all"),
        f"scratch on all samples beats layer {best}": paired(scores, chosen, "scratch_all"),
    }


def closed_gap(scores: xr.DataArray, model: str) -> float:
    """Return the share of the distance from no transfer to scratch on all samples that a model closes.

    ``mean(none - model) / mean(none - scratch_all)`` over seeds, for an error over (model, seed).
    """
    gained = paired(scores, "none", model).mean("seed")
    return (gained / paired(scores, "none", "scratch_all").mean("seed")).item()


def hidden_by_cc(scores: xr.Dataset, home: str, away: str) -> xr.DataArray:
    """Return by how much more the spectrum error changes than the correlation, from one model to another.

    ``(spectrum_error(away) / spectrum_error(home) - 1) - (1 - cc(away) / cc(home))`` per seed: growth
    of the one minus loss of the other, both as fractions. Positive: the spectrum
    shows the failure more than CC.

    Parameters
    ----------
    scores : xr.Dataset
        ``cc`` and ``spectrum_error`` over (model, seed).
    home, away : str
        The model on the flow that it knows, and on the other flow.
    """
    change = scores.sel(model=away, drop=True) / scores.sel(model=home, drop=True)
    return change["spectrum_error"] + change["cc"] - 2

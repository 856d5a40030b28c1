"""What the scores of one case say in a few numbers, and what they say of the papers' claims."""

import math
from collections.abc import Mapping

import xarray as xr

from tlfourier.closure.claims import chosen_layer, closed_gap, hidden_by_cc, rank_layers
from tlfourier.closure.verdicts import depth_correlation, paired, per_seed, single_layers, verdict_table

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


def paper_claims(test: xr.Dataset, validation: xr.Dataset, margin: float = 0.05) -> dict[str, xr.DataArray]:
    """Return, for each claim of the papers, an effect per seed that is positive where the claim holds.

    Parameters
    ----------
    test, validation : xr.Dataset
        As in `headline`.
    margin : float
        A layer equals all layers if its RMSE is higher by less than this part of the gap between no transfer
        and a network trained on all target samples.

    Returns
    -------
    dict of str to xr.DataArray
        Over ``seed``, for `tlfourier.closure.verdicts.verdict_table`. Effects are differences of relative
        RMSE, but for the second (see `hidden_by_cc`) and the third (a rank correlation).
    """
    rmse, ranking = _ranked(test, validation)
    best, last = str(chosen_layer(ranking)), str(int(ranking["layer"].max()))
    gap = paired(rmse, "none", "scratch_all")
    return {
        "without transfer the base network fails": gap,
        "the correlation alone hides it": hidden_by_cc(per_seed(test), "scratch_all", "none"),
        "the shallower the layer, the better": depth_correlation(single_layers(rmse)),
        "layer 2 beats the last layer": paired(rmse, last, "2"),
        "the best layer equals all layers": margin * gap - paired(rmse, best, "all"),
        "the best layer beats scratch on as few samples": paired(rmse, "scratch_few", best),
        "the best layer is more than a gain": paired(rmse, "gain", best),
    }


def papers_table(test: Mapping[str, xr.Dataset], validation: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Judge the claims of the papers in several cases.

    Parameters
    ----------
    test, validation : mapping of str to xr.Dataset
        Name of each case and its scores, as in `headline`.

    Returns
    -------
    xr.Dataset
        ``effect``, ``low``, ``high`` and ``verdict`` over (claim, case).
    """
    tables = [verdict_table(paper_claims(test[case], validation[case])) for case in test]
    return xr.concat(tables, dim="case").assign_coords(case=list(test)).transpose("claim", "case")


def in_words(part: float | xr.DataArray) -> str:
    """Write a part of a gap in percent, or that there is none, for a sentence "covers ... of the way"."""
    value = float(part)
    return f"{100 * value:.0f} %" if math.isfinite(value) else "no measurable part"


def _ranked(test: xr.Dataset, validation: xr.Dataset) -> tuple[xr.DataArray, xr.Dataset]:
    """Return the test RMSE over (model, seed) and the single layers ranked on the validation block."""
    rmse = per_seed(test)["rmse"]
    return rmse, rank_layers(single_layers(per_seed(validation)["rmse"]), single_layers(rmse))

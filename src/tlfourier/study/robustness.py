"""Read the ablations: what is left of the story when one choice is another."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from tlfourier.closure.models import BASELINES, layers_of
from tlfourier.scorecard.statistics import depth_correlation, single_layers
from tlfourier.study import tables
from tlfourier.study.ablations import RATES, few_layers, table_nodes, tried
from tlfourier.study.design import Results


def scores(study: Results) -> dict[str, xr.Dataset]:
    """Return the test scores of every ablation over (model, seed)."""
    return {one.name: tables.read(study, table_nodes(study.design, one)) for one in tried(study.design.spec)}


def summary(scores: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Say of every ablation of `scores` what is left of the story, mean over its seeds.

    Over ``variant``: ``none``, ``best`` and ``all``, relative RMSE; ``best_layer``; ``depth``, Spearman's ρ
    of error and depth over the layers that every ablation has; ``margin``, by how much the last layer is
    worse than layer 2; ``survives``, whether it is worse for every seed; and the relative RMSE of every rung
    below a layer that was tried, by its name.
    """
    rows = []
    for table in scores.values():
        rmse, single = table["rmse"], single_layers(table["rmse"])
        last = int(single["layer"].max())
        few = single.sel(layer=few_layers(last))
        mean, margin = single.mean("seed"), (single.sel(layer=last) - single.sel(layer=2)).dropna("seed")
        row = {name: rmse.sel(model=name).mean().item() for name in ("none", "all")} | {
            "best": mean.min().item(),
            "best_layer": int(mean["layer"][int(np.argmin(mean.values))]),
            "depth": depth_correlation(few).mean().item(),
            "margin": margin.mean().item(),
            "survives": bool((margin > 0).all()),
        }
        below = [
            name for name in map(str, table["model"].values) if name not in BASELINES and not layers_of(name)
        ]
        row |= {name: rmse.sel(model=name).mean().item() for name in below}
        rows.append(xr.Dataset(row))
    return xr.concat(rows, "variant").assign_coords(variant=list(scores))


def fair(study: Results) -> xr.DataArray:
    """Return the test error of every single layer at the learning rate that its validation block chooses.

    Over (layer, seed): a fair rate for each layer, not one for all.
    """
    rates = [one for one in tried(study.design.spec) if one.name in RATES]

    def errors(split: str) -> xr.DataArray:
        found = (tables.read(study, table_nodes(study.design, one, split)) for one in rates)
        return xr.concat([single_layers(table["rmse"]) for table in found], "rate")

    return errors("test").isel(rate=errors("validation").mean("seed").argmin("rate"))

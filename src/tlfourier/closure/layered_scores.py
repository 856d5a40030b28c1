"""Scores of a predicted subgrid term of layers: for each layer apart, and of all of them one number."""

import math

import torch
import xarray as xr

from tlfourier.closure.layered_pairs import LayeredPairs
from tlfourier.closure.scores import score
from tlfourier.doors import door
from tlfourier.shapes import Positive, Scalars

OF_LAYER = "_of_layer"
"""Behind the name of a score: that of each layer."""


@door
def score_layers(
    prediction: Scalars,
    truth: Scalars,
    psi: Scalars | None = None,
    q: Scalars | None = None,
    length: Positive = math.tau,
) -> xr.Dataset:
    """Score predicted subgrid terms of layers against the true ones, snapshot by snapshot.

    Every score of `tlfourier.closure.scores.score` is there twice: ``<name>_of_layer`` with a dimension
    ``layer``, from 1, and, if it is a number for each snapshot or for all, ``<name>`` over all layers: their
    mean, and for the error ``rmse = sqrt(mean over layers of rmse_of_layer**2)``, the root of the loss of
    Darman et al., ``(R_1**2 + R_2**2) / 2``, R relative to the layer's own Π. Raises ValueError as `score`,
    or for arrays without a dimension of layers.

    Parameters
    ----------
    prediction, truth : Tensor, shape (snapshots, layers, N, N)
        Subgrid term Π, in the same units.
    psi, q : Tensor, of the same shape, optional
        Filtered streamfunction and potential vorticity: add the transfers, see `score`.
    length : float
        Side of the domain.
    """
    given = {"prediction": prediction, "truth": truth, "psi": psi, "omega": q}
    fields = {name: values for name, values in given.items() if values is not None}
    for name, values in fields.items():
        if values.ndim != 4 or values.shape[1] != truth.shape[1]:
            accepted = "(snapshots, layers, N, N), alike for all"
            raise ValueError(f"{name} of shape {tuple(values.shape)}: accepted is {accepted}")
    each = [
        score(**{name: values[:, layer] for name, values in fields.items()}, length=length)
        for layer in range(truth.shape[1])
    ]
    layers = xr.concat(each, xr.Variable("layer", range(1, len(each) + 1)), combine_attrs="override")
    alone = [name for name, values in layers.items() if set(values.dims) <= {"layer", "snapshot"}]
    whole = layers[alone].mean("layer", keep_attrs=True)
    whole["rmse"] = ((layers["rmse"] ** 2).mean("layer") ** 0.5).assign_attrs(layers["rmse"].attrs)
    return whole.merge(layers.rename({name: f"{name}{OF_LAYER}" for name in layers.data_vars}))


@door
def of_layer(scores: xr.Dataset, layer: int) -> xr.Dataset:
    """Return the scores of one layer, counted from 1, by their plain names, as those of a flow of one layer.

    Raises ValueError if there is no such layer.
    """
    there = scores["layer"].values.tolist() if "layer" in scores.coords else []
    if layer not in there:
        raise ValueError(
            f"layer={layer}: these scores have the layers {', '.join(map(str, there)) or 'none'}"
        )
    names = [str(name) for name in scores.data_vars if str(name).endswith(OF_LAYER)]
    chosen = scores[names].sel(layer=layer, drop=True)
    return chosen.rename({name: name.removesuffix(OF_LAYER) for name in names})


@door
def layered_fields(pairs: LayeredPairs) -> dict[str, torch.Tensor]:
    """Return psi, q and sgs of pairs as tensors, shape (snapshots, layers, N, N)."""
    ordered = pairs.transpose("time", "layer", "y", "x", missing_dims="ignore")
    return {name: torch.as_tensor(ordered[name].values) for name in ("psi", "q", "sgs")}

"""Count the filter types of all kernels of a network, beside both null models."""

from typing import Annotated, TypeAlias

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.fourier.filter_types import Rule, class_fractions, classify
from tlfourier.fourier.kernels import as_kernels, conv_layers, places, weight_of
from tlfourier.fourier.surrogates import phase_randomised
from tlfourier.limits import Holds
from tlfourier.shapes import Count, Ordered, Seed

Shares: TypeAlias = Annotated[xr.Dataset, Holds("trained", "initial", "randomised", "kernels", "type")]


@door
def kernel_types(network: nn.Module, rule: Rule | None = None) -> xr.DataArray:
    """Return the filter type of every kernel of a network, along ``kernel``.

    ``network``: any module with ``Conv2d`` layers; their kernels may differ in size. ``rule``: thresholds of
    `classify`. The result has the dimension ``kernel`` with coordinates ``layer``, ``output``, ``input``
    (channels from 0).

    Examples
    --------
    >>> layer = nn.Conv2d(1, 2, 3)
    >>> layer.weight.data = layer.weight.data.new_tensor([[[[1, 1, 1]] * 3], [[[1, 0, -1]] * 3]])
    >>> kernel_types(layer).values.tolist()
    ['low-pass', 'gabor']
    """
    parts = []
    for name, layer in conv_layers(network).items():
        labels = classify(weight_of(layer), rule)
        parts.append(xr.DataArray(labels.ravel(), places(name, *labels.shape), "kernel", "type"))
    return xr.concat(parts, "kernel")


@door
def fractions_with_nulls(
    weights: Tensor | ArrayLike,
    initial: Tensor | ArrayLike,
    rule: Rule | None = None,
    seed: Seed = 0,
    draws: Count = 5,
) -> xr.Dataset:
    """Return the class fractions of kernels beside those of both null models.

    Parameters
    ----------
    weights : Tensor or array_like, shape (..., k, k)
        Trained kernels.
    initial : Tensor or array_like, shape (..., k, k)
        Kernels of the same network at initialisation, from one or several seeds.
    rule : Rule, optional
        Thresholds of `classify`.
    seed : int
        Seed of the random phases.
    draws : int
        Number of phase-randomised copies, at least one (else ValueError).

    Returns
    -------
    Dataset
        ``trained``, ``initial`` (type), ``randomised`` (draw, type), and ``kernels``, how many were counted.
    """
    if draws < 1:
        raise ValueError(f"draws={draws}: at least 1 phase-randomised copy is needed")
    copies = [classify(phase_randomised(weights, seed + draw), rule) for draw in range(draws)]
    labels = classify(weights, rule)
    return xr.Dataset(
        {
            "trained": class_fractions(labels),
            "initial": class_fractions(classify(initial, rule)),
            "randomised": xr.concat([class_fractions(c) for c in copies], "draw"),
            "kernels": labels.size,
        },
        {"draw": np.arange(draws)},
    )


@door
def network_fractions(
    network: nn.Module, initial: nn.Module, rule: Rule | None = None, seed: Seed = 0, draws: Count = 5
) -> xr.Dataset:
    """Return `fractions_with_nulls` of every layer, and of all kernels together.

    ``network``, ``initial``: the trained network, and one of the same architecture (else ValueError) at
    initialisation. ``rule``, ``seed``, ``draws``: as for `fractions_with_nulls`. The result has ``trained``,
    ``initial`` (layer, type), ``randomised`` (layer, draw, type), ``kernels`` (layer); the last entry of
    ``layer`` is ``"all"``, the mean weighted with the number of kernels.
    """
    trained, fresh = conv_layers(network), conv_layers(initial)
    has, needs = ({key: tuple(weight_of(m).shape) for key, m in net.items()} for net in (fresh, trained))
    if has != needs:
        raise ValueError(f"initial has layers {has}: network has {needs}")
    parts = [
        fractions_with_nulls(
            as_kernels(weight_of(trained[n])), as_kernels(weight_of(fresh[n])), rule, seed, draws
        )
        for n in trained
    ]
    layers = xr.concat(parts, "layer").assign_coords(layer=list(trained))
    total = layers.weighted(layers.kernels).mean("layer").assign(kernels=layers.kernels.sum())
    return xr.concat([layers, total.assign_coords(layer="all")], "layer")


@door
def against_nulls(fractions: Shares, errors: Ordered = 3.0) -> xr.Dataset:
    """Say for every filter type whether its share differs from both null models.

    A share is above both nulls if it exceeds the larger by more than ``errors`` standard errors
    ``sqrt(2 p (1 - p) / kernels)`` of a difference, below both if it falls short of the smaller by as much,
    and not distinct otherwise. The kernels of one network are not independent, so a close call is none.

    ``fractions``: from `fractions_with_nulls`, or one layer of `network_fractions`. ``errors``: standard
    errors that count as a difference, fixed before looking. The result is over ``type``: ``trained``,
    ``initial``, ``randomised`` (mean of the draws), ``excess`` over the nearer null (0 between the nulls) and
    ``verdict``.
    """
    nulls = xr.concat([fractions.initial, fractions.randomised.mean("draw")], "null")
    low, high = nulls.min("null"), nulls.max("null")
    trained = fractions.trained
    excess = (trained - high).clip(min=0) + (trained - low).clip(max=0)
    pooled = (trained + xr.where(trained > high, high, low)) / 2
    margin = errors * np.sqrt(2 * pooled * (1 - pooled) / fractions.kernels)
    words = np.select(
        [excess > margin, excess < -margin], ["above both nulls", "below both nulls"], "not distinct"
    )
    shares = {"trained": trained, "initial": nulls[0], "randomised": nulls[1], "excess": excess}
    return xr.Dataset(shares, {"type": trained["type"]}).assign(verdict=("type", words))


@door
def types_that_are(found: Annotated[xr.Dataset, Holds("type", "verdict")], verdict: str) -> str:
    """Name the filter types with a verdict, for a sentence: ``"low-pass, gabor"``, or ``"none"``.

    ``found``: from `against_nulls`. ``verdict``: ``"above both nulls"``, ``"below both nulls"``
    or ``"not distinct"``.
    """
    pairs = zip(found["type"].values.tolist(), found["verdict"].values.tolist(), strict=True)
    return ", ".join(name for name, word in pairs if word == verdict) or "none"

"""Weigh filter types with what a network loses without each kernel: the causal reading of a census."""

import copy
from collections.abc import Callable
from typing import Annotated, TypeAlias

import numpy as np
import torch
import xarray as xr
from torch import nn

from tlfourier.doors import door
from tlfourier.fourier.filter_types import LABELS, Rule, classify
from tlfourier.fourier.kernels import check_plain, conv_layers, places, weight_of
from tlfourier.fourier.type_fractions import counted
from tlfourier.limits import Holds
from tlfourier.shapes import Count, Seed

Error: TypeAlias = Callable[[nn.Module], float]


@door
def kernel_importance(
    network: nn.Module, error_in: Callable[[int], Error], most: Count = 256, seed: Seed = 0
) -> xr.Dataset:
    """Return the skill that is lost when a single kernel is zero, kernel by kernel: exact, no gradient.

    ``lost = error(with the kernel zero) - error(network)``; below zero where the network is better without.
    Of a layer with more than ``most`` kernels as many are drawn at random. The cost is one error for each.

    Raises ValueError if the weights of a layer are computed from others.

    Parameters
    ----------
    network : nn.Module
        Any module with ``Conv2d`` layers; it is left as it is.
    error_in : callable
        ``error_in(l)`` returns an error function, lower is better, for networks that differ from this one
        in layer l alone, counted from one. It is asked for once a layer, so it can keep what the layers
        below give.
    most : int
        Kernels of one layer to try.
    seed : int
        Of their choice.

    Returns
    -------
    Dataset
        Over ``kernel`` with coordinates ``layer`` (name), ``output``, ``input`` (channels from 0): ``lost``,
        and ``stands_for``, the number of kernels of the layer over that of those tried.

    Examples
    --------
    >>> layer = nn.Conv2d(2, 1, 5)
    >>> layer.weight.data[0, 1] = 0
    >>> found = kernel_importance(layer, lambda number: lambda one: -one.weight.abs().sum().item())
    >>> (found["lost"] > 0).values.tolist()
    [True, False]
    """
    tried, parts, random = copy.deepcopy(network), [], np.random.default_rng(seed)
    for number, (name, layer) in enumerate(conv_layers(tried).items(), start=1):
        check_plain(layer, name)
        outputs, inputs = layer.weight.shape[:2]
        count = outputs * inputs
        chosen = np.sort(random.permutation(count)[:most])
        error = error_in(number)
        start = error(tried)
        lost = [_without(tried, layer, *divmod(int(one), inputs), error) - start for one in chosen]
        rows = {"lost": ("kernel", lost), "stands_for": ("kernel", np.full(len(lost), count / len(lost)))}
        place = {key: (dim, values[chosen]) for key, (dim, values) in places(name, outputs, inputs).items()}
        parts.append(xr.Dataset(rows, place))
    return xr.concat(parts, "kernel")


@door
def importance_fractions(
    network: nn.Module,
    importance: Annotated[xr.Dataset, Holds("lost", "stands_for", "layer", "output", "input")],
    rule: Rule | None = None,
) -> xr.Dataset:
    """Return the class fractions of a network's kernels, each counted with the skill that is lost without it.

    ``sum of max(lost, 0) of a type / sum of max(lost, 0)``; without which the network is no worse, a kernel
    counts nothing. Raises ValueError for kernels smaller than 5 x 5.

    ``network``: the one that was looked into. ``importance``: from `kernel_importance`. ``rule``: thresholds
    of `classify`. The result has ``by_importance`` (layer, type), NaN in layers where no kernel counts;
    ``counted`` (layer), the share of the kernels tried that count; ``tried`` (layer), how many. In the last
    entry of ``layer``, ``"all"``, each kernel stands for as many as it was drawn from.
    """
    types, parts = [], []
    for name, layer in conv_layers(network).items():
        weights = weight_of(layer)
        counted(weights)
        row = importance.isel(kernel=importance["layer"].values == name)
        types.append(classify(weights[row["output"].values, row["input"].values], rule))
        parts.append(row)
    rows = [*zip(types, parts, strict=True), (np.concatenate(types), xr.concat(parts, "kernel"))]
    shares = [_weighted(labels, row) for labels, row in rows]
    return xr.concat(shares, "layer").assign_coords(layer=[*conv_layers(network), "all"])


def _without(network: nn.Module, layer: nn.Conv2d, output: int, channel: int, error: Error) -> float:
    """Return the error of a network while one kernel is zero."""
    with torch.no_grad():
        kernel = layer.weight[output, channel]
        kept = kernel.clone()
        kernel.zero_()
        found = error(network)
        kernel.copy_(kept)
    return found


def _weighted(labels: np.ndarray, row: xr.Dataset) -> xr.Dataset:
    """Return the shares of types weighted with the skill that is lost."""
    lost = row["lost"].values.clip(min=0) * row["stands_for"].values
    whole = lost.sum()
    shares = [lost[labels == name].sum() / whole if whole > 0 else np.nan for name in LABELS]
    found = {"by_importance": ("type", shares), "counted": float(np.mean(lost > 0)), "tried": lost.size}
    return xr.Dataset(found, {"type": list(LABELS)})

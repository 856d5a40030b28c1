"""Count the filter types of all kernels of a network, beside both null models."""

from collections.abc import Callable
from functools import lru_cache
from typing import Annotated, TypeAlias

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.fourier.filter_types import Rule, class_fractions, classify
from tlfourier.fourier.kernels import as_kernels, conv_layers, places, weight_of
from tlfourier.fourier.surrogates import phase_randomised
from tlfourier.limits import Holds
from tlfourier.shapes import Count, GridSize, Ordered, Seed

SMALLEST = 5
"""The smallest kernels of which types are counted: half of all 3 x 3 white noise would be given one."""

NOISE = 20_000
"""Kernels of white noise by which the rule is tried: a standard error of 0.0016 for a rate of 0.05."""

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

    Raises ValueError for kernels smaller than 5 x 5, of which there is no census, and for zeros alone.

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
        ``by_norm`` (type): the trained kernels counted with the weight ``||W||_F``. ``noise`` (type): what
        the rule finds in white noise of that size, `noise_fractions`.
    """
    if draws < 1:
        raise ValueError(f"draws={draws}: at least 1 phase-randomised copy is needed")
    kernels = as_kernels(weights)
    noise = noise_fractions(counted(kernels), rule)
    labels = classify(kernels, rule)
    return xr.Dataset(
        {
            "trained": class_fractions(labels),
            "initial": class_fractions(classify(initial, rule)),
            "randomised": repeated(phase_randomised, kernels, rule, seed, draws),
            "by_norm": class_fractions(labels, kernels.norm(dim=(-2, -1)).numpy()),
            "noise": noise,
            "kernels": labels.size,
        },
        {"draw": np.arange(draws)},
    )


@door
def repeated(
    null: Callable[[Tensor, int], Tensor], weights: Tensor, rule: Rule | None, seed: Seed, draws: Count
) -> xr.DataArray:
    """Return the class fractions (draw, type) of kernels that ``null(weights, seed + draw)`` makes."""
    copies = [class_fractions(classify(null(weights, seed + draw), rule)) for draw in range(draws)]
    return xr.concat(copies, "draw")


@door
def counted(weights: Tensor | ArrayLike) -> int:
    """Return the size k of kernels, or refuse to count the types of smaller ones than 5 x 5 (ValueError).

    ``weights`` of shape (..., k, k). The 13 independent powers of a 3 x 3 kernel do not hold the types apart
    from noise: `false_positive_rate` is 0.5 there, 0.06 for 5 x 5.
    """
    size = as_kernels(weights).shape[-1]
    if size < SMALLEST:
        reason = "smaller ones are given a type too often by chance to be counted"
        raise ValueError(f"kernels of {size} x {size}: at least {SMALLEST} x {SMALLEST} is needed, {reason}")
    return size


@door
def noise_fractions(kernel_size: GridSize, rule: Rule | None = None) -> xr.DataArray:
    """Return the class fractions of kernels of white noise, dimension ``type``.

    ``kernel_size``: k, points per side. ``rule``: thresholds of `classify`. Of `NOISE` Gaussian kernels,
    always the same.
    """
    return _noise_fractions(kernel_size, rule or Rule()).copy()


@lru_cache(maxsize=32)
def _noise_fractions(kernel_size: int, rule: Rule) -> xr.DataArray:
    generator = torch.Generator().manual_seed(0)
    shape = (NOISE, kernel_size, kernel_size)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return class_fractions(classify(noise, rule))


@door
def false_positive_rate(kernel_size: GridSize, rule: Rule | None = None) -> float:
    """Return the share of white-noise kernels to which the rule gives one of the four types.

    What a share of types is to be read beside. ``kernel_size``: k, points per side. ``rule``: thresholds of
    `classify`.

    Examples
    --------
    >>> [round(false_positive_rate(size), 1) for size in (3, 5, 7)]
    [0.5, 0.1, 0.0]
    """
    return 1 - noise_fractions(kernel_size, rule).sel(type="unclassified").item()


@door
def network_fractions(
    network: nn.Module, initial: nn.Module, rule: Rule | None = None, seed: Seed = 0, draws: Count = 5
) -> xr.Dataset:
    """Return `fractions_with_nulls` of every layer, and of all kernels together.

    ``network``, ``initial``: the trained network, and one of the same architecture (else ValueError) at
    initialisation. ``rule``, ``seed``, ``draws``: as for `fractions_with_nulls`. The result has ``trained``,
    ``initial``, ``by_norm``, ``noise`` (layer, type), ``randomised`` (layer, draw, type), ``kernels``
    (layer); the last entry of ``layer`` is ``"all"``, the mean weighted with the number of kernels.
    """
    return by_layer(network, initial, lambda w, w0: fractions_with_nulls(w, w0, rule, seed, draws))


@door
def by_layer(
    network: nn.Module, initial: nn.Module, look: Callable[[Tensor, Tensor], xr.Dataset]
) -> xr.Dataset:
    """Return what ``look(W, W_0)`` finds in every layer, and its mean over all kernels, layer ``"all"``.

    ``network``, ``initial``: the trained network, and one of the same architecture (else ValueError) at
    initialisation. ``look`` gives a Dataset in which ``kernels`` is how many there are: the mean is weighted
    with it.
    """
    trained, fresh = conv_layers(network), conv_layers(initial)
    has, needs = ({key: tuple(weight_of(m).shape) for key, m in net.items()} for net in (fresh, trained))
    if has != needs:
        raise ValueError(f"initial has layers {has}: network has {needs}")
    parts = [look(as_kernels(weight_of(trained[n])), as_kernels(weight_of(fresh[n]))) for n in trained]
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

"""Measure what re-training changed in every kernel, and put single kernels back."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.fourier.kernels import (
    as_kernels,
    check_plain,
    conv_layers,
    half_weights,
    kernel_spectrum,
    numbered,
    places,
    weight_of,
)
from tlfourier.limits import Holds
from tlfourier.numeric import as_tensor
from tlfourier.shapes import Count, GridSize


@door
def kernel_change(before: Tensor | ArrayLike, after: Tensor | ArrayLike, size: GridSize = 32) -> xr.Dataset:
    """Return ``||W' - W||_F`` and ``|| |F(W')| - |F(W)| ||_F / N`` of every kernel.

    The division by N makes the two comparable (Parseval): the change of the amplitudes is at most that of the
    weights, and equals it when no phase changes.

    ``before``, ``after`` of shape (..., out, in, k, k): finite weights of the same layer, else ValueError.
    ``size``: N, the grid on which the amplitudes are compared. The result has ``delta_weight`` and
    ``delta_amplitude``, dimensions (output, input).
    """
    first, second = as_kernels(before), as_kernels(after)
    if first.shape != second.shape or first.ndim != 4:
        raise ValueError(
            f"before {tuple(first.shape)}, after {tuple(second.shape)}: both must be (out, in, k, k)"
        )
    columns = half_weights(size)
    weight = torch.linalg.vector_norm(second - first, dim=(-2, -1))
    # One output channel at a time: the padded spectra of a whole layer need gigabytes.
    amplitude = torch.stack(
        [
            ((kernel_spectrum(b, size).abs() - kernel_spectrum(a, size).abs()).square() @ columns).sum(-1)
            for a, b in zip(first, second, strict=True)
        ]
    ).sqrt()
    dims = ("output", "input")
    return xr.Dataset(
        {
            "delta_weight": (dims, weight.numpy(), {"long_name": "‖ΔW‖"}),
            "delta_amplitude": (dims, (amplitude / size).numpy(), {"long_name": "‖Δ|F(W)|‖ / N"}),
        }
    )


@door
def network_change(before: nn.Module, after: nn.Module, size: GridSize = 32) -> xr.Dataset:
    """Return `kernel_change` of all kernels of two networks of one architecture, along ``kernel``.

    ``before``, ``after``: networks with the same ``Conv2d`` layers, else ValueError. ``size``: as for
    `kernel_change`. The result has the dimension ``kernel`` with coordinates ``layer``, ``output``, ``input``
    (channels from 0).
    """
    first, second = conv_layers(before), conv_layers(after)
    if list(first) != list(second):
        raise ValueError(f"after has layers {', '.join(second)}: before has {', '.join(first)}")
    changes = []
    for name in first:
        change = kernel_change(weight_of(first[name]), weight_of(second[name]), size)
        flat = change.stack(kernel=("output", "input"), create_index=False)
        changes.append(flat.assign_coords(places(name, change.sizes["output"], change.sizes["input"])))
    return xr.concat(changes, "kernel")


@door
def layer_changes(base: nn.Module, networks: Mapping[int, nn.Module], size: GridSize = 32) -> xr.Dataset:
    """Measure how much each re-trained layer changed, one network for each layer.

    Raises ValueError without networks.

    Parameters
    ----------
    base : nn.Module
        The network before re-training.
    networks : mapping of int to nn.Module
        Layer, counted from one (else ValueError), and the network in which it was re-trained.
    size : int
        As for `kernel_change`.

    Returns
    -------
    Dataset
        Over ``layer``: ``weight``, ``||W' - W|| / ||W||`` of the whole layer; ``amplitude``, the same for
        ``|F(W)|``; ``gini``, how unequally ``||W' - W||`` is spread over its kernels.
    """
    if not networks:
        raise ValueError("networks={}: at least one re-trained network is needed")
    rows = []
    for number, network in networks.items():
        before, after = (weight_of(numbered(one, number)) for one in (base, network))
        change, norm = kernel_change(before, after, size), as_kernels(before).norm().item()
        lengths = [float(np.linalg.norm(change[name])) / norm for name in ("delta_weight", "delta_amplitude")]
        rows.append((*lengths, gini(change["delta_weight"])))
    table = dict(zip(("weight", "amplitude", "gini"), np.array(rows).T, strict=True))
    return xr.Dataset({key: ("layer", values) for key, values in table.items()}, {"layer": list(networks)})


@door
def strongest_changes(
    before: Tensor | ArrayLike, after: Tensor | ArrayLike, count: Count = 6
) -> tuple[Tensor, Tensor]:
    """Return the ``count`` kernels of a layer with the largest ``||W' - W||``, before and after, in order.

    ``before``, ``after`` of shape (out, in, k, k): weights of the same layer. ``count``: how many; fewer come
    back where the layer holds fewer. Raises ValueError for weights that differ in shape.
    """
    first, second = (as_kernels(weights).flatten(0, -3) for weights in (before, after))
    if first.shape != second.shape or count < 1:
        shapes = f"before {tuple(first.shape)}, after {tuple(second.shape)}, count={count}"
        raise ValueError(f"{shapes}: kernels of one shape are needed, and at least one is asked for")
    order = (second - first).square().sum((-2, -1)).argsort(descending=True, stable=True)[:count]
    return first[order], second[order]


@door
def gini(values: ArrayLike) -> float:
    """Return the Gini coefficient: 0 when all values are equal, (n - 1) / n when one holds everything.

    ``sum_i (2 i - n - 1) x_i / (n sum x)`` with x sorted ascending, i = 1 .. n; 0 if all values are zero.

    Raises ValueError if there is no value, or one is negative or not finite.
    """
    x = np.sort(as_tensor(values, "values").detach().double().numpy().ravel())
    if x.size == 0 or not np.isfinite(x).all() or x[0] < 0:
        raise ValueError(f"values={x[:1]}...: the Gini coefficient needs finite numbers >= 0, at least one")
    weights = 2 * np.arange(1, x.size + 1) - x.size - 1
    return float(weights @ x / (x.size * x.sum())) if x.sum() > 0 else 0.0


@door
def most_changed(change: ArrayLike, percentile: float = 99.9) -> NDArray[np.bool_]:
    """Return where the change lies above its percentile, in the shape of ``change``.

    ``percentile``: in percent, between 0 and 100 (else ValueError).
    """
    if not 0 <= percentile <= 100:
        raise ValueError(f"percentile={percentile}: it must lie between 0 and 100")
    values = as_tensor(change, "change").detach().double().numpy()
    if not values.size:
        raise ValueError(f"change of shape {values.shape}: at least one number is needed")
    return np.asarray(values > np.percentile(values, percentile))


@door
def put_back(network: nn.Module, base: nn.Module, kernels: Annotated[xr.Dataset, Holds("layer")]) -> None:
    """Give the listed kernels of ``network`` the weights they have in ``base``, in place.

    ``network``, ``base``: networks of one architecture. ``kernels``: rows of `network_change`, for example
    ``change.isel(kernel=most_changed(change.delta_weight))``. Raises ValueError for networks that differ, or
    weights that are computed from others.
    """
    changed, original = conv_layers(network), conv_layers(base)
    weights: dict[str, Tensor] = {}
    for name in map(str, np.unique(kernels.layer.values)):
        if name not in changed or name not in original:
            raise ValueError(f"layer {name}: both networks need it, they have {', '.join(changed)}")
        check_plain(changed[name], name)
        weights[name] = weight_of(original[name])
        shapes = [tuple(changed[name].weight.shape), tuple(weights[name].shape)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f"layer {name} has weights of shape {shapes[0]}, in base {shapes[1]}: one is needed"
            )
    rows = zip(kernels.layer.values, kernels.output.values, kernels.input.values, strict=True)
    with torch.no_grad():
        for layer, output, channel in rows:
            changed[str(layer)].weight[output, channel] = weights[str(layer)][output, channel]

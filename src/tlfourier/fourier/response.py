"""Put what a layer amplifies and what its data contain on one axis, the wavenumber."""

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.flow.summary import log_ratio
from tlfourier.fourier.activations import activation_spectra, shell_means
from tlfourier.fourier.kernels import as_kernels, numbered, weight_of
from tlfourier.limits import Holds
from tlfourier.shapes import Activation, GridSize

OverK: TypeAlias = Annotated[xr.DataArray, Holds("k")]


@door
def layer_response(weights: Tensor | ArrayLike, size: GridSize) -> xr.DataArray:
    """Return ``sum |F(W)|**2`` over all kernels of a layer, averaged over the directions of each wavenumber.

    It is the factor by which the layer multiplies the power of white, mutually independent inputs.

    ``weights`` of shape (out, in, k, k): kernels of one layer. ``size``: N, points per direction of the grid,
    at least one, else ValueError; a larger kernel wraps around it.
    The result is over ``k`` = 0, 1, ..., N // 2 waves per box.
    """
    if size < 1:
        raise ValueError(f"size={size}: a grid has at least one point")
    kernels = as_kernels(weights)
    # On a periodic grid what reaches beyond it comes in again on the other side.
    laps = -(-kernels.shape[-1] // size)
    room = laps * size - kernels.shape[-1]
    wrapped = nn.functional.pad(kernels, (0, room, 0, room))
    wrapped = wrapped.unflatten(-1, (laps, size)).sum(-2).unflatten(-2, (laps, size)).sum(-3)
    rows = [torch.fft.rfft2(part).abs().square().sum(0) for part in wrapped.flatten(0, -4)]
    return _over_k(shell_means(torch.stack(rows).sum(0), size), "sum of |F(W)|²")


@door
def mean_amplitude(fields: Float[Tensor, "... n n"]) -> xr.DataArray:
    """Return the mean of ``|F(field)| / N**2`` over fields and over the directions of each wavenumber.

    ``fields``: samples and channels of one kind.
    """
    size = fields.shape[-1]
    amplitude = torch.fft.rfft2(fields.double()).abs() / size**2
    return _over_k(shell_means(amplitude.flatten(0, -3).mean(0), size), "mean |F| / N²")


@door
def response_changes(base: nn.Module, networks: Mapping[int, nn.Module], size: GridSize) -> xr.DataArray:
    """Return the `log_ratio` of each re-trained layer's response after and before, one network a layer.

    Dimensions (layer, k). Raises ValueError for a layer that a network does not have.

    Raises ValueError without networks.

    Parameters
    ----------
    base : nn.Module
        The network before re-training.
    networks : mapping of int to nn.Module
        Layer, counted from one, and the network in which it was re-trained.
    size : int
        N, as for `layer_response`.
    """
    if not networks:
        raise ValueError("networks={}: at least one re-trained network is needed")
    rows = []
    for number, network in networks.items():
        before, after = (weight_of(numbered(one, number)) for one in (base, network))
        rows.append(log_ratio(layer_response(after, size), layer_response(before, size)))
    return xr.concat(rows, "layer").assign_coords(layer=list(networks))


@door
def entering_changes(module: nn.Module, before: Activation, after: Activation) -> xr.DataArray:
    """Return how the spectra that enter each layer differ between two sets of inputs of one network.

    ``module``: ``Conv2d`` layers in a row with ReLU between them. ``before``, ``after`` of shape (sample,
    channel, N, N): two sets of inputs, say of the base flow and of the target. The result has dimensions
    (layer, k): `log_ratio` of the mean amplitudes; layers counted from one, the first is entered by the
    inputs.
    """
    spectra = [activation_spectra(module, inputs).amplitude.sel(stage="after") for inputs in (after, before)]
    hidden = log_ratio(*spectra)[:-1]
    first = log_ratio(mean_amplitude(after), mean_amplitude(before))
    rows = [first, *(row.drop_vars(["layer", "stage"]) for row in hidden)]
    return xr.concat(rows, "layer").assign_coords(layer=np.arange(1, len(rows) + 1))


@door
def agreement(first: OverK, second: OverK) -> xr.DataArray:
    """Return Pearson's correlation of two curves over their common wavenumbers.

    The wavenumbers are no independent samples, for both curves are smooth: this is a description, not a test.

    ``first``, ``second``: over ``k``, with at least three wavenumbers in common (else ValueError), and any
    further dimensions, which are kept.
    """
    first, second = xr.align(first, second, join="inner")
    if first.sizes["k"] < 3:
        raise ValueError(f"{first.sizes['k']} common wavenumbers: a correlation needs at least 3")
    return xr.corr(first, second, "k").rename("correlation")


@door
def relation(
    correlation: float, clear: float = 0.5
) -> Literal["in line with", "opposite to", "unrelated to"]:
    """Say how two curves go together: unrelated if ``abs(correlation) < clear``.

    ``correlation`` is from `agreement` (ValueError if it is none); ``clear`` is the smallest that counts,
    fixed before looking.
    """
    if not abs(correlation) <= 1 + 1e-9:
        raise ValueError(f"correlation={correlation}: it must lie between -1 and 1")
    if abs(correlation) < clear:
        return "unrelated to"
    return "in line with" if correlation > 0 else "opposite to"


@door
def spectral_gaps(spectra: xr.Dataset, reference: xr.Dataset) -> xr.DataArray:
    """Return by how many powers of ten activations are stronger than in a reference network.

    ``mean over k > 0 of log10(amplitude / reference)``; negative where the network underestimates.

    ``spectra, reference`` is from `activation_spectra`, same layers and inputs. The result is over (layer,
    stage); NaN after the last layer, which has no nonlinearity.
    """
    ratio = log_ratio(spectra["amplitude"], reference["amplitude"])
    return ratio.mean("k").rename("gap")


def _over_k(values: Tensor, text: str) -> xr.DataArray:
    """Put one number per shell on the axis of k."""
    k = xr.Variable("k", np.arange(len(values)), {"long_name": "wavenumber", "units": "waves per box"})
    return xr.DataArray(values.numpy(), {"k": k}, ("k",), attrs={"long_name": text})

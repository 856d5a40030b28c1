"""Swap the masks of two networks' ReLUs: what of a change of spectra is the mask's, what the field's.

``g = ReLU(h) = H(h) h`` multiplies the field h by its mask H of zeros and ones, the one operation of a
network that moves energy between wavenumbers. Between two networks both change; the mask of the one on the
field of the other tells them apart.
"""

from typing import Annotated

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.fourier.activations import shell_means
from tlfourier.fourier.kernels import conv_layers, run_once
from tlfourier.limits import Holds
from tlfourier.modules import as_tensor, check_finite
from tlfourier.shapes import Activation, Batch

NETWORKS = ("first", "second")


@door
def mask_swap(first: nn.Module, second: nn.Module, inputs: Activation, batch_size: Batch = 16) -> xr.Dataset:
    """Return the power spectra of every mask on every field, layer by layer.

    ``mean |F(H_a h_b)|**2 / N**4`` over samples, channels and the wavenumbers of each shell, for the mask
    ``H_a = (h_a > 0)`` of network a on the pre-activation ``h_b`` of network b.

    Raises ValueError: no sample or one that is not finite, a layer that runs never or more than once per
    pass, layers that differ, or no layer with a ReLU.

    Parameters
    ----------
    first, second : nn.Module
        Networks of one architecture: ``Conv2d`` layers of square fields with ReLU between them.
    inputs : Tensor, shape (sample, channel, N, N)
        What both are given.
    batch_size : int
        Samples per forward pass.

    Returns
    -------
    Dataset
        ``power`` (layer, mask, field, k) with ``mask`` and ``field`` ``"first"`` or ``"second"``; ``linear``
        (layer, field, k), the control: the mask replaced by its mean over the field, which moves nothing;
        shells that a coarser layer does not have are NaN;
        ``agreement`` (layer), the share of points where the masks are equal. The last layer has no ReLU and
        is left out.

    Examples
    --------
    >>> def network():
    ...     return nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 1, 1))
    >>> swapped = mask_swap(network(), network(), torch.randn(2, 1, 16, 16))
    >>> dict(swapped["power"].sizes)
    {'layer': 1, 'mask': 2, 'field': 2, 'k': 9}
    """
    names = list(conv_layers(first))[:-1]
    if list(conv_layers(second))[:-1] != names:
        found = ", ".join(conv_layers(second))
        raise ValueError(f"second has layers {found}: first has {', '.join(names)}, ...")
    if not names:
        raise ValueError("first has one layer: masks lie between layers, at least two are needed")
    inputs = as_tensor(inputs, "inputs")
    if len(inputs) == 0 or batch_size < 1:
        raise ValueError(f"{len(inputs)} samples, batch_size={batch_size}: at least one of each is needed")
    check_finite("inputs", inputs)
    power, linear, agreement = dict[str, Tensor](), dict[str, Tensor](), dict[str, float]()
    for batch in inputs.split(batch_size):
        fields = [_pre_activations(network, batch) for network in (first, second)]
        weight = len(batch) / len(inputs)
        for name in names:
            h = [one[name].double() for one in fields]
            if h[0].shape != h[1].shape:
                shapes = " and ".join(str(tuple(one.shape)) for one in h)
                raise ValueError(
                    f"layer {name} gives {shapes} in the two networks: both must be of one shape"
                )
            masks = [one > 0 for one in h]
            swapped = torch.stack([torch.stack([_power(mask * field) for field in h]) for mask in masks])
            means = [mask.double().mean((-2, -1), keepdim=True) for mask in masks]
            flat = [_power(field * mean) for field, mean in zip(h, means, strict=True)]
            power[name] = power.get(name, 0.0) + weight * swapped
            linear[name] = linear.get(name, 0.0) + weight * torch.stack(flat)
            equal = (masks[0] == masks[1]).double().mean().item()
            agreement[name] = agreement.get(name, 0.0) + weight * equal
    k = np.arange(max(one.shape[-1] for one in power.values()))
    return xr.Dataset(
        {
            "power": (("layer", "mask", "field", "k"), _on_one_axis(power, len(k))),
            "linear": (("layer", "field", "k"), _on_one_axis(linear, len(k))),
            "agreement": ("layer", list(agreement.values())),
        },
        {"layer": np.arange(1, len(names) + 1), "mask": list(NETWORKS), "field": list(NETWORKS), "k": k},
    )


@door
def mask_share(swapped: Annotated[xr.Dataset, Holds("power")]) -> xr.DataArray:
    """Return how much of the change of each layer's spectrum its mask makes, its field the rest.

    With ``L(a, b) = log(power)`` of the mask of a on the field of b, the change ``D = L(2, 2) - L(1, 1)`` is
    the sum of the mask's part ``M = ((L(2, 1) - L(1, 1)) + (L(2, 2) - L(1, 2))) / 2`` and the field's,
    ``((L(1, 2) - L(1, 1)) + (L(2, 2) - L(2, 1))) / 2`` (Shapley's division). The share is
    ``sum(M D) / sum(D**2)`` over k > 0: 0 if only the field counts, 1 if only the mask does.

    ``swapped`` is from `mask_swap`. The result is over ``layer``; NaN where nothing changed.
    """
    power = swapped["power"].sel(k=swapped["k"] > 0)
    log = power.copy(data=np.log(np.maximum(power.values, np.finfo(float).tiny)))

    def part(mask: int, field: int) -> xr.DataArray:
        return log.isel(mask=mask, field=field, drop=True)

    whole = part(1, 1) - part(0, 0)
    by_mask = ((part(1, 0) - part(0, 0)) + (part(1, 1) - part(0, 1))) / 2
    size = (whole**2).sum("k")
    return ((by_mask * whole).sum("k") / size.where(size > 0)).rename("mask_share")


def _on_one_axis(spectra: dict[str, Tensor], shells: int) -> np.ndarray:
    """Put the spectra of all layers on one axis of k: NaN where a coarser layer has no shell."""
    rows = [nn.functional.pad(one, (0, shells - one.shape[-1]), value=torch.nan) for one in spectra.values()]
    return torch.stack(rows).numpy()


def _pre_activations(network: nn.Module, inputs: Tensor) -> dict[str, Tensor]:
    """Return what every convolution gives, before its ReLU."""
    return {name: h for name, (_, h) in run_once(network, inputs).items()}


def _power(fields: Tensor) -> Tensor:
    """Return the mean power over samples and channels of each shell."""
    size = fields.shape[-1]
    amplitude = torch.fft.rfft2(fields).abs() / size**2
    return shell_means(amplitude.square().flatten(0, -3).mean(0), size)

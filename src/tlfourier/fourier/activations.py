"""See which wavenumbers carry a network's activations, layer by layer, before and after the nonlinearity."""

from collections.abc import Callable

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.fourier.kernels import conv_layers, half_weights, watched
from tlfourier.modules import as_it_was, as_tensor, check_finite, for_module
from tlfourier.shapes import Activation, Batch, GridSize, Multiplier

Nonlinearity = Callable[[Tensor], Tensor]


@door
def activation_spectra(
    module: nn.Module, inputs: Activation, activation: Nonlinearity = torch.relu, batch_size: Batch = 16
) -> xr.Dataset:
    """Return the mean amplitude spectrum of every layer's output, before and after its nonlinearity.

    ``mean |F(h)| / N**2`` over samples, channels and the wavenumbers of each integer shell, where h is what a
    ``Conv2d`` gives and ``g = activation(h)``. Forward hooks reduce each output to its shells at once, so
    that the memory is that of one batch in one layer.

    Raises ValueError if there is no sample or one is not finite, a layer runs never or more than once per
    pass, or its fields are not square.

    Parameters
    ----------
    module : nn.Module
        Any module whose ``Conv2d`` layers give square fields; it is run without gradients in evaluation mode
        and left as it was.
    inputs : Tensor, shape (sample, channel, N, N)
        What the module takes.
    activation : callable
        The nonlinearity between layers; nothing follows the last layer, so there ``after`` is NaN.
    batch_size : int
        Samples per forward pass.

    Returns
    -------
    Dataset
        ``amplitude`` (layer, stage, k): stage ``before`` and ``after``, k = 0, 1, ... in waves per box;
        shells that a coarser layer does not have are NaN. ``power`` likewise, the mean of ``|F|**2 /
        N**4``.

    Examples
    --------
    >>> module = nn.Sequential(nn.Conv2d(1, 3, 5, padding=2), nn.ReLU(), nn.Conv2d(3, 1, 1))
    >>> dict(activation_spectra(module, torch.randn(2, 1, 16, 16)).sizes)
    {'layer': 2, 'stage': 2, 'k': 9}
    """
    inputs = as_tensor(inputs, "inputs")
    if len(inputs) == 0 or batch_size < 1:
        raise ValueError(f"{len(inputs)} samples, batch_size={batch_size}: at least one of each is needed")
    check_finite("inputs", inputs)
    calls, sums = dict.fromkeys(conv_layers(module), 0), dict[str, Tensor]()
    last = list(calls)[-1]

    def add(name: str, _: Tensor, h: Tensor) -> None:
        after = torch.full_like(h, torch.nan) if name == last else activation(h.clone())
        both = torch.stack([_shell_sums(h, name), _shell_sums(after, name)])
        sums[name] = sums[name] + both if name in sums else both
        calls[name] += 1

    with watched(module, add), as_it_was(activation):
        for batch in inputs.split(batch_size):
            module(for_module(module, batch))
    passes = -(-len(inputs) // batch_size)
    for name, count in calls.items():
        if count != passes:
            raise ValueError(f"layer {name} ran {count} times in {passes} passes: each must run once a pass")
    return _dataset({name: total / len(inputs) for name, total in sums.items()})


@door
def shells(size: GridSize) -> tuple[Tensor, int]:
    """Return the integer shell ``round(|k|)`` of each mode of a half spectrum, and the number of shells.

    Modes beyond ``round(|k|) = N / 2`` lie in the corners of the lattice: no full shell, index ``count``.

    ``size``: N, points per direction.

    Returns
    -------
    index : Tensor of int64, shape (N, N // 2 + 1)
    count : int
        N // 2 + 1 shells, k = 0 .. N // 2.
    """
    k_y = torch.fft.fftfreq(size, 1 / size, dtype=torch.float64)[:, None]
    k_x = torch.arange(size // 2 + 1, dtype=torch.float64)[None, :]
    count = size // 2 + 1
    return torch.hypot(k_y, k_x).round().long().clamp(max=count), count


@door
def shell_means(values: Multiplier, size: GridSize) -> Tensor:
    """Return the mean of a real quantity on the half spectrum over each shell of `shells`, in float64.

    ``values`` of shape (..., N, N // 2 + 1): equal at k and -k, as every amplitude of a real field. ``size``:
    N, points per direction. Raises ValueError for another shape.
    """
    if values.shape[-2:] != (size, size // 2 + 1):
        raise ValueError(f"values of shape {tuple(values.shape)}: accepted is (..., {size}, {size // 2 + 1})")
    index, count = shells(size)
    index = index.to(values.device).ravel()
    weight = half_weights(size).to(values.device).repeat(size)
    total = weight.new_zeros((*values.shape[:-2], count + 1))
    total.index_add_(-1, index, values.double().flatten(-2) * weight)
    modes = weight.new_zeros(count + 1).index_add_(0, index, weight)
    return (total / modes.clamp(min=1))[..., :count]


def _shell_sums(fields: Tensor, name: str) -> Tensor:
    """Return the shell means of amplitude and power (2, shell), summed over samples."""
    size = fields.shape[-1]
    if fields.ndim != 4 or fields.shape[-2] != size:
        raise ValueError(f"layer {name} gives shape {tuple(fields.shape)}: (sample, channel, N, N) is needed")
    amplitude = torch.fft.rfft2(fields.float() if fields.dtype == torch.bfloat16 else fields).abs() / size**2
    # float64 sums, so that the result does not depend on the batch size.
    pair = torch.stack([amplitude.double(), amplitude.double().square()]).mean(2).sum(1)
    return shell_means(pair, size)


def _dataset(means: dict[str, Tensor]) -> xr.Dataset:
    """Put spectra (stage, quantity, shell) of layers on one axis of k."""
    count = max(mean.shape[-1] for mean in means.values())
    table = np.full((len(means), 2, 2, count), np.nan)
    for row, mean in zip(table, means.values(), strict=True):
        row[..., : mean.shape[-1]] = mean.cpu().numpy()
    dims = ("layer", "stage", "k")
    return xr.Dataset(
        {
            "amplitude": (dims, table[:, :, 0], {"long_name": "mean |F| / N²"}),
            "power": (dims, table[:, :, 1], {"long_name": "mean |F|² / N⁴"}),
        },
        {"layer": list(means), "stage": ["before", "after"], "k": np.arange(count)},
    )

"""Follow samples through a network in double precision, and check in Fourier space what every step does."""

import copy
from typing import Annotated

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.fourier.identities import layer_identity, relu_spectrum
from tlfourier.fourier.kernels import conv_layers, run_once, weight_of
from tlfourier.limits import Range
from tlfourier.modules import as_tensor, check_finite, check_samples
from tlfourier.shapes import Activation


@door
def network_identities(module: nn.Module, inputs: Activation) -> xr.Dataset:
    """Measure layer by layer how exactly a network is algebra on spectra.

    The weights and the samples are taken in float64, so that only round-off is left where an identity holds.

    ``module``: ``Conv2d`` layers of stride 1 with ReLU between them, each used once. ``inputs`` of shape
    (sample, channel, N, N): what the network takes; a sample or two are enough.

    Returns
    -------
    Dataset
        Over ``layer``: ``periodic``, the residual of `layer_identity` for the layer as it is; ``zeros``, the
        same if the layer padded with zeros, entered by the same activation; ``relu``, the residual of
        ``F(g) = F(H) * F(h) / N**2`` in the strongest channel; ``moved``, the share of the variance of g that
        no multiple of h gives, ``1 - corr(g, h)**2`` weighted with the variances of the channels. The last
        two are NaN in the last layer, which has no ReLU.
    """
    network = copy.deepcopy(module).double()
    inputs = as_tensor(inputs, "inputs")
    check_samples("inputs", inputs)
    seen = run_once(network, inputs.double())
    layers = conv_layers(network)
    last = list(layers)[-1]
    rows = []
    for name, layer in layers.items():
        g, h = seen[name]
        relu = (torch.nan, torch.nan) if name == last else (_relu_residual(h), _moved(h))
        rows.append((layer_identity(layer, g), layer_identity(_zero_padded(layer), g), *relu))
    table = dict(zip(("periodic", "zeros", "relu", "moved"), np.array(rows).T, strict=True))
    return xr.Dataset({key: ("layer", values) for key, values in table.items()}, {"layer": list(layers)})


@door
def one_product(layer: nn.Conv2d, g: Activation) -> xr.Dataset:
    """Take one kernel of a layer and what it makes of one activation, as fields and as amplitude spectra.

    The kernel with the largest ``||W||**2 * mean(g_a**2)`` is taken, in the first sample:
    ``|F(W * g_a)| = |F(W)| |F(g_a)|`` on the periodic grid.

    ``layer``: square odd kernels, without stride, dilation or groups. ``g`` of shape (sample, channel, N, N):
    what enters the layer, finite. Raises ValueError for others.

    Returns
    -------
    Dataset
        ``kernel`` (row, column); ``entering``, ``leaving`` (y, x); ``kernel_amplitude``,
        ``entering_amplitude``, ``leaving_amplitude`` (k_y, k_x), all ``|F|`` unnormalised with k = 0 in the
        middle. Attributes ``output`` and ``input``, channels from 0, and ``residual``, the largest
        ``||F(W * g)| - |F(W)||F(g)||`` over the largest ``|F(W * g)|``.
    """
    if not g.numel():
        raise ValueError(f"g of shape {tuple(g.shape)}: at least one sample is needed")
    check_finite("g", g)
    if tuple(layer.stride) != (1, 1) or tuple(layer.dilation) != (1, 1) or layer.groups != 1:
        raise ValueError(
            f"stride={layer.stride}, dilation={layer.dilation}, groups={layer.groups}: a layer with 1 for "
            "all of them is needed"
        )
    weight, field = weight_of(layer).double(), g[0].detach().double()
    if len(field) != weight.shape[1] or weight.shape[-1] % 2 == 0 or weight.shape[-1] != weight.shape[-2]:
        raise ValueError(
            f"g of shape {tuple(g.shape)} and kernels of shape {tuple(weight.shape)}: the channels of g must "
            "be the inputs of the layer, and its kernels square and odd"
        )
    strength = weight.square().sum((-2, -1)) * field.square().mean((-2, -1))
    output, channel = divmod(int(strength.argmax()), weight.shape[1])
    kernel, entering = weight[output, channel], field[channel]
    half, size = kernel.shape[-1] // 2, entering.shape[-1]
    padded = nn.functional.pad(entering[None, None], (half,) * 4, mode="circular")
    leaving = nn.functional.conv2d(padded, kernel[None, None])[0, 0]
    spectra = [torch.fft.fft2(part, s=(size, size)).abs() for part in (kernel, entering, leaving)]
    difference, largest = (spectra[2] - spectra[0] * spectra[1]).abs().max().item(), spectra[2].max().item()
    residual = difference / largest if largest else difference
    names = ("kernel_amplitude", "entering_amplitude", "leaving_amplitude")
    centred = {name: torch.fft.fftshift(part).numpy() for name, part in zip(names, spectra, strict=True)}
    k = np.fft.fftshift(np.fft.fftfreq(size, 1 / size))
    return xr.Dataset(
        {
            "kernel": (("row", "column"), kernel.numpy()),
            "entering": (("y", "x"), entering.numpy()),
            "leaving": (("y", "x"), leaving.numpy()),
            **{name: (("k_y", "k_x"), values) for name, values in centred.items()},
        },
        {"k_y": k, "k_x": k},
        {"output": output, "input": channel, "residual": residual},
    )


@door
def rectified_wave(size: Annotated[int, Range(most=2**16)] = 64, k: int = 3) -> xr.Dataset:
    """Send the pure wave ``cos(k x)`` through ReLU: harmonics appear where there was nothing.

    ``max(cos t, 0) = 1/pi + cos(t)/2 + (2/pi) sum_m (-1)**(m + 1) cos(2 m t) / (4 m**2 - 1)``, up to what the
    grid of ``size`` points aliases.

    ``size``: N, points. ``k``: waves per box, 1 to N / 4 (else ValueError), so that the second harmonic is on
    the grid. The result has ``field`` (stage, x) and ``amplitude`` (stage, k) of the cosines, stages
    ``before`` and ``after``.
    """
    if not 1 <= k <= size // 4:
        raise ValueError(f"k={k}: a wave with a second harmonic on {size} points has k from 1 to {size // 4}")
    x = torch.arange(size, dtype=torch.float64) * (2 * torch.pi / size)
    wave = torch.cos(k * x)
    field = torch.stack([wave, wave.relu()])
    amplitude = torch.fft.rfft(field).abs() * 2 / size
    amplitude[:, [0, -1] if size % 2 == 0 else [0]] /= 2
    return xr.Dataset(
        {"field": (("stage", "x"), field.numpy()), "amplitude": (("stage", "k"), amplitude.numpy())},
        {"stage": ["before", "after"], "x": x.numpy(), "k": np.arange(amplitude.shape[-1])},
        {"wavenumber": k},
    )


def _zero_padded(layer: nn.Conv2d) -> nn.Conv2d:
    """Return a layer with the same weights that continues its fields by zeros."""
    twin = nn.Conv2d(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]
        padding="same",
        dilation=layer.dilation,  # type: ignore[arg-type]
        groups=layer.groups,
        bias=layer.bias is not None,
        device="meta",  # nothing is drawn
    )
    twin.weight = nn.Parameter(weight_of(layer).double())
    twin.bias = None if layer.bias is None else nn.Parameter(layer.bias.detach().double())
    return twin


def _relu_residual(h: Tensor) -> float:
    """Return the largest difference of both sides, relative to the largest |F(g)|, in one channel."""
    strongest = h[0, int(h[0].var((-2, -1)).argmax())]
    g_hat = torch.fft.fft2(strongest.relu())
    difference, largest = (relu_spectrum(strongest) - g_hat).abs().max().item(), g_hat.abs().max().item()
    return difference / largest if largest else difference  # a channel that is negative everywhere: 0 is 0


def _moved(h: Tensor) -> float:
    """Return the share of the variance of ReLU(h) that no multiple of h gives, over all channels."""
    g, h = (field - field.mean((-2, -1), keepdim=True) for field in (h.relu(), h))
    power, shared = h.square().sum((-2, -1)), (g * h).sum((-2, -1))
    kept = shared.square() / torch.where(power > 0, power, 1.0)
    total = g.square().sum().item()
    return 1 - kept.sum().item() / total if total else 0.0

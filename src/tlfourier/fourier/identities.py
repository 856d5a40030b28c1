"""Write what a layer does as algebra on spectra, and measure how exactly it holds.

A convolution multiplies spectra and cannot move energy between wavenumbers; ReLU convolves them and can.
"""

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.modules import as_it_was, check_finite, for_module
from tlfourier.shapes import Activation

FullSpectrum = Complex[Tensor, "... n n"]
"""Output of ``torch.fft.fft2`` without normalisation, all wavenumbers."""


@door
def layer_spectrum(layer: nn.Conv2d, g: Activation) -> Complex[Tensor, "batch out n n"]:
    """Predict the spectrum of a layer's output on the periodic grid without convolving.

    ``F(h) = sum_a conj(F(W_a padded)) * F(g_a) * phase + N**2 * b * delta``, with
    ``phase = exp(-i c (k_x + k_y) dilation)`` for a kernel centred c points from its corner. The conjugate
    is there because deep learning's "convolution" is a correlation. Groups and dilation are included.

    ``layer``: stride 1, square kernel. Its padding mode is not looked at: the grid is periodic. ``g`` of
    shape (batch, in, N, N): what enters the layer. Raises ValueError if the layer has a stride or a kernel
    that is not square or does not fit on the grid. The result has shape (batch, out, N, N): complex,
    unnormalised.
    """
    if not g.numel():
        raise ValueError(f"g of shape {tuple(g.shape)}: at least one sample is needed")
    g = for_module(layer, g)
    dilation, before = _check(layer, g.shape[-1])
    check_finite("g", g)
    size = g.shape[-1]
    with as_it_was(layer):
        weight = layer.weight
    transfer = torch.fft.fft2(_dilated(weight, dilation), s=(size, size)).conj()
    k = 2 * torch.pi * torch.fft.fftfreq(size, dtype=g.dtype, device=g.device)
    phase = torch.exp(-1j * before * (k[:, None] + k[None, :]))
    g_hat = torch.fft.fft2(g).unflatten(1, (layer.groups, -1))
    transfer = transfer.unflatten(0, (layer.groups, -1))
    h_hat = torch.einsum("goiyx,bgiyx->bgoyx", transfer, g_hat).flatten(1, 2) * phase
    if layer.bias is not None:
        h_hat[..., 0, 0] += size**2 * layer.bias
    return h_hat


@door
def layer_identity(layer: nn.Conv2d, g: Activation) -> float:
    """Return ``max|F(h) - layer_spectrum| / max|F(h)|`` with h from the layer itself.

    Round-off for circular padding; for zero padding the size of what the walls add. A layer that does not
    pad is padded here periodically, for its network must do so outside it.

    ``layer``, ``g``: as for `layer_spectrum`. Raises ValueError as `layer_spectrum`, or if the layer's own
    padding changes the size of the grid.

    Examples
    --------
    >>> layer = nn.Conv2d(2, 3, 5, padding=2, padding_mode="circular", dtype=torch.float64)
    >>> layer_identity(layer, torch.randn(1, 2, 16, 16, dtype=torch.float64)) < 1e-14
    True
    """
    with as_it_was(layer), torch.no_grad():
        g = for_module(layer, g)
        predicted = layer_spectrum(layer, g)
        h_hat = torch.fft.fft2(_output(layer, g))
        difference, largest = (h_hat - predicted).abs().max().item(), h_hat.abs().max().item()
        return difference / largest if largest else difference


@door
def relu_spectrum(h: Float[Tensor, "... n n"]) -> FullSpectrum:
    """Return ``F(ReLU(h)) = F(H) * F(h) / N**2`` by convolving the spectra of h and of its mask H = (h > 0).

    ``h`` of shape (..., N, N): fields before ReLU. The sums cost N**4: meant for N up to about 64.
    """
    mask = (h > 0).to(h.dtype)
    return convolve_spectra(torch.fft.fft2(mask), torch.fft.fft2(h)) / h.shape[-1] ** 2


@door
def convolve_spectra(first: FullSpectrum, second: FullSpectrum) -> FullSpectrum:
    """Return ``sum_q first(k - q) second(q)`` over the periodic lattice of wavenumbers, by summing.

    ``first, second``: full spectra of equal shape, else ValueError.
    """
    if first.shape != second.shape:
        raise ValueError(
            f"first has shape {tuple(first.shape)}, second {tuple(second.shape)}: equal ones are needed"
        )
    kind = torch.promote_types(first.dtype, second.dtype)
    first, second, size = first.to(kind), second.to(kind), first.shape[-1]
    index = torch.arange(size, device=first.device)
    shifted = first[..., (index[:, None] - index[None, :]) % size]
    total = torch.zeros_like(second)
    for q_y in range(size):
        rows = shifted.roll(q_y, dims=-3)
        total = total + torch.einsum("...ykq,...q->...yk", rows, second[..., q_y, :])
    return total


def _check(layer: nn.Conv2d, size: int) -> tuple[int, int]:
    """Return the dilation, and the number of points before the centre of the dilated kernel."""
    kernel, stride, dilation = layer.kernel_size, layer.stride, layer.dilation
    if kernel[0] != kernel[1] or dilation[0] != dilation[1]:
        raise ValueError(f"kernel_size={kernel}, dilation={dilation}: the identity needs square kernels")
    if tuple(stride) != (1, 1):
        raise ValueError(f"stride={stride}: the identity needs (1, 1), for a larger one aliases the output")
    extent = dilation[0] * (kernel[0] - 1) + 1
    if extent > size:
        raise ValueError(f"kernel spans {extent} points: the grid of {size} points is too small for it")
    return dilation[0], (extent - 1) // 2


def _dilated(weight: Tensor, dilation: int) -> Tensor:
    """Return the weights with ``dilation - 1`` zeros between neighbours."""
    size = dilation * (weight.shape[-1] - 1) + 1
    spread = weight.new_zeros((*weight.shape[:-2], size, size))
    spread[..., ::dilation, ::dilation] = weight
    return spread


def _output(layer: nn.Conv2d, g: Tensor) -> Tensor:
    """Return the layer's output on the grid of g."""
    dilation, before = _check(layer, g.shape[-1])
    after = dilation * (layer.kernel_size[0] - 1) - before
    if layer.padding in (0, (0, 0), "valid"):
        return layer(nn.functional.pad(g, (before, after, before, after), mode="circular"))
    h: Tensor = layer(g)
    if h.shape[-2:] != g.shape[-2:]:
        raise ValueError(
            f"padding={layer.padding}: it turns {tuple(g.shape[-2:])} into {tuple(h.shape[-2:])}"
        )
    return h

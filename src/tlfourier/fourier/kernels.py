"""Look at convolution kernels as filters: their spectra and their normalised power.

Wavenumbers of kernels are in radians per grid spacing, so that pi is the shortest wave the grid carries.
"""

import contextlib
from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.modules import as_it_was, as_tensor, for_module
from tlfourier.shapes import Count, GridSize, Spectrum

Weights = Float[Tensor, "... k_y k_x"]
"""Kernels with any leading dimensions; that they are square is checked with a sentence of its own."""

Power = Float[Tensor, "... n n"]
"""Power of kernels of size k on n = 2 k - 1 wavenumbers per direction, k = 0 in the middle."""


@door
def conv_layers(module: nn.Module) -> dict[str, nn.Conv2d]:
    """Return every ``Conv2d`` of a module by name, in the order of registration.

    ``module``: any module; a bare ``Conv2d`` is called ``"conv"``. Raises ValueError if the module holds no
    ``Conv2d``.

    Examples
    --------
    >>> list(conv_layers(nn.Sequential(nn.Conv2d(2, 4, 5), nn.ReLU(), nn.Conv2d(4, 1, 5))))
    ['0', '2']
    """
    layers = {name or "conv": m for name, m in module.named_modules() if isinstance(m, nn.Conv2d)}
    if not layers:
        raise ValueError(f"module={type(module).__name__}: it holds no Conv2d layer, give one that does")
    return layers


@door
def numbered(module: nn.Module, number: int) -> nn.Conv2d:
    """Return the ``Conv2d`` of a number, counted from one; ValueError if the module has none."""
    layers = list(conv_layers(module).values())
    if not 1 <= number <= len(layers):
        raise ValueError(f"layer {number}: this network has layers 1..{len(layers)}")
    return layers[number - 1]


@door
@contextlib.contextmanager
def watched(module: nn.Module, look: Callable[[str, Tensor, Tensor], None]) -> Iterator[None]:
    """Within the block call ``look(name, entering, leaving)`` whenever a ``Conv2d`` of a module has run.

    What leaves is given before a nonlinearity acts on it, perhaps in place: clone what is to be kept. The
    module runs in evaluation mode and is left as it was; no gradients are recorded.
    """
    handles = [
        layer.register_forward_hook(lambda _, given, h, name=name: look(name, given[0], h))
        for name, layer in conv_layers(module).items()
    ]
    try:
        with as_it_was(module), torch.no_grad():
            yield
    finally:
        for handle in handles:
            handle.remove()


@door
def run_once(module: nn.Module, inputs: Tensor) -> dict[str, tuple[Tensor, Tensor]]:
    """Return what enters and what leaves every ``Conv2d`` in one pass of a module, left as it was.

    Raises ValueError if a layer runs never or more than once: then no pair belongs to it alone.
    """
    seen: dict[str, list[tuple[Tensor, Tensor]]] = {name: [] for name in conv_layers(module)}
    with watched(module, lambda name, g, h: seen[name].append((g.clone(), h.clone()))):
        module(for_module(module, inputs))
    for name, pairs in seen.items():
        if len(pairs) != 1:
            raise ValueError(f"layer {name} ran {len(pairs)} times in one pass: each must run once")
    return {name: pairs[0] for name, pairs in seen.items()}


@door
def check_plain(layer: nn.Module, name: str) -> None:
    """Raise ValueError if the weights of a layer are computed from others: what is written there is lost."""
    if "weight" not in layer._parameters:
        raise ValueError(
            f"the weights of layer {name} are computed (by a parametrization, weight norm or pruning): make "
            "them plain first, as torch.nn.utils.parametrize.remove_parametrizations does"
        )


@door
def as_kernels(weights: Tensor | ArrayLike) -> Weights:
    """Return kernels as a detached float64 tensor on the CPU.

    ``weights`` of shape (..., k, k): square kernels with any leading dimensions. Raises ValueError if the
    last two dimensions are not square, or a value is not a finite real number.
    """
    kernels = as_tensor(weights, "weights").detach().to("cpu", torch.float64)
    _check_square(tuple(kernels.shape))
    if not kernels.numel():
        raise ValueError(f"weights of shape {tuple(kernels.shape)}: at least one kernel is needed")
    if not torch.isfinite(kernels).all():
        raise ValueError("weights hold NaN or infinity: only finite kernels have a spectrum")
    return kernels


@door
def weight_of(layer: nn.Conv2d) -> Tensor:
    """Return the weights of a layer, detached; where they are computed, as in evaluation mode."""
    with as_it_was(layer), torch.no_grad():
        return layer.weight.detach()


@door
def places(name: str, outputs: Count, inputs: Count) -> dict[str, tuple[str, np.ndarray]]:
    """Return the coordinates ``layer``, ``output`` and ``input`` of a layer's kernels along ``kernel``."""
    rows, columns = np.indices((outputs, inputs))
    coordinates = {"layer": np.repeat(name, rows.size), "output": rows.ravel(), "input": columns.ravel()}
    return {key: ("kernel", values) for key, values in coordinates.items()}


@door
def network_kernels(module: nn.Module) -> Weights:
    """Return all kernels of a network in one stack, layer after layer.

    ``module``: any module whose ``Conv2d`` kernels have one size, else ValueError. The result is
    of shape (kernels, k, k), float64.
    """
    parts = [as_kernels(weight_of(layer)).flatten(0, 1) for layer in conv_layers(module).values()]
    sizes = sorted({part.shape[-1] for part in parts})
    if len(sizes) > 1:
        raise ValueError(f"kernel sizes {sizes}: a stack holds kernels of one size")
    return torch.cat(parts)


@door
def strongest(weights: Tensor | ArrayLike, share: float = 0.1) -> Weights:
    """Return the kernels with the largest norm, strongest first.

    ``weights`` of shape (..., k, k): kernels. ``share``: of the kernels to keep, above 0 and up to 1 (else
    ValueError); at least one is kept.
    """
    if not 0 < share <= 1:
        raise ValueError(f"share={share}: it must be above 0 and at most 1")
    kernels = as_kernels(weights).flatten(0, -3)
    order = kernels.square().sum((-2, -1)).argsort(descending=True, stable=True)
    return kernels[order[: max(1, round(share * len(kernels)))]]


@door
def kernel_spectrum(weights: Weights, size: GridSize) -> Spectrum:
    """Return ``rfft2(weights zero-padded to (size, size))``, the kernel's corner at the origin.

    ``weights`` of shape (..., k, k): real kernels. ``size``: N, points per direction of the grid, at least k.
    Raises ValueError if the kernel is not square or larger than the grid. The result is complex,
    unnormalised, of shape (..., N, N // 2 + 1).

    Examples
    --------
    >>> mean = torch.full((3, 3), 1 / 9)
    >>> kernel_spectrum(mean, size=32).abs()[0, [0, 5, 10, 15]].round(decimals=2)
    tensor([1.0000, 0.7000, 0.0800, 0.3200])
    """
    _check_fits(weights, size)
    return torch.fft.rfft2(weights, s=(size, size))


@door
def half_weights(size: GridSize) -> Tensor:
    """Return how many modes each column of a half spectrum stands for (N // 2 + 1): itself and a mirror."""
    return torch.tensor([1 if k in (0, size / 2) else 2 for k in range(size // 2 + 1)], dtype=torch.float64)


@door
def kernel_amplitude(weights: Weights, size: GridSize) -> Float[Tensor, "... n n"]:
    """Return ``abs(F(W))`` of the zero-padded kernel on size x size wavenumbers, k = 0 in the middle.

    Parameters and errors, as ValueError, are those of `kernel_spectrum`.
    """
    _check_fits(weights, size)
    return torch.fft.fftshift(torch.fft.fft2(weights, s=(size, size)).abs(), dim=(-2, -1))


@door
def kernel_power(weights: Tensor | ArrayLike) -> Power:
    """Return the unit-normalised power ``abs(F(W))**2 / sum`` on (2 k - 1) x (2 k - 1) wavenumbers.

    The power is the transform of the autocorrelation, which has (2 k - 1)**2 points: this sampling (9 x 9
    for a 5 x 5 kernel) is complete, and any finer one repeats it. It knows neither the amplitude nor the
    sign of a kernel nor where in its support it sits.

    ``weights`` of shape (..., k, k): real kernels. The result, (..., 2 k - 1, 2 k - 1), is float64 with k = 0
    in the middle and sum 1 (0 everywhere for a kernel of zeros).
    """
    kernels = as_kernels(weights)
    # Dividing by the largest weight first keeps the squares of very small kernels from vanishing.
    scale = kernels.abs().amax((-2, -1), keepdim=True)
    kernels = kernels / torch.where(scale > 0, scale, 1.0)
    size = 2 * kernels.shape[-1] - 1
    power = torch.fft.fft2(kernels, s=(size, size)).abs().square()
    total = power.sum((-2, -1), keepdim=True)
    return torch.fft.fftshift(power / torch.where(total > 0, total, 1.0), dim=(-2, -1))


@door
def power_wavenumbers(kernel_size: GridSize) -> tuple[Tensor, Tensor]:
    """Return ``k_y`` (n, 1) and ``k_x`` (1, n) of `kernel_power`, radians per grid spacing, n = 2 k - 1."""
    size = 2 * kernel_size - 1
    k = torch.fft.fftshift(torch.fft.fftfreq(size, dtype=torch.float64)) * (2 * torch.pi)
    return k[:, None], k[None, :]


@door
def independent_power(power: Power) -> Float[Tensor, "... values"]:
    """Return the independent values of `kernel_power`: 41 for a 5 x 5 kernel.

    P(-k) = P(k), so only the mean and one half plane count. The half plane is multiplied by sqrt(2), which
    makes the Euclidean distance of two such vectors that of the two full pictures.

    ``power``: centred, n odd, as `kernel_power` gives it.
    """
    flat = power.flatten(-2)
    middle = flat.shape[-1] // 2
    return torch.cat([flat[..., middle : middle + 1], flat[..., middle + 1 :] * 2**0.5], dim=-1)


def _check_fits(weights: Tensor, size: int) -> None:
    """Raise ValueError unless kernels are square and not larger than the grid."""
    _check_square(tuple(weights.shape))
    k = weights.shape[-1]
    if size < k:
        raise ValueError(f"size={size}: a {k} x {k} kernel needs size >= {k}")


def _check_square(shape: tuple[int, ...]) -> None:
    if len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] == 0:
        raise ValueError(f"weights have shape {shape}: square kernels (..., k, k) are needed")

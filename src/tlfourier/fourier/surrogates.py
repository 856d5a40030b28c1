"""Make kernels by chance, to compare class fractions with: a fraction is a finding only against its null."""

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from tlfourier.doors import door
from tlfourier.fourier.kernels import Weights, as_kernels
from tlfourier.shapes import Seed


@door
def phase_randomised(weights: Tensor | ArrayLike, seed: Seed) -> Weights:
    """Replace the phases of each kernel's own k x k transform by random ones.

    Kept exactly: the amplitude at the k x k wavenumbers of the kernel on its own periodic support, hence
    the norm, the mean and the periodic autocorrelation. Lost: where in the support the weights sit, so that
    the linear autocorrelation and with it `tlfourier.fourier.kernel_power` between those wavenumbers
    change. On so small a support nothing freer is possible: the power on (2 k - 1) x (2 k - 1) wavenumbers
    fixes a kernel but for sign, shift and mirror.

    So this null keeps how much of each coarse wave a kernel has and breaks how the waves fit together. On
    synthetic kernels 97 % of the low-pass and 86 % of the Gabor filters keep their type, but only half of
    the band-pass and a third of the high-pass: against it a share of band- or high-pass says more than one
    of low-pass or Gabor.

    ``weights`` of shape (..., k, k): kernels. ``seed``: seed of the phases, which are those of white noise
    (so the result is real). The result has their shape, float64.
    """
    kernels = as_kernels(weights)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.fft.fft2(torch.randn(kernels.shape, generator=generator, dtype=torch.float64))
    phase = noise / noise.abs()
    # The mean keeps its sign; the noise gives the other self-conjugate modes a random one.
    phase[..., 0, 0] = 1
    return torch.fft.ifft2(torch.fft.fft2(kernels) * phase).real


@door
def gaussian_like(weights: Tensor | ArrayLike, seed: Seed) -> Weights:
    """Draw Gaussian kernels that are like given ones on average, with the norm of each.

    Kept: the second moments ``mean(w_i w_j)`` of the unit-normed kernels over all pairs of places, until
    each draw is brought to the norm of its kernel; hence in the mean both where in the support the weights
    sit and how much of each wave they have. Lost: what one kernel has and the others have not. So a type
    that these have as often is no more than the mean envelope of all kernels and noise.

    It is a hard null where the envelope is steep: kernels that are all multiples of one keep its type, and of
    synthetic kernels, all four types alike, four in five draws have a type, most often low-pass. The draws
    lie in the span of the given kernels, of which there should be more than places, 25 for a size of 5.

    ``weights`` of shape (..., k, k): kernels. ``seed``: seed of the draw. The result has their shape.
    """
    kernels = as_kernels(weights)
    flat = kernels.reshape(-1, kernels.shape[-1] ** 2)
    norms = flat.norm(dim=-1, keepdim=True)
    unit = flat / torch.where(norms > 0, norms, 1.0)
    variances, axes = torch.linalg.eigh(unit.T @ unit / len(unit))
    generator = torch.Generator().manual_seed(seed)
    normal = torch.randn(flat.shape, generator=generator, dtype=torch.float64)
    drawn = normal * variances.clamp(min=0).sqrt() @ axes.T
    lengths = drawn.norm(dim=-1, keepdim=True)
    return (drawn / torch.where(lengths > 0, lengths, 1.0) * norms).reshape(kernels.shape)

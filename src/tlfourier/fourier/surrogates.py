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

"""Make kernels by chance, to compare class fractions with: a fraction is a finding only against its null."""

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor

from tlfourier.fourier.families import Rule, class_fractions, classify
from tlfourier.fourier.kernels import Weights, as_kernels


def phase_randomised(weights: Tensor | ArrayLike, seed: int) -> Weights:
    """Replace the phases of each kernel's own k x k transform by random ones.

    Kept exactly: the amplitude at the k x k wavenumbers of the kernel on its own periodic support, hence
    the norm, the mean and the periodic autocorrelation. Lost: where in the support the weights sit, so that
    the linear autocorrelation and with it `kernel_power` between those wavenumbers change. On so small a
    support nothing freer is possible: the power on (2 k - 1) x (2 k - 1) wavenumbers fixes a kernel but for
    sign, shift and mirror.

    Parameters
    ----------
    weights : Tensor or array_like, shape (..., k, k)
        Kernels.
    seed : int
        Seed of the phases, which are those of white noise (so the result is real).

    Returns
    -------
    Tensor, shape (..., k, k)
        float64.

    Raises
    ------
    ValueError
        If the kernels are not square or not finite.
    """
    kernels = as_kernels(weights)
    generator = torch.Generator().manual_seed(seed)
    noise = torch.fft.fft2(torch.randn(kernels.shape, generator=generator, dtype=torch.float64))
    phase = noise / noise.abs()
    # The mean keeps its sign; the noise gives the other self-conjugate modes a random one.
    phase[..., 0, 0] = 1
    return torch.fft.ifft2(torch.fft.fft2(kernels) * phase).real


def fractions_with_nulls(
    weights: Tensor | ArrayLike,
    initial: Tensor | ArrayLike,
    rule: Rule | None = None,
    seed: int = 0,
    draws: int = 20,
) -> xr.Dataset:
    """Return the class fractions of kernels beside those of both null models.

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
        Number of phase-randomised copies.

    Returns
    -------
    Dataset
        ``trained``, ``initial`` (type) and ``randomised`` (draw, type).
    """
    randomised = [
        class_fractions(classify(phase_randomised(weights, seed + draw), rule)) for draw in range(draws)
    ]
    return xr.Dataset(
        {
            "trained": class_fractions(classify(weights, rule)),
            "initial": class_fractions(classify(initial, rule)),
            "randomised": xr.concat(randomised, "draw").assign_coords(draw=np.arange(draws)),
        }
    )

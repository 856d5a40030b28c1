"""Forcings of the vorticity equation."""

import math

import torch

from tlfourier.flow.grid import Grid
from tlfourier.shapes import Spectrum


def two_way_cosine(grid: Grid, k_f: int) -> Spectrum:
    """Return the half spectrum of ``f = k (cos(k x) + cos(k y))`` with ``k = 2 pi k_f / length``.

    The velocity forcing whose curl it is has unit amplitude. It is built mode by mode, so all other modes
    are exactly zero.

    Parameters
    ----------
    grid : Grid
    k_f : int
        Forcing wavenumber in units of 2 pi / length, from 1 to N / 2 - 1.

    Returns
    -------
    Spectrum, shape (N, N // 2 + 1)

    Raises
    ------
    ValueError
        If the grid does not resolve k_f.

    Notes
    -----
    The forcing of Subel et al., PNAS Nexus 2(3), pgad015 (2023), which takes length = 2 pi.
    """
    check_wavenumber(grid.size, k_f)
    k_f = int(k_f)
    amplitude = 2 * math.pi * k_f / grid.length * grid.size**2 / 2
    forcing_hat = torch.zeros_like(grid.k_squared, dtype=grid.complex_dtype)
    # A real cosine along y has two modes in the half spectrum, along x one: the other is implied.
    forcing_hat[0, k_f] = amplitude
    forcing_hat[k_f, 0] = amplitude
    forcing_hat[-k_f, 0] = amplitude
    return forcing_hat


def check_wavenumber(size: int, k_f: int) -> None:
    """Raise ValueError unless a grid of ``size`` points resolves the forcing wavenumber."""
    largest = size // 2 - 1
    if k_f != int(k_f) or not 1 <= k_f <= largest:
        raise ValueError(f"k_f={k_f}: a grid of {size} points carries whole numbers from 1 to {largest}")

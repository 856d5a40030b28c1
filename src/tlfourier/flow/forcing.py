"""Forcings of the vorticity equation."""

import math

import torch

from tlfourier.doors import door
from tlfourier.flow.grid import Grid, check_wavenumber
from tlfourier.shapes import Spectrum


@door
def two_way_cosine(grid: Grid, k_f: int) -> Spectrum:
    """Return the half spectrum of ``f = k (cos(k x) + cos(k y))`` with ``k = 2 pi k_f / length``.

    The velocity forcing whose curl it is has unit amplitude. It is built mode by mode, so all other modes are
    exactly zero. ``k_f`` is in units of 2 pi / length, from 1 to N / 2 - 1. The forcing of Subel et al., PNAS
    Nexus 2(3), pgad015 (2023), which takes length = 2 pi.

    Examples
    --------
    >>> grid = Grid(32)
    >>> f = grid.to_physical(two_way_cosine(grid, k_f=4))
    >>> torch.allclose(f, 4 * (torch.cos(4 * grid.x) + torch.cos(4 * grid.y)), atol=1e-5)
    True
    """
    k_f = check_wavenumber(grid.size, k_f, "k_f")
    amplitude = 2 * math.pi * k_f / grid.length * grid.size**2 / 2
    forcing_hat = torch.zeros_like(grid.k_squared, dtype=grid.complex_dtype)
    # A real cosine along y has two modes in the half spectrum, along x one: the other is implied.
    forcing_hat[[0, k_f, -k_f], [k_f, 0, 0]] = amplitude
    return forcing_hat

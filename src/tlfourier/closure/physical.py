"""Closures without training, ``omega_hat -> sgs_hat`` on the LES grid."""

import math

import torch
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.flow.grid import Grid, resize
from tlfourier.shapes import Spectrum


@door
class GradientModel(nn.Module):
    """The leading term of Π in the filter's width, ``Π = Δ²/12 ∂_j u_i ∂_i ∂_j ω`` (Clark et al. 1979).

    With u = ∂_y ψ and v = -∂_x ψ that is ``Δ²/12 (u_x (ω_xx - ω_yy) + (u_y + v_x) ω_xy)``. It holds for
    every filter whose variance in each direction is Δ²/12, as that of the Gaussian and of the box here; the
    next term is of order Δ⁴. Products are formed on a grid of half as many points again, free of aliases.

    Parameters
    ----------
    grid : Grid
        The LES grid.
    width : float
        The filter's width Δ, a length. Raises ValueError unless it is a positive number.

    Examples
    --------
    >>> from tlfourier.flow.initial import random_vorticity
    >>> grid = Grid(32)
    >>> GradientModel(grid, width=2 * grid.dx)(random_vorticity(grid, seed=0)).shape
    torch.Size([32, 17])
    """

    def __init__(self, grid: Grid, width: float) -> None:
        super().__init__()
        if not (math.isfinite(width) and width > 0):
            raise ValueError(f"width={width}: the filter's width must be a positive number")
        self.grid, self.width = grid, float(width)
        self.padded = 2 * math.ceil(3 * grid.size / 4)

    def forward(self, omega_hat: Spectrum) -> Spectrum:
        """Return Π, half spectrum of shape (..., N, N // 2 + 1), in units of 1 / time²."""
        grid = self.grid
        grid.check_spectrum(omega_hat)
        k_x, k_y, psi_hat = grid.k_x, grid.k_y, omega_hat * grid.inverse_k_squared
        stretching = self._points(-k_x * k_y * psi_hat) * self._points((k_y**2 - k_x**2) * omega_hat)
        shear = self._points((k_x**2 - k_y**2) * psi_hat) * self._points(-k_x * k_y * omega_hat)
        found = resize(torch.fft.rfft2(stretching + shear), self.padded, grid.size)
        return found * self.width**2 / 12

    def _points(self, spectrum: Tensor) -> Tensor:
        wide = resize(spectrum, self.grid.size, self.padded)
        return torch.fft.irfft2(wide, s=(self.padded, self.padded))

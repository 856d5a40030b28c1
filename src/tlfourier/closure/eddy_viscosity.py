"""Eddy viscosities, ``omega_hat -> sgs_hat`` on the LES grid, by the conventions of two published codes.

An eddy viscosity ν makes ``Π = -div(ν grad(ω))``. Products are formed at the points of the LES grid, as in
both codes.
"""

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.flow.grid import Grid
from tlfourier.shapes import Field, Positive, Scalars, Spectrum

POWERS: Mapping[str, int] = {"smagorinsky": 2, "leith": 3}
"""Power of the length ``constant * width`` in the viscosity, by the closure's name."""
CONVENTIONS = ("uniform", "local")
"""One viscosity for the whole square at a time (py2d), or one for each point (torchqg)."""
KRAICHNAN_BATCHELOR = 1.3
"""Amplitude A of ``E(k) = A eta**(2/3) k**-3`` (Lindborg & Alvelius, Phys. Fluids 12, 2000)."""


class _Viscous(nn.Module):
    """What eddy viscosities share: derivatives at the points of the grid, and the names that are accepted."""

    def __init__(self, grid: Grid, name: str, convention: str, numbers: Mapping[str, float]) -> None:
        super().__init__()
        if name not in POWERS:
            raise ValueError(f"name={name!r}: accepted are {', '.join(POWERS)}")
        if convention not in CONVENTIONS:
            raise ValueError(f"convention={convention!r}: accepted are {', '.join(CONVENTIONS)}")
        for label, value in numbers.items():
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"{label}={value}: it must be a positive number")
        self.grid, self.name, self.convention = grid, name, convention
        self.field_sizes, self.power = grid.field_sizes, POWERS[name]

    def rate(self, omega_hat: Spectrum) -> Field:
        """Return the rate that makes the viscosity: Smagorinsky's ``|S|``, or Leith's ``|grad(ω)|``.

        ``|S| = sqrt(4 psi_xy**2 + (psi_xx - psi_yy)**2)``, in 1 / time; the other in 1 / (length time). The
        shape is (..., N, N).
        """
        grid = self.grid
        if self.name == "leith":
            return torch.hypot(*self._gradient(omega_hat))
        psi_hat = omega_hat * grid.inverse_k_squared * grid.below_nyquist
        shear = grid.to_physical(-2 * grid.k_x * grid.k_y * psi_hat)
        return torch.hypot(shear, grid.to_physical((grid.k_y**2 - grid.k_x**2) * psi_hat))

    def _gradient(self, omega_hat: Tensor) -> tuple[Tensor, Tensor]:
        grid, kept = self.grid, omega_hat * self.grid.below_nyquist
        return grid.to_physical(1j * grid.k_x * kept), grid.to_physical(1j * grid.k_y * kept)

    def _subgrid(self, omega_hat: Tensor, strength: Tensor) -> Tensor:
        """Return Π of the viscosity ``strength * rate``, with a strength for each member.

        Uniform is the root mean square of ``|S|``, and the mean of ``|grad(ω)|``, as in py2d.
        """
        grid, rate, strength = self.grid, self.rate(omega_hat), strength[..., None, None]
        if self.convention == "uniform":
            mean = rate.mean((-2, -1), keepdim=True)
            if self.name == "smagorinsky":
                mean = rate.square().mean((-2, -1), keepdim=True).sqrt()
            return strength * mean * grid.k_squared * omega_hat
        along_x, along_y = self._gradient(omega_hat)
        kept = strength * grid.below_nyquist
        return (
            -1j
            * kept
            * (grid.k_x * grid.to_spectral(rate * along_x) + grid.k_y * grid.to_spectral(rate * along_y))
        )


@door
class EddyViscosity(_Viscous):
    """Close with ``Π = -div(ν grad(ω))``, ν being ``(constant Δ)**2 |S|`` or ``(constant Δ)**3 |grad(ω)|``.

    The first is Smagorinsky's (Mon. Weather Rev. 91, 1963), the second Leith's (Physica D 98, 1996). With
    ``convention="uniform"`` the rate is one number for the square, the root mean square of ``|S|`` and the
    mean of ``|grad(ω)|``, as in the code py2d (github.com/envfluids/py2d); with ``"local"`` it is that of
    each point, in flux form, as in torchqg (github.com/hrkz/torchqg).

    Parameters
    ----------
    grid : Grid
        The LES grid.
    name : {"smagorinsky", "leith"}
    constant : float
        The closure's coefficient; `leith_constant` and `smagorinsky_constant` have it from theory.
    width : float
        The filter's width Δ, a length.
    convention : {"uniform", "local"}

    Raises
    ------
    ValueError
        For another name or convention, or a number that is not positive.

    Examples
    --------
    >>> from tlfourier.flow.initial import random_vorticity
    >>> grid = Grid(32)
    >>> closure = EddyViscosity(grid, "smagorinsky", constant=0.17, width=2 * grid.dx)
    >>> omega_hat = random_vorticity(grid, seed=0)
    >>> bool((grid.to_physical(omega_hat) * grid.to_physical(closure(omega_hat))).mean() > 0)  # it drains
    True
    """

    def __init__(
        self, grid: Grid, name: str, constant: float, width: float, convention: str = "local"
    ) -> None:
        super().__init__(grid, name, convention, {"constant": constant, "width": width})
        self.constant, self.width = float(constant), float(width)

    def forward(self, omega_hat: Spectrum) -> Spectrum:
        """Return Π, half spectrum of shape (..., N, N // 2 + 1), in units of 1 / time²."""
        self.grid.check_spectrum(omega_hat)
        strength = omega_hat.real.new_full(omega_hat.shape[:-2], (self.constant * self.width) ** self.power)
        return self._subgrid(omega_hat, strength)


@door
class DynamicEddyViscosity(_Viscous):
    """Close with an eddy viscosity whose coefficient follows from the flow itself, at every evaluation.

    Through a second filter, twice as wide (all modes with ``|k_x|, |k_y| < N / 4``, written f), the same
    closure with the same coefficient c must account for what that filter removes (Germano et al., Phys.
    Fluids A 3, 1991), so L = c M with, in ``"uniform"`` convention (py2d), scalars

        L = f(J(ω, ψ)) - J(fω, fψ),    M = Δ**p f(r ∇²ω) - (2Δ)**p f(r) ∇²fω,

    r the rate of `EddyViscosity` and p its power, and in ``"local"`` convention (torchqg's flux form, as we
    read it) vectors

        L = f(u ω) - fu fω,    M = Δ**p f(r ∇ω) - (2Δ)**p r(fω) ∇fω.

    Least squares over the square, negative contributions left out: ``c = <max(L·M, 0)> / <M·M>``.

    ``grid``, ``name``, ``width`` and ``convention`` are as for `EddyViscosity`, ValueError too.
    """

    test_filter: Tensor

    def __init__(self, grid: Grid, name: str, width: float, convention: str = "local") -> None:
        super().__init__(grid, name, convention, {"width": width})
        self.width = float(width)
        limit = grid.size / 4 * (math.tau / grid.length) * (1 - 1e-6)  # the mode at N / 4 itself is removed
        kept = (grid.k_x.abs() < limit) & (grid.k_y.abs() < limit)
        self.register_buffer("test_filter", kept.to(grid.dtype), persistent=False)

    def coefficient(self, omega_hat: Spectrum) -> Scalars:
        """Return c, the constant to its power, of each member, shape (...); zero where M vanishes."""
        self.grid.check_spectrum(omega_hat)
        left, right = (self._scalar if self.convention == "uniform" else self._flux)(omega_hat)
        product = (left * right).sum(0).clamp(min=0).mean((-2, -1))
        squares = right.square().sum(0).mean((-2, -1))
        return torch.where(squares > 0, product / squares.clamp(min=torch.finfo(squares.dtype).tiny), 0.0)

    def forward(self, omega_hat: Spectrum) -> Spectrum:
        """Return Π, half spectrum of shape (..., N, N // 2 + 1), in units of 1 / time²."""
        return self._subgrid(omega_hat, self.coefficient(omega_hat) * self.width**self.power)

    def _filtered(self, field: Tensor) -> Tensor:
        return self.grid.to_physical(self.grid.to_spectral(field) * self.test_filter)

    def _velocity(self, omega_hat: Tensor) -> tuple[Tensor, Tensor]:
        grid, psi_hat = self.grid, omega_hat * self.grid.inverse_k_squared * self.grid.below_nyquist
        return grid.to_physical(1j * grid.k_y * psi_hat), grid.to_physical(-1j * grid.k_x * psi_hat)

    def _advection(self, omega_hat: Tensor) -> Tensor:
        (u, v), (along_x, along_y) = self._velocity(omega_hat), self._gradient(omega_hat)
        return u * along_x + v * along_y

    def _scalar(self, omega_hat: Tensor) -> tuple[Tensor, Tensor]:
        grid, rate, coarse = self.grid, self.rate(omega_hat), omega_hat * self.test_filter
        left = self._filtered(self._advection(omega_hat)) - self._advection(coarse)
        laplacian, smooth = (grid.to_physical(-grid.k_squared * one) for one in (omega_hat, coarse))
        right = self._filtered(rate * laplacian) - 2**self.power * self._filtered(rate) * smooth
        return left[None], right[None] * self.width**self.power

    def _flux(self, omega_hat: Tensor) -> tuple[Tensor, Tensor]:
        grid, coarse = self.grid, omega_hat * self.test_filter
        rate, smooth_rate = self.rate(omega_hat), self.rate(coarse)
        omega, smooth = grid.to_physical(omega_hat), grid.to_physical(coarse)
        left, right = [], []
        velocities = zip(self._velocity(omega_hat), self._velocity(coarse), strict=True)
        gradients = zip(self._gradient(omega_hat), self._gradient(coarse), strict=True)
        for (carried, carrier), (along, slow) in zip(velocities, gradients, strict=True):
            left.append(self._filtered(carried * omega) - carrier * smooth)
            right.append(self._filtered(rate * along) - 2**self.power * smooth_rate * slow)
        return torch.stack(left), torch.stack(right) * self.width**self.power


@door
class JansenHeld(nn.Module):
    """Close with a biharmonic eddy viscosity, and give back a part of the energy that it takes.

    ``Π = ∇²(ν ∇²ω) + ν_b ∇²ω``, ``ν = (constant width)**4 |S|``. The negative viscosity brings in the energy
    ``ν_b <ω**2>``, so ``ν_b = returned * <ψ ∇²(ν ∇²ω)> / <ω**2>`` gives back that part of what is taken, at
    every evaluation (Jansen & Held, Ocean Modelling 80, 2014). Zero ``returned`` is the biharmonic closure.

    ``grid``, ``constant`` and ``width`` are as for `EddyViscosity`, ``returned`` is from 0 to 1; ValueError
    for others.
    """

    def __init__(self, grid: Grid, constant: float, width: float, returned: float = 0.9) -> None:
        super().__init__()
        if not 0 <= returned <= 1:
            raise ValueError(f"returned={returned}: accepted is a part from 0 to 1")
        self.viscous = EddyViscosity(grid, "smagorinsky", constant, width)
        self.grid, self.returned, self.field_sizes = grid, float(returned), grid.field_sizes

    def forward(self, omega_hat: Spectrum) -> Spectrum:
        """Return Π, half spectrum of shape (..., N, N // 2 + 1), in units of 1 / time²."""
        grid, viscous = self.grid, self.viscous
        grid.check_spectrum(omega_hat)
        strength = (viscous.constant * viscous.width) ** 4 * viscous.rate(omega_hat)
        laplacian = grid.to_physical(-grid.k_squared * omega_hat)
        taken = -grid.k_squared * grid.below_nyquist * grid.to_spectral(strength * laplacian)
        psi, omega = (grid.to_physical(one) for one in (omega_hat * grid.inverse_k_squared, omega_hat))
        loss = (psi * grid.to_physical(taken)).mean((-2, -1), keepdim=True)
        squares = omega.square().mean((-2, -1), keepdim=True)
        back = self.returned * loss / squares.clamp(min=torch.finfo(squares.dtype).tiny)
        return taken - back * grid.k_squared * omega_hat


@door
def leith_constant(cutoff_times_width: Positive, amplitude: Positive = KRAICHNAN_BATCHELOR) -> float:
    """Return the constant with which Leith's closure drains a k⁻³ spectrum at the rate at which it cascades.

    With ``E(k) = A eta**(2/3) k**-3`` up to the cut-off k_c, a viscosity takes the enstrophy
    ``eta = 2 ν ∫ k**4 E dk = ν A eta**(2/3) k_c**2``, and ``<|grad(ω)|**2> = A eta**(2/3) k_c**2``, so

        constant = 1 / (A**(1/2) k_c Δ).

    ``cutoff_times_width`` is k_c Δ (2 π for a filter of two grid lengths), ``amplitude`` is A. The argument
    is Lilly's, for two dimensions as in Guan & Hassanzadeh (2025, arXiv:2504.09670); the formula is ours.
    """
    return 1 / (math.sqrt(amplitude) * cutoff_times_width)


@door
def smagorinsky_constant(
    cutoff_times_width: Positive, range_of_scales: Positive, amplitude: Positive = KRAICHNAN_BATCHELOR
) -> float:
    """Return the same for Smagorinsky's closure, which also depends on where the cascade begins.

    ``<|S|**2> = <ω**2> = 2 A eta**(2/3) ln(k_c / k_f)`` is all that differs, so

        constant = (k_c Δ)**-1 A**(-3/4) (2 ln(k_c / k_f))**(-1/4).

    ``range_of_scales`` is ln(k_c / k_f), the natural logarithm of the range of wavenumbers of the cascade.
    """
    return 1 / (cutoff_times_width * amplitude**0.75 * (2 * range_of_scales) ** 0.25)


@door
def biharmonic_constant(
    cutoff_times_width: Positive, range_of_scales: Positive, amplitude: Positive = KRAICHNAN_BATCHELOR
) -> float:
    """Return the same for the biharmonic viscosity of `JansenHeld`, with nothing returned.

    ``eta = 2 ν ∫ k**6 E dk = ν A eta**(2/3) k_c**4 / 2`` is all that differs from `smagorinsky_constant`, so

        constant = (k_c Δ)**-1 2**(1/4) A**(-3/8) (2 ln(k_c / k_f))**(-1/8).
    """
    return 2**0.25 / (cutoff_times_width * amplitude**0.375 * (2 * range_of_scales) ** 0.125)

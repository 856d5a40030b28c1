"""Domain means, budgets and shell-summed spectra of a vorticity field, exact in the sense of Parseval.

All spectra are sums over shells, ``|k| / k_1`` rounded to the nearest integer (``k_1 = 2 * pi / length``),
corners included, so that summing a spectrum over its last axis gives the domain mean to round-off.
"""

import math
from typing import TypeAlias

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.shapes import Multiplier, Scalars, Spectrum

Shells: TypeAlias = Float[Tensor, "... k"]
"""One number per shell of wavenumbers."""


@door
def wavenumbers(grid: Grid) -> np.ndarray:
    """Return the wavenumber of each shell, ``2 * pi / length * [0, 1, ..., round(n / sqrt(2))]``."""
    return math.tau / grid.length * np.arange(round(grid.size / math.sqrt(2)) + 1)


@door
def cross_density(grid: Grid, a_hat: Spectrum, b_hat: Spectrum) -> Multiplier:
    """Return the share of every stored mode in the domain mean of a product.

    ``density = weight * real(conj(a_hat) * b_hat) / n**4`` with ``sum(density) = mean(a * b)``; the weight is
    2 where rfft2 stores one of two conjugate modes, else 1. The spectra are those of real fields,
    shape (..., n, n // 2 + 1). Raises ValueError for values that are not finite.
    """
    for name, spectrum in (("a_hat", a_hat), ("b_hat", b_hat)):
        if not bool(torch.isfinite(torch.view_as_real(spectrum)).all()):
            raise ValueError(f"{name} holds values that are not finite: every value must be a finite number")
    weight = torch.full_like(grid.k_x, 2.0)
    weight[..., 0] = weight[..., -1] = 1.0
    scale = 1.0 / grid.size**2  # before squaring, or float32 loses range
    a, b = torch.view_as_real(a_hat * scale), torch.view_as_real(b_hat * scale)
    return (a * b).sum(-1) * weight


@door
def mean_product(grid: Grid, a_hat: Spectrum, b_hat: Spectrum) -> Scalars:
    """Return the domain mean ``<a b>`` of two real fields given by their spectra, shape (...)."""
    return cross_density(grid, a_hat, b_hat).sum((-2, -1))


@door
def shell_sum(grid: Grid, density: Multiplier) -> Shells:
    """Sum a density over shells.

    ``result[..., j] = sum of density where round(|k| * length / (2 * pi)) == j``

    ``density`` is a real quantity per stored mode, shape (..., n, n // 2 + 1); the result,
    shape (..., shells), is over `wavenumbers`.
    """
    shell = torch.round(grid.k_radial * (grid.length / math.tau)).long().flatten()
    result = density.new_zeros((*density.shape[:-2], wavenumbers(grid).size))
    return result.index_add(-1, shell, density.flatten(-2))


@door
def shell_spectrum(grid: Grid, field_hat: Spectrum) -> Shells:
    """Return the power of any field per shell; ``sum_k = mean(field**2)``."""
    return shell_sum(grid, cross_density(grid, field_hat, field_hat))


@door
def densities(grid: Grid, omega_hat: Spectrum) -> dict[str, Multiplier]:
    """Return the densities of energy, enstrophy and palinstrophy: they differ by powers of ``k_squared``."""
    half = 0.5 * cross_density(grid, omega_hat, omega_hat)
    energy = half * grid.inverse_k_squared * grid.below_nyquist
    return {"energy": energy, "enstrophy": half, "palinstrophy": half * grid.k_squared}


@door
def energy(grid: Grid, omega_hat: Spectrum) -> Scalars:
    """Return ``E = 1/2 <u**2 + v**2> = 1/2 <psi * omega>``, shape (...), in length² / time².

    The Nyquist modes, whose velocity a grid cannot tell, are left out.

    Examples
    --------
    >>> from tlfourier.flow.initial import taylor_green
    >>> grid = Grid(16)
    >>> round(float(energy(grid, taylor_green(grid))), 4)
    0.25
    """
    return densities(grid, omega_hat)["energy"].sum((-2, -1))


@door
def enstrophy(grid: Grid, omega_hat: Spectrum) -> Scalars:
    """Return ``Z = 1/2 <omega**2>``, shape (...), in 1 / time²."""
    return densities(grid, omega_hat)["enstrophy"].sum((-2, -1))


@door
def palinstrophy(grid: Grid, omega_hat: Spectrum) -> Scalars:
    """Return ``P = 1/2 <|grad(omega)|**2>``, shape (...), in 1 / (length² time²)."""
    return densities(grid, omega_hat)["palinstrophy"].sum((-2, -1))


@door
def energy_spectrum(grid: Grid, omega_hat: Spectrum) -> Shells:
    """Return ``E(k)`` per shell, shape (..., shells), with ``sum_k E(k) = E``."""
    return shell_sum(grid, densities(grid, omega_hat)["energy"])


@door
def enstrophy_spectrum(grid: Grid, omega_hat: Spectrum) -> Shells:
    """Return ``Z(k)`` per shell, shape (..., shells), with ``sum_k Z(k) = Z``."""
    return shell_sum(grid, densities(grid, omega_hat)["enstrophy"])


@door
def transfer(equation: VorticityEquation, omega_hat: Spectrum) -> tuple[Shells, Shells]:
    """Return what advection brings to each shell, ``T_E(k)`` and ``T_Z(k)``, per unit time.

    ``T_E = shell_sum(-real(conj(psi_hat) * N_hat))``, ``T_Z = shell_sum(-real(conj(omega_hat) * N_hat))``;
    both sum to zero over ``k``, because advection conserves energy and enstrophy. N is the equation's
    advection of the state ``omega_hat``, shape (..., n, n // 2 + 1).
    """
    grid = equation.grid
    density = -cross_density(grid, omega_hat, equation.advection(omega_hat))
    return shell_sum(grid, density * grid.inverse_k_squared), shell_sum(grid, density)


@door
def flux(transfer_spectrum: Shells) -> Shells:
    """Return the flux through k, ``flux[j] = -sum(transfer[:j + 1])``; positive is to smaller scales."""
    return -transfer_spectrum.cumsum(-1)


@door
def budget(equation: VorticityEquation, omega_hat: Spectrum) -> dict[str, Scalars]:
    """Return what changes energy and enstrophy per unit time, term by term.

    ``dE/dt = -<psi * f> - 2 * drag * E - 2 * viscosity * Z`` and
    ``dZ/dt = -<omega * f> - 2 * drag * Z - 2 * viscosity * P``

    ``omega_hat`` has the shape (..., n, n // 2 + 1), f is the equation's forcing. Returns, of shape (...),
    ``energy_injection``, ``energy_drag``, ``energy_dissipation`` and the same of enstrophy; losses are
    negative.

    Examples
    --------
    >>> from tlfourier.flow.initial import taylor_green
    >>> grid = Grid(16)
    >>> terms = budget(VorticityEquation(grid, viscosity=0.1, drag=0.2), taylor_green(grid))
    >>> {name: round(float(value), 3) for name, value in terms.items() if name.startswith("energy")}
    {'energy_injection': 0.0, 'energy_drag': -0.1, 'energy_dissipation': -0.1}
    """
    grid, forcing_hat = equation.grid, equation.forcing_hat
    means = {name: density.sum((-2, -1)) for name, density in densities(grid, omega_hat).items()}
    tested = {"energy": equation.streamfunction(omega_hat), "enstrophy": omega_hat}
    terms = {}
    for name, steeper in (("energy", "enstrophy"), ("enstrophy", "palinstrophy")):
        injection = torch.zeros_like(means[name])
        if forcing_hat is not None:
            injection = -mean_product(grid, tested[name], forcing_hat)
        terms[f"{name}_injection"] = injection
        terms[f"{name}_drag"] = -2 * equation.drag * means[name]
        terms[f"{name}_dissipation"] = -2 * equation.viscosity * means[steeper]
    return terms


@door
def cfl_rate(equation: VorticityEquation, omega_hat: Spectrum) -> Scalars:
    """Return ``max(|u| + |v|) / dx``, shape (...), in 1 / time: times dt it is the CFL number."""
    u, v = equation.velocity(omega_hat)
    return (u.abs() + v.abs()).amax((-2, -1)) / equation.grid.dx


@door
def resolution(equation: VorticityEquation, omega_hat: Spectrum) -> Scalars:
    """Return ``k_max / k_d``, shape (...): above 1 the enstrophy cascade is resolved.

    ``k_d = (eta / viscosity**3)**(1/6)`` with the enstrophy dissipation ``eta = 2 viscosity P``, and
    ``k_max = (n / 3) (2 pi / length)``, the 2/3 rule. Zero without viscosity.
    """
    grid = equation.grid
    k_max = grid.size / 3 * math.tau / grid.length
    return k_max * (equation.viscosity**2 / (2 * palinstrophy(grid, omega_hat))) ** (1 / 6)

"""Initial vorticity fields, as half spectra."""

import math
from typing import Annotated

import torch
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.grid import LARGEST_SIZE, Grid, check_wavenumber, resize
from tlfourier.limits import Range
from tlfourier.shapes import Spectrum


@door
def random_vorticity(
    grid: Grid, seed: int, k_peak: float = 10.0, members: Annotated[int, Range(most=10**5)] | None = None
) -> Spectrum:
    """Draw a vorticity field with a prescribed energy spectrum and random phases.

    ``E(k) = A k**4 exp(-(k / k_peak)**2)``, ``A = 4 k_peak**-5 / (3 pi)``, so that
    ``|omega_hat| = N**2 sqrt(k E(k) / pi)`` for length 2 pi. The phases depend on the seed and on ``k_peak``
    only: two grids that resolve the spectrum get the same field, in either precision.

    Parameters
    ----------
    grid : Grid
    seed : int
        Seed of the phases.
    k_peak : float
        Positive scale of the spectrum in units of 2 pi / length; the maximum of E lies at sqrt(2) k_peak.
        ValueError if it is not positive.
    members : int, optional
        Number of independent fields, at least one; without it there is no leading dimension.

    Returns
    -------
    Spectrum, shape ([members,] N, N // 2 + 1)
        Zero beyond ``grid.mask``.

    Notes
    -----
    The spectrum of Subel et al., PNAS Nexus 2(3), pgad015 (2023).

    Examples
    --------
    >>> from tlfourier.flow.spectra import energy, energy_spectrum
    >>> grid = Grid(64)
    >>> omega_hat = random_vorticity(grid, seed=0, k_peak=6.0)
    >>> round(float(energy(grid, omega_hat)), 2), int(energy_spectrum(grid, omega_hat).argmax())
    (0.28, 9)
    """
    if not 1e-30 < k_peak < LARGEST_SIZE:
        raise ValueError(f"k_peak={k_peak}: it must be a positive number, at most {LARGEST_SIZE}")
    if members is not None and members < 1:
        raise ValueError(f"members={members}: draw at least one field")
    # Beyond six k_peak the amplitude is below 1e-7 of its maximum.
    drawing = Grid(max(8, 2 * math.ceil(6 * k_peak) + 2), grid.length, torch.float64)
    generator = torch.Generator().manual_seed(seed)
    shape = (drawing.size, drawing.size)
    # One draw per member: the first members are the same however many are asked for.
    draws = [torch.randn(shape, generator=generator, dtype=torch.float64) for _ in range(members or 1)]
    noise = torch.stack(draws)
    phases_hat = torch.fft.rfft2(noise)
    omega_hat = resize(_amplitude(drawing, k_peak) * phases_hat / phases_hat.abs(), drawing.size, grid.size)
    omega_hat = omega_hat.to(grid.k_squared.device, grid.complex_dtype) * grid.mask
    return omega_hat if members is not None else omega_hat[0]


def _amplitude(grid: Grid, k_peak: float) -> Tensor:
    """Return |omega_hat| of the spectrum ``A k**4 exp(-(k / k_peak)**2)``, shape (N, N // 2 + 1)."""
    unit = 2 * math.pi / grid.length
    k, k_p = grid.k_radial, unit * k_peak
    energy = 4 / (3 * math.pi * k_p**5) * k**4 * torch.exp(-((k / k_p) ** 2))
    return grid.size**2 * unit * torch.sqrt(k * energy / math.pi)


@door
def taylor_green(grid: Grid, k: int = 1) -> Spectrum:
    """Return the vortices ``omega = 2 k cos(k x) cos(k y)``, k in units of 2 pi / length.

    Their advection vanishes, so they decay exactly as ``exp(-(2 viscosity k**2 + drag) t)`` (Taylor and
    Green, Proc. R. Soc. A 158, 1937). Raises ValueError if the grid does not resolve k.

    Examples
    --------
    >>> grid = Grid(16)
    >>> omega = grid.to_physical(taylor_green(grid, k=2))
    >>> torch.allclose(omega, 4 * torch.cos(2 * grid.x) * torch.cos(2 * grid.y), atol=1e-5)
    True
    """
    k = check_wavenumber(grid.size, k, "k")
    omega_hat = torch.zeros_like(grid.k_squared, dtype=grid.complex_dtype)
    omega_hat[[k, -k], k] = 2 * (2 * math.pi * k / grid.length) * grid.size**2 / 4
    return omega_hat


@door
def lamb_dipole(grid: Grid, radius: float, speed: float) -> Spectrum:
    """Return the Lamb-Chaplygin dipole at the centre of the square, moving in the direction of x.

    ``omega = -2 speed k J1(k r) sin(theta) / J0(k radius)`` for r < radius, else 0, with
    ``k radius = 3.8317``, the first zero of J1; theta is the angle from the x axis. On the infinite plane it
    translates unchanged at ``speed``. In a periodic box without mean flow its images slow it to
    ``speed (1 - pi (radius / length)**2)`` to leading order: a dipole of impulse ``2 pi speed radius**2``
    sets up a counterflow of half that impulse per area of the box. ``radius`` is at most a quarter of the
    side and ``speed`` finite, else ValueError.

    The spectrum, shape (N, N // 2 + 1), is zero beyond ``grid.mask``. Source: Meleshko and van Heijst, J.
    Fluid Mech. 272, 157-182 (1994).
    """
    from scipy.special import j0, j1, jn_zeros

    if not math.isfinite(speed):
        raise ValueError(f"speed={speed}: it must be a finite number")
    if not 0 < radius <= grid.length / 4:
        raise ValueError(f"radius={radius}: it must be between 0 and length / 4 = {grid.length / 4:.4g}")
    x = (grid.x - grid.length / 2).double().cpu()
    y = (grid.y - grid.length / 2).double().cpu()
    r = torch.sqrt(x**2 + y**2)
    k = float(jn_zeros(1, 1)[0]) / radius
    sine = y / r.clamp(min=1e-12 * radius)
    profile = torch.from_numpy(j1((k * r).numpy()))
    omega = -2 * speed * k / float(j0(k * radius)) * profile * sine * (r < radius)
    omega_hat = torch.fft.rfft2(omega).to(grid.k_squared.device, grid.complex_dtype)
    return omega_hat * grid.mask

"""Filters, and the subgrid term that they leave behind.

A filter multiplies the spectrum of the fine grid by a transfer function ``G(k)`` with ``G(0) = 1`` and then
keeps the modes ``|k_x|, |k_y| < n / 2`` of the coarse grid; the Nyquist modes are dropped, for the coarse
grid cannot tell their sign. Both operations act mode by mode, so they commute with every derivative and with
the linear part of the equation.
"""

import math
from collections.abc import Callable
from typing import TypeAlias, TypeVar, cast

import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.flow.dissipation import CUTOFF, STRENGTH
from tlfourier.flow.grid import Grid, resize
from tlfourier.flow.pseudospectral import Equation
from tlfourier.shapes import Count, Finite, Positive, Resized, Spectrum, Waves

# A wave whose length is exactly `width` must not pass, however its wavenumber was rounded.
_EDGE = 1.0 - 1e-6


@door
def gaussian(k_x: Waves, k_y: Waves, width: Positive) -> Waves:
    """Return ``exp(-(k_x**2 + k_y**2) * width**2 / 24)``.

    The angular wavenumbers are broadcast against each other; ``width`` is Δ in units of length, the side of
    the box filter with the same second moment. Source: Guan et al., JCP 2022 (arXiv 2102.11400); Pope,
    *Turbulent Flows*, table 13.2.
    """
    return torch.exp(-(k_x**2 + k_y**2) * width**2 / 24)


@door
def box(k_x: Waves, k_y: Waves, width: Positive) -> Waves:
    """Return ``sin(a) / a * sin(b) / b`` with ``a = k_x * width / 2``, ``b = k_y * width / 2``.

    This is the mean over a square of side ``width``. Parameters as for `gaussian`.
    """
    # torch.sinc(x) is sin(pi x) / (pi x).
    return torch.sinc(k_x * width / math.tau) * torch.sinc(k_y * width / math.tau)


@door
def circular(k_x: Waves, k_y: Waves, width: Positive) -> Waves:
    """Return 1 where ``sqrt(k_x**2 + k_y**2) < 2 pi / width``, else 0: waves longer than ``width`` pass.

    Parameters as for `gaussian`; here ``width`` is the wavelength at the cut-off.
    """
    return (torch.hypot(*torch.broadcast_tensors(k_x, k_y)) < math.tau / width * _EDGE).to(k_x.dtype)


@door
def square(k_x: Waves, k_y: Waves, width: Positive) -> Waves:
    """Return 1 where ``max(|k_x|, |k_y|) < 2 pi / width``, else 0.

    Parameters as for `circular`. At the default width, two coarse grid lengths, it keeps every coarse mode.
    """
    return (torch.maximum(k_x.abs(), k_y.abs()) < math.tau / width * _EDGE).to(k_x.dtype)


@door
def exponential(k_x: Waves, k_y: Waves, width: Positive) -> Waves:
    """Return ``exp(-23.6 (|k| width / 2 - 0.65 pi)**4)`` beyond ``|k| width / 2 = 0.65 pi``, else 1.

    Parameters as for `gaussian`. At the default width this is the filter that pyqg applies at each step on
    the coarse grid, `tlfourier.flow.dissipation.exponential_filter`: the first operator of Ross et al., J.
    Adv. Model. Earth Syst. 15 (2023), e2022MS003258. Their second is `gaussian`, their third is near
    `averaged`.
    """
    beyond = torch.hypot(*torch.broadcast_tensors(k_x, k_y)) * (width / 2) - CUTOFF * math.pi
    return torch.exp(-STRENGTH * beyond.clamp(min=0.0) ** 4)


@door
def averaged(k_x: Waves, k_y: Waves, width: Positive) -> Waves:
    """Return the product of `gaussian` and `box` of half the width each.

    At the default width it smooths over one coarse grid length and takes the mean over each coarse cell, as
    the third operator of Ross et al. (2023) does in physical space, but for the aliases of its sampling.
    """
    return gaussian(k_x, k_y, width / 2) * box(k_x, k_y, width / 2)


_Kind: TypeAlias = Callable[[Tensor, Tensor, float], Tensor]
KINDS: dict[str, _Kind] = {
    "gaussian": gaussian,
    "box": box,
    "circular": circular,
    "square": square,
    "exponential": exponential,
    "averaged": averaged,
}
COMPARED = ("gaussian", "box", "circular", "square")
"""The kinds that the book sets side by side for two-dimensional turbulence."""
OCEAN_OPERATORS = {"operator 1": "exponential", "operator 2": "gaussian", "operator 3": "averaged"}
"""What Ross et al. (2023) call the filters of their ocean."""

E = TypeVar("E", bound=Equation)


@door
def factors(k_max: Finite, width: Positive, points: Count = 1025) -> xr.Dataset:
    """Return G(k, 0), the factor of several kinds of filter for waves along one axis.

    ``k`` runs from 0 to ``k_max`` in as many ``points``, ``width`` is Δ in units of length; there is one
    variable over ``k`` for each of `COMPARED`.
    """
    k = torch.linspace(0.0, k_max, points, dtype=torch.float64)
    given = {kind: ("k", KINDS[kind](k, torch.zeros_like(k), width).numpy()) for kind in COMPARED}
    return xr.Dataset(given, {"k": ("k", k.numpy(), {"long_name": "wavenumber", "units": "length^-1"})})


@door
class Filter(nn.Module):
    """Filter a spectrum of the fine grid and bring it to the coarse grid.

    ``omega_bar_hat = (n_coarse / n_fine)**2 * truncate(G(k_x, k_y) * omega_hat)``; the factor keeps the
    values of the field, for the transforms are unnormalised. Raises ValueError if the kind is unknown, the
    coarse grid is finer than the fine one or differs in domain or precision, or the width is not positive or
    exceeds the domain.

    Parameters
    ----------
    fine, coarse : Grid
        The grids of the DNS and of the LES; the same domain.
    kind : {"gaussian", "box", "circular", "square", "exponential", "averaged"}
        The transfer function.
    width : float, optional
        Δ in units of length; ``2 * coarse.dx`` by default, as in Guan et al., JCP 2022 (arXiv 2102.11400).
        The side of the averaging square (box), of a square with the same second moment (gaussian), or the
        shortest wave that passes (circular, square).

    Examples
    --------
    >>> filter = Filter(Grid(64), Grid(16), "gaussian")
    >>> filter
    Filter(gaussian, width=0.785398, 64 -> 16)
    >>> round(float(filter.response[0, 8]), 3)  # at the cut-off of the coarse grid
    0.193
    """

    response: Tensor

    def __init__(self, fine: Grid, coarse: Grid, kind: str = "gaussian", width: float | None = None) -> None:
        super().__init__()
        width = 2.0 * coarse.dx if width is None else float(width)
        _check_same_square(fine, coarse)
        check_filter(fine.size, coarse.size, kind, width, fine.length)
        self.kind, self.width = kind, width
        self.size_from, self.size_to = fine.size, coarse.size
        # In float64 first: a cut-off must not move with the precision of the grid.
        response = KINDS[kind](fine.k_x.double(), fine.k_y.double(), width)
        self.register_buffer("response", response.to(fine.dtype), persistent=False)

    def forward(self, omega_hat: Spectrum) -> Resized:
        """Return the filtered spectrum on the coarse grid.

        ``omega_hat``, shape (..., n_fine, n_fine // 2 + 1), is any spectrum on the fine grid: vorticity,
        forcing, advection. The result has the shape (..., n_coarse, n_coarse // 2 + 1). Raises ValueError if
        the shape is not that of the fine grid.
        """
        if omega_hat.shape[-2:] != self.response.shape:
            needed = f"(..., {self.size_from}, {self.size_from // 2 + 1})"
            raise ValueError(f"omega_hat has shape {tuple(omega_hat.shape)}: this filter needs {needed}")
        return resize(omega_hat * self.response, self.size_from, self.size_to)

    def extra_repr(self) -> str:
        """Describe the filter in one line."""
        return f"{self.kind}, width={self.width:g}, {self.size_from} -> {self.size_to}"


@door
def check_filter(fine: int, coarse: int, kind: str, width: float, length: float = math.tau) -> None:
    """Raise ValueError for what makes no filter from ``fine`` to ``coarse`` points of a square."""
    if kind not in KINDS:
        raise ValueError(f"kind={kind!r}: choose one of {', '.join(KINDS)}")
    if coarse > fine:
        raise ValueError(f"coarse grid of {coarse} points a side: at most the {fine} of the fine grid")
    if not 0.0 < width <= length * (1 + 1e-12):
        raise ValueError(f"width={width:g}: it must be above 0, at most {length:g}, the side of the square")


def _check_same_square(fine: Grid, coarse: Grid) -> None:
    if not math.isclose(coarse.length, fine.length, rel_tol=1e-12):
        raise ValueError(f"coarse length {coarse.length:g}: it must be {fine.length:g}, as of the fine grid")
    if coarse.dtype != fine.dtype:
        raise ValueError(f"coarse grid of {coarse.dtype}: it must be {fine.dtype}, as the fine one")


@door
def subgrid_term(
    omega_hat: Spectrum, fine_equation: Equation, coarse_equation: Equation, filter: Filter
) -> Resized:
    """Return the subgrid term Π, ``sgs_hat = filter(N(omega_hat)) - N(filter(omega_hat))``.

    Parameters
    ----------
    omega_hat : Spectrum, shape (..., [layers,] n_fine, n_fine // 2 + 1)
        The state of the DNS.
    fine_equation, coarse_equation : Equation
        The equations of DNS and LES; each contributes its own, alias-free advection. With ``dealias="pad"``
        on the coarse grid the result equals Π computed wholly on the fine grid, to round-off.
    filter : Filter
        From the fine grid to the coarse one.

    Returns
    -------
    Spectrum, shape (..., [layers,] n_coarse, n_coarse // 2 + 1)
        Π in units of 1 / time², of each layer. The LES carries -Π; ``mean(omega_bar * sgs) > 0`` is forward
        transfer of enstrophy.

    Examples
    --------
    >>> from tlfourier.flow.equation import VorticityEquation
    >>> from tlfourier.flow.initial import random_vorticity
    >>> fine, coarse = Grid(64), Grid(16)
    >>> filter, equation = Filter(fine, coarse), VorticityEquation(fine, viscosity=0.01)
    >>> omega_hat = random_vorticity(fine, seed=0)
    >>> subgrid_term(omega_hat, equation, filtered_equation(equation, coarse, filter), filter).shape
    torch.Size([16, 9])
    """
    return filter(fine_equation.advection(omega_hat)) - coarse_equation.advection(filter(omega_hat))


@door
def filtered_equation(fine_equation: E, coarse: Grid, filter: Filter) -> E:
    """Build the equation that the filtered DNS obeys once Π is given: same physics, filtered forcing.

    ``filter`` leads from the grid of the DNS to ``coarse``, that of the LES. The equation has
    ``dealias="pad"``, so that no mode of the coarse grid is lost, and no filter at each step: of layers whose
    DNS has one, Π must be taken where that filter is 1, on a coarse grid of less than half the points.
    """
    return cast(E, fine_equation.filtered(coarse, filter))

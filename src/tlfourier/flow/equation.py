"""The vorticity equation in Fourier space: linear part, advection, right-hand side."""

import math
from typing import Any

import torch
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.grid import Grid, by_columns
from tlfourier.flow.pseudospectral import DEALIAS as DEALIAS
from tlfourier.flow.pseudospectral import Closure as Closure
from tlfourier.flow.pseudospectral import Equation
from tlfourier.shapes import Spectrum


@door
class VorticityEquation(Equation):
    """Describe forced, damped two-dimensional turbulence on a doubly periodic square.

    ``omega_t = -N(omega, psi) + viscosity laplacian(omega) - f - drag omega - beta v``, with
    ``laplacian(psi) = -omega``, ``u = psi_y``, ``v = -psi_x``, ``N = psi_y omega_x - psi_x omega_y``.
    In Fourier space ``d(omega_hat)/dt = linear * omega_hat + nonlinear(omega_hat)``, with
    ``nonlinear = -N_hat - forcing_hat - closure(omega_hat)``.

    Raises ValueError for a negative or non-finite coefficient, an unknown ``dealias``, a forcing of the wrong
    shape or beyond the kept modes.

    Parameters
    ----------
    grid : Grid
        The square and its modes.
    viscosity : float
        Kinematic viscosity (the inverse Reynolds number), not negative.
    drag : float
        Linear (Ekman) drag r per time unit.
    beta : float
        Gradient of the planetary vorticity.
    forcing_hat : Spectrum, shape (N, N // 2 + 1), optional
        Half spectrum of f, which enters with a minus sign.
    dealias : {"truncate", "pad", "none"}
        How products are kept free of aliasing, see `tlfourier.flow.pseudospectral.Equation`.

    Attributes
    ----------
    linear : Tensor, shape (N, N // 2 + 1)
        ``-viscosity k**2 - drag + i beta k_x / k**2``; real when beta is zero.
    columns : int
        Leading columns of a half spectrum outside of which the nonlinear term is zero.

    Examples
    --------
    >>> from tlfourier.flow.initial import taylor_green
    >>> grid = Grid(32, dtype=torch.float64)
    >>> equation = VorticityEquation(grid, viscosity=0.01, drag=0.1)
    >>> omega_hat = taylor_green(grid)  # its advection vanishes: what is left is linear
    >>> torch.allclose(equation.tendency(omega_hat), -(2 * 0.01 + 0.1) * omega_hat)
    True
    """

    _source: Tensor

    def __init__(
        self,
        grid: Grid,
        viscosity: float,
        drag: float = 0.0,
        beta: float = 0.0,
        forcing_hat: Spectrum | None = None,
        dealias: str = "truncate",
    ) -> None:
        _validate(viscosity, drag, beta)
        super().__init__(grid, dealias)
        self.viscosity, self.drag, self.beta = float(viscosity), float(drag), float(beta)
        if forcing_hat is not None:
            grid.check_spectrum(forcing_hat, "forcing_hat")
            _check_inside(forcing_hat, self.resolved)
        self.register_buffer("forcing_hat", forcing_hat, persistent=False)
        self.register_buffer("linear", _linear(grid, viscosity, drag, beta), persistent=False)
        inverse = grid.inverse_k_squared * self.resolved * self._scale
        self._keep(_u=1j * grid.k_y * inverse, _v=-1j * grid.k_x * inverse)
        self.register_buffer("_source", _driven(forcing_hat, grid, self.columns), persistent=False)

    def coefficients(self) -> dict[str, Any]:
        """Return what makes this equation, as JSON values, but for its forcing."""
        return {name: getattr(self, name) for name in ("viscosity", "drag", "beta", "dealias")}

    def filtered(self, coarse: Grid, filter: Closure) -> "VorticityEquation":
        """Return the equation of the filtered vorticity on a coarse grid: same physics, filtered forcing."""
        forcing_hat = None if self.forcing_hat is None else filter(self.forcing_hat)
        return VorticityEquation(coarse, self.viscosity, self.drag, self.beta, forcing_hat, dealias="pad")

    def streamfunction(self, omega_hat: Spectrum) -> Spectrum:
        """Return ``psi_hat = omega_hat / k**2``, shape (..., N, N // 2 + 1); the mean of psi is zero."""
        return omega_hat * self.grid.inverse_k_squared

    def _add_sources(self, total: Tensor, omega_hat: Tensor, factor: float = 1.0) -> Tensor:
        """Add the forcing, in the few columns where there is one, to an array that nobody else holds."""
        driven = self._source.shape[-1]
        if driven:
            total[..., :driven].add_(self._source, alpha=factor)
        return total

    def extra_repr(self) -> str:
        """Return the coefficients of this equation."""
        return f"viscosity={self.viscosity}, drag={self.drag}, beta={self.beta}, dealias={self.dealias!r}"


def _validate(viscosity: float, drag: float, beta: float) -> None:
    """Raise ValueError for coefficients that make no equation."""
    for name, value in {"viscosity": viscosity, "drag": drag}.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}={value}: it must be a finite number, zero or more")
    if not math.isfinite(beta):
        raise ValueError(f"beta={beta}: it must be a finite number")


def _linear(grid: Grid, viscosity: float, drag: float, beta: float) -> Tensor:
    """Return the diagonal linear operator, real when beta is zero."""
    damping = -viscosity * grid.k_squared - drag
    if beta == 0:
        return damping
    # The Nyquist column stands for both signs of k_x, between which a real field has no phase velocity.
    waves = beta * grid.k_x * grid.inverse_k_squared * grid.below_nyquist
    return torch.complex(damping, waves)


def _driven(forcing_hat: Tensor | None, grid: Grid, columns: int) -> Tensor:
    """Return minus the forcing, up to the last column that it drives."""
    if forcing_hat is None:
        return torch.zeros((grid.size, 0), dtype=grid.complex_dtype, device=grid.k_x.device)
    strengths = forcing_hat[..., :columns].abs().flatten(0, -2).amax(0)
    return by_columns(-forcing_hat[..., : int(torch.count_nonzero(strengths.flip(0).cumsum(0)))])


def _check_inside(forcing_hat: Spectrum, resolved: Tensor) -> None:
    """Raise ValueError if a forcing drives modes that the equation does not keep."""
    outside = (forcing_hat.abs() * (1 - resolved)).amax()
    if outside > 1e-5 * forcing_hat.abs().amax():
        raise ValueError("forcing_hat drives modes beyond the kept ones: use a larger grid or a smaller k_f")

"""The quasi-geostrophic equations of layers: inversion, mean shear, beta, bottom drag, dissipation."""

import math
from typing import Annotated, Any

import numpy as np
import torch
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.dissipation import Power
from tlfourier.flow.grid import Grid
from tlfourier.flow.layers import Layers
from tlfourier.flow.pseudospectral import Closure, Equation
from tlfourier.limits import Range
from tlfourier.shapes import Multiplier, Spectrum

Hyperviscosity = Annotated[float, Range(0.0)]
"""A coefficient that is not negative; in metres and seconds it may be very large."""


@door
class QuasiGeostrophicEquation(Equation):
    """Describe layered quasi-geostrophic turbulence about a sheared mean flow, on a doubly periodic square.

    In layer i, with ``u = psi_y``, ``v = -psi_x`` and ``omega = -laplacian(psi)`` as for one layer,

    ``q_t = -(u q_x + v q_y) - U q_x - Q v - drag omega - hyperviscosity (-laplacian)**power q``,

    ``q = omega + S psi``, ``Q = beta + S U``, the drag in the lowest layer only; S is
    `tlfourier.flow.layers.Layers.stretching`. What is stepped is the potential vorticity q, of shape
    (..., layers, N, N // 2 + 1). The sign of psi is that of this package, the opposite of pyqg's and of the
    pressure's; velocity, q and closures are the same in both.

    What acts within a layer is the diagonal ``linear``; how layers couple through beta, shear and drag is
    slow and goes with the nonlinear term.

    Raises ValueError for a coefficient out of range, an unknown ``dealias``, a filter of the wrong shape or
    outside 0 to 1.

    Parameters
    ----------
    grid : Grid
        The square and its modes, in the units of length of the layers.
    layers : Layers
        Thickness, coupling, mean flow, beta and drag.
    hyperviscosity : float
        Coefficient of the small-scale dissipation, in length**(2 power) / time; see
        `tlfourier.flow.dissipation.hyperviscosity_for`.
    power : int
        Of the Laplacian, at least 1: a viscosity.
    step_filter : Tensor, shape (N, N // 2 + 1), optional
        A factor for every mode after each step, as `tlfourier.flow.dissipation.exponential_filter`.
    dealias : {"truncate", "pad", "none"}
        How products are kept free of aliasing, see `tlfourier.flow.pseudospectral.Equation`; ``none`` takes
        the products of pyqg, u q and v q, so that its aliasing errors are the same.

    Attributes
    ----------
    linear : Tensor, shape (layers, N, N // 2 + 1)
        ``-i k_x U + (i k_x Q - drag k**2) A_ii - hyperviscosity k**(2 power)``, with A the inversion.
    inversion : Tensor, shape (layers, layers, N, N // 2 + 1)
        A in ``psi_hat = A q_hat``, the inverse of ``k**2 + S``, zero for the mean.

    Examples
    --------
    >>> from tlfourier.flow.layers import two_layers
    >>> ocean = two_layers(15e3, 0.25, beta=1.5e-11, drag=5.787e-7)
    >>> equation = QuasiGeostrophicEquation(Grid(32, length=1e6), ocean)
    >>> equation.linear.shape
    torch.Size([2, 32, 17])
    """

    inversion: Tensor
    _inverse: Tensor
    _coupling: Tensor
    _between: Tensor
    _along: Tensor
    _across: Tensor
    _velocity: Tensor

    def __init__(
        self,
        grid: Grid,
        layers: Layers,
        hyperviscosity: Hyperviscosity = 0.0,
        power: Power = 4,
        step_filter: Multiplier | None = None,
        dealias: str = "truncate",
    ) -> None:
        super().__init__(grid, dealias)
        if not math.isfinite(hyperviscosity):
            raise ValueError(f"hyperviscosity={hyperviscosity}: it must be a finite number, zero or more")
        if step_filter is not None and not bool(((step_filter >= 0) & (step_filter <= 1)).all()):
            raise ValueError("step_filter has factors outside 0 to 1: a filter only takes away")
        self.layers, self.hyperviscosity, self.power = layers, float(hyperviscosity), int(power)
        self.field_sizes = {**grid.field_sizes, "layers": layers.count}
        self.step_filter = None if step_filter is None else step_filter.to(grid.k_x.device, grid.dtype)
        # Formed in float64 and rounded once; where the sign of k_x is unknown there is no derivative.
        inversion = _inversion(grid, layers)
        derivative = 1j * grid.k_x.double() * grid.below_nyquist
        on_psi = _as(layers.vorticity_gradient(), grid) * derivative
        on_psi[-1] -= layers.drag * grid.k_squared.double()
        linear = on_psi * torch.diagonal(inversion).movedim(-1, 0) - _as(layers.velocity, grid) * derivative
        linear -= self.hyperviscosity * grid.k_squared.double() ** self.power
        self.register_buffer("linear", linear.to(grid.complex_dtype), persistent=False)
        self.register_buffer("inversion", inversion.to(grid.dtype), persistent=False)
        self.register_buffer("forcing_hat", None, persistent=False)
        self.register_buffer("_velocity", _as(layers.velocity, grid).to(grid.dtype), persistent=False)
        self._keep(
            _inverse=inversion * self.resolved * self._scale,
            _coupling=on_psi[:, None] * inversion * self.resolved,
            _between=_interfaces(grid, layers) * self.resolved / self._scale,
            _u=1j * grid.k_y.expand(inversion.shape[-2:]),
            _v=-1j * grid.k_x.expand(inversion.shape[-2:]),
        )
        if dealias == "none":
            self._keep(_along=-1j * grid.k_x * self.resolved, _across=-1j * grid.k_y * self.resolved)

    @property
    def mean_flow(self) -> Tensor:
        """Return the mean velocity of each layer along x, shape (layers, 1, 1)."""
        return self._velocity

    def coefficients(self) -> dict[str, Any]:
        """Return what makes this equation, as JSON values, but for its filter."""
        layers = self.layers
        listed = {name: list(getattr(layers, name)) for name in ("thickness", "coupling", "velocity")}
        rest = {"beta": layers.beta, "drag": layers.drag, "hyperviscosity": self.hyperviscosity}
        return {"variable": "q", **listed, **rest, "power": self.power, "dealias": self.dealias}

    def filtered(self, coarse: Grid, filter: Closure) -> "QuasiGeostrophicEquation":
        """Return the equation of the filtered layers on a coarse grid, without a filter at each step."""
        return QuasiGeostrophicEquation(coarse, self.layers, self.hyperviscosity, self.power, dealias="pad")

    def streamfunction(self, omega_hat: Spectrum) -> Spectrum:
        """Return psi_hat of the potential vorticity, shape (..., layers, N, N // 2 + 1); its mean is zero."""
        self._check_layers(omega_hat, "omega_hat")
        return _mixed(self.inversion, omega_hat)

    def potential_vorticity(self, psi_hat: Spectrum) -> Spectrum:
        """Return q_hat of a streamfunction of mean zero, shape (..., layers, N, N // 2 + 1)."""
        self._check_layers(psi_hat, "psi_hat")
        stretching = torch.from_numpy(self.layers.stretching()).to(self.inversion)
        return self.grid.k_squared * psi_hat + _mixed(stretching[..., None, None], psi_hat)

    def vorticity(self, omega_hat: Spectrum) -> Spectrum:
        """Return the relative vorticity ``k**2 psi_hat`` of the potential vorticity, layer by layer."""
        return self.grid.k_squared * self.streamfunction(omega_hat)

    def _stream(self, kept: Tensor) -> Tensor:
        """Return psi_hat in the amplitudes of the product grid."""
        return _mixed(self._inverse, kept)

    def _add_advection(self, omega_hat: Tensor, onto: Tensor | None = None, factor: float = 1.0) -> Tensor:
        """Return ``onto - factor * N_hat``, the kept columns only.

        Free of aliasing, all forms of N agree, and that of one layer plus what layers do to each other takes
        the fewest transforms, 5 n - 1 of n layers. With aliasing it matters which products are formed.
        """
        if self.dealias != "none":
            return super()._add_advection(omega_hat, onto, factor)
        kept = omega_hat[..., : self.columns]
        stream, rows = self._stream(kept), self._rows(kept)
        q = self._to_points(kept * self.resolved[:, : self.columns], rows)
        along = self._to_modes(self._to_points(stream * self._u, rows) * q)
        across = self._to_modes(self._to_points(stream * self._v, rows) * q)
        total = along.mul_(self._along) if onto is None else onto.addcmul(along, self._along, value=factor)
        return total.addcmul_(across, self._across, value=factor)

    def _add_between(self, total: Tensor, u: Tensor, v: Tensor, factor: float) -> Tensor:
        """Add ``-factor F (u v_other - v u_other)``: layers advect what they stretch of each other."""
        if self.layers.count > 1:
            cross = u[..., :-1, :, :] * v[..., 1:, :, :]
            cross = cross.addcmul_(v[..., :-1, :, :], u[..., 1:, :, :], value=-1)
            between = self._to_modes(cross)
            for above in range(self.layers.count - 1):
                pair = total[..., above : above + 2, :, :]
                pair.addcmul_(between[..., above : above + 1, :, :], self._between[above], value=factor)
        return total

    def _add_sources(self, total: Tensor, omega_hat: Tensor, factor: float = 1.0) -> Tensor:
        """Add what beta, shear and drag do to a layer by way of the others."""
        for one in range(self.layers.count):
            for other in range(self.layers.count):
                if one != other:
                    source = omega_hat[..., other, :, : self.columns]
                    total[..., one, :, :].addcmul_(source, self._coupling[one, other], value=factor)
        return total

    def extra_repr(self) -> str:
        """Return the coefficients of this equation."""
        filtered = "" if self.step_filter is None else ", filtered at each step"
        damped = f"hyperviscosity={self.hyperviscosity:g}, power={self.power}{filtered}"
        return f"{self.layers}, {damped}, dealias={self.dealias!r}"


def _as(values: Any, grid: Grid) -> Tensor:
    """Return one number for each layer, shape (layers, 1, 1), in float64."""
    return torch.as_tensor(np.array(values), dtype=torch.float64, device=grid.k_x.device)[:, None, None]


def _mixed(matrix: Tensor, spectrum: Tensor) -> Tensor:
    """Return ``sum_j matrix[i, j] * spectrum[j]`` over layers, a sum of few terms for every mode."""
    total = matrix[:, 0] * spectrum[..., :1, :, :]
    for other in range(1, matrix.shape[1]):
        total = total.addcmul(matrix[:, other], spectrum[..., other : other + 1, :, :])
    return total


def _inversion(grid: Grid, layers: Layers) -> Tensor:
    """Return the inverse of ``k**2 + S``, shape (layers, layers, N, N // 2 + 1), in float64."""
    unit = torch.eye(layers.count, dtype=torch.float64, device=grid.k_x.device)
    stretching = torch.from_numpy(layers.stretching()).to(unit)
    k_squared = grid.k_squared.double()[..., None, None]
    # The mean has no inverse, for the mean of psi is arbitrary: it is set to zero.
    inverse = torch.linalg.inv(torch.where(k_squared > 0, k_squared * unit + stretching, unit))
    return torch.where(k_squared > 0, inverse, 0.0).movedim((-2, -1), (0, 1))


def _interfaces(grid: Grid, layers: Layers) -> Tensor:
    """Return what maps ``u v_below - v u_below`` to -N_hat above and below each interface.

    Of shape (interfaces, 2, 1, 1): -F for the layer above, +F for the one below.
    """
    thickness = layers.thickness
    pairs = [
        (-one / thickness[above], one / thickness[above + 1]) for above, one in enumerate(layers.coupling)
    ]
    signed = torch.tensor(pairs, dtype=torch.float64, device=grid.k_x.device).reshape(-1, 2)
    return signed[..., None, None]

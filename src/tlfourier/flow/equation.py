"""The vorticity equation in Fourier space: linear part, advection, right-hand side."""

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.flow.grid import Grid, by_columns
from tlfourier.shapes import Columns, Field, Finite, Spectrum

Closure: TypeAlias = Callable[[Tensor], Tensor]
"""What maps omega_hat to the subgrid term sgs_hat: an eddy viscosity, a network, a recording."""

DEALIAS = ("truncate", "pad", "none")


@door
class VorticityEquation(nn.Module):
    """Describe forced, damped two-dimensional turbulence on a doubly periodic square.

    ``omega_t = -N(omega, psi) + viscosity laplacian(omega) - f - drag omega - beta v``, with
    ``laplacian(psi) = -omega``, ``u = psi_y``, ``v = -psi_x``, ``N = psi_y omega_x - psi_x omega_y``.
    In Fourier space ``d(omega_hat)/dt = linear * omega_hat + nonlinear(omega_hat)``.

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
        ``truncate`` keeps the modes of ``grid.mask`` (2/3 rule, for direct simulation); ``pad`` computes the
        products on a grid 3/2 times finer, exact for every mode below Nyquist (for large-eddy simulation);
        ``none`` leaves the aliasing in, as some published codes do.

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

    linear: Tensor
    forcing_hat: Tensor | None
    _u: Tensor
    _v: Tensor
    _shear: Tensor
    _strain: Tensor
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
        super().__init__()
        _validate(viscosity, drag, beta, dealias)
        self.grid, self.field_sizes = grid, grid.field_sizes
        self.viscosity, self.drag, self.beta = float(viscosity), float(drag), float(beta)
        self.dealias = dealias
        # Padding to an even grid of at least 3/2 the size keeps every quadratic alias beyond the kept modes.
        self.product_size = 2 * math.ceil(3 * grid.size / 4) if dealias == "pad" else grid.size
        resolved = grid.mask if dealias == "truncate" else grid.below_nyquist
        if forcing_hat is not None:
            grid.check_spectrum(forcing_hat, "forcing_hat")
            _check_inside(forcing_hat, resolved)
        self.register_buffer("forcing_hat", forcing_hat, persistent=False)
        self.register_buffer("linear", _linear(grid, viscosity, drag, beta), persistent=False)
        # The last columns of every spectrum are zero after dealiasing: the transforms along y leave them out.
        self.columns = int(resolved[0].sum())
        for name, operator in _operators(grid, resolved, (self.product_size / grid.size) ** 2).items():
            kept = by_columns(operator[:, : self.columns].to(grid.complex_dtype))
            self.register_buffer(name, kept, persistent=False)
        self.register_buffer("_source", _driven(forcing_hat, grid, self.columns), persistent=False)

    def streamfunction(self, omega_hat: Spectrum) -> Spectrum:
        """Return ``psi_hat = omega_hat / k**2``, shape (..., N, N // 2 + 1); the mean of psi is zero."""
        return omega_hat * self.grid.inverse_k_squared

    def velocity(self, omega_hat: Spectrum) -> tuple[Field, Field]:
        """Return ``u = psi_y`` and ``v = -psi_x`` as fields, each of shape (..., N, N)."""
        grid, psi_hat = self.grid, self.streamfunction(omega_hat) * self.grid.below_nyquist
        return grid.to_physical(1j * grid.k_y * psi_hat), grid.to_physical(-1j * grid.k_x * psi_hat)

    def advection(self, omega_hat: Spectrum) -> Spectrum:
        """Return the half spectrum of ``N = (d_xx - d_yy)(u v) + d_xy(v**2 - u**2)``.

        This form of ``u omega_x + v omega_y`` costs four real transforms, two inverse and two forward; the
        form with gradients of omega costs five. The result, of the shape of ``omega_hat``
        (..., N, N // 2 + 1), is free of aliasing and zero beyond the kept modes, unless ``dealias="none"``.
        """
        return self._widen(-self._add_advection(omega_hat), omega_hat.shape[-1])

    def nonlinear(self, omega_hat: Columns, closure: Closure | None = None) -> Columns:
        """Return ``-N_hat - forcing_hat - closure(omega_hat)``, shape (..., N, N // 2 + 1).

        Without a closure the columns from ``self.columns`` on, where nothing is driven, may be left out;
        another number of columns raises ValueError.
        """
        self._check_columns(omega_hat, "omega_hat")
        return self._nonlinear(omega_hat, closure)

    def accumulate(
        self, onto: Columns, omega_hat: Columns, factor: Finite, closure: Closure | None = None
    ) -> Columns:
        """Return ``onto + factor * nonlinear(omega_hat, closure)`` in fewer passes over the arrays.

        As for `nonlinear`, columns may be left out of both spectra; the result has those of ``onto``.
        """
        self._check_columns(onto, "onto")
        self._check_columns(omega_hat, "omega_hat")
        if omega_hat.ndim > onto.ndim:
            raise ValueError(
                f"omega_hat has shape {tuple(omega_hat.shape)}: onto has {tuple(onto.shape)} only"
            )
        return self._accumulate(onto, omega_hat, factor, closure)

    def tendency(self, omega_hat: Spectrum, closure: Closure | None = None) -> Spectrum:
        """Return ``d(omega_hat)/dt = linear * omega_hat + nonlinear(omega_hat, closure)``."""
        return self.linear * omega_hat + self._nonlinear(omega_hat, closure)

    def _check_columns(self, spectrum: Tensor, name: str) -> None:
        there, whole = spectrum.shape[-1], self.grid.size // 2 + 1
        if there not in (self.columns, whole):
            raise ValueError(f"{name} has {there} columns: this equation needs {self.columns} or all {whole}")

    def _nonlinear(self, omega_hat: Tensor, closure: Closure | None = None) -> Tensor:
        """Do what `nonlinear` does, at every stage of every step."""
        total = self._widen(self._force(self._add_advection(omega_hat)), omega_hat.shape[-1])
        return total if closure is None else total - closure(omega_hat)

    def _accumulate(
        self, onto: Tensor, omega_hat: Tensor, factor: float, closure: Closure | None = None
    ) -> Tensor:
        """Do what `accumulate` does, at every stage of every step."""
        kept = self._force(self._add_advection(omega_hat, onto[..., : self.columns], factor), factor)
        if onto.shape[-1] > self.columns:
            kept = torch.cat((kept.mT, onto[..., self.columns :].mT), dim=-2).mT
        return kept if closure is None else kept.sub_(closure(omega_hat), alpha=factor)

    def _add_advection(self, omega_hat: Tensor, onto: Tensor | None = None, factor: float = 1.0) -> Tensor:
        """Return ``onto - factor * N_hat``, the kept columns only."""
        # One plane after the other: what one pass writes is still in the cache when the next one reads it.
        kept = omega_hat[..., : self.columns]
        rows = self._rows(kept)
        u, v = self._to_points(kept * self._u, rows), self._to_points(kept * self._v, rows)
        shear = self._to_modes(u * v)
        total = shear.mul_(self._shear) if onto is None else onto.addcmul(shear, self._shear, value=factor)
        strain = self._to_modes((v * v).addcmul_(u, u, value=-1))
        return total.addcmul_(strain, self._strain, value=factor)

    def _force(self, total: Tensor, factor: float = 1.0) -> Tensor:
        """Add the forcing, in the few columns where there is one, to an array that nobody else holds."""
        driven = self._source.shape[-1]
        if driven:
            total[..., :driven].add_(self._source, alpha=factor)
        return total

    def _widen(self, kept: Tensor, columns: int) -> Tensor:
        """Return an array with zeros in the columns that were left out."""
        dropped = columns - self.columns
        if not dropped:
            return kept
        return torch.cat((kept.mT, kept.new_zeros((*kept.shape[:-2], dropped, self.grid.size))), dim=-2).mT

    def _rows(self, kept: Tensor) -> Tensor:
        """Return an array for one row of modes after the other, zero in the columns that are left out."""
        fine = self.product_size
        rows = kept.new_empty((*kept.shape[:-2], fine, fine // 2 + 1))
        rows[..., self.columns :].zero_()
        return rows

    def _to_points(self, kept: Tensor, rows: Tensor) -> Tensor:
        """Transform the kept columns, shape (..., N, columns), to the points of the product grid.

        The transform along y reads and writes columns, the one along x rows: it is faster to bring the array
        into their order in between, by way of ``rows``, than to let it jump.
        """
        size, fine = self.grid.size, self.product_size
        if fine != size:
            zeros = kept.new_zeros((*kept.shape[:-2], fine - size, kept.shape[-1]))
            kept = torch.cat((kept[..., : size // 2, :], zeros, kept[..., size // 2 :, :]), dim=-2)
        rows[..., : self.columns] = torch.fft.ifft(kept, dim=-2)
        return torch.fft.irfft(rows, n=fine)

    def _to_modes(self, product: Tensor) -> Tensor:
        """Transform a field on the product grid to the kept columns, shape (..., N, columns)."""
        size, fine = self.grid.size, self.product_size
        kept = torch.fft.fft(torch.fft.rfft(product)[..., : self.columns], dim=-2)
        if fine == size:
            return kept
        return torch.cat((kept[..., : size // 2, :], kept[..., fine - size // 2 :, :]), dim=-2)

    def extra_repr(self) -> str:
        """Return the coefficients of this equation."""
        return f"viscosity={self.viscosity}, drag={self.drag}, beta={self.beta}, dealias={self.dealias!r}"


def _validate(viscosity: float, drag: float, beta: float, dealias: str) -> None:
    """Raise ValueError for coefficients that make no equation."""
    for name, value in {"viscosity": viscosity, "drag": drag}.items():
        if not (math.isfinite(value) and value >= 0):
            raise ValueError(f"{name}={value}: it must be a finite number, zero or more")
    if not math.isfinite(beta):
        raise ValueError(f"beta={beta}: it must be a finite number")
    if dealias not in DEALIAS:
        raise ValueError(f"dealias={dealias!r}: choose one of {', '.join(DEALIAS)}")


def _linear(grid: Grid, viscosity: float, drag: float, beta: float) -> Tensor:
    """Return the diagonal linear operator, real when beta is zero."""
    damping = -viscosity * grid.k_squared - drag
    if beta == 0:
        return damping
    # The Nyquist column stands for both signs of k_x, between which a real field has no phase velocity.
    waves = beta * grid.k_x * grid.inverse_k_squared * grid.below_nyquist
    return torch.complex(damping, waves)


def _operators(grid: Grid, resolved: Tensor, scale: float) -> dict[str, Tensor]:
    """Return what maps omega_hat to u and v, and the spectra of u v and v**2 - u**2 to -N_hat.

    ``scale`` is the ratio of points on the product grid and the grid, by which amplitudes differ.
    """
    k_x, k_y, inverse = grid.k_x, grid.k_y, grid.inverse_k_squared * resolved * scale
    return {
        "_u": 1j * k_y * inverse,
        "_v": -1j * k_x * inverse,
        "_shear": (k_x**2 - k_y**2) * resolved / scale,
        "_strain": k_x * k_y * resolved / scale,
    }


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

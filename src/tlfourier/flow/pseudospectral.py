"""What every equation here shares: modes that are kept, products on a grid, and what a stepper asks for."""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.flow.grid import Grid, by_columns
from tlfourier.shapes import Columns, Field, Finite, Spectrum

Closure: TypeAlias = Callable[[Tensor], Tensor]
"""What maps omega_hat to the subgrid term sgs_hat: an eddy viscosity, a network, a recording."""

DEALIAS = ("truncate", "pad", "none")


@door
class Equation(nn.Module, ABC):
    """Describe how one field, or one per layer, changes on a doubly periodic square.

    ``d(omega_hat)/dt = linear * omega_hat + nonlinear(omega_hat, closure)``, where ``linear`` is diagonal: a
    factor for every mode. What is stepped is called omega_hat, the vorticity or, of layers, the potential
    vorticity. An equation of this kind says how the streamfunction follows from it and what else acts;
    steppers, `tlfourier.flow.simulate.simulate` and trajectories take any. Raises ValueError for an unknown
    ``dealias``.

    Parameters
    ----------
    grid : Grid
        The square and its modes.
    dealias : {"truncate", "pad", "none"}
        ``truncate`` keeps the modes of ``grid.mask`` (2/3 rule, for direct simulation); ``pad`` computes the
        products on a grid 3/2 times finer, exact for every mode below Nyquist (for large-eddy simulation);
        ``none`` leaves the aliasing in, as some published codes do.

    Attributes
    ----------
    linear : Tensor, shape ([layers,] N, N // 2 + 1)
        The diagonal linear part, in 1 / time.
    columns : int
        Leading columns of a half spectrum outside of which the nonlinear term is zero.
    forcing_hat : Tensor or None
        Half spectrum of a steady forcing.
    step_filter : Tensor or None
        A factor for every mode with which a stepper multiplies what it has stepped.
    """

    linear: Tensor
    forcing_hat: Tensor | None
    step_filter: Tensor | None
    _u: Tensor
    _v: Tensor
    _shear: Tensor
    _strain: Tensor

    def __init__(self, grid: Grid, dealias: str) -> None:
        super().__init__()
        if dealias not in DEALIAS:
            raise ValueError(f"dealias={dealias!r}: choose one of {', '.join(DEALIAS)}")
        self.grid, self.field_sizes = grid, grid.field_sizes
        self.dealias = dealias
        # Padding to an even grid of at least 3/2 the size keeps every quadratic alias beyond the kept modes.
        self.product_size = 2 * math.ceil(3 * grid.size / 4) if dealias == "pad" else grid.size
        # By this ratio of points the amplitudes on the product grid differ from those on the grid.
        self._scale = (self.product_size / grid.size) ** 2
        # The last columns of every spectrum are zero after dealiasing: the transforms along y leave them out.
        self.columns = int(self.resolved[0].sum())
        self.register_buffer("step_filter", None, persistent=False)
        k_x, k_y = grid.k_x, grid.k_y
        self._keep(
            _shear=(k_x**2 - k_y**2) * self.resolved / self._scale,
            _strain=k_x * k_y * self.resolved / self._scale,
        )

    @property
    def resolved(self) -> Tensor:
        """Return 1 for the modes that the nonlinear term keeps, else 0, shape (N, N // 2 + 1)."""
        return self.grid.mask if self.dealias == "truncate" else self.grid.below_nyquist

    @property
    def mean_flow(self) -> Tensor | float:
        """Return the velocity along x that carries the eddies and is no part of their own velocity."""
        return 0.0

    @abstractmethod
    def coefficients(self) -> dict[str, Any]:
        """Return what makes this equation, as JSON values: a part of the recipe of a run.

        Where the field that is stepped is not called omega in a trajectory, ``variable`` is its name.
        """

    @abstractmethod
    def filtered(self, coarse: Grid, filter: Closure) -> "Equation":
        """Return the equation that filtered fields obey on a coarse grid once the subgrid term is given.

        The physics is the same and what is given is filtered; ``dealias`` is ``"pad"``, so that no mode of
        the coarse grid is lost, and there is no filter at each step. ``filter`` maps half spectra of this
        grid to the coarse one, mode by mode.
        """

    @abstractmethod
    def streamfunction(self, omega_hat: Spectrum) -> Spectrum:
        """Return psi_hat, of the shape of ``omega_hat``; the mean of psi is zero."""

    def velocity(self, omega_hat: Spectrum) -> tuple[Field, Field]:
        """Return ``u = psi_y`` and ``v = -psi_x`` as fields, each of shape (..., N, N)."""
        grid, psi_hat = self.grid, self.streamfunction(omega_hat) * self.grid.below_nyquist
        return grid.to_physical(1j * grid.k_y * psi_hat), grid.to_physical(-1j * grid.k_x * psi_hat)

    def advection(self, omega_hat: Spectrum) -> Spectrum:
        """Return the half spectrum of ``N = u omega_x + v omega_y``, of the shape of ``omega_hat``.

        It is free of aliasing and zero beyond the kept modes, unless ``dealias="none"``.
        """
        self._check_layers(omega_hat, "omega_hat")
        return self._widen(-self._add_advection(omega_hat), omega_hat.shape[-1])

    def nonlinear(self, omega_hat: Columns, closure: Closure | None = None) -> Columns:
        """Return all of the tendency but ``linear * omega_hat``, minus ``closure(omega_hat)``.

        Without a closure the columns from ``self.columns`` on, where nothing is driven, may be left out;
        another number of columns raises ValueError.
        """
        self._check_columns(omega_hat, "omega_hat")
        return self._nonlinear(omega_hat, closure)

    def accumulate(
        self, onto: Columns, omega_hat: Columns, factor: Finite, closure: Closure | None = None
    ) -> Columns:
        """Return ``onto + factor * nonlinear(omega_hat, closure)`` in fewer passes over the arrays.

        As for `nonlinear`, columns may be left out of both spectra; the result has those of ``onto``. Raises
        ValueError if ``omega_hat`` has more dimensions than ``onto``.
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
        self._check_layers(omega_hat, "omega_hat")
        return self.linear * omega_hat + self._nonlinear(omega_hat, closure)

    def check_state(self, omega_hat: Tensor, name: str = "omega_hat") -> None:
        """Raise ValueError unless a spectrum is of real, finite fields on this grid, one for each layer."""
        self.grid.check_spectrum(omega_hat, name)
        self._check_layers(omega_hat, name)

    def _check_layers(self, spectrum: Tensor, name: str) -> None:
        """Raise ValueError unless there is a spectrum for each layer."""
        layers, needed = self.linear.shape[:-2], ", ".join(map(str, self.linear.shape))
        if spectrum.shape[: spectrum.ndim - 2][spectrum.ndim - 2 - len(layers) :] != layers:
            raise ValueError(f"{name} has shape {tuple(spectrum.shape)}: this grid needs (..., {needed})")

    def _check_columns(self, spectrum: Tensor, name: str) -> None:
        there, whole = spectrum.shape[-1], self.grid.size // 2 + 1
        if there not in (self.columns, whole):
            raise ValueError(f"{name} has {there} columns: this equation needs {self.columns} or all {whole}")
        self._check_layers(spectrum, name)

    def _nonlinear(self, omega_hat: Tensor, closure: Closure | None = None) -> Tensor:
        """Do what `nonlinear` does, at every stage of every step."""
        kept = self._add_sources(self._add_advection(omega_hat), omega_hat)
        total = self._widen(kept, omega_hat.shape[-1])
        return total if closure is None else total - closure(omega_hat)

    def _accumulate(
        self, onto: Tensor, omega_hat: Tensor, factor: float, closure: Closure | None = None
    ) -> Tensor:
        """Do what `accumulate` does, at every stage of every step."""
        advected = self._add_advection(omega_hat, onto[..., : self.columns], factor)
        kept = self._add_sources(advected, omega_hat, factor)
        if onto.shape[-1] > self.columns:
            kept = torch.cat((kept.mT, onto[..., self.columns :].mT), dim=-2).mT
        return kept if closure is None else kept.sub_(closure(omega_hat), alpha=factor)

    def _stream(self, kept: Tensor) -> Tensor:
        """Return what ``_u`` and ``_v`` map to the velocity."""
        return kept

    def _add_between(self, total: Tensor, u: Tensor, v: Tensor, factor: float) -> Tensor:
        """Add what layers do to each other's advection to an array that nobody else holds."""
        return total

    def _add_sources(self, total: Tensor, omega_hat: Tensor, factor: float = 1.0) -> Tensor:
        """Add what is not advection, in the kept columns, to an array that nobody else holds."""
        return total

    def _add_advection(self, omega_hat: Tensor, onto: Tensor | None = None, factor: float = 1.0) -> Tensor:
        """Return ``onto - factor * N_hat``, the kept columns only.

        ``N = (d_xx - d_yy)(u v) + d_xy(v**2 - u**2)``: four real transforms, two inverse and two forward; the
        form with gradients of omega costs five.
        """
        # One plane after the other: what one pass writes is still in the cache when the next one reads it.
        kept = omega_hat[..., : self.columns]
        stream, rows = self._stream(kept), self._rows(kept)
        u, v = self._to_points(stream * self._u, rows), self._to_points(stream * self._v, rows)
        shear = self._to_modes(u * v)
        total = shear.mul_(self._shear) if onto is None else onto.addcmul(shear, self._shear, value=factor)
        strain = self._to_modes((v * v).addcmul_(u, u, value=-1))
        return self._add_between(total.addcmul_(strain, self._strain, value=factor), u, v, factor)

    def _keep(self, **operators: Tensor) -> None:
        """Keep the columns that are computed of operators as buffers."""
        for name, operator in operators.items():
            kept = by_columns(operator[..., : self.columns].to(self.grid.complex_dtype))
            self.register_buffer(name, kept, persistent=False)

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

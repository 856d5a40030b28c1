"""Layers of fluid, one on the other: what makes an ocean of the quasi-geostrophic equations."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Annotated

import numpy as np

from tlfourier.doors import door
from tlfourier.limits import Range
from tlfourier.shapes import Finite, Positive

Rate = Annotated[float, Range(0.0, 1e30)]
"""Something per time, not negative."""


@door
@dataclass(frozen=True)
class Layers:
    """Hold the parameters of layers of constant density on a beta plane, counted from the top.

    Any consistent units will do, those of the grid's length and of the run's time; oceans are given in metres
    and seconds, in which their parameters are published. Raises ValueError for numbers out of range, no
    layer, or lists whose lengths do not agree.

    Parameters
    ----------
    thickness : sequence of float
        Depth H of each layer at rest.
    coupling : sequence of float
        ``f_0**2 / g'`` of each interface, one fewer than layers, with the Coriolis parameter f_0 and the
        reduced gravity g': in 1 / length. Over the thickness it is the F by which an interface stretches a
        layer.
    velocity : sequence of float
        Mean velocity U of each layer along x.
    beta : float
        Gradient of the Coriolis parameter along y, in 1 / (length time).
    drag : float
        Linear drag r on the lowest layer, per time.

    Examples
    --------
    >>> layers = two_layers(deformation_radius=15e3, thickness_ratio=0.25, beta=1.5e-11)
    >>> layers.thickness, layers.deformation_radii().round(6).tolist()
    ((500.0, 2000.0), [15000.0])
    """

    thickness: Sequence[Positive]
    coupling: Sequence[Positive]
    velocity: Sequence[Finite]
    beta: Finite = 0.0
    drag: Rate = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            kept = float(value) if isinstance(value, int | float) else tuple(map(float, value))
            object.__setattr__(self, field.name, kept)
        count = len(self.thickness)
        if not count:
            raise ValueError("thickness=(): at least one layer is needed")
        if len(self.velocity) != count or len(self.coupling) != count - 1:
            raise ValueError(
                f"{count} layers with {len(self.velocity)} velocities and {len(self.coupling)} couplings: one"
                " velocity for each layer and one coupling for each interface are needed"
            )

    @property
    def count(self) -> int:
        """Return the number of layers."""
        return len(self.thickness)

    def shares(self) -> np.ndarray:
        """Return the share of each layer in the whole depth, ``H_i / sum(H)``, shape (layers,)."""
        return np.array(self.thickness) / math.fsum(self.thickness)

    def stretching(self) -> np.ndarray:
        """Return the matrix S in ``q = omega + S psi``, shape (layers, layers), in 1 / length².

        ``(S psi)_i = F (psi_i - psi_above) + F (psi_i - psi_below)`` with ``F = coupling / H_i`` of the
        interface between.
        """
        matrix = np.zeros((self.count, self.count))
        for above, coupling in enumerate(self.coupling):
            for one, other in ((above, above + 1), (above + 1, above)):
                matrix[one, one] += coupling / self.thickness[one]
                matrix[one, other] -= coupling / self.thickness[one]
        return matrix

    def vorticity_gradient(self) -> np.ndarray:
        """Return the mean gradient of potential vorticity along y, ``beta + S U``, shape (layers,)."""
        return self.beta + self.stretching() @ np.array(self.velocity)

    def deformation_radii(self) -> np.ndarray:
        """Return the internal deformation radii, the largest first, shape (layers - 1,).

        ``1 / sqrt(s)`` for the eigenvalues s of the stretching matrix that are not zero.
        """
        values = np.sort(np.linalg.eigvals(self.stretching()).real)[1:]
        return 1 / np.sqrt(values)


@door
def two_layers(
    deformation_radius: Positive,
    thickness_ratio: Positive,
    beta: Finite = 0.0,
    drag: Rate = 0.0,
    upper_thickness: Positive = 500.0,
    velocity: Sequence[Finite] = (0.025, 0.0),
) -> Layers:
    """Return two layers from the parameters that the literature gives.

    ``F_1 = deformation_radius**-2 / (1 + thickness_ratio)`` and ``F_2 = thickness_ratio F_1``. The defaults,
    in metres and seconds, are those of pyqg. Raises ValueError unless there are two velocities.

    Parameters
    ----------
    deformation_radius : float
        Internal deformation radius r_d.
    thickness_ratio : float
        ``H_1 / H_2``, called delta.
    beta, drag : float
        As of `Layers`; the drag is that of the lower layer, r_ek in pyqg.
    upper_thickness : float
        H_1.
    velocity : sequence of float
        Mean velocities U_1, U_2.
    """
    coupling = upper_thickness / (deformation_radius**2 * (1 + thickness_ratio))
    thickness = (upper_thickness, upper_thickness / thickness_ratio)
    return Layers(thickness, (coupling,), velocity, beta, drag)

"""What takes away the smallest scales: a hyperviscosity, a term of the equation, or a filter at each step."""

import math
from typing import Annotated

import torch

from tlfourier.doors import door
from tlfourier.flow.grid import Grid
from tlfourier.limits import Range
from tlfourier.shapes import Multiplier, Positive

Power = Annotated[int, Range(1, 8)]
"""How often the Laplacian acts."""


CUTOFF, STRENGTH = 0.65, 23.6
"""What pyqg takes for its filter."""


@door
def exponential_filter(
    grid: Grid, cutoff: Annotated[float, Range(0.0, 1.0)] = CUTOFF, strength: Positive = STRENGTH
) -> Multiplier:
    """Return pyqg's filter, ``exp(-strength (k dx - cutoff pi)**4)`` for ``k dx > cutoff pi``, else 1.

    ``k = |k|``, ``cutoff`` is in units of the Nyquist wavenumber; the shape is that of a half spectrum,
    (N, N // 2 + 1). A stepper multiplies by it after each step, so what it takes away per time depends on the
    step: it belongs to the scheme, not to the physics, and is here to compare with codes that use it.

    Source: the equations of pyqg, https://pyqg.readthedocs.io.

    Examples
    --------
    >>> factor = exponential_filter(Grid(64))
    >>> round(float(factor[0, 20]), 3), round(float(factor[0, 26]), 3)  # 0.63 and 0.81 of Nyquist
    (1.0, 0.201)
    """
    beyond = (grid.k_radial.double() * grid.dx - cutoff * math.pi).clamp(min=0.0)
    return torch.exp(-strength * beyond**4).to(grid.dtype)


@door
def hyperviscosity_for(grid: Grid, rate: Positive, power: Power = 4) -> float:
    """Return the hyperviscosity with which the largest wavenumber that the 2/3 rule keeps decays at a rate.

    ``hyperviscosity = rate / k_max**(2 power)`` with ``k_max = (2 pi / length) N / 3``; its unit is
    length**(2 power) / time.

    Examples
    --------
    >>> hyperviscosity_for(Grid(48), rate=1.0, power=2) == 16.0**-4
    True
    """
    k_max = grid.size / 3 * math.tau / grid.length
    return float(rate / k_max ** (2 * power))

"""In which units a network sees a flow that it was not trained on: four scalings, by name."""

import math
from dataclasses import dataclass

from torch import Tensor

from tlfourier.closure.pairs import Scales
from tlfourier.doors import door

SCALINGS = ("own", "base", "dimensional", "dimensional per sample")
"""Accepted names, see `scaling`."""


@door
@dataclass(frozen=True)
class SampleScales(Scales):
    """The same units, with the time scale of each sample itself: for use where nothing is known beforehand.

    Sample i is slowed down until its vorticity has the deviation that the network knows,
    ``t_i = omega / std(omega_i)``: ψ and ω are multiplied by t_i, Π by t_i².
    """

    def times(self, omega: Tensor) -> Tensor:
        """Return t_i, shape (samples, 1, 1), of the samples' vorticity; ValueError for one at rest."""
        deviations = omega.double().std((-2, -1), correction=0, keepdim=True)
        if not bool((deviations > 0).all()):
            at_rest = int((deviations.flatten() == 0).nonzero()[0])
            raise ValueError(f"sample {at_rest} has the same vorticity everywhere: it has no time scale")
        return (self.omega / deviations).to(omega.dtype)


@door
def scaling(name: str, base: Scales, target: Scales, spacings: tuple[float, float] = (1.0, 1.0)) -> Scales:
    """Return the scales by which a network that was trained on ``base`` is given the flow ``target``.

    ==========================  =====================================  =======================================
    name                        what ψ̄, ω̄ and Π are divided by         what of the target is used
    ==========================  =====================================  =======================================
    ``own``                     σψ′, σω′, σΠ′                          σ of all three, so Π must be known
    ``base``                    σψ, σω, σΠ                             nothing
    ``dimensional``             σψ (h′/h)² τ, σω τ, σΠ τ²              σω′, in τ = σω′/σω
    ``dimensional per sample``  the same with σω′ of each sample       nothing beforehand
    ==========================  =====================================  =======================================

    With the grid spacing h the unit of length, in which a convolution counts, and 1/σω that of time,
    ψ̄ ~ h²/T, ω̄ ~ 1/T and Π ~ 1/T²: under the last two a flow whose length and time are stretched looks to
    the network exactly as before, and its prediction is stretched with them. ``own`` sets the three units
    apart from each other, which no change of units does. A filter that is wider on the same grid is no change
    of units either: its width in spacings is a number, and none of the scalings undoes it.

    Parameters
    ----------
    name : {"own", "base", "dimensional", "dimensional per sample"}
        ``own`` is the papers' (S23, doi:10.1093/pnasnexus/pgad015), as far as their codes show. For the last
        compare the local dimensional scaling of Perezhogin et al. (2025, arXiv:2505.08900).
    base, target : Scales
        Standard deviations (σψ, σω, σΠ) and (σψ′, σω′, σΠ′).
    spacings : tuple of float
        h and h′, lengths in the same units.

    Raises
    ------
    ValueError
        For another name, or a spacing that is not a positive number.

    Examples
    --------
    >>> base, target = Scales(psi=1.0, omega=2.0, sgs=4.0), Scales(psi=8.0, omega=6.0, sgs=5.0)
    >>> scaling("dimensional", base, target)
    Scales(psi=3.0, omega=6.0, sgs=36.0)
    """
    if name not in SCALINGS:
        raise ValueError(f"scaling={name!r}: accepted are {', '.join(SCALINGS)}")
    if not all(math.isfinite(spacing) and spacing > 0 for spacing in spacings):
        raise ValueError(f"spacings={spacings!r}: accepted are two positive numbers")
    if name in ("own", "base"):
        return target if name == "own" else base
    stretch = (spacings[1] / spacings[0]) ** 2
    if name == "dimensional per sample":
        return SampleScales(base.psi * stretch, base.omega, base.sgs)
    faster = target.omega / base.omega
    return Scales(base.psi * stretch * faster, target.omega, base.sgs * faster**2)

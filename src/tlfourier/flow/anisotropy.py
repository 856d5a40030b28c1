"""How a flow differs along x and along y: spectra along each axis, shares of the energy, jets.

On a beta plane x is east and y is north: what does not depend on x is zonal.
"""

import math
from typing import Annotated, TypeAlias

import numpy as np
import torch
import xarray as xr
from jaxtyping import Float
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow import spectra
from tlfourier.flow.grid import Grid
from tlfourier.limits import Holds, Range
from tlfourier.shapes import Multiplier, Scalars, Spectrum

AlongAxis: TypeAlias = Float[Tensor, "... k"]
"""One number for each wavenumber along one axis, 0 to N / 2."""
Profile: TypeAlias = Annotated[xr.DataArray, Holds("y")]
"""Something over y."""
Part: TypeAlias = Annotated[float, Range(0.0, 1.0)]


@door
def axis_wavenumbers(grid: Grid) -> np.ndarray:
    """Return the wavenumbers along one axis, ``2 pi / length * [0, 1, ..., N / 2]``."""
    return math.tau / grid.length * np.arange(grid.size // 2 + 1)


@door
def zonal_spectrum(grid: Grid, density: Multiplier) -> AlongAxis:
    """Sum a density over k_y: what is left depends on ``|k_x|``, the wavenumber along a circle of latitude.

    ``density`` is the share of each stored mode in a mean, shape (..., N, N // 2 + 1), as
    `tlfourier.flow.spectra.densities` returns it; the sum over the result, shape (..., N // 2 + 1), is that
    of the density. Raises ValueError for a density of another grid.
    """
    _check(grid, density)
    return density.sum(-2)


@door
def meridional_spectrum(grid: Grid, density: Multiplier) -> AlongAxis:
    """Sum a density over k_x and both signs of k_y: what is left depends on ``|k_y|``.

    Parameters, result and error are those of `zonal_spectrum`.
    """
    _check(grid, density)
    of_row, half = density.sum(-1), grid.size // 2
    folded = of_row[..., : half + 1].clone()
    folded[..., 1:half] += of_row[..., half + 1 :].flip(-1)
    return folded


@door
def velocity_share(grid: Grid, omega_hat: Spectrum) -> Scalars:
    """Return the share of the zonal velocity in the kinetic energy, ``<u**2> / <u**2 + v**2>``, shape (...).

    One half where no direction is preferred, near one for jets along x. ``omega_hat`` is the relative
    vorticity, shape (..., N, N // 2 + 1); a flow at rest has the share zero.

    Examples
    --------
    >>> from tlfourier.flow.initial import taylor_green
    >>> grid = Grid(16)
    >>> float(velocity_share(grid, taylor_green(grid)))
    0.5
    """
    energy = spectra.densities(grid, omega_hat)["energy"]
    zonal = energy * grid.k_y**2 * grid.inverse_k_squared
    return _share(zonal.sum((-2, -1)), energy.sum((-2, -1)))


@door
def jet_share(grid: Grid, omega_hat: Spectrum) -> Scalars:
    """Return the share of the zonal-mean flow in the kinetic energy, that of ``k_x = 0``, shape (...).

    Of N modes along x only one is zonal, so without jets it is small. Parameters as for `velocity_share`.
    """
    energy = spectra.densities(grid, omega_hat)["energy"]
    return _share(energy[..., 0].sum(-1), energy.sum((-2, -1)))


@door
def jets(zonal_mean: Profile, prominence: Part = 0.25) -> xr.Dataset:
    """Find the eastward jets of a zonal-mean flow: its maxima along y.

    A maximum counts if between it and the next one on either side, around the periodic domain, the flow falls
    by at least ``prominence`` times its whole range: a ripple on a jet is no jet. A profile of one snapshot
    has maxima of noise too; give one that is averaged over time, and look at its energy (`jet_share`).

    Parameters
    ----------
    zonal_mean : xr.DataArray
        Velocity along x averaged over x, over ``y`` alone, at equal distances over one period.
    prominence : float
        Part of the range, 0 to 1.

    Returns
    -------
    xr.Dataset
        ``position`` and ``speed`` over ``jet``, in the order of y; attributes ``count`` and ``prominence``. A
        flow without any range has no jet.

    Raises
    ------
    ValueError
        For other dimensions than y, fewer than three points, or values that are not finite.

    Examples
    --------
    >>> y = np.arange(64) / 64
    >>> profile = xr.DataArray(np.cos(3 * 2 * np.pi * y), {"y": y})
    >>> jets(profile)["position"].values.round(2).tolist()
    [0.0, 0.33, 0.67]
    """
    speed = np.asarray(zonal_mean.values, dtype=float)
    if zonal_mean.dims != ("y",) or speed.size < 3 or not np.isfinite(speed).all():
        found = ", ".join(f"{name}={size}" for name, size in zonal_mean.sizes.items())
        raise ValueError(f"zonal_mean over {found or 'nothing'}: finite values over y alone are needed")
    chosen = np.array(sorted(_maxima(speed, prominence * float(np.ptp(speed)))), dtype=int)
    about = {"count": len(chosen), "prominence": prominence}
    return xr.Dataset(
        {
            "position": (
                "jet",
                zonal_mean["y"].values[chosen],
                {"long_name": "y of a jet", "units": "length"},
            ),
            "speed": ("jet", speed[chosen], {"long_name": "its velocity", "units": "length time^-1"}),
        },
        {"jet": np.arange(1, len(chosen) + 1)},
        about,
    )


def _maxima(values: np.ndarray, depth: float) -> list[int]:
    """Return where periodic values have maxima that are so deep on both sides; the first of equal ones."""
    if not np.ptp(values) > 0:
        return []
    # Begun at the deepest point, the circle is a line between two equal ends.
    start, count = int(values.argmin()), values.size
    found, rising, peak, valley = [], False, start, float(values[start])
    for step in range(1, count + 1):
        place = (start + step) % count
        value = float(values[place])
        if rising and value > values[peak]:
            peak = place
        elif rising and value < values[peak] and values[peak] - value >= depth:
            found.append(peak)
            rising, valley = False, value
        elif not rising and value > valley and value - valley >= depth:
            rising, peak = True, place
        elif not rising:
            valley = min(valley, value)
    return found


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > 0, part / whole.clamp(min=torch.finfo(whole.dtype).tiny), 0.0)


def _check(grid: Grid, density: Tensor) -> None:
    if tuple(density.shape[-2:]) != (grid.size, grid.size // 2 + 1):
        needed = f"(..., {grid.size}, {grid.size // 2 + 1})"
        raise ValueError(f"density has shape {tuple(density.shape)}: this grid needs {needed}")

"""Pairs of what an LES of layers knows (q, psi, u, v) and what it lacks (sgs), layer by layer."""

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import numpy as np
import xarray as xr

from tlfourier.closure.filters import Filter, subgrid_term
from tlfourier.doors import door
from tlfourier.flow.diagnostics import LayeredTrajectory, snapshots
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.limits import Holds

# name: (long name, units), in the order of the Dataset.
QUANTITIES = {
    "q": ("filtered potential vorticity", "time^-1"),
    "psi": ("filtered streamfunction", "length^2 time^-1"),
    "u": ("filtered velocity along x", "length time^-1"),
    "v": ("filtered velocity along y", "length time^-1"),
    "sgs": ("subgrid term Π", "time^-2"),
}
ODD = ("q", "psi", "v", "sgs")
"""What changes sign when an ocean is seen in a mirror at a circle of latitude."""

Quantity: TypeAlias = Literal["q", "psi", "u", "v", "sgs"]
LayeredPairs: TypeAlias = Annotated[xr.Dataset, Holds("time", "layer", "y", "x", *QUANTITIES)]
"""What an LES knows and what it lacks, over (time, layer, y, x)."""


@door
def make_layered_pairs(
    trajectory: LayeredTrajectory,
    filter: Filter,
    fine_equation: QuasiGeostrophicEquation,
    coarse_equation: QuasiGeostrophicEquation,
    progress: bool = True,
) -> xr.Dataset:
    """Filter a trajectory of layers into pairs, one snapshot in memory at a time.

    ``q = filter(q_dns)``, psi, u, v follow from it, and ``sgs = filter(N(q_dns)) - N(q)``. Velocities are
    those of the eddies, without the mean flow. Returns the variables of `QUANTITIES` over (time, layer, y,
    x), float32, with units, and the filter in the attributes.

    Raises ValueError if the trajectory does not fit the fine grid or is not finite.

    Parameters
    ----------
    trajectory : xr.Dataset
        With ``q`` of dims (time, layer, y, x) on the grid of ``fine_equation``; may be lazy.
    filter : Filter
        From the fine grid to the coarse one.
    fine_equation, coarse_equation : QuasiGeostrophicEquation
        The equations of DNS and LES, see `tlfourier.closure.filters.filtered_equation`.
    progress : bool
        Show a progress bar.
    """
    grid, count = coarse_equation.grid, coarse_equation.layers.count
    shape = (trajectory.sizes["time"], count, grid.size, grid.size)
    arrays = {name: np.empty(shape, dtype=np.float32) for name in QUANTITIES}
    stream = snapshots(trajectory, fine_equation.grid, "pairs" if progress else None)
    for i, (_, fine_hat) in enumerate(stream):
        q_hat = filter(fine_hat)
        sgs_hat = subgrid_term(fine_hat, fine_equation, coarse_equation, filter)
        u, v = coarse_equation.velocity(q_hat)
        q, psi, sgs = map(grid.to_physical, (q_hat, coarse_equation.streamfunction(q_hat), sgs_hat))
        for name, field in {"q": q, "psi": psi, "u": u, "v": v, "sgs": sgs}.items():
            arrays[name][i] = field.cpu().numpy()
    dims = ("time", "layer", "y", "x")
    about = {name: {"long_name": title, "units": units} for name, (title, units) in QUANTITIES.items()}
    axis = grid.dx * np.arange(grid.size)
    coordinates = {name: (name, axis, {"long_name": name, "units": "length"}) for name in "yx"}
    return xr.Dataset(
        {name: (dims, array, about[name]) for name, array in arrays.items()},
        {"time": trajectory["time"], "layer": np.arange(1, count + 1), **coordinates},
        {"length": grid.length, "filter": filter.kind, "filter_width": filter.width},
    )


@door
def channels(pairs: LayeredPairs, names: Sequence[Quantity] = ("u", "v")) -> xr.DataArray:
    """Return quantities of all layers as the channels of a network, over (time, channel, y, x).

    The ``channel`` of a name and a layer is called ``u1``; the layers of the first name come first. Raises
    ValueError without names.
    """
    if not names:
        raise ValueError("names=(): at least one quantity is needed")
    stacked = xr.concat([pairs[name].drop_attrs() for name in names], "quantity", coords="minimal")
    joined = stacked.stack(channel=("quantity", "layer"), create_index=False)
    called = [f"{name}{int(layer)}" for name in names for layer in pairs["layer"].values]
    return (
        joined.drop_vars("layer")
        .assign_coords(channel=called)
        .transpose("time", "channel", "y", "x")
        .rename("channels")
    )


@door
def mirrored(pairs: LayeredPairs) -> xr.Dataset:
    """Return the pairs of the same ocean seen in a mirror at a circle of latitude.

    ``y -> -y``, with the sign of `ODD` changed: the one symmetry of layers on a beta plane with a mean flow
    along x, besides shifts. What it gives is another solution of the same equations; a rotation gives none.
    """
    turned = pairs.isel(y=slice(None, None, -1)).roll(y=1)
    turned = turned.assign_coords(y=pairs["y"])
    return turned.assign({name: (-turned[name]).assign_attrs(pairs[name].attrs) for name in ODD})


@door
def layered_transfer(pairs: LayeredPairs, thickness: Sequence[float]) -> xr.Dataset:
    """Return what the subgrid scales take from the resolved ones, positive when it goes forward.

    ``enstrophy = mean_xy(q * sgs)`` over (time, layer), ``energy = sum(H psi sgs) / sum(H)`` over ``time``
    and ``energy_of_layer``, its parts: the same signs as for one layer, for the LES carries -Π.
    ``thickness`` is that of each layer; ValueError unless there are as many.
    """
    if len(thickness) != pairs.sizes["layer"] or not min(thickness) > 0:
        raise ValueError(f"thickness={tuple(thickness)}: one positive depth for each of the layers is needed")
    shares = xr.DataArray(np.array(thickness) / sum(thickness), dims="layer")
    sgs = pairs["sgs"].astype(np.float64)
    of_layer = shares * (pairs["psi"] * sgs).mean(("y", "x"))
    return xr.Dataset(
        {
            "enstrophy": (pairs["q"] * sgs)
            .mean(("y", "x"))
            .assign_attrs(long_name="enstrophy given to the subgrid scales ⟨q̄Π⟩", units="time^-3"),
            "energy": of_layer.sum("layer").assign_attrs(
                long_name="energy given to the subgrid scales Σ H ⟨ψ̄Π⟩ / Σ H", units="length^2 time^-3"
            ),
            "energy_of_layer": of_layer.assign_attrs(
                long_name="the layer's part of it", units="length^2 time^-3"
            ),
        }
    )

"""Put the diagnostics of layers into a few numbers, run by run, and oceans beside each other."""

import math
from collections.abc import Mapping
from typing import Annotated, TypeAlias

import numpy as np
import xarray as xr

from tlfourier.doors import door
from tlfourier.flow.anisotropy import Part, jets
from tlfourier.limits import Holds, Range

# name: (long name, units), in the order of the table; all but the first two and the last by layer.
NUMBERS = {
    "energy": ("energy of the eddies E, time mean", "length^2 time^-2"),
    "energy_drift": ("energy of the second half over that of the first, minus one", "1"),
    "kinetic_energy": ("kinetic energy of the layer, time mean", "length^2 time^-2"),
    "velocity_rms": ("root-mean-square velocity along one direction, sqrt(kinetic energy)", "length time^-1"),
    "energy_wavenumber": ("mean wavenumber of the kinetic energy", "length^-1"),
    "velocity_share": ("share of the zonal velocity in the kinetic energy, time mean", "1"),
    "jet_share": ("share of the zonal-mean flow in the kinetic energy, time mean", "1"),
    "jets": ("eastward jets of the flow averaged over x and time, mean over runs", "1"),
    "jet_wavenumber": ("wavenumber along y with most of the zonal-mean flow's energy", "length^-1"),
    "decorrelation_time": ("time until the autocorrelation of potential vorticity is 1/e", "time"),
    "available_share": ("share of the available potential energy in E, time mean", "1"),
}
DiagnosedLayers: TypeAlias = Annotated[
    xr.Dataset,
    Holds(
        "energy", "kinetic_energy", "available_energy", "velocity_share", "jet_share", "zonal_mean",
        "energy_spectrum", "jet_spectrum", "decorrelation_time",
    ),
]  # fmt: skip
"""What `tlfourier.flow.layered_diagnostics.diagnose_layers` returns."""


@door
def by_run(
    diagnostics: Annotated[xr.Dataset, Holds("time")], runs: Annotated[int, Range(1, 10**9)]
) -> xr.Dataset:
    """Return diagnostics with the independent runs apart: a dimension ``run``, ``time`` since each began.

    Runs of one flow have their jets at different places, so that a profile averaged over runs has none. What
    is no series in time stays as it is. Raises ValueError unless the ``runs`` are of equal length.

    Examples
    --------
    >>> flow = xr.Dataset({"energy": ("time", [1.0, 2.0, 3.0, 4.0])}, {"time": [0.0, 5.0, 90.0, 95.0]})
    >>> by_run(flow, 2)["energy"].values.tolist()
    [[1.0, 2.0], [3.0, 4.0]]
    """
    count, time = diagnostics.sizes["time"], diagnostics["time"]
    if count % runs:
        raise ValueError(f"runs={runs}: it must divide the {count} times into runs of equal length")
    apart = diagnostics.drop_vars("time").coarsen(time=count // runs).construct(time=("run", "step"))
    since = time[: count // runs] - time[0]
    return apart.rename(step="time").assign_coords(time=since.values, run=range(1, runs + 1))


@door
def summarise_layers(diagnostics: DiagnosedLayers, prominence: Part = 0.25) -> xr.Dataset:
    """Reduce the diagnostics of layers to `NUMBERS`: scalars, or one number for each ``layer``.

    ``diagnostics`` may have their runs apart (`by_run`): then jets are counted in each run, and energy drifts
    in the mean over runs. ``prominence`` is that of `tlfourier.flow.anisotropy.jets`.
    """
    series = [name for name, values in diagnostics.items() if "time" in values.dims]
    data = diagnostics[series] if "run" in diagnostics.dims else diagnostics[series].expand_dims("run")
    means = data.drop_vars("zonal_mean").mean(["run", "time"])
    first, second = np.array_split(data["energy"].mean("run").values, 2)
    spectrum, profiles = diagnostics["energy_spectrum"], data["zonal_mean"].mean("time")
    counts = [
        np.mean([jets(profile, prominence).attrs["count"] for profile in profiles.sel(layer=layer)])
        for layer in data["layer"]
    ]
    numbers: dict[str, xr.DataArray | float] = {
        "energy": means["energy"],
        "energy_drift": float(second.mean() / first.mean() - 1) if first.mean() > 0 else math.nan,
        "kinetic_energy": means["kinetic_energy"],
        "velocity_rms": means["kinetic_energy"] ** 0.5,
        "energy_wavenumber": (spectrum["k"] * spectrum).sum("k") / spectrum.sum("k"),
        "velocity_share": means["velocity_share"],
        "jet_share": means["jet_share"],
        "jets": xr.DataArray(counts, dims="layer"),
        "jet_wavenumber": diagnostics["jet_spectrum"].idxmax("k_y"),
        "decorrelation_time": diagnostics["decorrelation_time"],
        "available_share": means["available_energy"].sum() / means["energy"],
    }
    named = {
        name: xr.as_variable(values).copy(deep=False) if isinstance(values, float) else values.variable.copy()
        for name, values in numbers.items()
    }
    for name, (long_name, units) in NUMBERS.items():
        named[name].attrs = {"long_name": long_name, "units": units}
    return xr.Dataset(named, {"layer": diagnostics["layer"]})


@door
def compare_layers(flows: Mapping[str, DiagnosedLayers], prominence: Part = 0.25) -> xr.Dataset:
    """Summarise several oceans, along the dimension ``flow``; ValueError for none.

    ``flows``: name of each flow and its diagnostics; ``prominence`` as in `summarise_layers`.
    """
    if not flows:
        raise ValueError("flows={}: at least one flow is needed")
    rows = [summarise_layers(diagnostics, prominence) for diagnostics in flows.values()]
    return xr.concat(rows, dim="flow", combine_attrs="override").assign_coords(flow=list(flows))

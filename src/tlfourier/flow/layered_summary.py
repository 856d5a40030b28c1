"""Put the diagnostics of layers into a few numbers, and oceans beside each other."""

import math
from collections.abc import Mapping
from typing import Annotated, TypeAlias

import numpy as np
import xarray as xr

from tlfourier.doors import door
from tlfourier.flow.anisotropy import Part, jets
from tlfourier.limits import Holds

# name: (long name, units), in the order of the table; all but the first two and the last by layer.
NUMBERS = {
    "energy": ("energy of the eddies E, time mean", "length^2 time^-2"),
    "energy_drift": ("energy of the second half over that of the first, minus one", "1"),
    "kinetic_energy": ("kinetic energy of the layer, time mean", "length^2 time^-2"),
    "velocity_rms": ("root-mean-square velocity along one direction, sqrt(kinetic energy)", "length time^-1"),
    "energy_wavenumber": ("mean wavenumber of the kinetic energy", "length^-1"),
    "velocity_share": ("share of the zonal velocity in the kinetic energy, time mean", "1"),
    "jet_share": ("share of the zonal-mean flow in the kinetic energy, time mean", "1"),
    "jets": ("eastward jets of the flow averaged over x and time", "1"),
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
def summarise_layers(diagnostics: DiagnosedLayers, prominence: Part = 0.25) -> xr.Dataset:
    """Reduce the diagnostics of layers to `NUMBERS`: scalars, or one number for each ``layer``.

    ``prominence`` is that of `tlfourier.flow.anisotropy.jets`.
    """
    data, kinetic = diagnostics, diagnostics["kinetic_energy"].mean("time")
    first, second = np.array_split(data["energy"].values, 2)
    spectrum, profile = data["energy_spectrum"], data["zonal_mean"].mean("time")
    counts = [jets(profile.sel(layer=layer), prominence).attrs["count"] for layer in data["layer"]]
    numbers: dict[str, xr.DataArray | float] = {
        "energy": data["energy"].mean(),
        "energy_drift": float(second.mean() / first.mean() - 1) if first.mean() > 0 else math.nan,
        "kinetic_energy": kinetic,
        "velocity_rms": kinetic**0.5,
        "energy_wavenumber": (data["k"] * spectrum).sum("k") / spectrum.sum("k"),
        "velocity_share": data["velocity_share"].mean("time"),
        "jet_share": data["jet_share"].mean("time"),
        "jets": xr.DataArray(counts, dims="layer"),
        "jet_wavenumber": data["jet_spectrum"].idxmax("k_y"),
        "decorrelation_time": data["decorrelation_time"],
        "available_share": data["available_energy"].mean("time").sum() / data["energy"].mean(),
    }
    named = {
        name: xr.as_variable(values).copy(deep=False) if isinstance(values, float) else values.variable.copy()
        for name, values in numbers.items()
    }
    for name, (long_name, units) in NUMBERS.items():
        named[name].attrs = {"long_name": long_name, "units": units}
    return xr.Dataset(named, {"layer": data["layer"]})


@door
def compare_layers(flows: Mapping[str, DiagnosedLayers], prominence: Part = 0.25) -> xr.Dataset:
    """Summarise several oceans, along the dimension ``flow``; ValueError for none.

    ``flows``: name of each flow and its diagnostics; ``prominence`` as in `summarise_layers`.
    """
    if not flows:
        raise ValueError("flows={}: at least one flow is needed")
    rows = [summarise_layers(diagnostics, prominence) for diagnostics in flows.values()]
    return xr.concat(rows, dim="flow", combine_attrs="override").assign_coords(flow=list(flows))

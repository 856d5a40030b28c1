"""Describe a trajectory of layers as one Dataset: energies, budget, spectra along both axes, jets, memory.

What has a counterpart in `tlfourier.flow.diagnostics` for one layer has its name here, with a dimension
``layer``; the trajectory is read once, one snapshot at a time.
"""

from typing import Annotated, TypeAlias

import numpy as np
import torch
import xarray as xr

from tlfourier.doors import door
from tlfourier.flow import anisotropy, energetics, spectra
from tlfourier.flow.diagnostics import LayeredTrajectory, run_interval, snapshots
from tlfourier.flow.grid import Grid
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.flow.statistics import Autocorrelation, Lags, VorticityPDF, decorrelation_time, seconds
from tlfourier.limits import Range
from tlfourier.shapes import Positive

_ENERGY, _POWER = "length^2 time^-2", "length^2 time^-3"
LAYER, INTERFACE = ("time", "layer"), ("time", "interface")
# name: (dimensions, long name, units), in the order of the Dataset.
SERIES: dict[str, tuple[tuple[str, ...], str, str]] = {
    "energy": (("time",), "energy of the eddies E, kinetic and available", _ENERGY),
    "kinetic_energy": (LAYER, "kinetic energy of the layer", _ENERGY),
    "available_energy": (INTERFACE, "available potential energy of the interface", _ENERGY),
    "enstrophy": (LAYER, "potential enstrophy of the layer <q^2> / 2", "time^-2"),
    "velocity_share": (LAYER, "share of the zonal velocity in the kinetic energy", "1"),
    "jet_share": (LAYER, "share of the zonal-mean flow in the kinetic energy", "1"),
    "energy_conversion": (("time",), "energy from the mean flow", _POWER),
    "energy_drag": (("time",), "energy change by drag", _POWER),
    "energy_dissipation": (("time",), "energy change by hyperviscosity", _POWER),
    "energy_filter": (("time",), "energy change by the filter of each step", _POWER),
    "zonal_mean": (("time", "layer", "y"), "zonal-mean velocity", "length time^-1"),
}
SPECTRA: dict[str, tuple[str, str]] = {
    "energy_spectrum": ("k", "kinetic energy per shell E(k)"),
    "zonal_spectrum": ("k_x", "kinetic energy by wavenumber along x"),
    "meridional_spectrum": ("k_y", "kinetic energy by wavenumber along y"),
    "jet_spectrum": ("k_y", "kinetic energy of the zonal-mean flow by wavenumber along y"),
}
Values: TypeAlias = dict[str, np.ndarray]


@door
def diagnose_layers(
    trajectory: LayeredTrajectory,
    equation: QuasiGeostrophicEquation,
    kept: Annotated[int, Range(0, 10**6)] = 2,
    lags: Lags = 200,
    progress: bool = True,
    runs: int = 1,
    dt: Positive | None = None,
) -> xr.Dataset:
    """Describe a trajectory of layers in one pass with bounded memory.

    Raises ValueError if a run has fewer than two snapshots, unequal steps in time, does not fit the grid or
    the layers, or is not finite; or if the equation has a filter and there is no ``dt``.

    Parameters
    ----------
    trajectory : xr.Dataset
        With ``q`` (time, layer, y, x), equally spaced in time within each run; may be lazy.
    equation : QuasiGeostrophicEquation
        That made the trajectory.
    kept : int
        Snapshots of potential vorticity to keep for figures, evenly spread; the last one is always kept.
    lags : int
        Longest lag of the autocorrelation in snapshots, at most half of a run.
    progress : bool
        Show a progress bar.
    runs : int
        Independent runs of equal length that follow one another in the trajectory.
    dt : float, optional
        The step of the run, by which what a filter takes becomes a rate; see
        `tlfourier.flow.energetics.budget`.

    Returns
    -------
    xr.Dataset
        The quantities of `SERIES` over ``time`` and ``layer`` or ``interface``, both from 1, the zonal-mean
        velocity over ``y`` too; the time means of `SPECTRA` by ``layer`` over ``k``, ``k_x``, ``k_y``, each
        of which but the last sums to the kinetic energy; ``pdf`` over (layer, sigma) and ``autocorrelation``
        over (layer, lag) of potential vorticity, with ``decorrelation_time`` by layer;
        ``potential_vorticity`` (snapshot, layer, y, x) float32 with its ``snapshot_time``.
    """
    time, grid, count = trajectory["time"].values, equation.grid, equation.layers.count
    interval, each = run_interval(seconds(time), runs), time.size // runs
    memories = [Autocorrelation(grid, min(lags, each // 2)) for _ in range(count)]
    pdfs = [VorticityPDF() for _ in range(count)]
    series: dict[str, list[np.ndarray]] = {name: [] for name in SERIES}
    sums: Values = {}
    chosen = sorted(set(np.linspace(time.size - 1, 0, kept).round().astype(int).tolist()))
    fields = np.empty((len(chosen), count, grid.size, grid.size), np.float32)
    for i, (_, q_hat) in enumerate(snapshots(trajectory, grid, "diagnostics" if progress else None)):
        equation.check_state(q_hat, "q")
        for name, values in _series(equation, q_hat, dt).items():
            series[name].append(values)
        for name, values in _spectra(equation, q_hat).items():
            sums[name] = sums.get(name, 0.0) + values
        q = grid.to_physical(q_hat)
        for layer in range(count):
            pdfs[layer].add(q[layer])
            if i % each == 0:
                memories[layer].forget()
            memories[layer].add(q_hat[layer])
        if i in chosen:
            fields[chosen.index(i)] = q.float().cpu().numpy()
    described = {name: (SERIES[name][0], np.stack(values)) for name, values in series.items()}
    variables = {
        name: (dims, values, _attrs(*SERIES[name][1:])) for name, (dims, values) in described.items()
    }
    for name, total in sums.items():
        axis, long_name = SPECTRA[name]
        variables[name] = (("layer", axis), total / time.size, _attrs(f"{long_name}, time mean", _ENERGY))
    result = xr.Dataset(variables, _coordinates(grid, count, time))
    result = result.assign(pdf=xr.concat([pdf.result() for pdf in pdfs], "layer"))
    result = result.merge(_memory([memory.result() for memory in memories], interval))
    kept_fields = (("snapshot", "layer", "y", "x"), fields, _attrs("potential vorticity q", "time^-1"))
    times = ("snapshot", time[chosen], _attrs("time", "time"))
    return result.assign(potential_vorticity=kept_fields).assign_coords(snapshot_time=times)


def _series(equation: QuasiGeostrophicEquation, q_hat: torch.Tensor, dt: float | None) -> Values:
    """Return the quantities of `SERIES` for one snapshot."""
    grid, omega_hat = equation.grid, equation.vorticity(q_hat)
    budget = energetics.budget(equation, q_hat, dt)
    # Of k_x = 0 alone: u = psi_y.
    column = 1j * grid.k_y[:, 0] * equation.streamfunction(q_hat)[..., 0] * grid.below_nyquist[:, 0]
    found = {
        "energy": energetics.energy(equation, q_hat),
        "kinetic_energy": energetics.kinetic_energy(equation, q_hat),
        "available_energy": energetics.available_energy(equation, q_hat),
        "enstrophy": spectra.enstrophy(grid, q_hat),
        "velocity_share": anisotropy.velocity_share(grid, omega_hat),
        "jet_share": anisotropy.jet_share(grid, omega_hat),
        **{f"energy_{name}": budget[name] for name in ("conversion", "drag", "dissipation", "filter")},
        "zonal_mean": torch.fft.ifft(column).real / grid.size,
    }
    return {name: values.double().cpu().numpy() for name, values in found.items()}


def _spectra(equation: QuasiGeostrophicEquation, q_hat: torch.Tensor) -> Values:
    """Return the quantities of `SPECTRA` for one snapshot."""
    grid = equation.grid
    density = spectra.densities(grid, equation.vorticity(q_hat))["energy"]
    zonal_mean = torch.zeros_like(density)
    zonal_mean[..., 0] = density[..., 0]
    found = {
        "energy_spectrum": spectra.shell_sum(grid, density),
        "zonal_spectrum": anisotropy.zonal_spectrum(grid, density),
        "meridional_spectrum": anisotropy.meridional_spectrum(grid, density),
        "jet_spectrum": anisotropy.meridional_spectrum(grid, zonal_mean),
    }
    return {name: values.double().cpu().numpy() for name, values in found.items()}


def _coordinates(
    grid: Grid, count: int, time: np.ndarray
) -> dict[str, tuple[str, np.ndarray, dict[str, str]]]:
    points, along = grid.dx * np.arange(grid.size), anisotropy.axis_wavenumbers(grid)
    return {
        "time": ("time", time, _attrs("time", "time")),
        "layer": ("layer", np.arange(1, count + 1), _attrs("layer, from the top", "1")),
        "interface": ("interface", np.arange(1, count), _attrs("interface, from the top", "1")),
        **{name: (name, points, _attrs(name, "length")) for name in ("y", "x")},
        "k": ("k", spectra.wavenumbers(grid), _attrs("wavenumber", "length^-1")),
        **{
            name: (name, along, _attrs(f"wavenumber along {name[-1]}", "length^-1"))
            for name in ("k_x", "k_y")
        },
    }


def _memory(correlations: list[np.ndarray], interval: float) -> xr.Dataset:
    """Gather the autocorrelation of each layer and its decorrelation time."""
    lag = ("lag", interval * np.arange(correlations[0].size), _attrs("time lag", "time"))
    times = [decorrelation_time(correlation, interval) for correlation in correlations]
    about = _attrs("autocorrelation of potential vorticity", "1")
    variables = {
        "autocorrelation": (("layer", "lag"), np.stack(correlations), about),
        "decorrelation_time": ("layer", times, _attrs("time until the autocorrelation is 1/e", "time")),
    }
    return xr.Dataset(variables, {"lag": lag})


def _attrs(long_name: str, units: str) -> dict[str, str]:
    return {"long_name": long_name, "units": units}

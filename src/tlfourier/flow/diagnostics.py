"""Describe a trajectory as one Dataset: means, budgets, spectra, fluxes, distribution and memory.

The trajectory is read once, one snapshot at a time; the formulae are in ``spectra`` and `statistics`.
"""

from collections.abc import Iterator
from typing import Annotated, TypeAlias

import numpy as np
import torch
import xarray as xr
from tqdm.auto import tqdm

from tlfourier.doors import door
from tlfourier.flow import spectra
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.statistics import Autocorrelation, Lags, VorticityPDF, decorrelation_time, seconds
from tlfourier.limits import Holds, Range
from tlfourier.shapes import Spectrum

Trajectory: TypeAlias = Annotated[xr.Dataset, Holds("omega", "time")]
"""Snapshots of the vorticity over time."""
LayeredTrajectory: TypeAlias = Annotated[xr.Dataset, Holds("q", "time")]
"""Snapshots of the potential vorticity of layers over time."""

# name: (long name, units), in the order of the Dataset.
SERIES = {
    "energy": ("kinetic energy E", "length^2 time^-2"),
    "enstrophy": ("enstrophy Z", "time^-2"),
    "palinstrophy": ("palinstrophy P", "length^-2 time^-2"),
    "cfl_rate": ("CFL number per unit time step", "time^-1"),
    "resolution": ("resolution k_max / k_d", "1"),
    "energy_injection": ("energy input by the forcing", "length^2 time^-3"),
    "energy_drag": ("energy change by drag", "length^2 time^-3"),
    "energy_dissipation": ("energy change by viscosity", "length^2 time^-3"),
    "enstrophy_injection": ("enstrophy input by the forcing", "time^-3"),
    "enstrophy_drag": ("enstrophy change by drag", "time^-3"),
    "enstrophy_dissipation": ("enstrophy change by viscosity", "time^-3"),
}
SPECTRA = {
    "energy_spectrum": ("energy per shell E(k)", "length^2 time^-2"),
    "enstrophy_spectrum": ("enstrophy per shell Z(k)", "time^-2"),
    "energy_transfer": ("energy transfer into the shell T_E(k)", "length^2 time^-3"),
    "enstrophy_transfer": ("enstrophy transfer into the shell T_Z(k)", "time^-3"),
    "energy_flux": ("energy flux through k Π_E(k)", "length^2 time^-3"),
    "enstrophy_flux": ("enstrophy flux through k Π_Z(k)", "time^-3"),
}


@door
def snapshots(
    trajectory: Trajectory | LayeredTrajectory, grid: Grid, label: str | None = None
) -> Iterator[tuple[float, torch.Tensor]]:
    """Yield (time, omega_hat) of a trajectory, loading one snapshot at a time; dates count in seconds.

    ``omega`` has the dims (time, y, x), ``q`` of layers (time, layer, y, x), and may be lazy; the grid sets
    precision and device of the spectra; a ``label`` is the title of a progress bar, without it there is none.
    Raises ValueError if a snapshot does not fit the grid or is not finite.
    """
    name, *dims = ("omega", "time", "y", "x") if "omega" in trajectory else ("q", "time", "layer", "y", "x")
    if set(trajectory[name].dims) != set(dims):
        found = ", ".join(map(str, trajectory[name].dims))
        needed = ", ".join(dims)
        raise ValueError(f"{name} has the dimensions {found}: {needed} are needed, of members choose one")
    omega = trajectory[name].transpose(*dims)
    times = seconds(omega["time"].values)
    if omega.shape[-2:] != (grid.size, grid.size):
        raise ValueError(f"snapshots of shape {omega.shape[-2:]}: this grid needs {(grid.size, grid.size)}")
    for i in tqdm(range(omega.sizes["time"]), desc=label, disable=label is None):
        field = torch.as_tensor(np.array(omega[i].values), dtype=grid.dtype, device=grid.k_x.device)
        if not bool(torch.isfinite(field).all()):
            raise ValueError(f"the snapshot at time {times[i]:g} is not finite: make the trajectory again")
        yield float(times[i]), grid.to_spectral(field)


@door
def diagnose(
    trajectory: Trajectory,
    equation: VorticityEquation,
    kept: Annotated[int, Range(0, 10**6)] = 2,
    lags: Lags = 200,
    progress: bool = True,
    runs: int = 1,
) -> xr.Dataset:
    """Describe a trajectory in one pass with bounded memory.

    Raises ValueError if a run has fewer than two snapshots, unequal steps in time, does not fit the grid or
    is not finite.

    Parameters
    ----------
    trajectory : xr.Dataset
        With ``omega`` (time, y, x), equally spaced in time within each run; may be lazy. Dates count in
        seconds.
    equation : VorticityEquation
        That made the trajectory.
    kept : int
        Vorticity snapshots to keep for figures, evenly spread; the last one is always kept.
    lags : int
        Longest lag of the autocorrelation in snapshots, at most half of a run.
    progress : bool
        Show a progress bar.
    runs : int
        Independent runs of equal length that follow one another in the trajectory; the autocorrelation does
        not reach from one into the next.

    Returns
    -------
    xr.Dataset
        The series of `SERIES` over ``time``; the time means of `SPECTRA` over ``k`` and their standard
        deviations in time, ``*_sd``; ``pdf`` over ``sigma``; ``autocorrelation`` over ``lag`` and the scalar
        ``decorrelation_time``; ``vorticity`` (snapshot, y, x) float32 with its ``snapshot_time``.
    """
    time = trajectory["time"].values
    interval, each = run_interval(seconds(time), runs), time.size // runs
    grid = equation.grid
    pdf, memory = VorticityPDF(), Autocorrelation(grid, min(lags, each // 2))
    series: dict[str, list[float]] = {name: [] for name in SERIES}
    moments = {name: np.zeros((2, spectra.wavenumbers(grid).size)) for name in SPECTRA}
    chosen = sorted(set(np.linspace(time.size - 1, 0, kept).round().astype(int).tolist()))
    fields = []
    for i, (_, omega_hat) in enumerate(snapshots(trajectory, grid, "diagnostics" if progress else None)):
        for name, value in _scalars(equation, omega_hat).items():
            series[name].append(value.item())
        for name, spectrum in _spectra(equation, omega_hat).items():
            values = spectrum.double().cpu().numpy()
            moments[name] += np.stack((values, values**2))
        omega = grid.to_physical(omega_hat)
        pdf.add(omega)
        if i % each == 0:
            memory.forget()
        memory.add(omega_hat)
        if i in chosen:
            fields.append(omega.float().cpu().numpy())
    result = _series_dataset(time, series).merge(_spectra_dataset(grid, moments, time.size))
    result = result.assign(pdf=pdf.result()).merge(_memory_dataset(memory.result(), interval))
    return result.merge(_fields_dataset(grid, fields, time[chosen]))


@door
def run_interval(time: np.ndarray, runs: int) -> float:
    """Return the time between snapshots, or raise ValueError if they are too few or unequally spaced.

    ``time`` are those of as many ``runs`` of equal length, one after the other, shape (snapshots,).
    """
    if runs < 1 or time.size % runs or time.size // runs < 2:
        raise ValueError(f"{time.size} snapshots in {runs} runs: each run needs the same number, at least 2")
    steps = np.diff(time.reshape(runs, -1)).ravel()
    if not np.allclose(steps, steps[0], rtol=1e-3) or steps[0] <= 0:
        raise ValueError(f"steps from {steps.min():g} to {steps.max():g}: equal, positive ones are needed")
    return float(steps.mean())


def _scalars(equation: VorticityEquation, omega_hat: Spectrum) -> dict[str, torch.Tensor]:
    """Return the quantities of `SERIES` for one snapshot."""
    grid = equation.grid
    return {
        "energy": spectra.energy(grid, omega_hat),
        "enstrophy": spectra.enstrophy(grid, omega_hat),
        "palinstrophy": spectra.palinstrophy(grid, omega_hat),
        "cfl_rate": spectra.cfl_rate(equation, omega_hat),
        "resolution": spectra.resolution(equation, omega_hat),
        **spectra.budget(equation, omega_hat),
    }


def _spectra(equation: VorticityEquation, omega_hat: Spectrum) -> dict[str, torch.Tensor]:
    """Return the quantities of `SPECTRA` for one snapshot."""
    energy_transfer, enstrophy_transfer = spectra.transfer(equation, omega_hat)
    return {
        "energy_spectrum": spectra.energy_spectrum(equation.grid, omega_hat),
        "enstrophy_spectrum": spectra.enstrophy_spectrum(equation.grid, omega_hat),
        "energy_transfer": energy_transfer,
        "enstrophy_transfer": enstrophy_transfer,
        "energy_flux": spectra.flux(energy_transfer),
        "enstrophy_flux": spectra.flux(enstrophy_transfer),
    }


def _attrs(long_name: str, units: str) -> dict[str, str]:
    """Return the attributes that every variable carries."""
    return {"long_name": long_name, "units": units}


def _series_dataset(time: np.ndarray, series: dict[str, list[float]]) -> xr.Dataset:
    """Gather the scalars over time."""
    variables = {name: ("time", np.array(values), _attrs(*SERIES[name])) for name, values in series.items()}
    return xr.Dataset(variables, {"time": ("time", time, _attrs("time", "time"))})


def _spectra_dataset(grid: Grid, moments: dict[str, np.ndarray], count: int) -> xr.Dataset:
    """Turn sums of spectra and of their squares into means and standard deviations in time."""
    variables = {}
    for name, (first, second) in moments.items():
        long_name, units = SPECTRA[name]
        mean = first / count
        spread = np.sqrt(np.clip(second / count - mean**2, 0, None))
        variables[name] = ("k", mean, _attrs(f"{long_name}, time mean", units))
        variables[f"{name}_sd"] = ("k", spread, _attrs(f"{long_name}, standard deviation in time", units))
    return xr.Dataset(variables, {"k": ("k", spectra.wavenumbers(grid), _attrs("wavenumber", "length^-1"))})


def _memory_dataset(correlation: np.ndarray, interval: float) -> xr.Dataset:
    """Gather the autocorrelation and its decorrelation time."""
    lag = ("lag", interval * np.arange(correlation.size), _attrs("time lag", "time"))
    decorrelated = decorrelation_time(correlation, interval)
    variables = {
        "autocorrelation": ("lag", correlation, _attrs("autocorrelation of vorticity", "1")),
        "decorrelation_time": ((), decorrelated, _attrs("time until the autocorrelation is 1/e", "time")),
    }
    return xr.Dataset(variables, {"lag": lag})


def _fields_dataset(grid: Grid, fields: list[np.ndarray], times: np.ndarray) -> xr.Dataset:
    """Gather the vorticity snapshots that are kept for figures."""
    axis = grid.dx * np.arange(grid.size)
    values = np.stack(fields) if fields else np.empty((0, grid.size, grid.size), np.float32)
    return xr.Dataset(
        {"vorticity": (("snapshot", "y", "x"), values, _attrs("vorticity ω", "time^-1"))},
        {
            "snapshot_time": ("snapshot", times, _attrs("time", "time")),
            **{name: (name, axis, _attrs(name, "length")) for name in ("y", "x")},
        },
    )

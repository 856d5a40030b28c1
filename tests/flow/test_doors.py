"""What is no field, no number and no time is refused; what is written in other ways is the same."""

from __future__ import annotations

import gc
import math
import weakref

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.pairs import Split
from tlfourier.flow import spectra
from tlfourier.flow.diagnostics import diagnose
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import lamb_dipole, random_vorticity
from tlfourier.flow.statistics import decorrelation_time, seconds
from tlfourier.flow.steppers import IFRK4


@pytest.fixture
def grid() -> Grid:
    return Grid(32, dtype=torch.float64)


@pytest.mark.parametrize("column", [0, 16])
def test_a_half_spectrum_of_no_real_field_is_refused(grid: Grid, column: int) -> None:
    omega_hat = random_vorticity(grid, seed=1)
    grid.check_spectrum(omega_hat)
    omega_hat[3, column] += 1j * omega_hat.abs().amax()
    with pytest.raises(ValueError, match="omega_hat is the spectrum of no real field"):
        IFRK4(VorticityEquation(grid, 1e-3), 0.01).start(omega_hat)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_spectrum_of_any_field_is_accepted(dtype: torch.dtype) -> None:
    grid = Grid(256, dtype=dtype)
    noise = torch.randn(3, 256, 256, generator=torch.Generator().manual_seed(0), dtype=dtype)
    grid.check_spectrum(1e8 * grid.to_spectral(noise))
    grid.check_spectrum(1e-8 * grid.to_spectral(noise))


def test_the_energy_is_that_of_the_velocity_for_any_field(grid: Grid) -> None:
    noise = torch.randn(32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    omega_hat = grid.to_spectral(noise - noise.mean())
    u, v = VorticityEquation(grid, 1e-3).velocity(omega_hat)
    expected = 0.5 * (u**2 + v**2).mean()
    assert spectra.energy(grid, omega_hat).item() == pytest.approx(expected.item(), rel=1e-12)
    assert spectra.energy_spectrum(grid, omega_hat).sum().item() == pytest.approx(expected.item(), rel=1e-12)


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_has_no_spectrum(grid: Grid, bad: float) -> None:
    omega_hat = random_vorticity(grid, seed=1)
    omega_hat[2, 2] = bad
    for ask in (spectra.energy, spectra.enstrophy_spectrum, spectra.shell_spectrum, spectra.palinstrophy):
        with pytest.raises(ValueError, match="a_hat holds values that are not finite"):
            ask(grid, omega_hat)
    with pytest.raises(ValueError, match=f"speed={bad}: it must be a finite number"):
        lamb_dipole(grid, radius=1.0, speed=bad)


def test_a_grid_is_let_go_and_its_masks_move_with_it() -> None:
    grid = Grid(16)
    VorticityEquation(grid, 1e-3, beta=1.0).velocity(random_vorticity(grid, seed=0))
    moved = VorticityEquation(grid, 1e-3, beta=1.0).to("meta")
    assert {buffer.device.type for buffer in moved.buffers()} == {"meta"}
    grid, there = Grid(16), Grid(16)
    VorticityEquation(there, 1e-3).velocity(random_vorticity(there, seed=0))
    gone = weakref.ref(there)
    del there
    gc.collect()
    assert gone() is None


def series(time: np.ndarray) -> xr.Dataset:
    """Return a pattern that turns into another within some steps."""
    grid = Grid(16, dtype=torch.float64)
    one, other = (grid.to_physical(random_vorticity(grid, seed, 3.0)).numpy() for seed in (0, 1))
    omega = [math.cos(0.3 * step) * one + math.sin(0.3 * step) * other for step in range(time.size)]
    return xr.Dataset({"omega": (("time", "y", "x"), np.array(omega))}, {"time": time})


def test_dates_and_durations_count_in_seconds() -> None:
    equation = VorticityEquation(Grid(16, dtype=torch.float64), 1e-3)
    numbers = 0.25 * np.arange(24)
    durations = (1000 * numbers).astype("timedelta64[ms]").astype("timedelta64[ns]")
    dates = np.datetime64("2026-11-26T12:00", "ns") + durations
    expected = diagnose(series(numbers), equation, progress=False)
    for axis in (durations, dates):
        found = diagnose(series(axis), equation, progress=False)
        assert found.decorrelation_time.item() == pytest.approx(expected.decorrelation_time.item(), rel=1e-12)
        np.testing.assert_allclose(found.lag, expected.lag, rtol=1e-12)
        assert found.time.dtype == axis.dtype
        Split(10, 4, 4, 3).check(axis, decorrelation_time=0.9)
        with pytest.raises(ValueError, match="sets the blocks 1 time units apart"):
            Split(10, 4, 4, 3).check(axis, decorrelation_time=1.1)
    assert decorrelation_time(np.array([1.0, 0.0]), np.timedelta64(2, "s")) == pytest.approx(
        2 * (1 - math.exp(-1))
    )


@pytest.mark.parametrize(
    "axis",
    [np.array(["a", "b"]), np.array(["NaT", "2026-01-01"], "datetime64[s]"), np.array([0.0, math.nan])],
)
def test_what_is_no_time_is_refused(axis: np.ndarray) -> None:
    with pytest.raises(ValueError, match="a time axis of .*: accepted are finite numbers, datetime64"):
        seconds(axis)

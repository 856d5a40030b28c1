"""Summaries against flows whose numbers are known."""

import math

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.flow.diagnostics import diagnose
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity, taylor_green
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import State
from tlfourier.flow.summary import (
    compare,
    flux_extremes,
    independent_samples,
    palinstrophy_spectrum,
    resolution,
    spectral_shift,
    summarise,
)


def steady(k: int, size: int = 32) -> xr.Dataset:
    grid = Grid(size, dtype=torch.float64)
    omega = grid.to_physical(taylor_green(grid, k)).numpy()
    trajectory = xr.Dataset({"omega": (("time", "y", "x"), np.stack([omega] * 4))}, {"time": np.arange(4.0)})
    return diagnose(trajectory, VorticityEquation(grid, 0.01), progress=False)


def test_numbers_of_taylor_green_vortices_are_exact() -> None:
    found = summarise(steady(3), k_cutoff=4.0)
    # omega = 2 k cos(k x) cos(k y): <omega^2> = k^2, all at |k| = sqrt(2) k.
    assert float(found.enstrophy) == pytest.approx(9 / 2)
    assert float(found.vorticity_rms) == pytest.approx(3)
    assert float(found.energy) == pytest.approx(1 / 4)
    assert float(found.energy_wavenumber) == pytest.approx(math.sqrt(2) * 3)
    assert float(found.enstrophy_wavenumber) == pytest.approx(math.sqrt(2) * 3)
    assert float(found.enstrophy_beyond) < 1e-30 and float(found.energy_drift) == 0
    # <cos^4> / <cos^2>^2 is 3/2 in each direction; the histogram resolves it to its bins.
    assert float(found.flatness) == pytest.approx(9 / 4, rel=0.02)


def test_palinstrophy_is_all_at_its_wavenumber() -> None:
    spectrum = palinstrophy_spectrum(steady(5))
    # |k| = sqrt(50) is in the shell of 7; the enstrophy is 25 / 2.
    assert float(spectrum.sel(k=7)) == pytest.approx(49 * 25 / 2)
    assert float(spectrum.drop_sel(k=7).max()) < 1e-20


def test_a_level_palinstrophy_spectrum_is_not_resolved_and_a_steep_one_is() -> None:
    k = np.arange(0.0, 101.0)
    level = np.maximum(k, 1.0) ** -2.0
    flows = {
        name: xr.Dataset({"enstrophy_spectrum": ("k", z), "resolution": ("time", [1.0, 2.0])}, {"k": k})
        for name, z in {"level": level, "steep": level * np.exp(-k)}.items()
    }
    found = resolution(flows, 100.0)
    np.testing.assert_allclose(found["resolution"], 1.5)
    np.testing.assert_allclose(found["end"].sel(flow="level"), 1.0)
    np.testing.assert_allclose(found["last_octave"].sel(flow="level"), 0.5)
    assert found["end"].sel(flow="steep") < 1e-30 and found["last_octave"].sel(flow="steep") < 1e-20
    assert found["peak"].sel(flow="steep").item() == 1.0


def test_enstrophy_beyond_the_cutoff_is_all_or_nothing_for_one_wavenumber() -> None:
    flows = {"coarse": steady(1), "fine": steady(5)}
    beyond = compare(flows, k_cutoff=4.0).enstrophy_beyond.sel(flow=["coarse", "fine"])
    np.testing.assert_allclose(beyond, [0, 1], atol=1e-30)


def test_energy_goes_up_and_enstrophy_down_from_the_forcing() -> None:
    grid = Grid(48, dtype=torch.float64)
    equation = VorticityEquation(grid, 5e-3, drag=0.1, forcing_hat=two_way_cosine(grid, 4))
    start = State(random_vorticity(grid, seed=1, k_peak=3.0))
    states = list(simulate(equation, start, Schedule(8.0, 0.5, 21), progress=False))
    omega = np.stack([grid.to_physical(state.omega_hat).numpy() for state in states])
    times = [state.time for state in states]
    trajectory = xr.Dataset({"omega": (("time", "y", "x"), omega)}, {"time": times})
    found = flux_extremes(diagnose(trajectory, equation, progress=False), 3.5, 4.5)
    assert 0 < float(found.energy_upscale) < 1.5 and 0 < float(found.enstrophy_downscale) < 1.5


def test_no_forcing_gives_no_share() -> None:
    assert math.isinf(float(flux_extremes(steady(3), 3.0, 5.0).energy_upscale))


@pytest.mark.parametrize("k_cutoff", [0.0, -1.0, math.inf])
def test_a_cutoff_that_is_no_wavenumber_is_refused(k_cutoff: float) -> None:
    with pytest.raises(ValueError, match="positive wavenumber"):
        summarise(steady(1), k_cutoff)


def test_spectral_shift_is_the_logarithm_of_the_amplitude_change() -> None:
    base = steady(3)
    spectrum = xr.where(base.k == 4, 0.25, 1.0)
    base, target = base.assign(energy_spectrum=spectrum), base.assign(energy_spectrum=100 * spectrum**2)
    found = spectral_shift(base, target, k_cutoff=8.0)
    np.testing.assert_allclose(found["shift"], [2, 2, 2, 2 + np.log10(0.25), 2, 2, 2])
    assert float(found.k_largest) != 4
    assert float(found.mean_size) == pytest.approx(2 + np.log10(0.25) / 7)


def test_spectra_on_other_grids_are_not_compared() -> None:
    with pytest.raises(ValueError, match="wavenumbers"):
        spectral_shift(steady(3), steady(3, size=16), 8.0)


def test_a_block_holds_as_many_independent_samples_as_its_length_over_twice_the_memory() -> None:
    """White noise remembers half an interval: every snapshot is independent."""
    energy = np.random.default_rng(5).normal(size=20_000)
    flows = {"noise": xr.Dataset({"energy": ("time", energy)})}
    found = independent_samples(flows, interval=0.2, time=60.0)
    assert found["integral_time"].sel(flow="noise") == pytest.approx(0.1, rel=0.1)
    assert found["samples"].sel(flow="noise") == pytest.approx(300, rel=0.1)
    with pytest.raises(ValueError, match="at least one flow"):
        independent_samples({}, 0.2, 60.0)

import math
import re
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr
from scipy import signal
from torch import Tensor

from tlfourier.flow.diagnostics import SERIES, SPECTRA, diagnose
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity, taylor_green
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.spectra import (
    budget,
    cfl_rate,
    energy,
    energy_spectrum,
    enstrophy,
    enstrophy_spectrum,
    flux,
    mean_product,
    palinstrophy,
    resolution,
    shell_spectrum,
    transfer,
    wavenumbers,
)
from tlfourier.flow.statistics import Autocorrelation, VorticityPDF, decorrelation_time, integral_time
from tlfourier.flow.steppers import IFRK4
from tlfourier.flow.trajectory import read_trajectory, write_trajectory

GRID = Grid(48, dtype=torch.float64)
EQUATION = VorticityEquation(GRID, 5e-3, drag=0.1, forcing_hat=two_way_cosine(GRID, 4))


def noise_hat(grid: Grid, seed: int) -> Tensor:
    """Return a spectrum with every mode filled, the Nyquist modes included."""
    generator = torch.Generator().manual_seed(seed)
    return grid.to_spectral(torch.randn(grid.size, grid.size, generator=generator, dtype=grid.dtype))


@pytest.fixture(scope="module")
def omega_hat() -> Tensor:
    return random_vorticity(GRID, seed=2, k_peak=4.0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    """Return a lazy trajectory of 32 snapshots."""
    path = tmp_path_factory.mktemp("trajectory") / "run.zarr"
    state = IFRK4(EQUATION, 0.01).start(random_vorticity(GRID, seed=4, k_peak=4.0))
    write_trajectory(path, EQUATION, state, Schedule(0.5, 0.1, 32, dt=0.02), progress=False)
    return read_trajectory(path)


@pytest.fixture(scope="module")
def report(run: xr.Dataset) -> xr.Dataset:
    return diagnose(run, EQUATION, progress=False)


@pytest.mark.parametrize("length", [2 * math.pi, 3.0])
def test_the_means_are_those_of_the_fields_in_physical_space(length: float) -> None:
    grid = Grid(48, length, torch.float64)
    equation = VorticityEquation(grid, 1e-3)
    omega_hat = random_vorticity(grid, seed=2, k_peak=4.0)
    u, v = equation.velocity(omega_hat)
    gradient = [grid.to_physical(1j * k * omega_hat) for k in (grid.k_x, grid.k_y)]
    in_space = {
        energy: 0.5 * (u**2 + v**2).mean(),
        enstrophy: 0.5 * (grid.to_physical(omega_hat) ** 2).mean(),
        palinstrophy: 0.5 * (gradient[0] ** 2 + gradient[1] ** 2).mean(),
    }
    for measure, expected in in_space.items():
        torch.testing.assert_close(measure(grid, omega_hat), expected, rtol=1e-12, atol=0)


def test_taylor_green_vortices_have_their_known_means() -> None:
    # omega = 2 k cos(k x) cos(k y) lies at |k| = 5 sqrt(2), which is nearest to shell 7.
    omega_hat = taylor_green(GRID, 5)
    assert energy(GRID, omega_hat).item() == pytest.approx(1 / 4)
    assert enstrophy(GRID, omega_hat).item() == pytest.approx(5**2 / 2)
    assert palinstrophy(GRID, omega_hat).item() == pytest.approx(5**4)
    spectrum = energy_spectrum(GRID, omega_hat)
    assert spectrum[7].item() == pytest.approx(1 / 4)
    assert spectrum.sum().item() == pytest.approx(1 / 4)
    # u = -cos(k x) sin(k y), v = sin(k x) cos(k y), so max(|u| + |v|) = max |sin(k (x + y))| = 1.
    assert cfl_rate(EQUATION, omega_hat).item() == pytest.approx(1 / GRID.dx, rel=1e-2)
    k_d = (2 * 5**4 / 5e-3**2) ** (1 / 6)
    assert resolution(EQUATION, omega_hat).item() == pytest.approx(16 / k_d)


def test_spectra_sum_to_the_means_whatever_the_field() -> None:
    a_hat, b_hat = noise_hat(GRID, 0), noise_hat(GRID, 1)
    a, b = GRID.to_physical(a_hat), GRID.to_physical(b_hat)
    torch.testing.assert_close(mean_product(GRID, a_hat, b_hat), (a * b).mean(), rtol=1e-12, atol=1e-15)
    torch.testing.assert_close(shell_spectrum(GRID, a_hat).sum(), (a**2).mean(), rtol=1e-13, atol=0)
    torch.testing.assert_close(energy_spectrum(GRID, a_hat).sum(), energy(GRID, a_hat), rtol=1e-13, atol=0)
    total = enstrophy_spectrum(GRID, a_hat).sum()
    torch.testing.assert_close(total, enstrophy(GRID, a_hat), rtol=1e-13, atol=0)


def test_a_wave_lies_in_the_shell_of_its_wavenumber() -> None:
    grid = Grid(32, length=1.0, dtype=torch.float64)
    unit = 2 * math.pi
    for k_x, k_y, shell in ((3, 4, 5), (0, 9, 9), (9, 0, 9), (-5, 12, 13), (1, 1, 1), (2, 2, 3)):
        wave = torch.cos(unit * (k_x * grid.x + k_y * grid.y))
        power = shell_spectrum(grid, grid.to_spectral(wave))
        assert power[shell].item() == pytest.approx(0.5)
        assert wavenumbers(grid)[shell] == pytest.approx(unit * shell)


def test_advection_moves_energy_and_enstrophy_without_making_any(omega_hat: Tensor) -> None:
    for moved in transfer(EQUATION, omega_hat):
        scale = moved.abs().sum()
        assert scale > 0
        assert moved.sum().abs() < 1e-13 * scale
        assert flux(moved)[-1].abs() < 1e-13 * scale


def test_the_flux_is_what_the_large_scales_lose(omega_hat: Tensor) -> None:
    tendency = GRID.to_physical(-EQUATION.advection(omega_hat))
    fluxes = [flux(moved) for moved in transfer(EQUATION, omega_hat)]
    for shell in (3, 6, 10):
        large_hat = torch.where(GRID.k_radial < shell + 0.5, omega_hat, 0)
        for field_hat, through in zip((EQUATION.streamfunction(large_hat), large_hat), fluxes, strict=True):
            lost = -(GRID.to_physical(field_hat) * tendency).mean()
            torch.testing.assert_close(through[shell], lost, rtol=1e-10, atol=1e-14)


def test_the_budget_is_the_rate_of_change(omega_hat: Tensor) -> None:
    terms = budget(EQUATION, omega_hat)
    tendency_hat = EQUATION.tendency(omega_hat)
    for name, tested_hat in (("energy", EQUATION.streamfunction(omega_hat)), ("enstrophy", omega_hat)):
        total = sum(value for term, value in terms.items() if term.startswith(name))
        torch.testing.assert_close(
            total, mean_product(GRID, tested_hat, tendency_hat), rtol=1e-10, atol=1e-13
        )
        assert terms[f"{name}_drag"] < 0
        assert terms[f"{name}_dissipation"] < 0


def test_the_budgets_of_a_forced_run_close(omega_hat: Tensor) -> None:
    dt, steps = 0.005, 200
    step = IFRK4(EQUATION, dt)
    state = step.start(omega_hat)
    rates = [budget(EQUATION, state.omega_hat)]
    for _ in range(steps):
        state = step(state)
        rates.append(budget(EQUATION, state.omega_hat))
    for name, measure in (("energy", energy), ("enstrophy", enstrophy)):
        rate = np.array([sum(v.item() for term, v in one.items() if term.startswith(name)) for one in rates])
        change = (measure(GRID, state.omega_hat) - measure(GRID, omega_hat)).item()
        assert np.trapezoid(rate, dx=dt) == pytest.approx(change, rel=1e-3)


def test_a_batch_gives_what_its_members_give() -> None:
    batch = random_vorticity(GRID, seed=0, k_peak=4.0, members=3)
    for i in range(3):
        torch.testing.assert_close(energy_spectrum(GRID, batch)[i], energy_spectrum(GRID, batch[i]))
        torch.testing.assert_close(transfer(EQUATION, batch)[1][i], transfer(EQUATION, batch[i])[1])
        for name, value in budget(EQUATION, batch).items():
            torch.testing.assert_close(value[i], budget(EQUATION, batch[i])[name])


def test_float32_means_agree_with_float64(omega_hat: Tensor) -> None:
    single = Grid(48)
    for measure in (energy, enstrophy, palinstrophy):
        value = measure(single, omega_hat.to(torch.complex64)).item()
        assert value == pytest.approx(measure(GRID, omega_hat).item(), rel=1e-5)


def test_pdf_of_gaussian_noise_is_the_normal_density_whatever_its_strength() -> None:
    pdf = VorticityPDF(limit=4.0, bins=40)
    generator = torch.Generator().manual_seed(0)
    for strength in (1.0, 50.0):
        pdf.add(strength * torch.randn(512, 512, generator=generator))
    density = pdf.result()
    width = float(density["sigma"][1] - density["sigma"][0])
    below = [0.5 * math.erfc(-edge / math.sqrt(2)) for edge in pdf.edges]
    expected = 2 * 512**2 * np.diff(below)
    counts = density.values * width * 2 * 512**2
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()
    assert float(density.sum()) * width + density.attrs["outside"] == pytest.approx(1, abs=1e-12)
    assert density.attrs["outside"] == pytest.approx(math.erfc(4 / math.sqrt(2)), abs=3e-5)


def test_autocorrelation_of_a_travelling_wave_is_its_cosine_whatever_its_decay() -> None:
    speed, interval = 0.7, 0.1
    memory = Autocorrelation(GRID, lags=30, size=16)
    for i in range(60):
        t = i * interval
        wave = math.exp(-t) * torch.cos(2 * (GRID.x - speed * t)) * torch.ones_like(GRID.y)
        memory.add(GRID.to_spectral(wave))
    lags = interval * np.arange(31)
    np.testing.assert_allclose(memory.result(), np.cos(2 * speed * lags), atol=1e-12)
    expected = math.acos(math.exp(-1)) / (2 * speed)
    assert decorrelation_time(memory.result(), interval) == pytest.approx(expected, rel=1e-2)


def test_autocorrelation_averages_every_pair_of_snapshots() -> None:
    fields = torch.randn(7, 16, 16, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    grid = Grid(16, dtype=torch.float64)
    spectra = grid.to_spectral(fields) * grid.mask
    memory = Autocorrelation(grid, lags=3)
    for spectrum in spectra:
        memory.add(spectrum)
    flat = grid.to_physical(spectra).flatten(1).numpy()
    flat /= np.linalg.norm(flat, axis=1, keepdims=True)
    expected = [np.mean([flat[i] @ flat[i + lag] for i in range(7 - lag)]) for lag in range(4)]
    np.testing.assert_allclose(memory.result(), expected, atol=1e-14)


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.9])
def test_the_integral_time_is_that_of_an_autoregressive_series(memory: float) -> None:
    """x(t + 1) = a x(t) + noise has ρ(k) = a^k, so τ = 1/2 + a / (1 - a), and its mean varies as 2 τ / n."""
    noise = np.random.default_rng(3).normal(size=(64, 4000))
    series = signal.lfilter([1.0], [1.0, -memory], noise, axis=1)[:, 1000:]
    exact = 0.5 + memory / (1 - memory)
    found = np.mean([integral_time(row, 0.2) for row in series])
    assert found == pytest.approx(0.2 * exact, rel=0.06)
    scatter = series.mean(axis=1).var() / series.var()
    assert scatter * series.shape[1] / 2 == pytest.approx(exact, rel=0.5)


@pytest.mark.parametrize(
    "series", [np.ones(5), np.ones(1), np.array([1.0, np.nan]), np.ones((2, 2)), np.tile([1.0, -1.0], 50)]
)
def test_a_series_without_an_integral_time_is_refused(series: np.ndarray) -> None:
    with pytest.raises(ValueError, match="series"):
        integral_time(series, 1.0)


def test_decorrelation_time_is_where_a_line_between_samples_meets_one_over_e() -> None:
    assert decorrelation_time(np.exp(-np.arange(10) / 4), 0.5) == pytest.approx(2.0)
    assert decorrelation_time(np.array([1.0, 0.0]), 2.0) == pytest.approx(2 * (1 - math.exp(-1)))
    assert decorrelation_time(np.array([1.0, 0.9, 0.8]), 2.0) == math.inf


def test_diagnose_names_everything(report: xr.Dataset) -> None:
    assert set(SERIES) | set(SPECTRA) | {"pdf", "autocorrelation", "decorrelation_time"} <= set(report)
    for variable in (*report.data_vars.values(), *report.coords.values()):
        assert {"long_name", "units"} <= variable.attrs.keys(), variable.name
    assert all(report[name].dims == ("time",) for name in SERIES)
    assert all(report[f"{name}{end}"].dims == ("k",) for name in SPECTRA for end in ("", "_sd"))
    # This run is shorter than its memory: the decorrelation time is not known, and says so.
    assert [name for name, values in report.items() if not np.isfinite(values).all()] == [
        "decorrelation_time"
    ]
    assert float(report["autocorrelation"].min()) > math.exp(-1)


def test_diagnose_is_the_average_over_the_snapshots(run: xr.Dataset, report: xr.Dataset) -> None:
    omega_hat = GRID.to_spectral(torch.as_tensor(run["omega"].values, dtype=torch.float64))
    np.testing.assert_allclose(report["enstrophy"], enstrophy(GRID, omega_hat), rtol=1e-12)
    spectra = energy_spectrum(GRID, omega_hat).numpy()
    np.testing.assert_allclose(report["energy_spectrum"], spectra.mean(0), rtol=1e-10, atol=1e-18)
    np.testing.assert_allclose(report["energy_spectrum_sd"], spectra.std(0), rtol=1e-4, atol=1e-9)
    assert float(report["enstrophy_spectrum"].sum()) == pytest.approx(float(report["enstrophy"].mean()))
    assert float(report["enstrophy_flux"].max()) > 0
    assert float(report["autocorrelation"][0]) == pytest.approx(1)
    np.testing.assert_array_equal(report["time"], run["time"])


def test_diagnose_keeps_a_few_snapshots_with_the_last(run: xr.Dataset, report: xr.Dataset) -> None:
    assert report["vorticity"].dtype == np.float32
    np.testing.assert_array_equal(report["snapshot_time"], run["time"][[0, -1]])
    np.testing.assert_allclose(report["vorticity"], run["omega"][[0, -1]], atol=1e-5)
    for kept, indices in ((0, []), (1, [-1]), (3, [0, 16, 31])):
        times = diagnose(run, EQUATION, kept=kept, progress=False)["snapshot_time"]
        np.testing.assert_array_equal(times, run["time"][indices])


def test_diagnose_survives_a_file(report: xr.Dataset, tmp_path: Path) -> None:
    report.to_netcdf(tmp_path / "report.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "report.nc", engine="h5netcdf") as again:
        xr.testing.assert_identical(again.load(), report)


def test_diagnose_takes_one_snapshot_into_memory_at_a_time(run: xr.Dataset) -> None:
    diagnose(run.isel(time=slice(0, 4)), EQUATION, progress=False)  # imports, caches
    peaks = []
    for count in (8, 32):
        tracemalloc.start()
        diagnose(run.isel(time=slice(0, count)), EQUATION, kept=1, lags=3, progress=False)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Four times the snapshots, 221 kB more of them, and next to no more memory.
    assert peaks[1] - peaks[0] < 24 * GRID.size**2 * 4 / 4


def test_diagnose_refuses_what_it_cannot_describe(run: xr.Dataset) -> None:
    cases = {
        "1 snapshots in 1 runs: each run needs the same number, at least 2": run.isel(time=[0]),
        "equal, positive ones are needed": run.isel(time=[0, 1, 3]),
        "shape (48, 24): this grid needs (48, 48)": run.isel(x=slice(0, 24)),
        "is not finite: make the trajectory again": run.where(run.time < 2),
        "omega has the dimensions member, time, y, x": run.expand_dims(member=2),
    }
    for sentence, trajectory in cases.items():
        with pytest.raises(ValueError, match=re.escape(sentence)):
            diagnose(trajectory, EQUATION, progress=False)

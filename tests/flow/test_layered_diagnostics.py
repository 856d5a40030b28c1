"""Diagnostics of layers: those of each snapshot, exact in the sense of Parseval, and for one as ever."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.flow import energetics, spectra
from tlfourier.flow.diagnostics import diagnose
from tlfourier.flow.dissipation import exponential_filter
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.layered_diagnostics import SERIES, SPECTRA, diagnose_layers
from tlfourier.flow.layered_summary import NUMBERS, by_run, compare_layers, summarise_layers
from tlfourier.flow.layers import Layers, two_layers
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation

GRID = Grid(32, length=1e6, dtype=torch.float64)
LAYERS = two_layers(40e3, 0.25, 5e-12, 2e-7)
EQUATION = QuasiGeostrophicEquation(GRID, LAYERS, hyperviscosity=1e22, power=4)
DAY = 86_400.0


def trajectory(psi_hat: torch.Tensor, equation: QuasiGeostrophicEquation = EQUATION) -> xr.Dataset:
    """Return streamfunctions, shape (time, layer, N, N // 2 + 1), as a trajectory."""
    q = GRID.to_physical(equation.potential_vorticity(psi_hat)).numpy()
    return xr.Dataset({"q": (("time", "layer", "y", "x"), q)}, {"time": DAY * np.arange(len(q))})


def random_psi(count: int, layers: int = 2) -> torch.Tensor:
    fields = random_vorticity(GRID, seed=3, k_peak=3.0, members=count * layers)
    return 0.03 * GRID.inverse_k_squared * fields.reshape(count, layers, 32, 17)


@pytest.fixture(scope="module")
def psi_hat() -> torch.Tensor:
    return random_psi(6)


@pytest.fixture(scope="module")
def found(psi_hat: torch.Tensor) -> xr.Dataset:
    return diagnose_layers(trajectory(psi_hat), EQUATION, progress=False, runs=2)


def test_series_are_those_of_the_snapshots(found: xr.Dataset, psi_hat: torch.Tensor) -> None:
    q_hat = EQUATION.potential_vorticity(psi_hat)
    budget = energetics.budget(EQUATION, q_hat)
    for name, expected in {
        "energy": energetics.energy(EQUATION, q_hat),
        "kinetic_energy": energetics.kinetic_energy(EQUATION, q_hat),
        "available_energy": energetics.available_energy(EQUATION, q_hat),
        "enstrophy": spectra.enstrophy(GRID, q_hat),
        "energy_conversion": budget["conversion"],
        "energy_drag": budget["drag"],
        "energy_dissipation": budget["dissipation"],
        "zonal_mean": EQUATION.velocity(q_hat)[0].mean(-1),
    }.items():
        scale = float(expected.abs().max())
        np.testing.assert_allclose(found[name], expected, rtol=1e-9, atol=1e-12 * scale, err_msg=name)
    assert set(SERIES) | set(SPECTRA) < set(found)
    assert all(found[name].attrs["units"] and found[name].attrs["long_name"] for name in found.data_vars)


def test_the_energy_is_the_sum_of_its_parts(found: xr.Dataset) -> None:
    shares = xr.DataArray(LAYERS.shares(), dims="layer")
    parts = (shares * found["kinetic_energy"]).sum("layer") + found["available_energy"].sum("interface")
    np.testing.assert_allclose(parts, found["energy"], rtol=1e-10)


@pytest.mark.parametrize(
    ("name", "axis"), [("energy_spectrum", "k"), ("zonal_spectrum", "k_x"), ("meridional_spectrum", "k_y")]
)
def test_every_spectrum_sums_to_the_kinetic_energy(found: xr.Dataset, name: str, axis: str) -> None:
    np.testing.assert_allclose(found[name].sum(axis), found["kinetic_energy"].mean("time"), rtol=1e-10)


def test_the_jets_spectrum_is_the_energy_of_the_zonal_mean(found: xr.Dataset) -> None:
    expected = 0.5 * (found["zonal_mean"] ** 2).mean("y")
    np.testing.assert_allclose(found["jet_spectrum"].sum("k_y"), expected.mean("time"), rtol=1e-9)
    np.testing.assert_allclose(expected / found["kinetic_energy"], found["jet_share"], rtol=1e-9)


def test_one_layer_is_described_as_by_the_vorticity_equation() -> None:
    layer, equation = Layers((500.0,), (), (0.0,)), VorticityEquation(GRID, 0.0)
    single, psi_hat = QuasiGeostrophicEquation(GRID, layer), random_psi(6, layers=1)
    given = trajectory(psi_hat, single)
    one = diagnose_layers(given, single, progress=False)
    flat = diagnose(given.isel(layer=0).rename(q="omega"), equation, progress=False)
    same = ("energy", "enstrophy", "energy_spectrum", "pdf", "autocorrelation", "decorrelation_time")
    for ours, theirs in {**{name: name for name in same}, "potential_vorticity": "vorticity"}.items():
        values = one[ours].squeeze("layer", drop=True) if "layer" in one[ours].dims else one[ours]
        scale = float(np.abs(flat[theirs]).max())
        np.testing.assert_allclose(values, flat[theirs], rtol=1e-6, atol=1e-12 * scale, err_msg=ours)


def test_what_a_filter_takes_needs_the_step(psi_hat: torch.Tensor) -> None:
    filtered = QuasiGeostrophicEquation(GRID, LAYERS, step_filter=exponential_filter(GRID))
    with pytest.raises(ValueError, match="dt=None: what a filter takes"):
        diagnose_layers(trajectory(psi_hat), filtered, progress=False)
    taken = diagnose_layers(trajectory(psi_hat), filtered, progress=False, dt=3600.0)["energy_filter"]
    assert (taken <= 0).all()


def test_bad_trajectories_are_refused(psi_hat: torch.Tensor) -> None:
    given = trajectory(psi_hat)
    with pytest.raises(ValueError, match="6 snapshots in 4 runs"):
        diagnose_layers(given, EQUATION, runs=4, progress=False)
    with pytest.raises(ValueError, match="equal, positive ones"):
        diagnose_layers(given.isel(time=[0, 1, 3]), EQUATION, progress=False)
    with pytest.raises(ValueError, match="not finite"):
        diagnose_layers(given.where(given["time"] < 3 * DAY), EQUATION, progress=False)
    with pytest.raises(ValueError, match=r"q has shape \(3, 32, 17\)"):
        diagnose_layers(given.isel(layer=[0, 1, 1]), EQUATION, progress=False)


def test_a_summary_knows_jets_from_eddies(found: xr.Dataset) -> None:
    y = math.tau / GRID.length * GRID.y
    jet = (1e3 * torch.sin(3 * y)).expand(32, 32)
    psi = torch.stack((jet, 0.5 * jet)).expand(4, 2, 32, 32)
    jets = diagnose_layers(trajectory(GRID.to_spectral(psi)), EQUATION, progress=False)
    table = compare_layers({"eddies": found, "jets": jets})
    assert set(table.data_vars) == set(NUMBERS)
    one = table.sel(flow="jets", layer=1)
    assert int(one["jets"]) == 3
    assert float(one["jet_wavenumber"]) == pytest.approx(3 * math.tau / GRID.length)
    assert float(one["energy_wavenumber"]) == pytest.approx(3 * math.tau / GRID.length)
    assert float(one["jet_share"]) == pytest.approx(1) == float(one["velocity_share"])
    speed = 1e3 * 3 * math.tau / GRID.length
    assert float(one["velocity_rms"]) == pytest.approx(speed / 2)
    assert float(one["energy_drift"]) == pytest.approx(0, abs=1e-12)
    assert math.isinf(float(one["decorrelation_time"]))
    eddies = summarise_layers(found)
    assert (eddies["jet_share"] < 0.5).all() and (abs(eddies["velocity_share"] - 0.5) < 0.25).all()
    assert 0 < float(eddies["available_share"]) < 1
    assert all(table[name].attrs["long_name"] for name in table.data_vars)
    with pytest.raises(ValueError, match="at least one flow"):
        compare_layers({})


def test_jets_of_runs_are_counted_where_they_are() -> None:
    """Three jets in the first run and four in the second: the mean flow of both has neither."""
    y = math.tau / GRID.length * GRID.y
    rows = [(1e3 * torch.sin(count * y)).expand(2, 32, 32) for count in (3, 4)]
    psi = torch.stack([row for row in rows for _ in range(3)])
    both = diagnose_layers(trajectory(GRID.to_spectral(psi)), EQUATION, progress=False, runs=2)
    apart = by_run(both, 2)
    assert apart["zonal_mean"].dims == ("run", "time", "layer", "y")
    assert apart["time"].values.tolist() == [0.0, DAY, 2 * DAY] and apart["run"].values.tolist() == [1, 2]
    assert apart["energy"].attrs == both["energy"].attrs
    summary = summarise_layers(apart)
    assert summary["jets"].values.tolist() == [3.5, 3.5]
    np.testing.assert_allclose(summary["energy"], both["energy"].mean())
    with pytest.raises(ValueError, match="runs=4: it must divide the 6 times"):
        by_run(both, 4)

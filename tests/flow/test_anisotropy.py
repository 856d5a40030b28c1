"""Spectra along the axes sum to the energy; shares are one half without a direction; known jets are found."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from tlfourier.flow import anisotropy, spectra
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity, taylor_green

GRID = Grid(32, length=3.0, dtype=torch.float64)


def vorticity(psi: Tensor) -> Tensor:
    """Return the spectrum of the vorticity of a streamfunction."""
    return GRID.k_squared * GRID.to_spectral(psi)


@pytest.mark.parametrize("sum_along", [anisotropy.zonal_spectrum, anisotropy.meridional_spectrum])
def test_spectra_along_an_axis_sum_to_the_energy(sum_along) -> None:  # type: ignore[no-untyped-def]
    noise = torch.randn(3, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    omega_hat = GRID.to_spectral(noise)
    density = spectra.densities(GRID, omega_hat)["energy"]
    found = sum_along(GRID, density)
    assert found.shape == (3, 17) == (3, anisotropy.axis_wavenumbers(GRID).size)
    torch.testing.assert_close(found.sum(-1), spectra.energy(GRID, omega_hat), rtol=1e-12, atol=0)
    one = sum_along(GRID, density[1])
    torch.testing.assert_close(one, found[1], rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"density has shape \(32, 16\): this grid needs \(..., 32, 17\)"):
        sum_along(GRID, density[0, :, :-1])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_wave_lies_at_its_own_wavenumbers(sign: int) -> None:
    unit = math.tau / GRID.length
    psi = torch.cos(unit * (3 * GRID.x + sign * 5 * GRID.y))
    density = spectra.densities(GRID, vorticity(psi))["energy"]
    energy = float(density.sum())
    zonal, meridional = (
        spectrum(GRID, density) for spectrum in (anisotropy.zonal_spectrum, anisotropy.meridional_spectrum)
    )
    assert float(zonal[3]) == pytest.approx(energy, rel=1e-12)
    assert float(meridional[5]) == pytest.approx(energy, rel=1e-12)
    assert float(anisotropy.velocity_share(GRID, vorticity(psi))) == pytest.approx(25 / 34, rel=1e-12)
    assert float(anisotropy.jet_share(GRID, vorticity(psi))) == pytest.approx(0, abs=1e-20)


def test_a_flow_without_a_direction_has_equal_shares() -> None:
    assert float(anisotropy.velocity_share(GRID, taylor_green(GRID))) == pytest.approx(0.5, rel=1e-12)
    grid = Grid(96, dtype=torch.float64)
    omega_hat = random_vorticity(grid, seed=0, k_peak=6.0)
    turned = grid.to_spectral(torch.rot90(grid.to_physical(omega_hat), 1, (-2, -1)))
    one, other = (float(anisotropy.velocity_share(grid, field)) for field in (omega_hat, turned))
    assert one + other == pytest.approx(1, rel=1e-12), "what turns is exchanged"
    draws = random_vorticity(grid, seed=0, k_peak=6.0, members=24)
    share = anisotropy.velocity_share(grid, draws)
    assert float(share.mean()) == pytest.approx(0.5, abs=4 * float(share.std()) / math.sqrt(24))
    assert float(anisotropy.jet_share(grid, draws).mean()) < 0.1


def test_a_flow_along_x_alone_is_all_jet_and_one_at_rest_has_no_share() -> None:
    jet = vorticity(torch.cos(2 * math.tau / GRID.length * GRID.y).expand(32, 32))
    both = torch.stack((jet, torch.zeros_like(jet)))
    for share in (anisotropy.velocity_share, anisotropy.jet_share):
        torch.testing.assert_close(share(GRID, both), torch.tensor([1.0, 0.0], dtype=torch.float64))


def profile(values: np.ndarray, length: float = 1.0) -> xr.DataArray:
    return xr.DataArray(values, {"y": length * np.arange(values.size) / values.size})


@pytest.mark.parametrize("count", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("phase", [0.0, 0.3, 2.9])
def test_known_jets_are_found_where_they_are(count: int, phase: float) -> None:
    y = np.arange(128) / 128
    speed = 0.2 + 0.05 * np.cos(math.tau * count * y - phase)
    found = anisotropy.jets(profile(speed))
    assert found.attrs["count"] == found.sizes["jet"] == count
    expected = np.sort((phase / math.tau + np.arange(count)) / count % 1)
    apart = np.abs(found["position"].values - expected)
    assert np.minimum(apart, 1 - apart).max() <= 0.5 / 128 + 1e-12
    np.testing.assert_allclose(found["speed"], 0.25, atol=0.05 * 0.02 * count)


def test_a_ripple_on_a_jet_is_no_jet_unless_it_is_deep() -> None:
    y = np.arange(256) / 256
    for depth, count in ((0.1, 2), (0.3, 2), (1.2, 10)):
        speed = np.cos(2 * math.tau * y) + depth * np.cos(10 * math.tau * y)
        assert anisotropy.jets(profile(speed)).attrs["count"] == count
    ripple = np.cos(2 * math.tau * y) + 0.1 * np.cos(30 * math.tau * y)
    assert anisotropy.jets(profile(ripple), prominence=0.0).attrs["count"] > 2


def test_jets_do_not_depend_on_where_the_circle_is_cut_or_on_units() -> None:
    values = np.random.default_rng(0).normal(size=64)
    whole = anisotropy.jets(profile(values))
    for shift in range(64):
        turned = anisotropy.jets(profile(3e-3 * np.roll(values, shift) - 7.0))
        assert turned.attrs["count"] == whole.attrs["count"]
        moved = np.sort((whole["position"].values + shift / 64) % 1)
        np.testing.assert_allclose(turned["position"], moved, atol=1e-12)


def test_no_flow_has_no_jet_and_what_is_no_profile_is_refused() -> None:
    assert anisotropy.jets(profile(np.full(8, 2.0))).sizes["jet"] == 0
    with pytest.raises(ValueError, match="zonal_mean over layer=2, y=8: finite values over y alone"):
        anisotropy.jets(xr.DataArray(np.zeros((2, 8)), dims=("layer", "y"), coords={"y": np.arange(8)}))
    with pytest.raises(ValueError, match="finite values over y alone"):
        anisotropy.jets(profile(np.array([0.0, math.nan, 1.0])))

"""Statistics of ensembles against fields whose statistics are known, and distances that must be zero."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure import online
from tlfourier.closure.eddy_viscosity import EddyViscosity
from tlfourier.closure.les import ensemble
from tlfourier.flow import spectra
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity

GRID = Grid(32, dtype=torch.float64)
LES = VorticityEquation(GRID, viscosity=1e-3, dealias="pad")
WAVE = GRID.to_spectral(4 * torch.cos(3 * GRID.x) + 0 * GRID.y)
ROUGH = random_vorticity(GRID, seed=1, k_peak=4.0, members=6) * GRID.below_nyquist


def climate(omega_hat: torch.Tensor, sgs_hat: torch.Tensor | None = None, sigma: float = 1.0) -> xr.Dataset:
    """Return the statistics of fields, each a member of its own."""
    found = online.Statistics(LES, len(omega_hat), sigma)
    found.add(omega_hat, sgs_hat, range(len(omega_hat)))
    return found.result()


def test_of_a_wave_everything_is_known() -> None:
    found = climate(WAVE[None], sigma=2.0)
    # ω = 4 cos(3 x): Z = 4, E = Z / 9, all of it at k = 3
    np.testing.assert_allclose(found["enstrophy_spectrum"].sum("k"), [4.0])
    np.testing.assert_allclose(found["energy_spectrum"].sel(k=3), [4 / 9])
    np.testing.assert_allclose(found["energy_transfer"], 0, atol=1e-12)
    levels = (np.arange(100) + 0.5) / 100
    np.testing.assert_allclose(
        found["omega"][0], -4 * np.cos(math.pi * levels), atol=4 * math.pi / 32
    )  # 32 points
    np.testing.assert_allclose(found["u"], 0, atol=1e-6)
    np.testing.assert_allclose(found["v"][0].max(), 4 / 3, atol=0.02)
    np.testing.assert_allclose(found["pdf"].sum() * (online.EDGES[1] - online.EDGES[0]), 1.0)
    assert float(found["outside"][0]) == 0


def test_what_the_subgrid_term_takes_sums_to_the_mean_product() -> None:
    closure = EddyViscosity(GRID, "smagorinsky", 0.2, 2 * GRID.dx)
    found = climate(ROUGH, closure(ROUGH))
    products = GRID.to_physical(ROUGH) * GRID.to_physical(closure(ROUGH))
    np.testing.assert_allclose(found["sgs_enstrophy_transfer"].sum("k"), products.mean((-2, -1)), rtol=1e-10)
    assert (found["sgs_enstrophy_transfer"].sum("k") > 0).all()
    np.testing.assert_allclose(found["enstrophy_transfer"].sum("k"), 0, atol=1e-9)


def test_looks_are_averaged_member_by_member() -> None:
    found = online.Statistics(LES, 3, 1.0)
    found.add(ROUGH[:2], None, [0, 2])
    found.add(ROUGH[2:3], None, [2])
    result = found.result()
    wanted = spectra.energy_spectrum(GRID, ROUGH).numpy()
    np.testing.assert_allclose(result["energy_spectrum"].sel(member=0), wanted[0])
    np.testing.assert_allclose(result["energy_spectrum"].sel(member=2), wanted[1:3].mean(0))
    assert result["energy_spectrum"].sel(member=1).isnull().all()
    assert result["omega"].sel(member=1).isnull().all()


def test_distances_and_errors_are_zero_for_the_truth_and_known_for_a_stronger_flow() -> None:
    truth, stronger = climate(ROUGH), climate(2 * ROUGH)
    np.testing.assert_allclose(online.distances(truth, truth), 0, atol=1e-12)
    assert float(online.spectrum_error(truth, truth, 12)) == 0
    np.testing.assert_allclose(online.spectrum_error(stronger, truth, 12), math.log10(4))
    found = online.distances(stronger, truth)
    np.testing.assert_allclose(found.sel(item="omega"), abs(truth["omega"].mean("member")).mean())
    difference = 3 * truth["enstrophy_spectrum"].mean("member")
    np.testing.assert_allclose(found.sel(item="enstrophy_spectrum"), np.sqrt((difference**2).mean()))
    similar = online.board(truth, stronger, truth)
    np.testing.assert_allclose(similar, 1)
    np.testing.assert_allclose(online.board(stronger, stronger, truth), 0)
    assert similar["item"].size == 9


def test_the_wasserstein_distance_of_a_shift_is_the_shift() -> None:
    truth = climate(ROUGH)
    moved = truth.assign(u=truth["u"] + 0.25)
    np.testing.assert_allclose(online.distances(moved, truth).sel(item="u"), 0.25)


def test_blocks_of_time_are_the_members_of_a_filtered_dns() -> None:
    found = online.climate_of(LES, ROUGH, 0 * ROUGH, blocks=3, sigma=1.0)
    wanted = spectra.energy_spectrum(GRID, ROUGH).numpy().reshape(3, 2, -1).mean(1)
    np.testing.assert_allclose(found["energy_spectrum"], wanted)
    with pytest.raises(ValueError, match="blocks=7: there are 6 snapshots"):
        online.climate_of(LES, ROUGH, ROUGH, blocks=7, sigma=1.0)


def test_members_are_drawn_again_and_those_that_were_never_seen_are_not() -> None:
    found = online.Statistics(LES, 3, 1.0)
    found.add(ROUGH[:2], None, [0, 2])
    drawn = online.resampled(found.result(), draws=50)
    assert dict(drawn.sizes)["draw"] == 50 and dict(drawn.sizes)["member"] == 2
    means = drawn["energy_spectrum"].mean("member").sel(k=4)
    ends = found.result()["energy_spectrum"].sel(k=4).dropna("member")
    assert float(ends.min()) <= float(means.min()) < float(means.max()) <= float(ends.max())
    with pytest.raises(ValueError, match="all members of this ensemble blew up"):
        online.resampled(online.Statistics(LES, 2, 1.0).result(), draws=5)


def test_a_flow_correlates_with_itself_and_not_with_a_turned_one() -> None:
    np.testing.assert_allclose(online.correlation(GRID, 3 * ROUGH, ROUGH), 1.0)
    np.testing.assert_allclose(online.correlation(GRID, -ROUGH, ROUGH), -1.0)


def test_what_is_observed_is_what_the_closure_does() -> None:
    closure = EddyViscosity(GRID, "leith", 0.2, 2 * GRID.dx)
    statistics = online.Statistics(LES, 6, 1.0)
    for look in ensemble(LES, ROUGH, [0.0], closure):
        statistics.observe(look, closure)
    xr.testing.assert_allclose(statistics.result(), climate(ROUGH, closure(ROUGH)))

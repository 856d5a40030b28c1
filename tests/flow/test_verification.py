"""The trials that the book shows, judged: each outcome is known beforehand."""

import numpy as np
import pytest
import torch

from tlfourier.flow import examples, timing, verification
from tlfourier.flow.grid import Grid


def test_taylor_green_decays_exactly_under_the_integrating_factor() -> None:
    error = verification.exact_decay().error
    assert error.sel(stepper="ifrk4").max() < 1e-10
    assert error.sel(stepper="ab2cn").max() < 1e-3


def test_crank_nicolson_error_in_the_exact_decay_is_that_of_its_own_recursion() -> None:
    viscosity, drag, k, dt = 0.01, 0.1, 4, 0.05
    trial = verification.exact_decay(k=k, viscosity=viscosity, drag=drag, dt=dt, steps=40)
    rate = 2 * viscosity * k**2 + drag
    # Where advection vanishes, AB2CN multiplies by (1 - rate dt / 2) / (1 + rate dt / 2) each step.
    ratio = (1 - rate * dt / 2) / (1 + rate * dt / 2) * np.exp(rate * dt)
    expected = np.abs(ratio ** np.arange(41) - 1)
    np.testing.assert_allclose(trial.error.sel(stepper="ab2cn"), expected, atol=1e-12)


def test_every_stepper_has_its_order() -> None:
    trial = verification.observed_order(size=48)
    assert set(trial.stepper.values) == {"ifrk4", "ab2cn"}
    np.testing.assert_allclose(trial.order, trial.expected, atol=0.1)


def test_energy_and_enstrophy_stay_without_viscosity_when_products_are_free_of_aliasing() -> None:
    trial = verification.conservation(samples=11)
    assert np.abs(trial.energy_drift.sel(dealias="truncate")).max() < 1e-6
    assert np.abs(trial.enstrophy_drift.sel(dealias="truncate")).max() < 1e-6
    aliased = trial.enstrophy_drift.sel(dealias="none")
    assert aliased.isnull().any() or np.abs(aliased).max() > 1e-2


def test_conservation_improves_with_the_step_as_fast_as_the_scheme_promises() -> None:
    coarse, fine = (
        np.abs(
            verification.conservation(dt=dt, duration=1.0, samples=3).energy_drift.sel(dealias="truncate")[-1]
        )
        for dt in (0.02, 0.01)
    )
    assert coarse / fine > 2**4


def test_budgets_of_a_forced_run_close() -> None:
    trial = verification.forced_budget(duration=3.0)
    assert np.abs(trial.energy_residual).max() < 1e-3
    assert np.abs(trial.enstrophy_residual).max() < 1e-3
    assert trial.energy_injection[-1] > 0 > trial.energy_dissipation[-1]


def test_dipole_translates_at_its_known_speed() -> None:
    trial = verification.dipole_translation()
    assert float(trial.speed) == pytest.approx(float(trial.expected_speed), rel=2e-3)
    assert np.abs(trial.place - trial.expected).max() < 0.01


def test_float32_follows_float64_until_chaos_separates_them() -> None:
    trial = verification.precision(duration=2.0)
    assert trial.difference[0] < trial.epsilon
    # A handful of roundings a step, none of them amplified yet.
    assert (trial.difference <= 4 * trial.epsilon * (1 + trial.steps)).all()


def test_relative_error_is_that_of_the_fields() -> None:
    grid = Grid(32, dtype=torch.float64)
    truth, other = (torch.randn(32, 32, dtype=torch.float64) for _ in range(2))
    expected = float((other - truth).norm() / truth.norm())
    found = verification.relative_error(grid, grid.to_spectral(other), grid.to_spectral(truth))
    assert found == pytest.approx(expected, rel=1e-12)


def test_a_decaying_run_loses_energy_and_enstrophy_and_grows_in_scale() -> None:
    run = examples.decaying(size=64, reynolds=200.0, duration=4.0, snapshots=9)
    assert (run.energy.diff("time") < 0).all() and (run.enstrophy.diff("time") < 0).all()
    ratio = run.enstrophy / run.energy
    assert ratio[-1] < 0.5 * ratio[0]
    assert run.vorticity.sizes["snapshot"] == 4
    # dE/dt = -2 viscosity Z
    slope = np.gradient(run.energy, run.time)[4]
    assert slope == pytest.approx(float(-2 / 200 * run.enstrophy[4]), rel=0.1)


def test_cost_is_positive_and_counts_evaluations() -> None:
    table = timing.cost(sizes=(16, 32), repeats=3)
    assert (table.step > 0).all() and (table.transforms > 0).all()
    np.testing.assert_allclose(table.step.sel(stepper="ifrk4"), 4 * table.evaluation.sel(stepper="ifrk4"))
    np.testing.assert_allclose(table.step.sel(stepper="ab2cn"), table.evaluation.sel(stepper="ab2cn"))

"""The figures of the trials and of the flows show the numbers that they are given."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from tlfourier import figures
from tlfourier.flow import examples, timing, verification


def line(figure: Figure, panel: int, label: str) -> np.ndarray:
    (found,) = [one for one in figure.axes[panel].lines if one.get_label() == label]
    return np.asarray(found.get_ydata(), dtype=float)


@pytest.fixture(scope="module")
def run() -> xr.Dataset:
    return examples.decaying(size=32, reynolds=100.0, duration=2.0, snapshots=9)


def test_exact_decay_draws_the_error_of_every_stepper() -> None:
    trial = verification.exact_decay(size=16, k=2, steps=5)
    figure = figures.verification.exact_decay(trial)
    np.testing.assert_allclose(line(figure, 1, "AB2/CN"), np.maximum(trial.error.sel(stepper="ab2cn"), 1e-16))


def test_observed_order_draws_the_expected_slope() -> None:
    trial = verification.observed_order(size=32, dts=(0.02, 0.01), duration=0.04)
    slope = line(figures.verification.observed_order(trial), 0, r"$\propto \Delta t^4$")
    assert slope[0] / slope[1] == pytest.approx(2**4)


def test_conservation_marks_where_a_run_diverged() -> None:
    trial = verification.conservation(samples=11)
    figure = figures.verification.conservation(trial)
    shown = line(figure, 0, "with aliasing")
    assert np.isfinite(shown).sum() == np.isfinite(trial.energy_drift.sel(dealias="none")[1:]).sum()


def test_budget_draws_the_change_on_the_sum_of_terms() -> None:
    figure = figures.verification.budget(verification.forced_budget(size=32, k_f=2, duration=0.5))
    np.testing.assert_allclose(line(figure, 0, "sum of terms"), line(figure, 0, "change"), atol=1e-5)


def test_dipole_draws_both_snapshots_and_the_distance() -> None:
    figure = figures.verification.dipole(verification.dipole_translation(size=32, steps=20))
    assert len(figure.axes) == 3 and line(figure, 2, "solver")[0] == 0


def test_precision_draws_the_difference() -> None:
    trial = verification.precision(size=32, duration=0.5)
    shown = line(figures.verification.precision(trial), 0, "float32 against float64")
    np.testing.assert_allclose(shown, trial.difference)


def test_cost_draws_the_transforms() -> None:
    table = timing.cost(sizes=(16, 32), repeats=1)
    np.testing.assert_allclose(
        line(figures.verification.cost(table), 0, "four transforms alone"), table.transforms
    )


def test_series_start_at_zero_and_share_one_legend(run: xr.Dataset) -> None:
    figure = figures.flows.series({"target": run, "a flow": run})
    assert all(ax.get_ylim()[0] == 0 for ax in figure.axes)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["target", "a flow"]


def test_memory_and_distribution_draw_what_was_measured(run: xr.Dataset) -> None:
    figure = figures.flows.memory_and_distribution({"target": run})
    np.testing.assert_allclose(line(figure, 0, "target"), run.autocorrelation)
    assert np.nanmax(line(figure, 1, "target")) == run.pdf.max()


def test_evolution_titles_each_snapshot_with_its_time(run: xr.Dataset) -> None:
    figure = figures.flows.evolution(run)
    titles = [ax.get_title() for ax in figure.axes if ax.get_title()]
    assert titles[0] == "time 0" and titles[-1] == "time 2"


def test_shifts_between_equal_flows_are_zero(run: xr.Dataset) -> None:
    figure = figures.flows.shifts({"a case": (run, run)}, k_cutoff=8.0)
    np.testing.assert_allclose(line(figure, 0, "a case"), 0, atol=1e-12)

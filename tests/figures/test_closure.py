"""Figures of a closure's data and training show the numbers that they were given."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from tlfourier.figures.closure import exact_sgs, score_bars, time_blocks, training_curves


def widths(ax: Axes) -> list[float]:
    return [patch.get_width() for patch in ax.patches if isinstance(patch, Rectangle)]


def drawn(ax: Axes, line: int) -> np.ndarray:
    """Return the points of a line, shape (points, 2)."""
    return np.asarray(ax.lines[line].get_xydata())


def test_time_blocks_are_as_long_as_the_blocks() -> None:
    lag = np.linspace(0, 4, 41)
    memory = {"target": xr.DataArray(np.exp(-lag), {"lag": lag}, dims="lag")}
    figure = time_blocks(
        {"train": (0.0, 10.0), "validation": (12.0, 15.0), "test": (17.0, 20.0)}, memory, 2.0
    )
    bar, curve = figure.axes
    assert widths(bar) == [10.0, 3.0, 3.0]
    np.testing.assert_allclose(drawn(curve, 0)[[0, -1]], [[0.0, 1.0], [4.0, np.exp(-4.0)]])


@pytest.mark.parametrize("unit", ["epoch", "step"])
def test_training_curves_mark_the_state_that_was_kept(unit: str) -> None:
    history = xr.Dataset(
        {"train_loss": (unit, [1.0, 0.5, 0.2]), "validation_loss": (unit, [1.0, 0.6, 0.7])},
        {unit: [1, 2, 3]},
        {f"best_{unit}": 2},
    )
    figure = training_curves({"a": history, "b": history}, {"b": "second"})
    assert [ax.get_title() for ax in figure.axes] == ["a", "second"]
    np.testing.assert_allclose(drawn(figure.axes[0], -1), [[2, 0.6]])


def test_score_bars_have_the_length_of_the_mean_over_seeds() -> None:
    scores = xr.Dataset(
        {"rmse": (("model", "seed"), [[0.2, 0.4], [0.1, 0.1]])}, {"model": ["none", "2"], "seed": [0, 1]}
    )
    figure = score_bars(scores, {"2": "layer 2", "none": "no transfer"}, {"rmse": "error"})
    (ax,) = figure.axes
    assert widths(ax) == pytest.approx([0.1, 0.3])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["layer 2", "no transfer"]
    np.testing.assert_allclose(drawn(ax, 1)[:, 0], [0.1, 0.4])


def test_score_bars_show_a_negative_score_and_zero() -> None:
    scores = xr.Dataset({"cc": (("model", "seed"), [[-0.2, -0.4]])}, {"model": ["none"], "seed": [0, 1]})
    (ax,) = score_bars(scores, {"none": "no transfer"}, {"cc": "correlation"}).axes
    assert ax.get_xlim()[0] <= -0.4
    assert ax.get_xlim()[1] >= 0


def test_exact_sgs_leaves_a_zero_error_out() -> None:
    error = xr.DataArray([[0.0, 0.5], [0.0, 1e-14]], {"feed": ["none", "exact"], "time": [0.0, 2.0]})
    (ax,) = exact_sgs(error).axes
    np.testing.assert_allclose(drawn(ax, 0), [[0.0, np.nan], [2.0, 0.5]])
    np.testing.assert_allclose(drawn(ax, 1)[1], [2.0, 1e-14])

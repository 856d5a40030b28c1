"""Pictures of fields: symmetric limits, the right field in the right panel, labels that a reader needs."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from tlfourier.figures import fields


def wave(size: int, amplitude: float) -> np.ndarray:
    """Return amplitude * sin(x), which has the same limits on any grid that holds its crest."""
    x = 2 * np.pi * np.arange(size) / size
    return np.broadcast_to(amplitude * np.sin(x), (size, size)).copy()


def values(ax: Axes) -> NDArray[np.float64]:
    """Return the numbers behind the picture in `ax`."""
    return np.asarray(ax.images[0].get_array())


def titles(figure: Figure) -> list[str]:
    return [ax.get_title() for ax in figure.axes if ax.images]


def test_snapshots_have_their_own_symmetric_limits() -> None:
    figure = fields.snapshots({"base": wave(16, 3.0), "Re = 10": wave(8, 5.0)})
    limits = [ax.images[0].get_clim() for ax in figure.axes if ax.images]
    assert limits == [pytest.approx((-3, 3)), pytest.approx((-5, 5))]
    assert titles(figure) == ["base", "Re = 10"]
    assert [ax.get_xlabel() for ax in figure.axes] == ["$x$", "$x$", r"$\omega$", r"$\omega$"]


def test_shared_snapshots_have_one_limit_and_one_colour_bar() -> None:
    figure = fields.snapshots({"base": wave(16, 3.0), "target": wave(8, 5.0)}, shared=True)
    limits = {tuple(np.round(ax.images[0].get_clim(), 9)) for ax in figure.axes if ax.images}
    assert limits == {(-5.0, 5.0)}
    assert len(figure.axes) == 3


def test_triptych_shows_the_chosen_snapshot_in_the_order_of_the_network() -> None:
    pair = xr.Dataset(
        {
            name: (("time", "y", "x"), np.stack([wave(8, 1.0), wave(8, amplitude)]))
            for name, amplitude in (("psi", 2.0), ("omega", 4.0), ("sgs", 6.0))
        }
    )
    figure = fields.triptych(pair, index=1)
    panels = [ax for ax in figure.axes if ax.images]
    assert [ax.images[0].get_clim()[1] for ax in panels] == pytest.approx([2.0, 4.0, 6.0])
    assert [ax.get_xlabel() for ax in figure.axes[3:]] == [r"$\bar\psi$", r"$\bar\omega$", r"$\Pi$"]
    single = fields.triptych(pair.isel(time=0).transpose("x", "y"))
    assert np.array_equal(values(single.axes[0]), wave(8, 1.0))


def test_filtering_puts_both_vorticities_on_one_scale_and_marks_the_cut_off() -> None:
    k = np.arange(20.0)
    figure = fields.filtering(wave(16, 4.0), wave(8, 1.0), wave(8, 0.5), k, np.exp(-k), k_cutoff=4.0)
    before, after, sgs, curve = figure.axes[:4]
    assert before.images[0].get_clim() == after.images[0].get_clim() == pytest.approx((-4, 4))
    assert sgs.images[0].get_clim() == pytest.approx((-0.5, 0.5))
    assert np.array_equal(curve.lines[0].get_ydata(), np.exp(-k))
    assert np.array_equal(curve.lines[1].get_xdata(), [4.0, 4.0])
    assert [text.get_text() for text in curve.texts] == ["$k_c$"]
    assert curve.get_title(loc="left") == "(d)"


def test_one_prediction_stands_between_truth_and_its_error() -> None:
    truth = wave(8, 2.0)
    figure = fields.predictions(truth, {"base": 1.5 * truth})
    assert titles(figure) == ["truth", "base", "error 0.50"]
    assert np.allclose(values(figure.axes[2]), 0.5 * truth)
    assert figure.axes[2].images[0].get_clim() == pytest.approx((-2, 2))


def test_several_predictions_stand_above_their_errors() -> None:
    truth = wave(8, 2.0)
    figure = fields.predictions(truth, {"base": 0 * truth, "transferred": 1.1 * truth})
    assert titles(figure) == ["truth", "base", "transferred", "error 1.00", "error 0.10"]
    assert len({ax.images[0].get_clim() for ax in figure.axes if ax.images}) == 1


def test_prediction_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'base' has shape \(4, 4\): the truth has \(8, 8\)"):
        fields.predictions(wave(8, 1.0), {"base": wave(4, 1.0)})


def test_every_figure_of_fields_draws_without_a_warning() -> None:
    truth = wave(8, 2.0)
    pair = xr.Dataset({name: (("y", "x"), truth) for name in ("psi", "omega", "sgs")})
    for figure in (
        fields.snapshots({"base": truth, "target": truth}, shared=True),
        fields.triptych(pair),
        fields.predictions(truth, {"base": truth, "scratch": truth, "all": truth}),
    ):
        figure.draw_without_rendering()

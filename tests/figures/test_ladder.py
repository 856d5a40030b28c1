"""The ladder of repairs: every rung where it belongs, with the mean and the replicates that it was given."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.lines import Line2D
from matplotlib.text import Text

from tlfourier.closure.scalings import SCALINGS
from tlfourier.figures import ladder

RMSE = {
    "gradient": 0.47, "none": 0.86, "own": 0.86, "base": 0.47, "dimensional": 0.46,
    "dimensional per sample": 0.465, "gain": 0.7, "gains": 0.45, "biases": 0.63, "scales 1": 0.55,
    "scales 2": 0.5, "random 0": 0.54, "random 1": 0.56, "random 2": 0.58, "solved": 0.64,
    "1": 0.48, "2": 0.44, "3": 0.49, "all": 0.42, "scratch_few": 0.485, "scratch_all": 0.41,
}  # fmt: skip
FEW = ("gradient", "none", "dimensional", "gain", "gains", "scales 2", "solved", "1", "2", "3", "scratch_all")


def table(factor: float = 1.0, names: tuple[str, ...] = tuple(RMSE)) -> xr.DataArray:
    """Return errors over (model, seed) with the mean RMSE, times a factor."""
    values = np.array([RMSE[name] for name in names])[:, None] * factor * np.array([0.98, 1.0, 1.02])
    return xr.DataArray(values, {"model": list(names), "seed": range(3)}, ("model", "seed"))


def both() -> dict[str, dict[str, xr.DataArray]]:
    """Return ladders of two cases under both scalings; the second has fewer rungs."""
    own = {"decay": table(), "jets": table(1.1)}
    return {"own": own, "dimensional": {case: table(0.9, FEW) for case in own}}


BEST = {"own": {"decay": 2, "jets": 1}, "dimensional": {"decay": 3, "jets": 2}}


def drawn(ax: Axes, gid: str) -> list[Line2D]:
    return [line for line in ax.lines if line.get_gid() == gid]


def place(ax: Axes, gid: str) -> tuple[float, float]:
    """Return error and height of the one marker of a rung."""
    (line,) = drawn(ax, gid)
    return float(np.asarray(line.get_xdata())[0]), float(np.asarray(line.get_ydata())[0])


def labels(ax: Axes) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_rungs_stand_in_their_order_with_random_draws_in_one() -> None:
    found = ladder.rungs(table(), best=3)
    assert found["rung"].values.tolist() == list(ladder.RUNGS)
    mean = found.mean("seed")
    expected = {name: RMSE[name] for name in ladder.RUNGS if name in RMSE}
    expected |= {"random": 0.56, "scales": RMSE["scales 2"], "layer": RMSE["3"]}
    assert {str(rung): float(mean.sel(rung=rung)) for rung in mean["rung"].values} == pytest.approx(expected)


def test_rungs_that_were_not_climbed_are_left_out() -> None:
    found = ladder.rungs(table(names=FEW), best=1)["rung"].values.tolist()
    assert found == ["none", "dimensional", "gain", "gains", "scales", "solved", "layer", "scratch_all"]


@pytest.mark.parametrize("names", [("gain", "2"), ("none", "1")])
def test_a_ladder_without_its_foot_or_its_best_layer_is_refused(names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"a ladder needs none and its best layer, 2"):
        ladder.rungs(table(names=names), best=2)


def test_every_rung_has_its_mean_at_its_height_in_a_panel_for_each_case() -> None:
    figure = ladder.repairs(both(), BEST)
    assert [ax.get_title() for ax in figure.axes] == ["decay", "jets"]
    assert labels(figure.axes[0]) == list(ladder.RUNGS.values())
    for ax, factor, best in zip(figure.axes, (1.0, 1.1), ("2", "1"), strict=True):
        for height, rung in enumerate(ladder.RUNGS):
            model = {"random": "random 1", "scales": "scales 2", "layer": best}.get(rung, rung)
            error, at = place(ax, f"own {rung}")
            assert error == pytest.approx(factor * RMSE[model]) and abs(at - height) < 0.3
    top, bottom = np.sort(figure.axes[0].get_ylim())
    assert figure.axes[0].yaxis_inverted() and top < 0 and bottom > len(ladder.RUNGS) - 1


def test_the_scalings_differ_in_colour_and_marker_and_never_cover_each_other() -> None:
    ax = ladder.repairs(both(), BEST).axes[0]
    for rung in ("gain", "gains", "scales", "solved", "layer"):
        (own,), (other,) = drawn(ax, f"own {rung}"), drawn(ax, f"dimensional {rung}")
        assert not same_color(own.get_color(), other.get_color())
        assert own.get_marker() != other.get_marker()
        assert place(ax, f"own {rung}")[1] < place(ax, f"dimensional {rung}")[1]
    assert place(ax, "dimensional layer")[0] == pytest.approx(0.9 * RMSE["3"])
    # the untouched network in consistent units is one network, whichever ladder it is the foot of
    assert not drawn(ax, "dimensional none") and not drawn(ax, "dimensional dimensional")
    (units,) = drawn(ax, "own dimensional")
    assert same_color(units.get_color(), ladder.UNITS["dimensional"][0])


def test_every_replicate_is_a_point_beside_its_mean() -> None:
    ax = ladder.repairs({"own": {"decay": table()}}, BEST).axes[0]
    clouds = [np.asarray(line.get_xdata()) for line in drawn(ax, "replicates")]
    assert len(clouds) == len(ladder.RUNGS)
    assert np.allclose(clouds[0], RMSE["none"] * np.array([0.98, 1.0, 1.02]))


def test_a_replicate_that_a_rung_lacks_is_no_point_and_no_part_of_its_mean() -> None:
    own = table()
    own.loc["gains", 0] = np.nan
    ax = ladder.repairs({"own": {"decay": own}}, BEST).axes[0]
    assert place(ax, "own gains")[0] == pytest.approx(RMSE["gains"] * 1.01)


def test_all_single_layers_are_strokes_and_the_best_one_has_its_number() -> None:
    ax = ladder.repairs(both(), BEST).axes[0]
    (strokes,) = drawn(ax, "own layers")
    assert np.allclose(strokes.get_xdata(), [RMSE["1"], RMSE["2"], RMSE["3"]])
    assert [text.get_text() for text in ax.texts] == ["2", "3"]


def test_lines_mark_the_gradient_model_and_the_networks_from_nothing() -> None:
    ax = ladder.repairs(both(), BEST).axes[1]
    for model in ("gradient", "scratch_few", "scratch_all"):
        (line,) = drawn(ax, model)
        assert np.allclose(line.get_xdata(), 1.1 * RMSE[model])


def test_six_cases_fill_two_rows_and_four_leave_none_empty() -> None:
    for count, shape in ((6, 6), (4, 4)):
        own = {f"case {number}": table() for number in range(count)}
        figure = ladder.repairs({"own": own}, {"own": dict.fromkeys(own, 2)})
        assert len(figure.axes) == shape
        figure.draw_without_rendering()


def test_text_is_readable_at_the_width_of_a_page() -> None:
    figure = ladder.repairs(both(), BEST)
    figure.draw_without_rendering()
    sizes = [float(text.get_fontsize()) for text in figure.findobj(Text) if isinstance(text, Text)]
    assert min(sizes) >= 8


def test_errors_far_apart_are_drawn_on_a_logarithmic_axis() -> None:
    far = table()
    far.loc["none"] = 8 * far.sel(model="none")
    axes = ladder.repairs({"own": {"near": table(), "far": far}}, {"own": {"near": 2, "far": 2}}).axes
    assert [ax.get_xscale() for ax in axes] == ["linear", "log"]


@pytest.mark.parametrize(
    ("ladders", "best", "message"),
    [
        ({"base": {"decay": table()}}, BEST, "unknown scaling 'base': accepted are own, dimensional"),
        ({"dimensional": {"decay": table()}}, BEST, "no ladder for the scaling 'own'"),
        ({"own": {}}, BEST, "no ladder for the scaling 'own'"),
        (both(), {"own": BEST["own"]}, "scaling 'dimensional': it needs a ladder and a best layer of decay"),
        (both() | {"dimensional": {"jets": table()}}, BEST, "scaling 'dimensional': it needs a ladder"),
        ({"own": {"decay": table()}}, {"own": {"decay": 12}}, "needs none and its best layer, 12"),
    ],
)
def test_ladders_that_do_not_fit_are_refused(
    ladders: dict[str, dict[str, xr.DataArray]], best: dict[str, dict[str, int]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        ladder.repairs(ladders, best)


def test_the_untouched_network_stands_in_four_units_beside_the_best_layer() -> None:
    (ax,) = ladder.untouched(
        {"decay": table(), "decay reversed": table(2.0)}, {"decay": 2, "decay reversed": 1}
    ).axes
    means = [(float(np.asarray(line.get_xdata())[0]), line.get_marker()) for line in drawn(ax, "mean")]
    errors = [RMSE[scaling] for scaling in SCALINGS]
    expected = [*errors, RMSE["2"], *(2 * error for error in errors), 2 * RMSE["1"]]
    assert [error for error, _ in means] == pytest.approx(expected)
    assert len({marker for _, marker in means}) == len(SCALINGS) + 1
    assert labels(ax) == ["decay", "decay reversed"]
    assert [text.get_text() for text in ax.texts] == ["2", "1"]
    heights = [float(np.asarray(line.get_ydata())[0]) for line in drawn(ax, "mean")]
    assert heights == sorted(heights)


def test_the_line_of_an_untouched_network_reaches_from_the_lowest_to_the_highest_replicate() -> None:
    (ax,) = ladder.untouched({"decay": table()}, {"decay": 2}).axes
    ranges = [np.asarray(line.get_xdata()) for line in ax.lines if len(np.asarray(line.get_xdata())) == 2]
    assert any(np.allclose(ends, [0.98 * RMSE["own"], 1.02 * RMSE["own"]]) for ends in ranges)


def test_units_that_are_missing_are_refused() -> None:
    with pytest.raises(ValueError, match="case 'decay' has no model 'base'"):
        ladder.untouched({"decay": table(names=(*FEW, "own"))}, {"decay": 2})
    with pytest.raises(ValueError, match="case 'decay' has no model '7'"):
        ladder.untouched({"decay": table()}, {"decay": 7})
    with pytest.raises(ValueError, match="give at least one case"):
        ladder.untouched({}, {})


def test_a_rung_is_called_as_one_says() -> None:
    ax = ladder.repairs(both(), BEST, labels={"gains": "all gains"}).axes[0]
    assert "all gains" in labels(ax) and "three gains" not in labels(ax)
    assert ladder.RUNGS["gains"] == "three gains"

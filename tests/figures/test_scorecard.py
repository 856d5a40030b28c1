"""What the figures of the scorecard show is what they were given."""

from itertools import combinations

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from tlfourier.figures import scorecard as figures
from tlfourier.scorecard import CLAIMS

LAYERS = list(range(1, 12))
SEEDS = [0, 1, 2]
WORDS = ["supported", "refuted", "undecided", "not run"]


def found() -> xr.Dataset:
    """Return a scorecard of two cases, some verdicts written in."""
    shape = (len(CLAIMS), 2)
    verdicts, effects, seeds = np.full(shape, "not run", dtype="U10"), np.full(shape, np.nan), np.zeros(shape)
    verdicts[:4, 0], effects[:3, 0], seeds[:3, 0] = WORDS, [0.5, -0.25, 0.01], 5
    same = np.full(shape, "", dtype="U10")
    verdicts[0, 1], seeds[0, 1], same[0, 1] = "supported", 5, "forcing"
    bounds = np.array([[claim.bound_in_words] * 2 for claim in CLAIMS])
    cells = {"verdict": verdicts, "effect": effects, "seeds": seeds, "same_as": same, "bound": bounds}
    data = {name: (("claim", "case"), values) for name, values in cells.items()}
    about = {name: ("claim", [getattr(claim, name) for claim in CLAIMS]) for name in ("number", "words")}
    return xr.Dataset({**data, **about}, {"case": ["forcing", "forcing reversed"]})


def over_layers(values: np.ndarray) -> xr.DataArray:
    """Return numbers over (layer, seed)."""
    table = values[:, None] + 0.01 * np.arange(3)
    return xr.DataArray(table, {"layer": LAYERS, "seed": SEEDS}, ("layer", "seed"))


def heights(ax: Axes, line: int = 0) -> np.ndarray:
    """Return the values of a curve."""
    return np.asarray(ax.get_lines()[line].get_ydata(), dtype=float)


def test_every_cell_has_its_sign_and_its_effect() -> None:
    (ax,) = figures.verdicts(found()).axes
    written = [text.get_text() for text in ax.texts]
    assert [written.count(mark) for mark, _ in figures.MARKS.values()] == [2, 1, 1, 2 * len(CLAIMS) - 4]
    assert {"+0.5", "-0.25", "+0.01", "="} <= set(written)
    assert ax.get_xlabel().endswith("claimed is > 0; C5, C20: < 0.05")
    numbers = [label.get_text().split()[0] for label in ax.get_yticklabels()]
    assert numbers == [claim.number for claim in CLAIMS]


def test_an_unknown_verdict_is_refused() -> None:
    card = found()
    card["verdict"].values[0, 0] = "proved"
    with pytest.raises(ValueError, match="verdict 'proved'"):
        figures.verdicts(card)


def test_the_matrix_has_singles_on_its_diagonal_and_marks_the_best_pair() -> None:
    names = [str(layer) for layer in LAYERS] + [f"{a}+{b}" for a, b in combinations(LAYERS, 2)]
    errors = np.linspace(0.5, 0.9, len(names))
    errors[names.index("3+7")] = 0.4
    rmse = xr.DataArray(np.tile(errors[:, None], 3), {"model": names, "seed": SEEDS}, ("model", "seed"))
    ax = figures.pair_errors(rmse).axes[0]
    table = np.asarray(ax.images[0].get_array())
    assert table[6, 2] == pytest.approx(0.4)
    np.testing.assert_allclose(np.diag(table), errors[:11])
    bold = [text for text in ax.texts if text.get_fontweight() == "bold"]
    assert [text.get_position() for text in bold] == [(2, 6)]


def test_learning_curves_go_through_the_means() -> None:
    models = ["2", "6", "10", "all", "scratch_few"]
    values = np.arange(3.0)[:, None, None] + np.arange(5)[None, :, None] + 0.1 * np.arange(3)
    data = xr.Dataset(
        {"rmse": (("percent", "model", "seed"), values), "samples": ("percent", [1, 10, 100])},
        {"percent": [0.0, 1.0, 10.0], "model": models, "seed": SEEDS},
    )
    figure = figures.learning_curves({"forcing": data, "decay": data})
    names = ["layer 2", "layer 6", "layer 10", "all layers", "scratch, few data"]
    assert [line.get_label() for line in figure.axes[0].get_lines()] == names
    np.testing.assert_allclose(heights(figure.axes[0], 1), [1.1, 2.1, 3.1])


def test_every_layer_has_its_panel_of_kernels_put_back() -> None:
    share = xr.DataArray([0.1, 0.5], {"share": [0.1, 0.5]}, ("share",))
    base = over_layers(np.linspace(1, 2, 11))
    curves = xr.Dataset({"most": base * share, "random": base * share / 2, "everything": base})
    shown = [ax for ax in figures.put_back(curves).axes if ax.get_visible()]
    assert [ax.get_title() for ax in shown] == [f"layer {layer}" for layer in LAYERS]
    np.testing.assert_allclose(heights(shown[0]), [0.101, 0.505])


def test_gaps_of_both_networks_over_the_layers() -> None:
    data = xr.Dataset({"base": over_layers(np.full(11, -0.3)), "transferred": over_layers(np.zeros(11))})
    np.testing.assert_allclose(heights(figures.activation_gaps({"forcing": data}).axes[0]), -0.29)


def test_variants_that_do_not_survive_have_another_colour() -> None:
    columns = {"none": [0.9, 0.9], "best": [0.5, 0.6], "all": [0.4, 0.4], "margin": [0.2, -0.1]}
    data = {name: ("variant", values) for name, values in columns.items()}
    summary = xr.Dataset({**data, "survives": ("variant", [True, False])}, {"variant": ["as it is", "box"]})
    bars = [bar for bar in figures.variants(summary).axes[1].patches if isinstance(bar, Rectangle)]
    assert bars[0].get_facecolor() != bars[1].get_facecolor()
    assert [round(bar.get_width(), 3) for bar in bars] == [0.2, -0.1]


def test_growing_sets_stand_at_the_layer_where_they_end_or_begin() -> None:
    names = ["1", "1+2", "2+3", "3"]
    rmse = xr.DataArray(
        [[0.5, 0.7], [0.4, np.nan], [0.6, 0.6], [0.8, 1.0]], {"model": names}, ("model", "seed")
    )
    (ax,) = figures.growing_sets(rmse, names[:2], names[2:]).axes
    np.testing.assert_allclose(heights(ax), [0.6, 0.4])
    np.testing.assert_allclose(heights(ax, 1), [0.6, 0.9])
    assert [np.asarray(line.get_xdata()).tolist() for line in ax.get_lines()] == [[1, 2], [2, 3]]


def test_a_line_for_each_case_over_the_layers_it_has() -> None:
    half = over_layers(np.full(11, 0.5)).where(over_layers(np.zeros(11)).layer > 3)
    (ax,) = figures.over_layers({"forcing": half, "decay": over_layers(np.full(11, -1.0))}, "share").axes
    assert ax.get_ylabel() == "share"
    np.testing.assert_allclose(heights(ax)[3:], half.mean("seed")[3:])
    assert np.isnan(heights(ax)[:3]).all()
    assert [line.get_label() for line in ax.get_lines()[:2]] == ["forcing", "decay"]

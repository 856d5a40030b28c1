"""The central figure: scores over their layers, baselines named, intervals as promised."""

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.colors import same_color
from matplotlib.figure import Figure
from scipy import stats

from tlfourier.closure.models import BASELINES
from tlfourier.figures import layers, style

MODELS = ("none", "gain", "all", "scratch_few", "scratch_all", "10", "1", "2", "1+2")
RMSE = dict(zip(MODELS, (0.8, 0.6, 0.45, 0.5, 0.4, 0.62, 0.54, 0.5, 0.48), strict=True))


def scores(seeds: int = 3) -> xr.Dataset:
    """Return scores around RMSE; seed s is off by s - 1 percent, so that three seeds have the mean RMSE."""
    factor = 1 + 0.01 * (np.arange(seeds) - (seeds - 1) / 2)
    rmse = np.array(list(RMSE.values()))[:, None] * factor
    snapshots = rmse[..., None] * np.array([0.9, 1.1])
    return xr.Dataset(
        {
            "rmse": (("model", "seed", "snapshot"), snapshots),
            "cc": (("model", "seed", "snapshot"), 1 - snapshots / 2),
            "spectrum_error": (("model", "seed"), rmse / 4),
        },
        {"model": list(MODELS), "seed": np.arange(seeds)},
    )


def points(ax: Axes) -> np.ndarray:
    """Return the (x, y) of the layers' points."""
    (bars,) = ax.containers
    return np.asarray(bars[0].get_xydata())


def best(ax: Axes) -> float:
    """Return the place of the ring."""
    (ring,) = [line for line in ax.lines if line.get_gid() == "best"]
    return float(np.asarray(ring.get_xdata())[0])


def tick_labels(figure: Figure) -> list[str]:
    return [label.get_text() for label in figure.axes[-1].get_xticklabels()]


def test_layers_stand_in_order_with_sets_after_single_layers() -> None:
    figure = layers.layer_scores(scores())
    assert tick_labels(figure) == ["1", "2", "10", "1+2"]
    assert np.allclose(points(figure.axes[0]), np.c_[range(4), [0.54, 0.5, 0.62, 0.48]])
    assert figure.axes[-1].get_xlabel() == "re-trained layer"


def test_ring_marks_the_lowest_error_and_the_highest_correlation() -> None:
    data = scores()
    data["cc"] = data.rmse
    figure = layers.layer_scores(data)
    assert [best(ax) for ax in figure.axes] == [3.0, 2.0, 3.0]
    assert [ax.get_ylabel()[-1] for ax in figure.axes] == ["↓", "↑", "↓"]
    assert [ax.get_yscale() for ax in figure.axes] == ["linear", "linear", "log"]


def test_a_set_of_one_seed_stands_apart_and_never_gets_the_ring() -> None:
    own = scores().sel(model=["1+2"], seed=[0]).assign_coords(model=["1+2+3+4+5"]) / 100
    table = xr.concat([scores(), own], "model", join="outer")
    figure = layers.layer_scores(table, highlight=["1+2+3+4+5"])
    assert tick_labels(figure) == ["1", "2", "10", "1+2", "1–5"]
    for ax in figure.axes:
        (apart,) = [line for line in ax.lines if line.get_gid() == "some seeds"]
        assert np.asarray(apart.get_xdata()).tolist() == [4] and apart.get_fillstyle() == "none"
        assert points(ax)[:, 0].tolist() == [0, 1, 2, 3]
        assert best(ax) < 4


def test_names_of_large_sets_are_short() -> None:
    assert [layers._tick(name) for name in ("2", "2+5", "2+3+4", "2+5+7+9")] == ["2", "2+5", "2–4", "2+…\n+9"]


def test_every_baseline_is_a_line_of_its_role_with_a_name_beside_it() -> None:
    (ax,) = layers.layer_scores(scores(), panels=("rmse",)).axes
    lines = {line.get_label(): line for line in ax.lines}
    texts = {text.get_text(): text for text in ax.texts}
    for name, (role, label) in layers.BASELINE_STYLES.items():
        assert np.allclose(lines[label].get_ydata(), RMSE[name])
        assert same_color(lines[label].get_color(), style.ROLE_COLOURS[role])
        assert same_color(texts[label].get_color(), style.ROLE_COLOURS[role])


def test_every_baseline_of_the_vocabulary_has_a_style() -> None:
    assert tuple(layers.BASELINE_STYLES) == BASELINES


def test_names_of_close_baselines_do_not_overlap() -> None:
    data = scores()
    data["rmse"] = data.rmse * 0 + 0.5
    data.rmse[0] = 0.9
    (ax,) = layers.layer_scores(data, panels=("rmse",)).axes
    labels = {label for _, label in layers.BASELINE_STYLES.values()}
    heights = sorted(text.get_position()[1] for text in ax.texts if text.get_text() in labels)
    assert np.diff(heights).min() >= 0.11 - 1e-9


def test_range_is_from_the_lowest_to_the_highest_seed() -> None:
    table = layers.over_seeds(scores().rmse, "range").sel(model="none")
    assert [float(table[name]) for name in ("low", "mean", "high")] == pytest.approx([0.792, 0.8, 0.808])


def test_confidence_interval_is_that_of_student() -> None:
    data = scores(5).rmse
    table = layers.over_seeds(data, "95%").sel(model="2")
    sample = data.sel(model="2").mean("snapshot").values
    low, high = stats.t.interval(0.95, 4, loc=sample.mean(), scale=stats.sem(sample))
    assert [float(table["low"]), float(table["high"])] == pytest.approx([low, high])


@pytest.mark.parametrize("interval", layers.INTERVALS)
def test_one_seed_has_no_width_and_can_be_drawn(interval: str) -> None:
    table = layers.over_seeds(scores(1).rmse, interval)
    assert np.array_equal(table["low"], table["high"])
    layers.layer_scores(scores(1), interval=interval).draw_without_rendering()


def test_chosen_layers_are_shaded() -> None:
    plain, (ax,) = (
        layers.layer_scores(scores(), ("rmse",), highlight=chosen).axes for chosen in ((), ("2",))
    )
    (shade,) = ax.patches[len(plain[0].patches) :]
    assert shade.get_extents().transformed(ax.transData.inverted()).intervalx == pytest.approx([0.6, 1.4])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"panels": ("mse",)}, "unknown panel 'mse': accepted are rmse, cc, spectrum_error"),
        ({"interval": "sd"}, "unknown interval 'sd': accepted are range, 95%"),
        ({"highlight": ("12",)}, "unknown highlighted set '12': accepted are 10, 1, 2"),
    ],
)
def test_unknown_names_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        layers.layer_scores(scores(), **arguments)  # type: ignore[arg-type]


def test_unknown_or_missing_models_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown model 'half': accepted are none, gain"):
        layers.layer_scores(scores().assign_coords(model=["half", *MODELS[1:]]))
    with pytest.raises(ValueError, match="models are none, gain: at least one set of layers"):
        layers.layer_scores(scores().isel(model=slice(2)))


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=6), st.floats(0, 0.5))
def test_spread_keeps_order_and_mean_and_moves_no_more_than_needed(places: list[float], gap: float) -> None:
    given_places = np.array(places)
    moved = layers.spread(given_places, gap)
    order = np.argsort(given_places, kind="stable")
    steps = np.diff(moved[order])
    assert (steps >= gap - 1e-9).all()
    assert moved.mean() == pytest.approx(given_places.mean(), abs=1e-9)
    if (np.diff(given_places[order]) >= gap).all():
        assert np.allclose(moved, given_places)


def activations() -> xr.Dataset:
    """Return amplitudes of three layers, the last without a stage after ReLU."""
    k = np.arange(17.0)
    amplitude = np.stack([[np.exp(-k / place), 0.5 * np.exp(-k / place)] for place in (4, 6, 8)])
    amplitude[2, 1] = np.nan
    names = [f"conv{number:02d}" for number in (1, 2, 3)]
    coordinates = {"layer": names, "stage": ["before", "after"], "k": k}
    return xr.Dataset({"amplitude": (("layer", "stage", "k"), amplitude)}, coordinates)


def test_relu_spectra_draw_both_stages_but_for_the_last_layer() -> None:
    figure = layers.relu_spectra(activations(), role="transferred")
    assert [ax.get_title() for ax in figure.axes] == ["conv01", "conv02", "conv03"]
    assert [len(ax.lines) for ax in figure.axes] == [2, 2, 1]
    before, after = figure.axes[1].lines
    assert np.allclose(np.asarray(after.get_ydata()) / np.asarray(before.get_ydata()), 0.5)
    assert {str(line.get_color()) for ax in figure.axes for line in ax.lines} == {
        style.role_colour("transferred")
    }
    figure.draw_without_rendering()


def test_relu_spectra_refuse_an_unknown_layer() -> None:
    with pytest.raises(ValueError, match="unknown layer 'conv12': accepted are conv01, conv02, conv03"):
        layers.relu_spectra(activations(), ["conv12"])

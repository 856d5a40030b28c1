"""The figures of the performance page show the numbers that they are given, or say that there are none."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tlfourier.figures import performance


def table(**columns: Sequence[object]) -> pd.DataFrame:
    return pd.DataFrame(columns)


def labelled(figure: Figure, label: str) -> np.ndarray:
    (found,) = [line for ax in figure.axes for line in ax.lines if line.get_label() == label]
    return np.asarray(found.get_ydata(), dtype=float)


def bars(ax: Axes) -> list[Rectangle]:
    return [patch for patch in ax.patches if isinstance(patch, Rectangle)]


def solver() -> pd.DataFrame:
    names = ["fluidsim", "tlfourier", "four real transforms", "tlfourier"]
    return table(
        contestant=names,
        grid=[512.0, 512.0, 512.0, 1024.0],
        precision=["float64", "float64", "float64", "float32"],
        fastest_ms=[8.0, 6.0, 5.0, 12.0],
        median_ms=[9.0, 6.5, 5.5, 13.0],
    )


def test_bars_have_the_lengths_of_the_fastest_turns_and_one_order_in_all_panels() -> None:
    figure = performance.solver(solver())
    left, right = figure.axes
    names = [label.get_text() for label in left.get_yticklabels()]
    assert names == [f"{n}, float64" for n in ("four real transforms", "tlfourier", "fluidsim")] + [
        "tlfourier, float32"
    ]
    lengths = {round(bar.get_y() + bar.get_height() / 2): bar.get_width() for bar in bars(left)}
    assert lengths == {0: 5.0, 1: 6.0, 2: 8.0}
    (single,) = bars(right)
    assert (round(single.get_y() + single.get_height() / 2), single.get_width()) == (3, 12.0)


def test_each_stepper_and_precision_is_a_line() -> None:
    runs = table(
        contestant=["tlfourier ifrk4"] * 3 + ["fluidsim RK4"],
        precision=["float64", "float64", "float32", "float64"],
        error=[1e-6, 1e-4, 1e-3, 1e-5],
        ms_per_time_unit=[10.0, 3.0, 2.0, 7.0],
    )
    figure = performance.precision(runs, error=1e-6)
    np.testing.assert_array_equal(labelled(figure, "tlfourier ifrk4"), [1e-6, 1e-4])
    np.testing.assert_array_equal(labelled(figure, "tlfourier ifrk4, float32"), [1e-3])
    np.testing.assert_array_equal(labelled(figure, "fluidsim RK4"), [1e-5])


def training() -> pd.DataFrame:
    names = ["convolutions, channels last", "convolutions, channels first", "training step"]
    names += ["transfer of layer 1", "transfer of layer 2", "as many full trainings"]
    return table(
        contestant=names,
        channels=[16.0] * 6,
        precision=["bfloat16"] * 6,
        median=[1.0, 2.0, 4.0, 3e3, 1e3, 8e3],
        gflop_per_s=[100.0, 50.0, 75.0, np.nan, np.nan, np.nan],
    )


def test_a_step_is_drawn_on_the_better_layout_and_layers_beside_a_full_training() -> None:
    figure = performance.training(training())
    left, right = figure.axes
    assert [bar.get_height() for bar in bars(left)] == [100.0, 75.0]
    assert [text.get_text() for text in left.texts] == ["75%"]
    assert [bar.get_height() for bar in bars(right)] == [3.0, 1.0]
    assert labelled(figure, "all layers").tolist() == [4.0, 4.0]


def test_growth_draws_every_series_with_its_exponents() -> None:
    rows = table(
        stage=["filter", "filter", "simulate", "simulate"],
        varies=["snapshots", "snapshots", "N", "N"],
        size=[64.0, 128.0, 64.0, 128.0],
        seconds=[1.0, 2.0, 1.0, 8.0],
        peak_mib=[9.0, 9.0, 9.0, 9.0],
        anonymous_mib=[4.0, 0.0, np.nan, 7.0],
    )
    fits = table(stage=["filter", "simulate"], varies=["snapshots", "N"], time=[1.0, 3.0], memory=[0.0, 2.0])
    figure = performance.growth(rows, fits)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["filter, snapshots: 1.0, 0.0", "simulate, N: 3.0, 2.0"]
    memory = [line.get_ydata() for ax in figure.axes[2:] for line in ax.lines]
    # all memory where the anonymous one is not told; none at all is drawn as a tenth of a MiB
    np.testing.assert_array_equal(memory, [[4.0, 0.1], [9.0, 7.0]])


def test_hours_are_drawn_beside_the_work_shared_out_evenly() -> None:
    rows = table(workers=[1.0, 10.0], hours=[60.0, 9.0], limited_by=["the work", "the longest chain"])
    figure = performance.scale(rows)
    np.testing.assert_allclose(labelled(figure, "work shared out evenly"), [60.0, 6.0])
    np.testing.assert_allclose(labelled(figure, "forecast"), [60.0, 9.0])
    np.testing.assert_allclose(labelled(figure, "limited by the longest chain"), [9.0])


@pytest.mark.parametrize("section", ["solver", "precision", "training", "growth", "scale"])
def test_a_section_without_rows_says_which_command_measures_it(section: str) -> None:
    empty = table(size=[])
    draw = getattr(performance, section)
    figure = draw(empty, empty) if section == "growth" else draw(empty)
    (words,) = figure.axes[0].texts
    assert f"python -m benchmarks --only {section}" in words.get_text()

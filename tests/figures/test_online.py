"""Pictures of ensembles: ratios that are known, closures that blew up, a row for each model."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from tlfourier.figures import online

K, SIGMA = np.arange(12.0), np.linspace(-4, 4, 17)


def climate(factor: float = 1.0) -> xr.Dataset:
    """Return an ensemble of three members with a steep spectrum and a normal distribution."""
    spectrum = factor * np.ones((3, 1)) * np.maximum(K, 0.5) ** -3
    density = np.ones((3, 1)) * np.exp(-(SIGMA**2) / 2) / np.sqrt(2 * np.pi)
    return xr.Dataset(
        {"energy_spectrum": (("member", "k"), spectrum), "pdf": (("member", "sigma"), density)},
        {"member": range(3), "k": K, "sigma": SIGMA},
    )


def summary(**errors: float) -> xr.Dataset:
    values = np.array(list(errors.values()))
    data = {"spectrum_error": values, "low": 0.9 * values, "high": 1.1 * values}
    return xr.Dataset({name: ("model", one) for name, one in data.items()}, {"model": list(errors)})


def along(line: Line2D, axis: str) -> NDArray[np.float64]:
    return np.asarray(line.get_xdata() if axis == "x" else line.get_ydata(), dtype=float)


def drawn(ax: Axes, label: str) -> Line2D:
    (found,) = [line for line in ax.get_lines() if line.get_label() == label]
    return found


def test_a_flow_of_tenfold_energy_lies_a_decade_above() -> None:
    figure = online.climates({"nothing": climate(10.0), "truth again": climate()}, climate(), k_most=8)
    left, right = figure.axes
    curves = [line for line in left.get_lines() if len(along(line, "x")) == 7]
    np.testing.assert_allclose([along(line, "y").mean() for line in curves], [1, 0], atol=1e-12)
    np.testing.assert_allclose(along(curves[0], "x"), np.arange(1, 8))
    for label in ("filtered DNS", "nothing", "truth again"):
        np.testing.assert_allclose(along(drawn(right, label), "y"), climate()["pdf"][0])


def test_an_ensemble_that_blew_up_is_named_as_such() -> None:
    figure = online.climates({"wild": climate() * np.nan}, climate())
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["filtered DNS", "wild: blew up"]


def test_more_ensembles_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 6 can be told apart"):
        online.climates({str(number): climate() for number in range(7)}, climate())


def test_every_model_has_a_row_and_every_case_a_marker() -> None:
    cases = {"forcing": summary(**{"none": 0.7, "2": 0.02}), "decay": summary(**{"none": 0.5, "2": np.nan})}
    figure = online.errors(cases, bare=0.4, sampling=0.01, alone=summary(leith=0.2))
    (ax,) = figure.axes
    assert [text.get_text() for text in ax.get_yticklabels()] == [
        "Leith, theory", "network as it is", "layer 2",
    ]  # fmt: skip
    np.testing.assert_allclose(along(drawn(ax, "forcing"), "x"), [0.7, 0.02])
    np.testing.assert_allclose(along(drawn(ax, "forcing"), "y").round(), [1, 2])
    np.testing.assert_allclose(along(drawn(ax, "decay"), "x"), [0.5])  # the other blew up
    np.testing.assert_allclose(along(drawn(ax, "no network"), "y"), [0])
    crosses = [line for line in ax.get_lines() if line.get_marker() == "x" and len(along(line, "y"))]
    assert len(crosses) == 1 and round(float(along(crosses[0], "y")[0])) == 2
    assert float(along(drawn(ax, "no closure"), "x")[0]) == 0.4
    with pytest.raises(ValueError, match="at most 3 can be told apart"):
        online.errors({str(number): summary(none=1.0) for number in range(4)}, 1.0, 0.1)


def test_offline_scores_stand_against_the_error_online() -> None:
    data = {"case": ["a", "a", "b", "b"], "rmse": [0.4, 0.6, 0.5, 0.9], "cc": [0.9, 0.8, 0.85, 0.2]}
    table = pd.DataFrame({**data, "online": [0.1, 0.5, 0.2, np.nan]})
    figure = online.offline(table, {"rmse": "RMSE", "cc": "correlation"}, bare=0.4)
    left, right = figure.axes
    np.testing.assert_allclose(along(drawn(left, "a"), "x"), [0.4, 0.6])
    np.testing.assert_allclose(along(drawn(right, "b"), "y")[0], 0.2)
    crosses = [along(line, "x") for line in right.get_lines() if line.get_marker() == "x"]
    assert [one.tolist() for one in crosses] == [[], [0.2]]  # the one that blew up
    assert left.get_yscale() == "log" and right.get_xlabel() == "correlation"

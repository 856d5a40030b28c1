"""Predicted subgrid terms by wavenumber: the mean over seeds beside one truth."""

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from tlfourier.figures import style, subgrid

K = np.arange(1.0, 32.0)


def score(factor: float) -> xr.Dataset:
    """Return scores whose predicted spectra are `factor` times the true ones, for two seeds around it."""
    truth = np.sqrt(K)
    values = np.stack([np.stack([truth, one * truth]) for one in (factor - 0.1, factor + 0.1)])
    names = ("spectrum", "energy_transfer_spectrum", "enstrophy_transfer_spectrum")
    return xr.Dataset(
        {name: (("seed", "field", "k"), values) for name in names},
        {"k": K, "field": ["truth", "prediction"]},
    )


def line(ax: Axes, label: str) -> Line2D:
    """Return the only line with a label."""
    (found,) = [line for line in ax.lines if line.get_label() == label]
    return found


def ydata(ax: Axes, label: str) -> NDArray[np.float64]:
    return np.asarray(line(ax, label).get_ydata(), dtype=float)


def test_sgs_spectrum_draws_the_seed_mean_beside_one_truth() -> None:
    figure = subgrid.sgs_spectrum({"base": score(0.5), "transferred": score(1.0)}, k_forcing=4.0)
    absolute, relative = figure.axes
    assert line(absolute, "truth").get_color() == style.ROLE_COLOURS["truth"]
    assert np.allclose(ydata(absolute, "base"), 0.5 * np.sqrt(K))
    assert np.allclose(ydata(relative, "base"), 0.5)
    assert np.allclose(ydata(relative, "transferred"), 1.0)
    assert [text.get_text() for ax in figure.axes for text in ax.texts] == ["$k_f$", "$k_f$"]
    figure.draw_without_rendering()


def test_transfer_spectra_have_truth_and_prediction_for_both_quantities() -> None:
    figure = subgrid.transfer_spectra({"base": score(0.5)})
    for ax, word in zip(figure.axes, ("energy", "enstrophy"), strict=True):
        assert ax.get_ylabel().startswith(f"{word} transfer")
        assert np.allclose(ydata(ax, "base") / ydata(ax, "truth"), 0.5)

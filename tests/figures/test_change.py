"""Figures of change by re-training: sorted, summed to one, each on the wavenumbers it was given."""

import numpy as np
import torch
import xarray as xr
from matplotlib.lines import Line2D
from torch import nn

from tlfourier.figures import change as figures
from tlfourier.fourier import layer_changes, layer_response, log_ratio, network_change


def heights_of(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata())


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 1, 5, padding=2))


def test_changes_are_sorted_and_add_up() -> None:
    change = network_change(network(0), network(1))
    left, right = figures.changes({"transferred": change, "null": change}).axes
    np.testing.assert_allclose(np.asarray(left.lines[0].get_xdata()), np.sort(change.delta_weight))
    np.testing.assert_allclose(heights_of(right.lines[0])[[0, -1]], [0, 1])


def test_layer_changes_stand_at_their_layers() -> None:
    change = layer_changes(network(0), {1: network(1), 2: network(2)})
    left, right = figures.layer_changes({"transferred": change, "null": change.sel(layer=[2])}).axes
    assert left.get_xticks().tolist() == [1, 2]
    np.testing.assert_allclose(heights_of(left.lines[0]), change.weight)
    np.testing.assert_allclose(heights_of(left.lines[1]), change.amplitude)
    np.testing.assert_allclose(heights_of(right.lines[0]), change.gini)


def test_response_and_data_share_the_axis_of_k() -> None:
    first, second = (layer_response(torch.randn(3, 2, 5, 5), 16) for _ in range(2))
    ratio = log_ratio(first, second)
    left, right = figures.response(
        {"transferred": ratio}, {"omega": ratio}, {"base": 3.0, "target": 2.0}
    ).axes
    np.testing.assert_allclose(heights_of(left.lines[0]), ratio)
    np.testing.assert_array_equal(np.asarray(right.lines[0].get_xdata()), ratio.k)


def test_agreements_stand_at_their_layers() -> None:
    values = xr.DataArray([0.9, -0.2], {"layer": [1, 2]}, "layer")
    (ax,) = figures.agreements({"transferred": values}).axes
    assert ax.get_xticks().tolist() == [1, 2]
    np.testing.assert_array_equal(heights_of(ax.lines[-1]), values)

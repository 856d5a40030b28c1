"""Pictures of oceans: the right layer in the right panel, jets where they are, spectra of both axes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from tlfourier.figures import oceans
from tlfourier.flow.grid import Grid
from tlfourier.flow.layered_diagnostics import diagnose_layers
from tlfourier.flow.layered_summary import by_run
from tlfourier.flow.layers import two_layers
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation

GRID = Grid(32, length=1e6, dtype=torch.float64)


@pytest.fixture(scope="module")
def flow() -> xr.Dataset:
    """Return diagnostics of three jets with eddies between them."""
    equation = QuasiGeostrophicEquation(GRID, two_layers(40e3, 0.25))
    x, y = (math.tau / GRID.length * axis for axis in (GRID.x, GRID.y))
    psi = torch.stack(
        [torch.sin(3 * y) + 0.1 * torch.sin(4 * x + phase) * torch.cos(2 * y) for phase in (0, 1)]
    )
    q = GRID.to_physical(equation.potential_vorticity(GRID.to_spectral(1e3 * psi))).numpy()
    layers = np.stack([q * (1 + 0.1 * time) for time in range(4)])
    trajectory = xr.Dataset({"q": (("time", "layer", "y", "x"), layers)}, {"time": 3e7 * np.arange(4)})
    return diagnose_layers(trajectory, equation, kept=1, progress=False)


def along(line: Line2D, axis: str) -> NDArray[np.float64]:
    """Return the numbers behind a line along x or y."""
    return np.asarray(line.get_xdata() if axis == "x" else line.get_ydata(), dtype=float)


def panels(figure: Figure) -> list[Axes]:
    """Return the panels without colour bars, in the order of their letters."""
    return sorted(
        (ax for ax in figure.axes if ax.get_title(loc="left")), key=lambda ax: ax.get_title(loc="left")
    )


def test_an_ocean_shows_both_layers_jets_and_spectra(flow: xr.Dataset) -> None:
    upper, lower, mean, spectra = panels(oceans.ocean(flow))
    for ax, layer in ((upper, 1), (lower, 2)):
        expected = flow["potential_vorticity"].isel(snapshot=-1).sel(layer=layer)
        np.testing.assert_array_equal(np.asarray(ax.images[0].get_array()), expected)
        assert ax.get_title() == f"layer {layer}"
        low, high = ax.images[0].get_clim()
        assert low == -high
    lines = {str(line.get_label()): line for line in mean.get_lines()}
    np.testing.assert_allclose(
        np.sort(along(lines["jets of layer 1: 3"], "y")), [0.0, 1 / 3, 2 / 3], atol=0.02
    )
    np.testing.assert_allclose(along(mean.get_lines()[1], "x"), flow["zonal_mean"].mean("time").sel(layer=1))
    drawn = {str(line.get_label()): line for line in spectra.get_lines()}
    assert set(drawn) == {f"layer {n}, along ${axis}$" for n in (1, 2) for axis in "xy"}
    meridional = drawn["layer 1, along $y$"]
    assert along(meridional, "x")[np.nanargmax(along(meridional, "y"))] == pytest.approx(3)
    assert drawn["layer 1, along $x$"].get_color() == meridional.get_color()


def test_an_ocean_without_a_snapshot_is_refused(flow: xr.Dataset) -> None:
    with pytest.raises(ValueError, match="no snapshot: diagnose it with kept=1"):
        oceans.ocean(flow.isel(snapshot=slice(0, 0)))


def test_energies_of_several_oceans_in_years(flow: xr.Dataset) -> None:
    energy, share = panels(oceans.energies({"eddies": flow, "three_jets": 2 * flow}, year=3e7))
    assert [line.get_label() for line in energy.get_lines()] == ["eddies", "three jets"]
    np.testing.assert_allclose(along(energy.get_lines()[0], "x"), [0, 1, 2, 3])
    np.testing.assert_allclose(along(energy.get_lines()[0], "y"), flow["energy"])
    np.testing.assert_allclose(along(share.get_lines()[0], "y"), flow["jet_share"].sel(layer=1))


def test_runs_are_thin_and_their_mean_is_thick(flow: xr.Dataset) -> None:
    apart = by_run(flow, 2)
    energy, _ = panels(oceans.energies({"eddies": apart}, year=3e7))
    mean, first, second = energy.get_lines()
    np.testing.assert_allclose([along(first, "y"), along(second, "y")], flow["energy"].values.reshape(2, 2))
    np.testing.assert_allclose(along(mean, "y"), flow["energy"].values.reshape(2, 2).mean(0))
    assert first.get_linewidth() < mean.get_linewidth() and first.get_color() == mean.get_color()
    assert energy.get_legend_handles_labels()[1] == ["eddies"]

"""Normal modes of layers: against the equation, the classical criterion, and waves that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tlfourier.flow.grid import Grid
from tlfourier.flow.layers import Layers, two_layers
from tlfourier.flow.normal_modes import growth_rates, normal_modes
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation

SIDE = 1e6
THREE = Layers((300.0, 700.0, 3000.0), (1.2e-6, 2.1e-6), (0.05, 0.02, 0.0), 1.5e-11, 1e-7)


@pytest.mark.parametrize("layers", [two_layers(15e3, 0.25, 1.5e-11, 5.787e-7), THREE])
def test_modes_keep_their_shape_under_the_equation(layers: Layers) -> None:
    grid = Grid(16, SIDE, torch.float64)
    equation = QuasiGeostrophicEquation(grid, layers)
    k_x, k_y = float(grid.k_x[0, 3]), float(grid.k_y[-2, 0])
    rates, shapes = normal_modes(layers, k_x, k_y)
    assert (np.diff(rates.real) <= 0).all()
    for rate, shape in zip(rates, shapes.T, strict=True):
        psi_hat = torch.zeros(layers.count, 16, 9, dtype=torch.complex128)
        psi_hat[:, -2, 3] = torch.from_numpy(shape)
        q_hat = equation.potential_vorticity(psi_hat)
        error = equation.tendency(q_hat)[:, -2, 3] - complex(rate) * q_hat[:, -2, 3]
        assert error.abs().max() < 1e-12 * float(np.abs(rates).max()) * q_hat.abs().max()


def test_rates_over_a_grid_are_those_of_each_wavenumber() -> None:
    grid = Grid(16, SIDE, torch.float64)
    found = growth_rates(THREE, grid.k_x.numpy(), grid.k_y.numpy())
    assert found.shape == (16, 9) and found[0, 0] == 0.0
    rates, _ = normal_modes(THREE, float(grid.k_x[0, 5]), float(grid.k_y[2, 0]))
    assert found[2, 5] == pytest.approx(rates[0].real, rel=1e-12)


@pytest.mark.parametrize(("supercriticality", "unstable"), [(0.99, False), (1.05, True)])
def test_two_layers_without_drag_are_unstable_above_the_critical_shear(
    supercriticality: float, unstable: bool
) -> None:
    # Where the gradient of potential vorticity has one sign in all layers no wave grows (Charney and Stern).
    beta, r_d, ratio = 1.5e-11, 15e3, 0.25
    lower = ratio * r_d**-2 / (1 + ratio)
    layers = two_layers(r_d, ratio, beta, velocity=(supercriticality * beta / lower, 0.0))
    assert (layers.vorticity_gradient()[1] < 0) == unstable
    k_x = np.linspace(0.1, 2.0, 200) / r_d
    largest = growth_rates(layers, k_x, np.zeros_like(k_x)).max()
    assert (largest > 1e-9) == unstable


def test_waves_without_shear_are_rossby_waves() -> None:
    layers = two_layers(15e3, 0.25, 1.5e-11, velocity=(0.0, 0.0))
    k = math.tau / SIDE * 3
    rates, shapes = normal_modes(layers, k, 0.0)
    order = np.argsort(-rates.imag)
    speeds = -rates.imag[order] / k
    np.testing.assert_allclose(speeds, [-1.5e-11 / k**2, -1.5e-11 / (k**2 + 15e3**-2)], rtol=1e-10)
    ratios = (shapes[1] / shapes[0])[order]
    np.testing.assert_allclose(ratios, [1.0, -0.25], rtol=1e-9)


def test_the_mean_has_no_modes() -> None:
    with pytest.raises(ValueError, match="k_x=0, k_y=0: the mean has no streamfunction"):
        normal_modes(THREE, 0.0, 0.0)

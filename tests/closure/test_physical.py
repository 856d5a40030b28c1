"""The gradient model: order of accuracy, where it must vanish, and how it scales."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from tlfourier.closure.filters import Filter, filtered_equation, subgrid_term
from tlfourier.closure.physical import GradientModel
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid

FINE, COARSE = Grid(96, dtype=torch.float64), Grid(64, dtype=torch.float64)


def smooth(grid: Grid) -> torch.Tensor:
    """Return the spectrum of a flow of a few long waves, none along an axis of another's."""
    x, y = grid.x, grid.y
    waves = torch.sin(x + 2 * y) + 0.7 * torch.cos(2 * x - y + 0.3) + 0.4 * torch.sin(3 * y - x)
    return grid.to_spectral(waves)


@pytest.mark.parametrize("kind", ["gaussian", "box"])
def test_the_error_falls_with_the_fourth_power_of_the_width(kind: str) -> None:
    dns = VorticityEquation(FINE, 1e-3)
    errors = []
    for width in (0.2, 0.1, 0.05):
        filter = Filter(FINE, COARSE, kind, width)
        truth = subgrid_term(smooth(FINE), dns, filtered_equation(dns, COARSE, filter), filter)
        found = GradientModel(COARSE, width)(filter(smooth(FINE)))
        errors.append(float((found - truth).abs().max()))
        assert errors[-1] < 2 * width**2 * float(truth.abs().max())
    orders = [math.log2(coarse / fine) for coarse, fine in pairwise(errors)]
    assert all(3.9 < order < 4.1 for order in orders)


def test_a_parallel_flow_loses_nothing() -> None:
    for wave in (COARSE.y, COARSE.x, COARSE.x + COARSE.y):
        omega_hat = COARSE.to_spectral(torch.sin(3 * wave) + torch.cos(wave) + 0 * COARSE.x + 0 * COARSE.y)
        assert float(COARSE.to_physical(GradientModel(COARSE, 0.2)(omega_hat)).abs().max()) < 1e-12


def test_it_scales_with_the_square_of_width_and_vorticity() -> None:
    omega_hat = smooth(COARSE)
    one = GradientModel(COARSE, 0.1)(omega_hat)
    torch.testing.assert_close(GradientModel(COARSE, 0.3)(omega_hat), 9 * one)
    torch.testing.assert_close(GradientModel(COARSE, 0.1)(-2 * omega_hat), 4 * one)


def test_it_does_not_depend_on_the_unit_of_length() -> None:
    long = Grid(64, length=7 * math.tau, dtype=torch.float64)
    one = GradientModel(COARSE, 0.1)(smooth(COARSE))
    torch.testing.assert_close(GradientModel(long, 0.7)(smooth(COARSE)), one)


def test_a_turned_flow_has_a_turned_term() -> None:
    field = COARSE.to_physical(smooth(COARSE))
    model = GradientModel(COARSE, 0.1)
    turned = COARSE.to_physical(model(COARSE.to_spectral(torch.rot90(field, 1, (-2, -1)))))
    expected = torch.rot90(COARSE.to_physical(model(COARSE.to_spectral(field))), 1, (-2, -1))
    torch.testing.assert_close(turned, expected, atol=1e-12, rtol=0)


@pytest.mark.parametrize("width", [0.0, -1.0, math.nan, math.inf])
def test_a_width_that_is_none_is_refused(width: float) -> None:
    with pytest.raises(ValueError, match="the filter's width must be a positive number"):
        GradientModel(COARSE, width)

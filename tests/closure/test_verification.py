"""The exact-Π trial as the book runs it, and the shift test of a network."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from tlfourier.closure.filters import Filter, filtered_equation
from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.closure.verification import exact_sgs, follow, padding_errors, shift_error
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid


def test_only_the_right_sign_follows_the_filtered_dns() -> None:
    trial = exact_sgs(size=64, coarse_size=24, spin_up=3.0, duration=1.0, dt=0.01)
    last = trial["error"].isel(time=-1)
    assert float(last.sel(feed="exact")) < 1e-12
    assert float(last.sel(feed="wrong sign")) > float(last.sel(feed="none")) > 0.1
    np.testing.assert_allclose(trial["error"].isel(time=0), 0.0)
    np.testing.assert_allclose(trial["time"][-1], 1.0)


def test_the_final_fields_have_the_error_that_is_reported(
    fine_equation: VorticityEquation, developed: Tensor
) -> None:
    coarse_grid = Grid(24, dtype=torch.float64)
    filter = Filter(fine_equation.grid, coarse_grid)
    coarse = filtered_equation(fine_equation, coarse_grid, filter)
    trial = follow(fine_equation, coarse, filter, developed, dt=0.01, steps=20, feeds={"half": 0.5}, every=10)
    assert trial["error"].shape == (1, 3)
    strayed = trial["omega"].sel(feed="half") - trial["omega_bar"]
    expected = np.linalg.norm(strayed) / np.linalg.norm(trial["omega_bar"])
    np.testing.assert_allclose(trial["error"][0, -1], expected, rtol=1e-12)


@pytest.mark.parametrize(("steps", "every"), [(0, 1), (10, 3), (10, 0)])
def test_steps_that_do_not_fit_are_refused(
    fine_equation: VorticityEquation, developed: Tensor, steps: int, every: int
) -> None:
    coarse_grid = Grid(24, dtype=torch.float64)
    filter = Filter(fine_equation.grid, coarse_grid)
    coarse = filtered_equation(fine_equation, coarse_grid, filter)
    with pytest.raises(ValueError, match=f"steps={steps}"):
        follow(fine_equation, coarse, filter, developed, dt=0.01, steps=steps, every=every)


def test_circular_padding_commutes_with_shifts_and_zero_padding_does_not() -> None:
    torch.manual_seed(0)
    inputs = torch.randn(2, 2, 16, 16, dtype=torch.float64)
    circular = nn.Conv2d(2, 1, 5, padding=2, padding_mode="circular", dtype=torch.float64)
    zeros = nn.Conv2d(2, 1, 5, padding=2, dtype=torch.float64)
    assert shift_error(circular, inputs, (3, 5)) < 1e-14
    assert shift_error(zeros, inputs, (3, 5)) > 1e-2


def test_the_same_weights_are_judged_under_both_paddings() -> None:
    network = Network(NetworkSpec(layers=3, channels=4), seed=1)
    inputs = torch.randn(1, 2, 16, 16, generator=torch.Generator().manual_seed(0))
    errors = padding_errors(network, inputs, (3, 5))
    assert errors["circular"] < 1e-5 < 1e-2 < errors["zeros"]
    assert errors["circular"] == pytest.approx(shift_error(network, inputs, (3, 5)), abs=1e-6)

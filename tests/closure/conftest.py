"""One developed turbulent flow, computed once for all tests of the closure."""

import pytest
import torch
from torch import Tensor

from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.steppers import IFRK4


@pytest.fixture(scope="session")
def fine_equation() -> VorticityEquation:
    grid = Grid(96, dtype=torch.float64)
    return VorticityEquation(grid, 2e-3, drag=0.1, forcing_hat=two_way_cosine(grid, 4))


@pytest.fixture(scope="session")
def developed(fine_equation: VorticityEquation) -> Tensor:
    """Return omega_hat after four time units, when the transfer of enstrophy is forward."""
    step = IFRK4(fine_equation, 0.01)
    state = step.start(random_vorticity(fine_equation.grid, seed=3))
    for _ in range(400):
        state = step(state)
    return state.omega_hat

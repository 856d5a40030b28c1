"""The flow that every contestant computes, and our own way of computing it."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.steppers import IFRK4


@dataclass(frozen=True)
class Case:
    """Forced, damped turbulence on the square of side 2 pi, in float64.

    Parameters
    ----------
    size : int
        Points per side.
    viscosity, drag : float
        Coefficients of the damping.
    k_f : int
        Wavenumber of the forcing ``-k_f (cos(k_f x) + cos(k_f y))``.
    """

    size: int
    viscosity: float = 1 / 2e4
    drag: float = 0.1
    k_f: int = 4

    def grid(self) -> Grid:
        """Return the grid."""
        return Grid(self.size, 2 * math.pi, torch.float64)

    def initial(self) -> np.ndarray:
        """Return the initial vorticity, shape (y, x), with the amplitude of a developed flow."""
        grid = self.grid()
        return grid.to_physical(3 * random_vorticity(grid, 0)).numpy()


@dataclass(frozen=True)
class Contestant:
    """One code's stepper, compiled for a case.

    Parameters
    ----------
    name : str
    evaluations : int
        Evaluations of the right-hand side in one step.
    step : callable
        Advances the code's own state by one step.
    begin, finish : callable
        Carry a field, shape (y, x), to the code's own state and back.
    """

    name: str
    evaluations: int
    step: Callable[[object], object]
    begin: Callable[[np.ndarray], object]
    finish: Callable[[object], np.ndarray]

    def advance(self, omega: np.ndarray, steps: int) -> np.ndarray:
        """Return the field some steps later, shape (y, x)."""
        state = self.begin(omega)
        for _ in range(steps):
            state = self.step(state)
        return self.finish(state)


def ours(case: Case, dt: float) -> Contestant:
    """Return our own solver."""
    grid = case.grid()
    equation = VorticityEquation(grid, case.viscosity, case.drag, forcing_hat=two_way_cosine(grid, case.k_f))
    stepper = IFRK4(equation, dt)

    def begin(omega: np.ndarray) -> object:
        return stepper.start(grid.to_spectral(torch.from_numpy(omega)))

    def finish(state: object) -> np.ndarray:
        return grid.to_physical(state.omega_hat).numpy()  # type: ignore[attr-defined]

    return Contestant("tlfourier", stepper.evaluations, stepper, begin, finish)


def four_transforms(case: Case) -> Callable[[], object]:
    """Return the four real transforms that an evaluation cannot do without, and nothing else."""
    omega = torch.from_numpy(case.initial())
    omega_hat = torch.fft.rfft2(omega)

    def transform() -> object:
        inverse = [torch.fft.irfft2(omega_hat) for _ in range(2)]
        return inverse, [torch.fft.rfft2(omega) for _ in range(2)]

    return transform

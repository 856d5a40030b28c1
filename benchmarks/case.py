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
from tlfourier.flow.malloc import keep_freed_fields
from tlfourier.flow.steppers import STEPPERS


@dataclass(frozen=True)
class Case:
    """Forced, damped turbulence on the square of side 2 pi.

    Parameters
    ----------
    size : int
        Points per side.
    viscosity, drag : float
        Coefficients of the damping.
    k_f : int
        Wavenumber of the forcing ``-k_f (cos(k_f x) + cos(k_f y))``.
    precision : {"float64", "float32"}
        Of our own solver and of the bare transforms; peers compute in float64.
    """

    size: int
    viscosity: float = 1 / 2e4
    drag: float = 0.1
    k_f: int = 4
    precision: str = "float64"

    def grid(self) -> Grid:
        """Return the grid."""
        return Grid(self.size, 2 * math.pi, getattr(torch, self.precision))

    def initial(self) -> np.ndarray:
        """Return the initial vorticity, shape (y, x), float64, with the amplitude of a developed flow."""
        grid = Grid(self.size, 2 * math.pi, torch.float64)
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

    def stepping(self, omega: np.ndarray, steps: int = 1) -> Callable[[], object]:
        """Return an action that takes the next steps of one long run."""
        state = self.begin(omega)

        def action() -> object:
            nonlocal state
            for _ in range(steps):
                state = self.step(state)
            return state

        return action


def ours(case: Case, dt: float, stepper: str = "ifrk4") -> Contestant:
    """Return our own solver."""
    grid = case.grid()
    keep_freed_fields()  # as in a run
    equation = VorticityEquation(grid, case.viscosity, case.drag, forcing_hat=two_way_cosine(grid, case.k_f))
    advance = STEPPERS[stepper](equation, dt)

    def begin(omega: np.ndarray) -> object:
        return advance.start(grid.to_spectral(torch.from_numpy(omega).to(grid.dtype)))

    def finish(state: object) -> np.ndarray:
        return grid.to_physical(state.omega_hat).double().numpy()  # type: ignore[attr-defined]

    def one(state: object) -> object:
        # What autograd would keep for a step costs memory and time that no simulation spends.
        with torch.no_grad():
            return advance(state)

    return Contestant(f"tlfourier {stepper}", advance.evaluations, one, begin, finish)


def four_transforms(case: Case) -> Callable[[], object]:
    """Return the four real transforms that an evaluation cannot do without, and nothing else."""
    omega = torch.from_numpy(case.initial()).to(case.grid().dtype)
    omega_hat = torch.fft.rfft2(omega)

    def transform() -> object:
        inverse = [torch.fft.irfft2(omega_hat) for _ in range(2)]
        return inverse, [torch.fft.rfft2(omega) for _ in range(2)]

    return transform

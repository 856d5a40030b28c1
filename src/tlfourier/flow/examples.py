"""A small flow to look at: seconds on one core, described as the large ones are."""

import numpy as np
import torch
import xarray as xr

from tlfourier.doors import door
from tlfourier.flow.diagnostics import diagnose
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import State
from tlfourier.shapes import Count, Positive


@door
def decaying(
    size: int = 128,
    reynolds: Positive = 1e3,
    duration: Positive = 10.0,
    snapshots: Count = 41,
    kept: Count = 4,
    k_peak: float = 10.0,
    seed: int = 1,
) -> xr.Dataset:
    """Let a random vorticity field decay without forcing or drag, and describe the run.

    Of the ``snapshots``, equally spaced over the ``duration`` and at least two, ``kept`` fields are kept,
    evenly spread, the first and the last among them. ``k_peak`` and ``seed`` are those of
    `tlfourier.flow.initial.random_vorticity`; the result is that of `tlfourier.flow.diagnostics.diagnose`.
    """
    grid = Grid(size, dtype=torch.float64)
    equation = VorticityEquation(grid, viscosity=1 / reynolds)
    schedule = Schedule(spin_up=0.0, interval=duration / (snapshots - 1), snapshots=snapshots)
    start = State(random_vorticity(grid, seed, k_peak))
    states = list(simulate(equation, start, schedule, progress=False))
    omega = np.stack([grid.to_physical(state.omega_hat).numpy() for state in states])
    times = [state.time for state in states]
    trajectory = xr.Dataset({"omega": (("time", "y", "x"), omega)}, {"time": times})
    return diagnose(trajectory, equation, kept=kept, progress=False)

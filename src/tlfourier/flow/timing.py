"""What a step costs on this machine."""

import timeit
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
import xarray as xr

from tlfourier.doors import door
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.malloc import keep_freed_fields
from tlfourier.flow.steppers import COMPARED, STEPPERS
from tlfourier.shapes import Count, Spectrum


@door
def cost(
    sizes: Sequence[int] = (64, 128, 256), repeats: Count = 25, dtype: torch.dtype = torch.float32
) -> xr.Dataset:
    """Time a step of both steppers, and four bare real FFTs of the same size.

    ``sizes`` are points per side; of ``repeats`` the fastest counts, for other programs can only slow a call
    down. Returns ``step`` (stepper, size) in milliseconds; ``evaluation`` (stepper, size), the same per
    evaluation of the right-hand side; ``transforms`` (size), four transforms alone, two forward and two back.
    Raises ValueError without sizes.
    """
    if not sizes:
        raise ValueError("sizes=(): at least one number of points is needed")
    keep_freed_fields()  # as in a run
    steps, transforms = [], []
    for size in sizes:
        grid = Grid(size, dtype=dtype)
        start = random_vorticity(grid, seed=1, k_peak=min(10.0, size / 12))
        equation = VorticityEquation(grid, viscosity=1e-3)
        steps.append([_time_step(equation, start, stepper, repeats) for stepper in COMPARED])
        pair = torch.stack((start, start))
        transforms.append(_least_ms(partial(_four_transforms, grid, pair), repeats))
    table = np.array(steps).T
    evaluations = np.array([[STEPPERS[name].evaluations] for name in COMPARED])
    milliseconds = {"units": "ms"}
    return xr.Dataset(
        {
            "step": (("stepper", "size"), table, milliseconds),
            "evaluation": (("stepper", "size"), table / evaluations, milliseconds),
            "transforms": ("size", transforms, milliseconds),
        },
        {"stepper": list(COMPARED), "size": list(sizes)},
    )


def _time_step(equation: VorticityEquation, start: Spectrum, stepper: str, repeats: int) -> float:
    """Return the milliseconds of one step, once the memory of a multistep scheme is filled."""
    advance = STEPPERS[stepper](equation, 1e-4)
    with torch.no_grad():
        state = advance(advance.start(start))
        return _least_ms(lambda: advance(state), repeats)


def _four_transforms(grid: Grid, pair: Spectrum) -> Spectrum:
    return grid.to_spectral(grid.to_physical(pair))


def _least_ms(call: Callable[[], object], repeats: int) -> float:
    """Return the least time of a call in milliseconds, after one call that does not count."""
    call()
    return 1e3 * min(timeit.repeat(call, number=1, repeat=repeats))

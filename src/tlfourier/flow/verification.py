"""Put the solver on trial: short runs whose outcome is known beforehand.

Each trial takes seconds on one core and returns a Dataset; the book shows them, the tests judge them.
"""

import contextlib
import math
from collections.abc import Sequence

import numpy as np
import torch
import xarray as xr

from tlfourier.doors import door
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import lamb_dipole, random_vorticity, taylor_green
from tlfourier.flow.simulate import Diverged, Schedule, simulate
from tlfourier.flow.spectra import budget, energy, enstrophy, mean_product
from tlfourier.flow.steppers import COMPARED, STEPPERS, State
from tlfourier.shapes import Count, Finite, Positive, Spectrum

DOUBLE = torch.float64


@door
def exact_decay(
    size: int = 64,
    k: int = 4,
    viscosity: Finite = 0.01,
    drag: float = 0.1,
    dt: Positive = 0.05,
    steps: Count = 80,
) -> xr.Dataset:
    """Compare the decay of Taylor-Green vortices with ``exp(-(2 viscosity k**2 + drag) t)``.

    Returns ``amplitude`` (time), exact; ``error`` (stepper, time), the largest deviation of vorticity in
    units of the exact amplitude.
    """
    grid = Grid(size, dtype=DOUBLE)
    equation = VorticityEquation(grid, viscosity, drag)
    start = taylor_green(grid, k)
    schedule = Schedule(spin_up=0.0, interval=dt, snapshots=steps + 1, dt=dt)
    times = np.array(schedule.snapshot_times())
    amplitude = np.exp(-(2 * viscosity * k**2 + drag) * times)
    errors = []
    for stepper in COMPARED:
        states = _states(equation, start, schedule, stepper)
        exact = grid.to_physical(start)
        scaled = [grid.to_physical(one.omega_hat) / part for one, part in zip(states, amplitude, strict=True)]
        errors.append([float((one - exact).abs().amax() / exact.abs().amax()) for one in scaled])
    return xr.Dataset(
        {"error": (("stepper", "time"), errors), "amplitude": ("time", amplitude)},
        {"stepper": list(COMPARED), "time": times},
    )


@door
def observed_order(
    size: int = 64,
    dts: Sequence[Positive] = (0.02, 0.01, 0.005, 0.0025),
    duration: Positive = 0.4,
    viscosity: Finite = 1e-3,
    seed: int = 1,
) -> xr.Dataset:
    """Measure how the error of both steppers shrinks with the step, ``error ~ dt**order``.

    The reference is the fourth-order stepper at a quarter of the smallest step. Returns ``error`` (stepper,
    dt), relative in the mean square; ``order`` (stepper), the slope between the two smallest steps;
    ``expected`` (stepper). Raises ValueError for fewer than two steps.
    """
    if len(dts) < 2:
        raise ValueError(f"dts={list(dts)}: at least two steps are needed")
    grid = Grid(size, dtype=DOUBLE)
    equation = VorticityEquation(grid, viscosity)
    start = random_vorticity(grid, seed, k_peak=5.0)
    truth = _end(equation, start, duration, min(dts) / 4, "ifrk4")
    ends = [[_end(equation, start, duration, dt, stepper) for dt in dts] for stepper in COMPARED]
    errors = np.array([[relative_error(grid, end, truth) for end in row] for row in ends])
    slopes = np.diff(np.log(errors), axis=1) / np.diff(np.log(dts))
    return xr.Dataset(
        {
            "error": (("stepper", "dt"), errors),
            "order": ("stepper", slopes[:, -1]),
            "expected": ("stepper", [STEPPERS[name].order for name in COMPARED]),
        },
        {"stepper": list(COMPARED), "dt": list(dts)},
    )


@door
def conservation(
    size: int = 64, dt: Positive = 0.01, duration: Positive = 4.0, samples: Count = 41, seed: int = 1
) -> xr.Dataset:
    """Run without viscosity, drag and forcing, where energy and enstrophy must stay what they were.

    Returns ``energy_drift`` and ``enstrophy_drift`` (dealias, time), the relative change since the start,
    with products free of aliasing (``truncate``) and without that care (``none``). From the time at which a
    run diverges its drift is NaN.
    """
    grid = Grid(size, dtype=DOUBLE)
    start = random_vorticity(grid, seed)
    schedule = Schedule(spin_up=0.0, interval=duration / (samples - 1), snapshots=samples, dt=dt)
    kinds = ("truncate", "none")
    drifts = np.full((2, len(kinds), samples), np.nan)
    for column, dealias in enumerate(kinds):
        equation = VorticityEquation(grid, 0.0, dealias=dealias)
        # Diverging is an outcome here: what came before it is kept.
        with contextlib.suppress(Diverged):
            for i, state in enumerate(simulate(equation, State(start), schedule, progress=False)):
                drifts[0, column, i] = energy(grid, state.omega_hat) / energy(grid, start) - 1
                drifts[1, column, i] = enstrophy(grid, state.omega_hat) / enstrophy(grid, start) - 1
    dims = ("dealias", "time")
    variables = {"energy_drift": (dims, drifts[0]), "enstrophy_drift": (dims, drifts[1])}
    return xr.Dataset(variables, {"dealias": list(kinds), "time": schedule.snapshot_times()})


@door
def forced_budget(
    size: int = 64,
    reynolds: Positive = 200.0,
    k_f: int = 4,
    drag: float = 0.1,
    dt: Positive = 0.01,
    duration: Positive = 6.0,
    seed: int = 1,
) -> xr.Dataset:
    """Follow where energy and enstrophy come from and go to in a forced run.

    ``energy(t) - energy(0)`` must equal the time integral (Simpson) of the terms of
    `tlfourier.flow.spectra.budget`. Returns for each of energy and enstrophy over ``time``: ``*_change``, the
    integrals ``*_injection``, ``*_drag`` and ``*_dissipation``, and ``*_residual``, their mismatch in units
    of the injection's final size.
    """
    from scipy.integrate import cumulative_simpson

    grid = Grid(size, dtype=DOUBLE)
    equation = VorticityEquation(grid, 1 / reynolds, drag, forcing_hat=two_way_cosine(grid, k_f))
    schedule = Schedule(spin_up=0.0, interval=dt, snapshots=round(duration / dt) + 1, dt=dt)
    states = _states(equation, random_vorticity(grid, seed, k_peak=5.0), schedule)
    terms = [budget(equation, state.omega_hat) for state in states]
    times = np.array(schedule.snapshot_times())
    integrals = {
        name: cumulative_simpson([float(term[name]) for term in terms], x=times, initial=0.0)
        for name in terms[0]
    }
    result = xr.Dataset({name: ("time", values) for name, values in integrals.items()}, {"time": times})
    for name, quantity in (("energy", energy), ("enstrophy", enstrophy)):
        values = np.array([float(quantity(grid, state.omega_hat)) for state in states])
        explained = sum(integrals[f"{name}_{part}"] for part in ("injection", "drag", "dissipation"))
        result[f"{name}_change"] = ("time", values - values[0])
        mismatch = values - values[0] - explained
        result[f"{name}_residual"] = ("time", mismatch / abs(integrals[f"{name}_injection"][-1]))
    return result


@door
def dipole_translation(
    size: int = 128, radius: Positive = 0.6, speed: Finite = 1.0, dt: Positive = 0.01, steps: Count = 200
) -> xr.Dataset:
    """Let a Lamb-Chaplygin dipole cross the box without viscosity, and clock it.

    Its place is the phase of the first Fourier mode of ``omega**2`` along x. Returns ``place`` (time), the
    distance travelled; ``expected`` (time), at the speed that `tlfourier.flow.initial.lamb_dipole` gives for
    a periodic box; scalars ``speed`` and ``expected_speed``; ``vorticity`` (snapshot, y, x) at the start and
    at the end.
    """
    grid = Grid(size, dtype=DOUBLE)
    schedule = Schedule(spin_up=0.0, interval=10 * dt, snapshots=steps // 10 + 1, dt=dt)
    states = _states(VorticityEquation(grid, 0.0), lamb_dipole(grid, radius, speed), schedule)
    fields = [grid.to_physical(state.omega_hat) for state in states]
    phases = np.unwrap([-float(torch.fft.rfft2(field**2)[0, 1].angle()) for field in fields])
    times, place = np.array(schedule.snapshot_times()), phases - phases[0]
    expected = speed * (1 - math.pi * (radius / grid.length) ** 2)
    return xr.Dataset(
        {
            "place": ("time", place),
            "expected": ("time", expected * times),
            "speed": float(np.polyfit(times, place, 1)[0]),
            "expected_speed": expected,
            "vorticity": (("snapshot", "y", "x"), np.stack([fields[0].numpy(), fields[-1].numpy()])),
        },
        {"time": times, "snapshot": [0, len(times) - 1]},
    )


@door
def precision(
    size: int = 64, reynolds: Positive = 1e3, dt: Positive = 0.0125, duration: Positive = 10.0, seed: int = 1
) -> xr.Dataset:
    """Run one field in float32 and in float64 with the same steps, and follow their difference.

    Each step rounds a few times, so at first the difference grows as the number of steps; later the flow's
    own chaos multiplies it. Returns ``difference`` (time), relative in the mean square, every four steps;
    ``steps`` (time); ``epsilon``, the spacing of float32 at one.
    """
    schedule = Schedule(spin_up=0.0, interval=4 * dt, snapshots=round(duration / (4 * dt)) + 1, dt=dt)
    runs = []
    for dtype in (torch.float32, DOUBLE):
        grid = Grid(size, dtype=dtype)
        equation = VorticityEquation(grid, 1 / reynolds, drag=0.0)
        runs.append(_states(equation, random_vorticity(grid, seed, k_peak=5.0), schedule))
    differences = [
        relative_error(grid, single.omega_hat.to(grid.complex_dtype), double.omega_hat)
        for single, double in zip(*runs, strict=True)
    ]
    return xr.Dataset(
        {
            "difference": ("time", differences),
            "steps": ("time", 4 * np.arange(len(differences))),
            "epsilon": torch.finfo(torch.float32).eps,
        },
        {"time": schedule.snapshot_times()},
    )


@door
def relative_error(grid: Grid, omega_hat: Spectrum, truth_hat: Spectrum) -> float:
    """Return ``sqrt(<(omega - truth)**2> / <truth**2>)``."""
    difference = omega_hat - truth_hat
    ratio = mean_product(grid, difference, difference) / mean_product(grid, truth_hat, truth_hat)
    return math.sqrt(float(ratio))


def _states(
    equation: VorticityEquation, start: Spectrum, schedule: Schedule, stepper: str = "ifrk4"
) -> list[State]:
    """Return the states at all snapshots."""
    return list(simulate(equation, State(start), schedule, stepper, progress=False))


def _end(equation: VorticityEquation, start: Spectrum, duration: float, dt: float, stepper: str) -> Spectrum:
    """Return the spectrum after a duration with a fixed step."""
    schedule = Schedule(spin_up=duration, interval=duration, snapshots=1, dt=dt)
    return _states(equation, start, schedule, stepper)[-1].omega_hat

"""Steps from rest, from a weak start and in any units: against the exact solution, and against each other."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from tlfourier.flow import simulate as module
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import State, Stepper

K_F, VISCOSITY, DRAG = 4, 1e-3, 0.1
DAY, METRES = 86_400.0, 1e6


def driven(length: float = 2 * math.pi, time: float = 1.0, drag: float = DRAG) -> VorticityEquation:
    """Return the forced equation with a unit length of ``length / 2 pi`` and a unit of ``time``."""
    unit = length / (2 * math.pi)
    grid = Grid(64, length, torch.float64)
    forcing_hat = two_way_cosine(Grid(64, dtype=torch.float64), K_F) / time**2
    return VorticityEquation(grid, VISCOSITY * unit**2 / time, drag / time, forcing_hat=forcing_hat)


@pytest.mark.parametrize("weak", [0.0, 1e-9, 1e-6, 1e-2])
@pytest.mark.parametrize("cfl", [0.1, 0.8, 1.3])
def test_a_flow_driven_from_rest_is_the_exact_solution(cfl: float, weak: float) -> None:
    """With one wavenumber there is no advection: omega_t = -lambda omega - f."""
    equation = driven()
    f, rate = equation.forcing_hat, VISCOSITY * K_F**2 + DRAG
    assert f is not None
    *_, last = simulate(equation, State(-weak * f), Schedule(0.0, 5.0, 2, cfl=cfl), progress=False)
    exact = -f * (-math.expm1(-rate * 5) / rate + weak * math.exp(-rate * 5))
    assert (last.omega_hat - exact).abs().max() <= 1e-10 * exact.abs().max()


@pytest.mark.parametrize("strength", [1e-3, 1.0, 1e3, 1e6])
def test_a_forcing_of_any_strength_is_followed(strength: float) -> None:
    weak = driven()
    assert weak.forcing_hat is not None
    equation = VorticityEquation(weak.grid, VISCOSITY, DRAG, forcing_hat=strength * weak.forcing_hat)
    f, rate = equation.forcing_hat, VISCOSITY * K_F**2 + DRAG
    assert f is not None
    *_, last = simulate(
        equation, State(0 * f), Schedule(0.0, 5 / math.sqrt(max(1.0, strength)), 2), progress=False
    )
    exact = f * math.expm1(-rate * last.time) / rate
    assert (last.omega_hat - exact).abs().max() <= 1e-10 * exact.abs().max()


def test_a_flow_at_rest_that_nothing_drives_stays_there() -> None:
    equation = VorticityEquation(Grid(32), 1e-3, DRAG)
    for state in simulate(equation, State(torch.zeros(32, 17, dtype=torch.complex64)), Schedule(0.0, 5.0, 2)):
        assert not state.omega_hat.any()


def test_a_decaying_flow_may_be_as_slow_as_it_likes() -> None:
    """With its speed its time slows down: no step is given away to a unit of time."""
    grid = Grid(32, dtype=torch.float64)
    slow = 1e-6 * random_vorticity(grid, seed=0, k_peak=4.0)
    fast = VorticityEquation(grid, 1e-3), State(1e6 * slow), Schedule(0.0, 1.0, 2)
    slowed = VorticityEquation(grid, 1e-9), State(slow), Schedule(0.0, 1e6, 2)
    (one, steps), (other, as_many) = counted(*fast), counted(*slowed)
    assert steps == as_many
    assert (1e-6 * one.omega_hat - other.omega_hat).abs().max() <= 1e-11 * other.omega_hat.abs().max()


def counted(equation: VorticityEquation, start: State, schedule: Schedule) -> tuple[State, list[float]]:
    """Return the last state of a run, and its number of steps and attempts from look to look."""
    counts: list[float] = []
    usual = module._stepped

    def noted(state: State, advance: Stepper, steps: int, *rest: Any) -> State:
        counts.append(steps)
        return usual(state, advance, steps, *rest)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_stepped", noted)
        *_, last = simulate(equation, start, schedule, progress=False)
    return last, counts


@pytest.mark.parametrize("start", [0.0, 1.0])
def test_a_run_in_metres_and_seconds_is_the_run_without_dimensions_step_for_step(start: float) -> None:
    pure = driven()
    real = driven(METRES, DAY)
    omega_hat = start * random_vorticity(pure.grid, seed=3)
    schedule, in_seconds = Schedule(2.0, 0.5, 3), Schedule(2.0 * DAY, 0.5 * DAY, 3)
    one, steps = counted(pure, State(omega_hat), schedule)
    other, as_many = counted(real, State(omega_hat / DAY), in_seconds)
    assert steps == as_many
    assert other.time == pytest.approx(DAY * one.time, rel=1e-12)
    assert (DAY * other.omega_hat - one.omega_hat).abs().max() <= 1e-9 * one.omega_hat.abs().max()


def test_steps_that_are_taken_again_are_the_same_when_a_run_is_resumed() -> None:
    equation = driven()
    start = State(torch.zeros(64, 33, dtype=torch.complex128))
    whole = list(simulate(equation, start, Schedule(0.0, 1.0, 4), progress=False))
    rest = list(simulate(equation, whole[1], Schedule(0.0, 1.0, 3), progress=False))
    assert [torch.equal(a.omega_hat, b.omega_hat) for a, b in zip(whole[1:], rest, strict=True)] == [True] * 3


@pytest.mark.parametrize("time", [math.nan, math.inf, -math.inf])
def test_a_time_that_is_no_number_is_refused(time: float) -> None:
    equation = driven()
    start = State(torch.zeros(64, 33, dtype=torch.complex128), time=time)
    with pytest.raises(ValueError, match=f"the time of the state is {time}: it must be a finite number"):
        next(simulate(equation, start, Schedule(0.0, 1.0, 2)))


def test_a_late_time_is_resolved_or_refused() -> None:
    equation, omega_hat = driven(), torch.zeros(64, 33, dtype=torch.complex128)
    for time, interval in ((1e6, 5e-4), (1e8, 1.0), (-1e6, 0.1)):
        first, second = simulate(equation, State(omega_hat, time), Schedule(0.0, interval, 2), progress=False)
        assert second.time == time + interval
        assert not torch.equal(first.omega_hat, second.omega_hat)
    for time, interval in ((1e10, 1e-3), (1e300, 1.0)):
        with pytest.raises(ValueError, match=r"interval=.* is lost in its rounding, start nearer to 0"):
            next(simulate(equation, State(omega_hat, time), Schedule(0.0, interval, 2)))

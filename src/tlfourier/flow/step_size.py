"""The step of a run: as large as its CFL number allows, also where the flow gains speed within few steps."""

import math

import torch
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.pseudospectral import Closure, Equation
from tlfourier.flow.steppers import State
from tlfourier.shapes import Ordered, Positive

STEPS_PER_SEGMENT = 50
"""Steps between two looks at the flow: its speed (for the next dt) and whether it is finite."""

MOST_STEPS = 10**7
"""Steps to the next stop beyond which a flow is taken to have exploded, though it is still finite."""

FASTER = 1.5
"""By how much a flow may outgrow the chosen CFL number between two looks before these steps are repeated.

Developed turbulence gains a fifth at most.
"""


class Diverged(RuntimeError):
    """Say in one sentence when a run diverged, at which CFL number, and what to change.

    ``last`` is the last finite state, at most ``STEPS_PER_SEGMENT`` steps before the end.
    """

    def __init__(self, message: str, last: State) -> None:
        super().__init__(message)
        self.last = last


@door
def cfl_speed(equation: Equation, state: State) -> float:
    """Return ``max(|u| + |v|)`` over all points and members, for the CFL number ``dt speed / dx``.

    A mean flow that carries layers counts.
    """
    return _fastest(equation, state.omega_hat, equation.mean_flow)


@torch.no_grad()
def _fastest(equation: Equation, omega_hat: Tensor, mean_flow: Tensor | float = 0.0) -> float:
    u, v = equation.velocity(omega_hat)
    return float(((u + mean_flow).abs() + v.abs()).amax())


@door
def first_step(
    equation: Equation, state: State, speed: float, cfl: Positive, closure: Closure | None
) -> float:
    """Return the step to try from a state of that ``speed``.

    It is ``cfl dx / speed``, from rest that of `_within`, and never too long to follow what decays while it
    is driven.
    """
    room = cfl * equation.grid.dx
    limit = room / speed if speed > 0 else _within(room, 0.0, _acceleration(equation, state, closure))
    return min(limit, _driven_step(equation))


def _driven_step(equation: Equation) -> float:
    """Return the step with which a Runge-Kutta scheme follows the fastest mode that is driven.

    Over a step the scheme integrates ``exp(rate t)`` by Simpson's rule, with the relative error
    ``(rate dt)**4 / 2880``: here 6e-11.
    """
    if equation.forcing_hat is None:
        return math.inf
    strength = equation.forcing_hat.abs()  # rounding aside
    rate = float((equation.linear.abs() * (strength > 1e-6 * strength.amax())).amax())
    return 0.02 / rate if rate > 0 else math.inf


@door
def count(remaining: Ordered, limit: float, speed: float, state: State) -> int:
    """Return the number of steps of at most ``limit``; raise Diverged if they are too many."""
    parts = remaining / limit if limit > 0 else math.inf
    if parts > MOST_STEPS:
        raise Diverged(
            f"the run diverged at time {state.time:.6g}: at a speed of {speed:.3g} the next stop is more than"
            f" {MOST_STEPS} steps away; take a finer grid, a larger viscosity or a weaker closure",
            state,
        )
    return max(1, math.ceil(parts))


def _within(room: float, speed: float, acceleration: float) -> float:
    """Return the step with which a flow that accelerates keeps to its CFL number up to the next look.

    The positive root of ``dt (speed + n acceleration dt) = room`` with n steps and ``room = cfl dx``.
    """
    per_step = STEPS_PER_SEGMENT * acceleration
    root = speed + math.sqrt(speed**2 + 4 * per_step * room)
    return 2 * room / root if root > 0 else math.inf


@door
def smaller_step(
    equation: Equation,
    before: State,
    after: State,
    speed: float,
    dt: Positive,
    cfl: Positive,
    closure: Closure | None,
) -> float | None:
    """Return the step for another try, where the flow got too fast for the one that led to ``after``.

    ``speed`` is that of the state ``before``. None if the step was good, or if a flow that exploded did not
    do so for being accelerated.
    """
    room, faster = cfl * equation.grid.dx, cfl_speed(equation, after)
    if not math.isfinite(faster):
        foreseen = _within(room, speed, _acceleration(equation, before, closure))
        return foreseen if foreseen < 0.99 * dt else None
    if dt * faster <= FASTER * room:
        return None
    gained = max(0.0, faster - speed) / (after.time - before.time)
    return min(_within(room, speed, gained), dt / 2)


def _acceleration(equation: Equation, state: State, closure: Closure | None) -> float:
    """Return the rate, ``max(|u_t| + |v_t|)``, at which a flow gains speed."""
    with torch.no_grad():
        tendency = equation.tendency(state.omega_hat, closure)
    return _fastest(equation, tendency)

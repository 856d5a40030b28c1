"""Run a flow: spin-up, snapshots at exact times, steps limited by the flow, a check that it stays finite."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from tqdm import tqdm

from tlfourier.doors import door
from tlfourier.flow.grid import by_columns
from tlfourier.flow.malloc import keep_freed_fields
from tlfourier.flow.pseudospectral import Closure, Equation
from tlfourier.flow.step_size import STEPS_PER_SEGMENT, cfl_speed, count, first_step, smaller_step
from tlfourier.flow.step_size import Diverged as Diverged
from tlfourier.flow.steppers import STEPPERS, State, Stepper

MOST_STOPS = 10**7
"""Stops of a run, those of its spin-up and its snapshots each."""

_RESOLVED = 1e-9  # of an interval: what is left to the next stop when it counts as reached


@door
@dataclass(frozen=True)
class Schedule:
    """Say when to look at a run, and with which steps to get there.

    Snapshot i, from 0, is taken at ``spin_up + i * interval`` after the start. Raises ValueError for times
    that are negative or not finite, no snapshots, or a fixed step that does not fit.

    Parameters
    ----------
    spin_up : float
        Time before the first snapshot.
    interval : float
        Time between snapshots.
    snapshots : int
        Number of snapshots.
    cfl : float
        Largest ``dt max(|u| + |v|) / dx`` when ``dt`` is chosen by the flow.
    dt : float, optional
        A fixed step, of which ``spin_up`` and ``interval`` must be multiples.

    Examples
    --------
    >>> Schedule(spin_up=10.0, interval=0.5, snapshots=3).snapshot_times()
    [10.0, 10.5, 11.0]
    """

    spin_up: float
    interval: float
    snapshots: int
    cfl: float = 0.8
    dt: float | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.spin_up) and self.spin_up >= 0):
            raise ValueError(f"spin_up={self.spin_up}: it must be a finite time, zero or more")
        for name, value in {"interval": self.interval, "cfl": self.cfl, "dt": self.dt}.items():
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ValueError(f"{name}={value}: it must be a positive number")
        if self.snapshots < 1:
            raise ValueError(f"snapshots={self.snapshots}: ask for at least one")
        if self.snapshots > MOST_STOPS or self.spin_up / self.interval > MOST_STOPS:
            asked = f"snapshots={self.snapshots}, interval={self.interval} and spin_up={self.spin_up}"
            raise ValueError(f"{asked} are more than {MOST_STOPS} stops: take a longer interval")
        for name, value in {"spin_up": self.spin_up, "interval": self.interval}.items():
            if self.dt is not None and abs(value / self.dt - round(value / self.dt)) > 1e-6:
                raise ValueError(f"dt={self.dt}: a fixed step must divide {name}={value}")

    def spin_up_times(self) -> list[float]:
        """Return the stops during spin-up, at most an interval apart, without its end."""
        parts = math.ceil(self.spin_up / self.interval - 1e-9)
        if self.dt is not None:
            # The stops must be multiples of the step as well.
            return [i * self.interval for i in range(1, parts)]
        return [self.spin_up * i / parts for i in range(1, parts)]

    def snapshot_times(self) -> list[float]:
        """Return the times of the snapshots after the start."""
        return [self.spin_up + i * self.interval for i in range(self.snapshots)]


@door
def simulate(
    equation: Equation,
    state: State,
    schedule: Schedule,
    stepper: str = "ifrk4",
    closure: Closure | None = None,
    progress: bool = True,
) -> Iterator[State]:
    """Yield the state at every snapshot of a schedule, counted from the time of ``state``.

    The step is chosen anew every 50 steps as the largest that keeps to ``schedule.cfl`` and ends on the next
    snapshot. A flow that gets faster than by half within them, as one that is driven from rest, takes them
    again with smaller ones; from rest itself the step follows from the acceleration. All of it is a function
    of the flow alone, so a resumed run repeats an uninterrupted one to the bit.
    Raises ValueError for an unknown stepper, an initial state of the wrong shape, precision or with
    non-finite values, or a time that is not finite or too large to tell two snapshots apart; Diverged, with
    the last finite state, at most 50 steps after the run stops being finite.

    Parameters
    ----------
    equation : Equation
        Of the vorticity or of layers.
    state : State
        Where the run begins, of shape (..., [layers,] N, N // 2 + 1).
    schedule : Schedule
    stepper : {"ifrk4", "ab2cn", "ab3"}
    closure : callable, optional
        Maps omega_hat to sgs_hat, which is subtracted from the tendency.
    progress : bool
        Show a progress bar.

    Yields
    ------
    State
        One per snapshot, at its exact time.

    Examples
    --------
    >>> from tlfourier.flow.equation import VorticityEquation
    >>> from tlfourier.flow.grid import Grid
    >>> from tlfourier.flow.initial import random_vorticity
    >>> grid = Grid(32)
    >>> equation = VorticityEquation(grid, viscosity=0.01)
    >>> start = State(random_vorticity(grid, seed=0, k_peak=4.0))
    >>> schedule = Schedule(spin_up=0.0, interval=0.5, snapshots=3)
    >>> [state.time for state in simulate(equation, start, schedule, progress=False)]
    [0.0, 0.5, 1.0]
    """
    start = state.time
    stops = [start + time for time in schedule.spin_up_times()]
    recorded = [start + time for time in schedule.snapshot_times()]
    visits = visit(equation, state, stops + recorded, schedule, stepper, closure, progress)
    for number, visited in enumerate(visits):
        if number >= len(stops):
            yield visited


@door
def visit(
    equation: Equation,
    state: State,
    times: Sequence[float],
    schedule: Schedule,
    stepper: str = "ifrk4",
    closure: Closure | None = None,
    progress: bool = True,
) -> Iterator[State]:
    """Yield the state at each of the given times, in order, with the steps of a schedule.

    Parameters and errors, as ValueError, are those of `simulate`; ``times`` are absolute, in order.
    """
    if stepper not in STEPPERS:
        raise ValueError(f"stepper={stepper!r}: choose one of {', '.join(STEPPERS)}")
    equation.check_state(state.omega_hat)
    _check_times(state.time, times, schedule)
    keep_freed_fields()
    # A state from a checkpoint lies in memory as one that was stepped: the order decides the last bits.
    state = replace(state, omega_hat=by_columns(state.omega_hat))
    duration = times[-1] - state.time if times else 0.0
    with tqdm(total=duration, desc="simulate", unit="t", disable=not progress, mininterval=0.5) as bar:
        for time in times:
            for latest in _segments(equation, state, time, schedule, STEPPERS[stepper], closure):
                bar.update(latest.time - state.time)
                state = latest
            yield state


def _segments(
    equation: Equation,
    state: State,
    until: float,
    schedule: Schedule,
    kind: type[Stepper],
    closure: Closure | None,
) -> Iterator[State]:
    """Advance to a time in segments of at most STEPS_PER_SEGMENT steps, and yield the state after each."""
    advance: Stepper | None = None
    while (remaining := until - state.time) > _RESOLVED * schedule.interval:
        speed = cfl_speed(equation, state)
        limit = schedule.dt or first_step(equation, state, speed, schedule.cfl, closure)
        while True:
            steps = round(remaining / limit) if schedule.dt else count(remaining, limit, speed, state)
            dt = schedule.dt or remaining / steps
            if advance is None or advance.dt != dt:
                advance = kind(equation, dt)
            stepped = _stepped(state, advance, min(steps, STEPS_PER_SEGMENT), schedule, closure)
            if schedule.dt:  # the user's own
                break
            smaller = smaller_step(equation, state, stepped, speed, dt, schedule.cfl, closure)
            if smaller is None:
                break
            limit = smaller
        _check_finite(stepped, state, speed * dt / equation.grid.dx, advance)
        end = until if steps <= STEPS_PER_SEGMENT else state.time + STEPS_PER_SEGMENT * dt
        state = replace(stepped, time=end)
        yield state


@torch.no_grad()
def _stepped(
    state: State, advance: Stepper, steps: int, schedule: Schedule, closure: Closure | None
) -> State:
    if schedule.dt is None:
        # A multistep scheme cannot carry its memory from one step size to another.
        state = replace(state, memory=None)
    for _ in range(steps):
        state = advance(state, closure)
    return state


def _check_times(start: float, times: Sequence[float], schedule: Schedule) -> None:
    """Raise ValueError for times that are no numbers, go back, or in which an interval is lost."""
    for name, time in (("the time of the state", start), *(("a stop", time) for time in times)):
        if not math.isfinite(time):
            raise ValueError(f"{name} is {time}: it must be a finite number")
    if any(after < before for before, after in pairwise((start, *times))):
        raise ValueError(
            f"times={list(times)!r:.200}: they must be in order, from {start:g}, the state's, on"
        )
    furthest = max(map(abs, (start, *times)))
    shortest = schedule.interval if schedule.dt is None else schedule.dt
    if math.ulp(furthest) > 1e-6 * shortest:
        what = "interval" if schedule.dt is None else "dt"
        raise ValueError(f"time={furthest:g}: {what}={shortest:g} is lost in its rounding, start nearer to 0")


def _check_finite(state: State, before: State, cfl: float, stepper: Stepper) -> None:
    """Raise Diverged if any mode is not a finite number."""
    if bool(torch.isfinite(torch.view_as_real(state.omega_hat)).all()):
        return
    raise Diverged(
        f"the run diverged before time {state.time:.6g} with dt={stepper.dt:.3g}, CFL {cfl:.3g} when"
        f" last finite, at time {before.time:.6g}"
        f" ({type(stepper).__name__} is stable to {stepper.cfl_limit}):"
        " take a smaller dt or cfl, a finer grid or a larger viscosity",
        before,
    )

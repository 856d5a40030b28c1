"""Run an ensemble of large-eddy simulations with a closure, and count those that blow up."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import by_columns
from tlfourier.flow.malloc import keep_freed_fields
from tlfourier.flow.pseudospectral import Closure
from tlfourier.flow.step_size import cfl_speed
from tlfourier.flow.steppers import IFRK4, State
from tlfourier.limits import Range
from tlfourier.modules import as_it_was
from tlfourier.shapes import Positive, Spectrum

STEPS = 10
"""Steps between two looks at the flow, for its speed."""
BLOWN_UP = 100.0
"""Times its initial enstrophy that a member may have before it counts as blown up."""


@door
@dataclass(frozen=True)
class Ensemble:
    """Members of an ensemble at one time, of which some may have blown up before.

    ``omega_hat`` has the shape (alive, N, N // 2 + 1), ``members`` are the numbers of these, shape (alive,),
    and ``blown_up`` the times at which members blew up, shape (all,), NaN for those that have not.
    """

    time: float
    omega_hat: Tensor
    members: Tensor
    blown_up: Tensor


@door
def ensemble(
    equation: VorticityEquation,
    omega_hat: Spectrum,
    times: Sequence[float],
    closure: Closure | None = None,
    cfl: Annotated[float, Range(1e-3, 10.0)] = 1.0,
    held: bool = False,
    limit: Positive = BLOWN_UP,
) -> Iterator[Ensemble]:
    """Yield an ensemble of LES at each of the given times, from time 0 on.

    All members take the same steps, as long as the fastest allows: chosen every 10 steps, a function of the
    flow alone. A member blows up when it is not finite or has ``limit`` times the enstrophy with which it
    began, at any stage of any step: it is left out from the last look on, and the others go on as if it had
    never been there. What is yielded counts it, and never holds it. A closure that is a module runs in
    evaluation mode and is given back as it was.

    Parameters
    ----------
    equation : VorticityEquation
        Of the LES, see `tlfourier.closure.filters.filtered_equation`.
    omega_hat : Spectrum, shape (members, N, N // 2 + 1)
        Initial fields.
    times : sequence of float
        In order, zero or more.
    closure : callable, optional
        Maps omega_hat, shape (n, N, N // 2 + 1), to sgs_hat; none by default.
    cfl : float
        Largest ``dt max(|u| + |v|) / dx``.
    held : bool
        Evaluate the closure once a step and hold it, instead of at each of the four stages: four times
        cheaper, and of first order in the step.
    limit : float

    Raises
    ------
    ValueError
        For times that go back, no members, or initial fields that do not fit or are at rest.

    Examples
    --------
    >>> from tlfourier.flow.grid import Grid
    >>> from tlfourier.flow.initial import random_vorticity
    >>> grid = Grid(16)
    >>> start = random_vorticity(grid, seed=0, k_peak=3.0, members=2)
    >>> [float(one.time) for one in ensemble(VorticityEquation(grid, 1e-2), start, [0.0, 0.5])]
    [0.0, 0.5]
    """
    equation.check_state(omega_hat)
    if omega_hat.ndim != 3:
        raise ValueError(
            f"omega_hat has shape {tuple(omega_hat.shape)}: accepted is (members, N, N // 2 + 1)"
        )
    if any(
        not math.isfinite(time) or time < before for before, time in zip((0.0, *times), times, strict=False)
    ):
        raise ValueError(f"times={list(times)!r:.100}: they must be finite and in order, from 0 on")
    most = limit * _power(omega_hat)
    if not bool((most > 0).all()):
        raise ValueError("a member is at rest: accepted are initial fields that move")
    return _run(equation, omega_hat, times, closure, cfl, held, most)


def _run(
    equation: VorticityEquation,
    omega_hat: Tensor,
    times: Sequence[float],
    closure: Closure | None,
    cfl: float,
    held: bool,
    most: Tensor,
) -> Iterator[Ensemble]:
    keep_freed_fields()
    omega_hat, now = by_columns(omega_hat), 0.0
    members = torch.arange(len(omega_hat), device=omega_hat.device)
    blown_up = torch.full((len(omega_hat),), math.nan, dtype=torch.float64)
    for time in times:
        with torch.no_grad(), as_it_was(closure):
            while len(members) and time - now > 1e-9 * max(time, 1.0):
                watched = _Watched(closure, most[members])
                try:
                    omega_hat, now = _steps(equation, State(omega_hat, now), time, watched, cfl, held)
                except _BlownUp as error:
                    blown_up[members[error.which].cpu()] = now
                    members, omega_hat = members[~error.which], by_columns(omega_hat[~error.which])
        yield Ensemble(time, omega_hat, members, blown_up.clone())


def _steps(
    equation: VorticityEquation, state: State, until: float, watched: "_Watched", cfl: float, held: bool
) -> tuple[Tensor, float]:
    """Return the fields at most `STEPS` steps later, and the time then, or raise _BlownUp."""
    speed, remaining = cfl_speed(equation, state), until - state.time
    count = max(1, math.ceil(remaining * speed / (cfl * equation.grid.dx)))
    steps, dt = min(count, STEPS), remaining / count
    advance = IFRK4(equation, dt)
    latest = state
    for _ in range(steps):
        latest = advance(latest, _holding(watched, latest.omega_hat) if held else watched.closing)
        watched.check(latest.omega_hat)
    return latest.omega_hat, until if steps == count else state.time + steps * dt


def _holding(watched: "_Watched", omega_hat: Tensor) -> Closure | None:
    """Return a closure that gives the subgrid term of the state at the start of a step at all its stages."""
    if watched.closing is None:
        return None
    sgs_hat = watched(omega_hat)
    return lambda _: sgs_hat


class _BlownUp(ArithmeticError):
    """Say which of the members that are left blew up."""

    def __init__(self, which: Tensor) -> None:
        super().__init__("a member blew up")
        self.which = which


class _Watched:
    """A closure that is asked about no member that has blown up."""

    def __init__(self, closure: Closure | None, most: Tensor) -> None:
        self.closure, self.most = closure, most

    @property
    def closing(self) -> Callable[[Tensor], Tensor] | None:
        """The closure with the check before it, None where there is none."""
        return None if self.closure is None else self

    def __call__(self, omega_hat: Tensor) -> Tensor:
        self.check(omega_hat)
        assert self.closure is not None
        return self.closure(omega_hat)

    def check(self, omega_hat: Tensor) -> None:
        """Raise _BlownUp if a member has more than it may, or is not finite."""
        if bool((which := ~(_power(omega_hat) <= self.most)).any()):
            raise _BlownUp(which)


def _power(omega_hat: Tensor) -> Tensor:
    """Return a sum of squares that grows as the enstrophy, shape (members,)."""
    return torch.view_as_real(omega_hat).square().sum((-3, -2, -1))

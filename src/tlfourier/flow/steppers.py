"""Time steppers: maps from one state to the next.

A stepper is built for an equation and a step ``dt``; it holds what depends on ``dt`` only. A state is the
vorticity in Fourier space, its time and, for multistep schemes, the memory of the steps before.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.flow.grid import by_columns
from tlfourier.flow.pseudospectral import Closure, Equation
from tlfourier.shapes import Spectrum
from tlfourier.takes import described


@door
@dataclass(frozen=True)
class State:
    """Hold the vorticity in Fourier space at one time; of layers, their potential vorticity.

    ``omega_hat`` has the shape (..., [layers,] N, N // 2 + 1); ``memory`` is what a multistep scheme keeps of
    the steps before; without it such a scheme starts itself. Raises ValueError for what is no spectrum.
    """

    omega_hat: Tensor
    time: float = 0.0
    memory: Tensor | None = None

    def __post_init__(self) -> None:
        for name, value in (("omega_hat", self.omega_hat), ("memory", self.memory)):
            if value is not None and not (value.is_complex() and value.ndim > 1 and value.numel()):
                raise ValueError(
                    f"{described(name, value)}: accepted are complex numbers of shape (..., N, N // 2 + 1)"
                )


@door
class Stepper(nn.Module):
    """Advance states of an equation by a fixed step, ``dt``; ValueError if it is not positive.

    Attributes
    ----------
    order : int
        Order of accuracy in dt.
    evaluations : int
        Evaluations of the nonlinear term per step.
    cfl_limit : float
        Largest ``dt (|u| + |v|) / dx`` for stable advection with the 2/3 rule. AB2 is weakly unstable
        for pure advection at any step; viscosity holds it below the value given.
    """

    order: ClassVar[int]
    evaluations: ClassVar[int]
    cfl_limit: ClassVar[float]

    def __init__(self, equation: Equation, dt: float) -> None:
        super().__init__()
        if not (math.isfinite(dt) and dt > 0):
            raise ValueError(f"dt={dt}: a step must be a positive number")
        self.equation, self.dt = equation, float(dt)

    def _hold(self, **factors: Tensor) -> None:
        """Keep factors of the modes as buffers."""
        for name, factor in factors.items():
            kept = by_columns(factor.to(self.equation.grid.complex_dtype))
            self.register_buffer(name, kept, persistent=False)

    def start(self, omega_hat: Spectrum, time: float = 0.0) -> State:
        """Return the state from which a run begins, after checking shape, precision and finiteness."""
        self.equation.check_state(omega_hat)
        return State(omega_hat, float(time))

    def _check(self, state: State) -> None:
        """Raise ValueError unless a state fits the grid, and its memory the state."""
        there, shape = state.omega_hat.shape, self.equation.linear.shape
        if there[-len(shape) :] != shape:
            needed = ", ".join(map(str, shape))
            raise ValueError(f"omega_hat has shape {tuple(there)}: this grid needs (..., {needed})")
        if state.memory is not None and state.memory.shape not in self._memories(there):
            raise ValueError(f"memory has shape {tuple(state.memory.shape)}: omega_hat has {tuple(there)}")

    def _memories(self, shape: torch.Size) -> list[tuple[int, ...]]:
        """Return the shapes that the memory of a state of that shape may have."""
        return [tuple(shape)]

    def _filtered(self, stepped: Tensor) -> Tensor:
        """Return what was stepped once the equation's filter, if it has one, has acted."""
        factor = self.equation.step_filter
        return stepped if factor is None else stepped * factor

    def extra_repr(self) -> str:
        """Return the step."""
        return f"dt={self.dt}"


@door
class IFRK4(Stepper):
    """Step with the classical fourth-order Runge-Kutta scheme under an integrating factor.

    With ``decay = exp(linear dt / 2)`` the linear part is exact: it limits neither step nor accuracy
    (Lawson, SIAM J. Numer. Anal. 4, 1967).
    """

    order, evaluations, cfl_limit = 4, 4, 1.35

    decay: Tensor
    third: Tensor
    growth: Tensor

    def __init__(self, equation: Equation, dt: float) -> None:
        super().__init__(equation, dt)
        # The step is what it changes, not a factor near 1: a factor is rounded once and multiplied in at
        # every step, and in single precision such an error, always of one sign, adds up.
        decay = torch.exp(equation.linear * (dt / 2))
        self._hold(decay=decay, third=decay / 3, growth=torch.expm1(equation.linear * dt))

    def forward(self, state: State, closure: Closure | None = None) -> State:
        """Return the state one step later."""
        self._check(state)
        dt, accumulate = self.dt, self.equation._accumulate
        whole = by_columns(state.omega_hat)
        # Beyond the equation's columns nothing but decay happens, unless a closure acts there.
        columns = self.equation.columns if closure is None else whole.shape[-1]
        omega_hat, decay = whole[..., :columns], self.decay[..., :columns]
        carried = decay * omega_hat
        second = accumulate(omega_hat, omega_hat, dt / 2, closure).mul_(decay)
        third = accumulate(carried, second, dt / 2, closure)
        fourth = accumulate(carried, third, dt, closure)
        # New arrays are changed in place, to stay in the cache; nothing that autograd or a closure keeps is.
        change = second.add(third, alpha=2).add_(fourth).add_(carried, alpha=-4)
        change = (self.growth[..., :columns] * omega_hat).addcmul_(change, self.third[..., :columns])
        change = accumulate(change, fourth * decay, dt / 6, closure)
        stepped = self._with_rest(change.add_(omega_hat), whole)
        return State(self._filtered(stepped), state.time + dt)

    def _with_rest(self, stepped: Tensor, whole: Tensor) -> Tensor:
        """Join the columns that were stepped and those that only decay."""
        columns = stepped.shape[-1]
        if columns == whole.shape[-1]:
            return stepped
        rest = whole[..., columns:].addcmul(whole[..., columns:], self.growth[..., columns:])
        return torch.cat((stepped.mT, rest.mT), dim=-2).mT


@door
class AB2CN(Stepper):
    """Step with Adams-Bashforth for the nonlinear and Crank-Nicolson for the linear part, as in the papers.

    ``(1 - dt linear / 2) new = (1 + dt linear / 2) old + dt (3 N(old) - N(before)) / 2``. The first step,
    which has no memory, is Heun's with Crank-Nicolson, so the second order holds from the start. It needs
    steps far below the advective limit of IFRK4. Source: Guan et al., J. Comput. Phys. 458 (2022), 111090.
    """

    order, evaluations, cfl_limit = 2, 1, 0.3

    explicit: Tensor
    implicit: Tensor

    def __init__(self, equation: Equation, dt: float) -> None:
        super().__init__(equation, dt)
        half = (dt / 2) * equation.linear
        self._hold(explicit=1 + half, implicit=1 / (1 - half))

    def forward(self, state: State, closure: Closure | None = None) -> State:
        """Return the state one step later, with the nonlinear term of this step as its memory."""
        self._check(state)
        dt, nonlinear = self.dt, self.equation._nonlinear
        omega_hat = by_columns(state.omega_hat)
        now = nonlinear(omega_hat, closure)
        linear_half = self.explicit * omega_hat
        if state.memory is None:
            predicted = self.implicit * (linear_half + dt * now)
            increment = (dt / 2) * (now + nonlinear(predicted, closure))
        else:
            increment = dt * (1.5 * now - 0.5 * state.memory)
        stepped = self.implicit * (linear_half + increment)
        return State(self._filtered(stepped), state.time + dt, now)


@door
class AB3(Stepper):
    """Step with the third-order Adams-Bashforth scheme, all terms explicit, as pyqg does.

    ``new = old + dt (23 T(old) - 16 T(before) + 5 T(before that)) / 12`` with the whole tendency T. Unlike
    pyqg, whose first two steps are of first and second order, it begins with two steps of Kutta's third-order
    scheme. A mode that decays at a rate above 0.54 / dt grows instead: with a strong hyperviscosity take
    IFRK4. Sources: Durran, Mon. Weather Rev. 119 (1991), 702; https://pyqg.readthedocs.io.
    """

    order, evaluations, cfl_limit = 3, 1, 0.34

    rate: Tensor

    def __init__(self, equation: Equation, dt: float) -> None:
        super().__init__(equation, dt)
        self._hold(rate=equation.linear)

    def forward(self, state: State, closure: Closure | None = None) -> State:
        """Return the state one step later, with the tendencies of this and the last step as its memory."""
        self._check(state)
        dt, omega_hat = self.dt, by_columns(state.omega_hat)
        now = self._tendency(omega_hat, closure)
        before = [] if state.memory is None else list(state.memory)
        if len(before) < 2:
            second = self._tendency(omega_hat.add(now, alpha=dt / 2), closure)
            third = self._tendency(omega_hat.add(now, alpha=-dt).add_(second, alpha=2 * dt), closure)
            increment = now.add(second, alpha=4).add_(third).mul_(dt / 6)
        else:
            increment = (23 * dt / 12) * now
            increment = increment.sub_(before[0], alpha=16 * dt / 12).add_(before[1], alpha=5 * dt / 12)
        memory = torch.stack([one.mT for one in (now, *before[:1])]).mT
        return State(self._filtered(increment.add_(omega_hat)), state.time + dt, memory)

    def _tendency(self, omega_hat: Tensor, closure: Closure | None) -> Tensor:
        return self.equation._accumulate(self.rate * omega_hat, omega_hat, 1.0, closure)

    def _memories(self, shape: torch.Size) -> list[tuple[int, ...]]:
        return [(steps, *shape) for steps in (1, 2)]


STEPPERS: dict[str, type[Stepper]] = {"ifrk4": IFRK4, "ab2cn": AB2CN, "ab3": AB3}
"""The steppers by the names that specs and command lines use."""

COMPARED = ("ifrk4", "ab2cn")
"""Those of the book and of the papers on two-dimensional turbulence, which trials set side by side."""

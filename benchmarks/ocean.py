"""Two layers of quasi-geostrophic turbulence: the same flow in pyqg-jax step for step, and what a step costs.

Both codes take pyqg's scheme: products with their aliasing, third-order Adams-Bashforth begun by one step of
Euler's and one of second order, the exponential filter after each step. So their fields may differ by
rounding alone, which the flow's own chaos multiplies: beside the other code stands ours, begun from a field
that differs in its last digits.
"""

import os
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch

from benchmarks.case import Contestant
from benchmarks.report import Goal, Row, Section
from benchmarks.solver import distance, use_all_cores
from benchmarks.timing import compare
from tlfourier.flow.dissipation import exponential_filter, hyperviscosity_for
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.layers import Layers, two_layers
from tlfourier.flow.malloc import keep_freed_fields
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.flow.steppers import AB3, IFRK4, State

DAY = 86_400.0
PEER = "pyqg-jax"
SPEEDUP = 2.0
"""Their time per step over ours, at least."""
ROUNDING = 1e-15
"""Relative size of the disturbance whose growth is that of rounding."""
ALLOWED = 30.0
"""Distance of the codes over that of our own disturbed run, at most."""
_STARTS = ((1.0,), (1.5, -0.5))


@dataclass(frozen=True)
class Ocean:
    """The eddies of Darman et al., arXiv 2504.15487, in metres and seconds.

    Parameters
    ----------
    size : int
        Points per side.
    dt : float
        Step.
    precision : {"float64", "float32"}
        Of our own solver; pyqg-jax computes in float64.
    """

    size: int
    dt: float = 3600.0
    precision: str = "float64"
    length: float = 1e6
    deformation_radius: float = 15e3
    thickness_ratio: float = 0.25
    beta: float = 1.5e-11
    drag: float = 5.787e-7

    def grid(self) -> Grid:
        """Return the grid."""
        return Grid(self.size, self.length, getattr(torch, self.precision))

    def layers(self) -> Layers:
        """Return the parameters of the layers."""
        return two_layers(self.deformation_radius, self.thickness_ratio, self.beta, self.drag)

    def initial(self) -> np.ndarray:
        """Return potential vorticity, shape (layer, y, x), float64, with the speeds of a developed flow."""
        grid = replace(self, precision="float64").grid()
        equation = QuasiGeostrophicEquation(grid, self.layers())
        omega_hat = torch.tensor([0.1, 0.02])[:, None, None] * random_vorticity(grid, 0, 5.0, members=2)
        q_hat = equation.potential_vorticity(grid.inverse_k_squared * omega_hat)
        return grid.to_physical(q_hat * exponential_filter(grid)).numpy()


def as_pyqg(case: Ocean) -> Contestant:
    """Return our solver with pyqg's scheme."""
    grid = case.grid()
    equation = QuasiGeostrophicEquation(
        grid, case.layers(), step_filter=exponential_filter(grid), dealias="none"
    )
    advance = AB3(equation, case.dt)

    def one(state: Any) -> State:
        before = [] if state.memory is None else list(state.memory)
        with torch.no_grad():
            if len(before) == 2:
                return advance(state)
            tendencies = [equation.tendency(state.omega_hat), *before]
            weights = _STARTS[len(before)]
            change = sum(w * one for w, one in zip(weights, tendencies, strict=True))
            stepped = (state.omega_hat + case.dt * change) * equation.step_filter
        return State(stepped, state.time + case.dt, torch.stack(tendencies))

    return _contestant(f"tlfourier ab3, {case.precision}", AB3.evaluations, grid, one)


def ours(case: Ocean) -> Contestant:
    """Return our solver as we use it: fourth order, free of aliasing, with hyperviscosity."""
    grid = case.grid()
    equation = QuasiGeostrophicEquation(grid, case.layers(), hyperviscosity_for(grid, 0.1 / case.dt))
    advance = IFRK4(equation, case.dt)

    def one(state: Any) -> State:
        with torch.no_grad():
            return advance(state)

    return _contestant(f"tlfourier ifrk4, {case.precision}", IFRK4.evaluations, grid, one)


def _contestant(name: str, evaluations: int, grid: Grid, one: Any) -> Contestant:
    keep_freed_fields()  # as in a run

    def begin(q: np.ndarray) -> object:
        return State(grid.to_spectral(torch.from_numpy(q).to(grid.dtype)))

    def finish(state: Any) -> np.ndarray:
        return grid.to_physical(state.omega_hat).double().numpy()

    return Contestant(name, evaluations, one, begin, finish)


def pyqg_jax(case: Ocean) -> Contestant:
    """Return pyqg-jax (Otness et al., a port of pyqg to JAX) in float64.

    Raises
    ------
    ModuleNotFoundError
        If pyqg-jax is not installed.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    import pyqg_jax

    model = pyqg_jax.qg_model.QGModel(
        nx=case.size,
        L=case.length,
        rek=case.drag,
        beta=case.beta,
        rd=case.deformation_radius,
        delta=case.thickness_ratio,
        precision=pyqg_jax.state.Precision.DOUBLE,
    )
    stepped = pyqg_jax.steppers.SteppedModel(model, pyqg_jax.steppers.AB3Stepper(dt=case.dt))
    step = jax.jit(stepped.step_model)

    def begin(q: np.ndarray) -> object:
        empty = model.create_initial_state(jax.random.key(0))
        return stepped.initialize_stepper_state(empty.update(q=jnp.asarray(q)))

    def finish(state: Any) -> np.ndarray:
        return np.asarray(state.state.q)

    def one(state: object) -> object:
        return jax.block_until_ready(step(state))

    return Contestant(PEER, AB3.evaluations, one, begin, finish)


def agreement(case: Ocean, hours: tuple[int, ...]) -> list[Row]:
    """Return how far pyqg-jax's field, and ours from a disturbed one, are from ours after some hours.

    Relative distances of potential vorticity. Raises RuntimeError if the codes part faster than rounding
    explains.
    """
    q = case.initial()
    noise = np.random.default_rng(0).standard_normal(q.shape)
    contestants = {"ours": as_pyqg(case), "disturbed": as_pyqg(case), PEER: pyqg_jax(case)}
    states = {name: one.begin(q) for name, one in contestants.items()}
    states["disturbed"] = contestants["disturbed"].begin(q * (1 + ROUNDING * noise))
    rows: list[Row] = []
    done = 0
    for hour in hours:
        steps = round(hour * 3600 / case.dt) - done
        done += steps
        for name, contestant in contestants.items():
            for _ in range(steps):
                states[name] = contestant.step(states[name])
        fields = {name: contestants[name].finish(state) for name, state in states.items()}
        parts = {name: distance(fields[name], fields["ours"]) for name in (PEER, "disturbed")}
        rows.append(
            {"contestant": PEER, "hours": hour, "distance": parts[PEER], "disturbed": parts["disturbed"]}
        )
        if not parts[PEER] < max(ALLOWED * parts["disturbed"], 100 * ROUNDING):
            raise RuntimeError(f"{PEER} leaves our field faster than rounding: {parts} after {hour} h")
    return rows


def measure(quick: bool = False) -> Section:
    """Return the milliseconds per step of every contestant, once their fields have agreed.

    Raises
    ------
    RuntimeError
        If the two codes do not compute the same field.
    """
    use_all_cores()
    case = Ocean(32 if quick else 256)
    makers = [as_pyqg, ours]
    contestants = [make(replace(case, precision=p)) for make in makers for p in ("float64", "float32")]
    skipped, agreed = [], []
    try:
        contestants.append(pyqg_jax(case))
    except ModuleNotFoundError as error:
        skipped = [f"{PEER} ({error}; install the extra 'peers')"]
    else:
        agreed = agreement(Ocean(32 if quick else 64), (1, 24) if quick else (1, 24, 240, 1440))
    q, steps = case.initial(), 8
    times = compare({one.name: one.stepping(q, steps) for one in contestants}, 5 if quick else 20)
    rows: list[Row] = [
        {
            "contestant": name,
            "grid": case.size,
            "fastest_ms": 1e3 * time.fastest / steps,
            "median_ms": 1e3 * time.median / steps,
        }
        for name, time in times.items()
    ]
    goals = []
    if PEER in times and not quick:
        ratio = times[PEER].fastest / times["tlfourier ab3, float64"].fastest
        what = f"ocean, {case.size}², float64: {PEER}'s time per step over ours"
        goals = [Goal(what, ratio, SPEEDUP, "at least")]
    settings = {"case": asdict(case), "threads": torch.get_num_threads(), "agreement": agreed}
    return Section("ocean", "one step of two layers, milliseconds", rows, goals, skipped, settings)

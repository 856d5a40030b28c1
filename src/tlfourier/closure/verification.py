"""Put the exact subgrid term on trial: an LES that is fed with it must follow the filtered DNS.

This test decides every sign. Filtering commutes with time, derivatives and the linear part of the
equation, so the filtered DNS obeys the LES equation with the exact Π at every stage of every step, and an LES
that is fed the recorded Π must repeat it to round-off.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Annotated, TypeAlias

import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.closure.filters import Filter, filtered_equation, subgrid_term
from tlfourier.closure.network import Network
from tlfourier.doors import door
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.pseudospectral import Closure, Equation
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import IFRK4, State
from tlfourier.limits import Range
from tlfourier.modules import for_module
from tlfourier.shapes import Finite, Positive, Samples, Seed, Spectrum

Steps: TypeAlias = Annotated[int, Range(most=10**6)]

FEEDS: Mapping[str, float] = {"exact": 1.0, "none": 0.0, "wrong sign": -1.0}
"""What is fed to the LES: a factor in front of the recorded Π."""


@door
class Recording:
    """Note Π of every state at which a DNS evaluates its right-hand side; then give them back in order.

    ``fine`` and ``coarse`` are the equations of DNS and LES, ``filter`` leads from the fine grid to the
    coarse one.
    """

    def __init__(self, fine: Equation, coarse: Equation, filter: Filter) -> None:
        self.fine, self.coarse, self.filter = fine, coarse, filter
        self.tape: list[Tensor] = []

    def note(self, omega_hat: Spectrum) -> Tensor:
        """Record Π of this state and return zero: a closure of the DNS that changes nothing."""
        self.tape.append(subgrid_term(omega_hat, self.fine, self.coarse, self.filter))
        return torch.zeros_like(omega_hat)

    def play(self, factor: Finite) -> Closure:
        """Return a closure of the LES: ``factor * sgs_hat`` as recorded, whatever its state is."""
        tape = iter(self.tape)
        return lambda omega_bar_hat: factor * next(tape)


@door
def follow(
    fine: VorticityEquation,
    coarse: VorticityEquation,
    filter: Filter,
    omega_hat: Spectrum,
    dt: Positive,
    steps: Steps,
    feeds: Mapping[str, Finite] = FEEDS,
    every: Steps = 1,
) -> xr.Dataset:
    """Feed the Π recorded in a DNS to LES runs, and measure how far each strays from the filtered DNS.

    ``error(feed, t) = norm(omega_les - omega_bar) / norm(omega_bar)``, where the LES carries
    ``-feeds[feed] * sgs``. Returns ``error`` (feed, time); ``omega`` (feed, y, x), the vorticity of each LES
    at the end; ``omega_bar`` (y, x), the filtered DNS at the end.

    Parameters
    ----------
    fine, coarse : VorticityEquation
        The equations of DNS and LES; see `filtered_equation`.
    filter : Filter
        From the fine grid to the coarse one.
    omega_hat : Spectrum, shape (n_fine, n_fine // 2 + 1)
        The state from which all runs begin.
    dt : float
        Time step of all runs (fourth-order, see `IFRK4`).
    steps : int
        Number of steps, a positive multiple of ``every``, else ValueError.
    feeds : mapping of str to float
        Name and factor of each LES.
    every : int
        Steps between two measurements.
    """
    if omega_hat.ndim != 2 or not feeds:
        given = f"omega_hat of shape {tuple(omega_hat.shape)}, feeds {list(feeds)}"
        raise ValueError(f"{given}: one state is needed, and a feed")
    if every < 1 or steps < 1 or steps % every:
        raise ValueError(f"steps={steps}: it must be a positive multiple of every={every}")
    recording = Recording(fine, coarse, filter)
    truth = [filter(state) for state in _run(fine, omega_hat, dt, steps, every, recording.note)]
    errors, final = [], []
    for factor in feeds.values():
        states = _run(coarse, filter(omega_hat), dt, steps, every, recording.play(factor))
        errors.append([_error(state, true, coarse.grid) for state, true in zip(states, truth, strict=True)])
        final.append(coarse.grid.to_physical(states[-1]).numpy())
    time = dt * every * torch.arange(len(truth), dtype=torch.float64).numpy()
    relative = {"long_name": "relative error of the vorticity", "units": "1"}
    return xr.Dataset(
        {
            "error": (("feed", "time"), errors, relative),
            "omega": (("feed", "y", "x"), final, {"long_name": "vorticity of the LES", "units": "time^-1"}),
            "omega_bar": (("y", "x"), coarse.grid.to_physical(truth[-1]).numpy()),
        },
        {"feed": list(feeds), "time": ("time", time, {"long_name": "time", "units": "time"})},
    )


def _run(
    equation: VorticityEquation, omega_hat: Spectrum, dt: float, steps: int, every: int, closure: Closure
) -> list[Tensor]:
    """Return the states at the start and after every ``every`` steps."""
    advance = IFRK4(equation, dt)
    state, states = advance.start(omega_hat), [omega_hat]
    with torch.no_grad():
        for step in range(1, steps + 1):
            state = advance(state, closure)
            if step % every == 0:
                states.append(state.omega_hat)
    return states


def _error(omega_hat: Spectrum, wanted: Spectrum, grid: Grid) -> float:
    """Return the relative error in the 2-norm over all points."""
    difference, reference = grid.to_physical(omega_hat - wanted), grid.to_physical(wanted)
    return (difference.norm() / reference.norm()).item()


@door
def exact_sgs(
    size: int = 64,
    coarse_size: int = 24,
    reynolds: Positive = 1e3,
    k_f: int = 4,
    spin_up: float = 4.0,
    duration: Positive = 2.0,
    dt: Positive = 5e-3,
    seed: Seed = 1,
) -> xr.Dataset:
    """Run the exact-Π trial on a small forced flow, from nothing, in seconds.

    ``size`` is that of the DNS, ``coarse_size`` that of the LES; the drag is 0.1; after ``spin_up`` the trial
    lasts ``duration`` in steps of ``dt``. Returns what `follow` does.
    """
    grid, coarse_grid = Grid(size, dtype=torch.float64), Grid(coarse_size, dtype=torch.float64)
    fine = VorticityEquation(grid, 1 / reynolds, drag=0.1, forcing_hat=two_way_cosine(grid, k_f))
    to_coarse = Filter(grid, coarse_grid)
    coarse = filtered_equation(fine, coarse_grid, to_coarse)
    start = State(random_vorticity(grid, seed=seed))
    (ready,) = simulate(fine, start, Schedule(spin_up, interval=1.0, snapshots=1), progress=False)
    every = max(1, round(0.02 * duration / dt))
    steps = every * math.ceil(duration / dt / every)
    return follow(fine, coarse, to_coarse, ready.omega_hat, dt, steps, every=every)


@door
def shift_error(network: nn.Module, inputs: Samples, shift: tuple[int, int]) -> float:
    """Measure how far a network is from commuting with a shift of the periodic box.

    ``norm(network(roll(x)) - roll(network(x))) / norm(network(x))``, zero for circular padding.

    ``inputs`` are any fields, shape (samples, channels, n, n); ``shift`` is in grid points along y and x.
    """
    inputs = for_module(network, inputs)
    with torch.no_grad():
        moved = network(inputs.roll(shift, dims=(-2, -1)))
        expected = network(inputs).roll(shift, dims=(-2, -1))
    return ((moved - expected).norm() / expected.norm()).item()


@door
def padding_errors(network: Network, inputs: Samples, shift: tuple[int, int]) -> dict[str, float]:
    """Return `shift_error` of the same weights under every padding."""
    errors: dict[str, float] = {}
    circular = dataclasses.replace(network.spec, padding="circular")
    for spec in (circular, dataclasses.replace(circular, padding="zeros")):
        twin = Network(spec)
        twin.load_state_dict(network.state_dict())
        errors[spec.padding] = shift_error(twin, inputs, shift)
    return errors

"""Quasi-geostrophic layers as a system that is studied."""

import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from tlfourier.closure.filters import Filter
from tlfourier.closure.layered_pairs import make_layered_pairs
from tlfourier.flow import energetics
from tlfourier.flow.dissipation import exponential_filter, hyperviscosity_for
from tlfourier.flow.grid import Grid, resize
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.layered_diagnostics import diagnose_layers
from tlfourier.flow.layers import Layers, two_layers
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.simulate import simulate as run
from tlfourier.flow.steppers import STEPPERS, State
from tlfourier.flow.trajectory import write_trajectory
from tlfourier.study.oceans import OceanSpec
from tlfourier.study.stages.system import Recipe, System

AT_FIRST = {"speed": 0.01, "k_peak": 4.0}
"""Root-mean-square velocity in m/s and scale of the spectrum of the random eddies that all begin with."""
_TRANSFORMS = 9 / 4
"""Transforms of two layers over those of one."""
_BLOCK = 32  # snapshots of pairs in memory at once


def recipe(spec: OceanSpec, flow: str) -> dict[str, Any]:
    """Return what decides a simulation of layers."""
    numbers = dataclasses.asdict(spec.flows[flow])
    own = numbers.pop("spin_up")
    del numbers["filter_kind"], numbers["filter_width"]  # through which a flow is seen does not change it
    rest = {**dataclasses.asdict(spec.simulation), "snapshots": spec.split.total}
    return {"system": spec.system, **numbers, **rest, **({} if own is None else {"spin_up": own})}


def layers_of(settings: Recipe) -> Layers:
    """Return the layers of a simulation."""
    named = {name: settings[name] for name in ("deformation_radius", "thickness_ratio", "beta", "drag")}
    return two_layers(**named)


def build_equation(settings: Recipe) -> QuasiGeostrophicEquation:
    """Return the equation of a simulation, with what takes away the smallest scales."""
    grid = Grid(settings["size"], settings["side"], getattr(torch, settings["dtype"]))
    if settings["dissipation"] == "filter":
        factor = exponential_filter(grid)
        return QuasiGeostrophicEquation(grid, layers_of(settings), step_filter=factor, dealias="none")
    damping = hyperviscosity_for(grid, settings["damping"])
    return QuasiGeostrophicEquation(grid, layers_of(settings), hyperviscosity=damping)


def simulate(spec: Recipe, path: Path) -> None:
    """Run layers to disk, each run from random eddies of its own; the early years on a coarse grid."""
    equation, runs = build_equation(spec), spec["runs"]
    schedule = Schedule(spec["spin_up"], spec["interval"], spec["snapshots"] // runs, dt=spec["step"])
    write_trajectory(path, equation, [State(start) for start in _starts(spec)], schedule, spec["stepper"])


def _starts(spec: Recipe) -> list[torch.Tensor]:
    """Return where the runs begin: the same bits whenever they are asked for, so a killed run goes on."""
    early = spec["early"] > 0
    settings = {**spec, **_early(spec)} if early else spec
    equation = build_equation(settings)
    grid, count = equation.grid, equation.layers.count
    eddies = random_vorticity(grid, spec["seed"], AT_FIRST["k_peak"], members=spec["runs"] * count)
    q_hat = equation.potential_vorticity(grid.inverse_k_squared * eddies.unflatten(0, (spec["runs"], count)))
    mean = energetics.kinetic_energy(equation, q_hat).mean(-1)[:, None, None, None]
    starts = list(q_hat * AT_FIRST["speed"] / (2 * mean).sqrt())
    if not early:
        return starts
    # one stop, at the end: each would ask for the speed and for values that are not finite
    schedule = Schedule(spec["early"], spec["early"], 1, dt=settings["step"])
    spun_up = [list(run(equation, State(start), schedule, spec["stepper"]))[-1] for start in starts]
    return [resize(state.omega_hat, grid.size, spec["size"]) for state in spun_up]


def _early(spec: Recipe) -> dict[str, Any]:
    """Return the settings of the early years: a coarser grid, and steps as much longer."""
    return {"size": spec["early_size"], "step": spec["step"] * spec["size"] / spec["early_size"]}


def diagnose(trajectory: xr.Dataset, settings: Recipe) -> xr.Dataset:
    """Describe a trajectory of layers; in single precision what would fill the shipped artifacts."""
    equation, runs = build_equation(settings), settings["runs"]
    found = diagnose_layers(trajectory, equation, kept=1, runs=runs, dt=settings["step"])
    return found.assign(zonal_mean=found["zonal_mean"].astype("float32"))


def pair_blocks(
    trajectory: xr.Dataset,
    filter: Filter,
    fine: QuasiGeostrophicEquation,
    coarse: QuasiGeostrophicEquation,
) -> Iterator[xr.Dataset]:
    """Yield pairs in blocks of few snapshots, all that is ever in memory."""
    for start in range(0, trajectory.sizes["time"], _BLOCK):
        part = trajectory.isel(time=slice(start, start + _BLOCK))
        yield make_layered_pairs(part, filter, fine, coarse, progress=False)


def _work(spec: Recipe) -> float:
    """Return the points of the transforms of all evaluations, those in double precision counted twice."""
    whole = spec["runs"] * spec["spin_up"] + spec["interval"] * spec["snapshots"]
    parts = [(whole, spec), (spec["runs"] * spec["early"], {**spec, **_early(spec)})]
    precision = 2 if spec["dtype"] == "float64" else 1
    each = STEPPERS[spec["stepper"]].evaluations * precision * _TRANSFORMS
    return float(
        sum(time / one["step"] * each * one["size"] ** 2 * math.log2(one["size"]) for time, one in parts)
    )


def _describe(spec: Recipe) -> str:
    numbers = (
        f"r_d {spec['deformation_radius'] / 1e3:g} km, β {spec['beta']:g}, δ {spec['thickness_ratio']:g}"
    )
    return f"simulate an ocean, {numbers}, {spec['size']}²"


OCEAN = System(
    recipe=recipe, equation=build_equation, simulate=simulate, diagnose=diagnose, pair_blocks=pair_blocks,
    work=_work, describe=_describe
)  # fmt: skip

"""The two-dimensional vorticity equation as a system that is studied."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from tlfourier.closure import pairs
from tlfourier.flow import diagnostics, initial
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.steppers import STEPPERS, State
from tlfourier.flow.trajectory import write_trajectory
from tlfourier.study.settings import FlowSpec, StudySpec, forcing
from tlfourier.study.stages.system import Recipe, System


def recipe(spec: StudySpec, flow: str) -> dict[str, Any]:
    """Return what decides a direct simulation."""
    numbers = dataclasses.asdict(spec.flows[flow])
    own, runs = numbers.pop("spin_up"), numbers.pop("runs")
    del numbers["filter_kind"], numbers["filter_width"]  # through which a flow is seen does not change it
    settings = {**numbers, **dataclasses.asdict(spec.simulation), "snapshots": spec.split.total}
    # What is as before there was a choice has no place in a key: older artifacts keep their names.
    settings |= {} if own is None else {"spin_up": own}
    return settings if runs == 1 else {**settings, "runs": runs}


def build_grid(settings: Mapping[str, Any]) -> Grid:
    """Return the simulation's grid."""
    return Grid(settings["size"], dtype=getattr(torch, settings["dtype"]))


def build_equation(settings: Recipe) -> VorticityEquation:
    """Return the vorticity equation of a direct simulation."""
    grid = build_grid(settings)
    flow = FlowSpec(**{f.name: settings[f.name] for f in dataclasses.fields(FlowSpec) if f.name in settings})
    return VorticityEquation(
        grid, viscosity=1 / flow.reynolds, drag=flow.drag, beta=flow.beta, forcing_hat=forcing(grid, flow)
    )


def simulate(spec: Recipe, path: Path) -> None:
    """Run the direct simulation to disk."""
    equation, runs = build_equation(spec), spec.get("runs", 1)
    each = spec["snapshots"] // runs
    schedule = Schedule(spin_up=spec["spin_up"], interval=spec["interval"], snapshots=each, cfl=spec["cfl"])
    starts = map(State, initial.random_vorticity(equation.grid, seed=spec["seed"], members=runs))
    write_trajectory(path, equation, list(starts), schedule, stepper=spec["stepper"])


def diagnose(trajectory: xr.Dataset, settings: Recipe) -> xr.Dataset:
    """Describe a trajectory."""
    return diagnostics.diagnose(trajectory, build_equation(settings), runs=settings.get("runs", 1))


def _work(spec: Recipe) -> float:
    """Return the points of the transforms of all evaluations, those in double precision counted twice."""
    size = spec["size"]
    duration = spec.get("runs", 1) * spec["spin_up"] + spec["interval"] * spec["snapshots"]
    steps = duration * size / spec["cfl"]
    precision = 2 if spec["dtype"] == "float64" else 1
    return float(steps * STEPPERS[spec["stepper"]].evaluations * precision * size**2 * math.log2(size))


def _describe(spec: Recipe) -> str:
    return f"simulate Re {spec['reynolds']:g}, k_f {spec['forcing_wavenumber']}, {spec['size']}²"


VORTICITY = System(
    recipe=recipe, equation=build_equation, simulate=simulate, diagnose=diagnose,
    pair_blocks=pairs.pair_blocks, work=_work, describe=_describe
)  # fmt: skip

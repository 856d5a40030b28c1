"""The stages before any network: simulations, what is seen in them, and pairs to learn from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from tlfourier.closure import filters, pairs
from tlfourier.flow import diagnostics, initial
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.steppers import State
from tlfourier.flow.trajectory import read_trajectory, write_trajectory
from tlfourier.io.netcdf import blocks, open_dataset, read_dataset, write_blocks, write_dataset
from tlfourier.store.node import Node
from tlfourier.store.store import Maker
from tlfourier.study.settings import FlowSpec, forcing


def build_grid(settings: Mapping[str, Any]) -> Grid:
    """Return the simulation's grid."""
    return Grid(settings["size"], dtype=getattr(torch, settings["dtype"]))


def build_equation(settings: Mapping[str, Any], grid: Grid) -> VorticityEquation:
    """Return the vorticity equation of a direct simulation."""
    flow = FlowSpec(**{f.name: settings[f.name] for f in dataclasses.fields(FlowSpec) if f.name in settings})
    return VorticityEquation(
        grid,
        viscosity=1 / flow.reynolds,
        drag=flow.drag,
        beta=flow.beta,
        forcing_hat=forcing(grid, flow),
    )


def make_simulate(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Run the direct simulation to disk."""
    spec = node.spec
    grid = build_grid(spec)
    equation = build_equation(spec, grid)
    runs = spec.get("runs", 1)
    each = spec["snapshots"] // runs
    schedule = Schedule(spin_up=spec["spin_up"], interval=spec["interval"], snapshots=each, cfl=spec["cfl"])
    starts = map(State, initial.random_vorticity(grid, seed=spec["seed"], members=runs))
    write_trajectory(folder / "trajectory", equation, list(starts), schedule, stepper=spec["stepper"])


def make_diagnose(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Write the diagnostics of a trajectory."""
    settings = node.inputs["trajectory"].spec
    equation = build_equation(settings, build_grid(settings))
    trajectory = read_trajectory(inputs["trajectory"] / "trajectory")
    result = diagnostics.diagnose(trajectory, equation, runs=settings.get("runs", 1))
    write_dataset(folder / "diagnostics.nc", result)


def make_filter(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Write ψ̄, ω̄ and Π of every snapshot."""
    settings = node.inputs["trajectory"].spec
    fine = build_equation(settings, build_grid(settings))
    grid = Grid(node.spec["size"], dtype=fine.grid.dtype)
    to_coarse = filters.Filter(fine.grid, grid, kind=node.spec["kind"], width=node.spec["width"] * grid.dx)
    coarse = filters.filtered_equation(fine, grid, to_coarse)
    trajectory = read_trajectory(inputs["trajectory"] / "trajectory")
    parts = pairs.pair_blocks(trajectory, to_coarse, fine, coarse)
    write_blocks(folder / "pairs.nc", parts, trajectory.sizes["time"])


def make_pairs(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Write one block of pairs, once the gaps between the blocks are seen to outlast the flow's memory."""
    settings = dict(node.spec)
    name, samples = settings.pop("split"), settings.pop("samples")
    split = pairs.Split(**settings)
    memory = float(read_dataset(inputs["diagnostics"] / "diagnostics.nc").decorrelation_time)
    flow = node.inputs["filtered"].inputs["trajectory"].spec
    if "runs" in flow:  # a run remembers nothing of the one before it
        memory = min(memory, flow["interval"] * flow["snapshots"] / flow["runs"])
    with open_dataset(inputs["filtered"] / "pairs.nc") as filtered:
        split.check(filtered["time"].values, memory)
        block = split.select(filtered, name)
        if samples is not None:
            block = pairs.subset(block, samples)
        write_blocks(folder / "pairs.nc", blocks(block), block.sizes["time"])


def make_scales(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Write the standard deviation of every variable over the training block."""
    with open_dataset(inputs["train"] / "pairs.nc") as data:
        scales = pairs.Scales.of(data)
    write_dataset(folder / "scales.nc", xr.Dataset(dataclasses.asdict(scales)))


MAKERS: dict[str, Maker] = {
    "simulate": make_simulate,
    "diagnose": make_diagnose,
    "filter": make_filter,
    "pairs": make_pairs,
    "scales": make_scales,
}

"""The stages before any network: simulations, what is seen in them, and pairs to learn from."""

import dataclasses
import math
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from tlfourier.closure import filters, pairs, scalings
from tlfourier.flow import diagnostics, initial
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.steppers import STEPPERS, State
from tlfourier.flow.trajectory import read_trajectory, write_trajectory
from tlfourier.io.netcdf import blocks, open_dataset, read_dataset, write_blocks, write_dataset
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder, Get, Stage
from tlfourier.study.settings import FlowSpec, StudySpec, forcing
from tlfourier.study.stages.artifacts import read_scales

Inputs = Mapping[str, Folder]


def read_file(file: str, node: Node, get: Get) -> xr.Dataset:
    """Read the one dataset of an artifact; ``partial(read_file, name)`` is the reader of a stage."""
    return read_dataset(get(node) / file)


# ------------------------------------------------------------------------------------------- simulate
@cache
def simulate_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of a direct simulation's trajectory."""
    numbers = dataclasses.asdict(spec.flows[flow])
    own, runs = numbers.pop("spin_up"), numbers.pop("runs")
    del numbers["filter_kind"], numbers["filter_width"]  # through which a flow is seen does not change it
    settings = {**numbers, **dataclasses.asdict(spec.simulation), "snapshots": spec.split.total}
    # What is as before there was a choice has no place in a key: older artifacts keep their names.
    settings |= {} if own is None else {"spin_up": own}
    return SIMULATE.of(settings if runs == 1 else {**settings, "runs": runs})


def build_grid(settings: Mapping[str, Any]) -> Grid:
    """Return the simulation's grid."""
    return Grid(settings["size"], dtype=getattr(torch, settings["dtype"]))


def build_equation(settings: Mapping[str, Any], grid: Grid) -> VorticityEquation:
    """Return the vorticity equation of a direct simulation."""
    flow = FlowSpec(**{f.name: settings[f.name] for f in dataclasses.fields(FlowSpec) if f.name in settings})
    return VorticityEquation(
        grid, viscosity=1 / flow.reynolds, drag=flow.drag, beta=flow.beta, forcing_hat=forcing(grid, flow)
    )


def make_simulate(node: Node, inputs: Inputs, folder: Path) -> None:
    """Run the direct simulation to disk."""
    spec, grid, runs = node.spec, build_grid(node.spec), node.spec.get("runs", 1)
    equation, each = build_equation(spec, grid), spec["snapshots"] // runs
    schedule = Schedule(spin_up=spec["spin_up"], interval=spec["interval"], snapshots=each, cfl=spec["cfl"])
    starts = map(State, initial.random_vorticity(grid, seed=spec["seed"], members=runs))
    write_trajectory(folder / "trajectory", equation, list(starts), schedule, stepper=spec["stepper"])


def trajectory(folder: Folder) -> xr.Dataset:
    """Open the trajectory in a simulation's folder, which lies on disk: it is too large to be shipped."""
    assert isinstance(folder, Path)
    return read_trajectory(folder / "trajectory")


def read_simulation(node: Node, get: Get) -> xr.Dataset:
    """Open a trajectory."""
    return trajectory(get(node))


def _steps(node: Node) -> float:
    """Return the points of the transforms of all evaluations, those in double precision counted twice."""
    spec, size = node.spec, node.spec["size"]
    duration = spec.get("runs", 1) * spec["spin_up"] + spec["interval"] * spec["snapshots"]
    steps = duration * size / spec["cfl"]
    precision = 2 if spec["dtype"] == "float64" else 1
    return float(steps * STEPPERS[spec["stepper"]].evaluations * precision * size**2 * math.log2(size))


def describe(node: Node) -> str:
    """Say which simulation a node is, or what is done with one."""
    if node.stage != "simulate":
        return f"{node.stage}: {describe(node.inputs['trajectory'])}"
    spec = node.spec
    return f"simulate Re {spec['reynolds']:g}, k_f {spec['forcing_wavenumber']}, {spec['size']}²"


SIMULATE = Stage(
    "simulate", 1, node=simulate_node, make=make_simulate, read=read_simulation, work=_steps, rate=1.3e-9,
    describe=describe, resumable=True
)  # fmt: skip


# ------------------------------------------------------------------------------------------- diagnose
@cache
def diagnose_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of a trajectory's diagnostics."""
    return DIAGNOSE.of({}, {"trajectory": simulate_node(spec, flow)})


def make_diagnose(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write the diagnostics of a trajectory."""
    settings = node.inputs["trajectory"].spec
    equation = build_equation(settings, build_grid(settings))
    result = diagnostics.diagnose(trajectory(inputs["trajectory"]), equation, runs=settings.get("runs", 1))
    write_dataset(folder / "diagnostics.nc", result)


def _transforms(node: Node) -> float:
    spec = node.inputs["trajectory"].spec
    return float(spec["snapshots"] * spec["size"] ** 2 * math.log2(spec["size"]))


DIAGNOSE = Stage(
    "diagnose", 1, node=diagnose_node, make=make_diagnose, read=partial(read_file, "diagnostics.nc"),
    work=_transforms, rate=3.2e-8, describe=describe
)  # fmt: skip


# --------------------------------------------------------------------------------------------- filter
@cache
def filter_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of all filtered snapshots of a flow with their subgrid term."""
    return FILTER.of(dataclasses.asdict(spec.filter_of(flow)), {"trajectory": simulate_node(spec, flow)})


def make_filter(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write ψ̄, ω̄ and Π of every snapshot."""
    settings = node.inputs["trajectory"].spec
    fine = build_equation(settings, build_grid(settings))
    grid = Grid(node.spec["size"], dtype=fine.grid.dtype)
    to_coarse = filters.Filter(fine.grid, grid, kind=node.spec["kind"], width=node.spec["width"] * grid.dx)
    coarse = filters.filtered_equation(fine, grid, to_coarse)
    snapshots = trajectory(inputs["trajectory"])
    parts = pairs.pair_blocks(snapshots, to_coarse, fine, coarse)
    write_blocks(folder / "pairs.nc", parts, snapshots.sizes["time"])


FILTER = Stage(
    "filter", 1, node=filter_node, make=make_filter, read=partial(read_file, "pairs.nc"), work=_transforms,
    rate=1.1e-8, describe=describe
)  # fmt: skip


# ---------------------------------------------------------------------------------------------- pairs
@cache
def pairs_node(spec: StudySpec, flow: str, split: str, samples: int | None = None) -> Node:
    """Return the node of one block of pairs; ``samples`` picks that many, evenly spread."""
    block = spec.split.indices(split)
    chosen = None if samples == block.stop - block.start else samples
    settings = {"split": split, "samples": chosen, **dataclasses.asdict(spec.split)}
    data = {"filtered": filter_node(spec, flow), "diagnostics": diagnose_node(spec, flow)}
    return PAIRS.of(settings, data)


def make_pairs(node: Node, inputs: Inputs, folder: Path) -> None:
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


def sample_count(block: Node) -> int:
    """Return the number of samples of a block of pairs."""
    return int(block.spec["samples"] or block.spec[block.spec["split"]])


def points(block: Node) -> int:
    """Return the points of one sample."""
    return int(block.inputs["filtered"].spec["size"]) ** 2


def _filtered_points(node: Node) -> float:
    filtered = node.inputs["filtered"]
    return float(filtered.inputs["trajectory"].spec["snapshots"] * filtered.spec["size"] ** 2)


def describe_pairs(node: Node) -> str:
    """Say which block of pairs a node is."""
    samples = f", {node.spec['samples']}" if node.spec["samples"] else ""
    return f"pairs of the {node.spec['split']} block{samples}"


PAIRS = Stage(
    "pairs", 1, node=pairs_node, make=make_pairs, read=partial(read_file, "pairs.nc"),
    work=_filtered_points, rate=1e-7, describe=describe_pairs
)  # fmt: skip


# --------------------------------------------------------------------------------------------- scales
@cache
def scales_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of a flow's standard deviations, from its training block only."""
    return SCALES.of({}, {"train": pairs_node(spec, flow, "train")})


def make_scales(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write the standard deviation of every variable over the training block."""
    with open_dataset(inputs["train"] / "pairs.nc") as data:
        scales = pairs.Scales.of(data)
    write_dataset(folder / "scales.nc", xr.Dataset(dataclasses.asdict(scales)))


def read_standard_deviations(node: Node, get: Get) -> pairs.Scales:
    """Read a flow's standard deviations."""
    return read_scales(get(node))


def _values(node: Node) -> float:
    return float(sample_count(node.inputs["train"]) * points(node.inputs["train"]))


def _describe_scales(node: Node) -> str:
    return f"standard deviations of the {describe_pairs(node.inputs['train'])}"


SCALES = Stage(
    "scales", 1, node=scales_node, make=make_scales, read=read_standard_deviations, work=_values,
    rate=2.4e-7, describe=_describe_scales
)  # fmt: skip


# -------------------------------------------------------------------------------------------- scaling
@cache
def scaling_node(name: str, base: Node, target: Node) -> Node:
    """Return the node of the scales by which a network of the flow ``base`` sees the flow ``target``.

    Both are nodes of standard deviations.
    """
    if base == target or name in ("own", "base"):
        return base if name == "base" else target
    return SCALING.of({"scaling": name}, {"base": base, "target": target})


def make_scaling(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write the scales, and whether they are used with a time of each sample."""
    base, target = (read_scales(inputs[name]) for name in ("base", "target"))
    filters_used = (node.inputs[name].inputs["train"].inputs["filtered"].spec for name in ("base", "target"))
    before, after = (1 / spec["size"] for spec in filters_used)  # the domain is one
    found = scalings.scaling(node.spec["scaling"], base, target, (before, after))
    about = {"per_sample": int(isinstance(found, scalings.SampleScales))}
    write_dataset(folder / "scales.nc", xr.Dataset(dataclasses.asdict(found), attrs=about))


def _one_scaling(node: Node) -> float:
    return 1.0


def _describe_scaling(node: Node) -> str:
    return f"units of the base flow, {node.spec['scaling']}"


SCALING = Stage(
    "scaling", 1, node=scaling_node, make=make_scaling, read=read_standard_deviations, work=_one_scaling,
    rate=2e-2, describe=_describe_scaling
)  # fmt: skip

STAGES = (SIMULATE, DIAGNOSE, FILTER, PAIRS, SCALES, SCALING)

"""The stages before any network: simulations, what is seen in them, and pairs to learn from."""

import dataclasses
import math
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

import xarray as xr

from tlfourier.closure import filters, pairs
from tlfourier.closure.layered_scales import LayeredScales
from tlfourier.flow.grid import Grid
from tlfourier.flow.pseudospectral import Equation
from tlfourier.flow.trajectory import read_trajectory
from tlfourier.io.netcdf import blocks, open_dataset, read_dataset, write_blocks, write_dataset
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder, Get, Stage
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages.artifacts import (
    AnyScales,
    change_scales,
    read_scales,
    write_scales,
    write_scaling,
)
from tlfourier.study.stages.ocean import OCEAN
from tlfourier.study.stages.system import System, simulation_of
from tlfourier.study.stages.vorticity import VORTICITY

Inputs = Mapping[str, Folder]
SYSTEMS: Mapping[str, System] = {"vorticity": VORTICITY, "ocean": OCEAN}
"""By the name that settings and recipes have."""


def read_file(file: str, node: Node, get: Get) -> xr.Dataset:
    """Read the one dataset of an artifact; ``partial(read_file, name)`` is the reader of a stage."""
    return read_dataset(get(node) / file)


# ------------------------------------------------------------------------------------------- simulate
@cache
def simulate_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of a direct simulation's trajectory."""
    return SIMULATE.of(SYSTEMS[spec.system].recipe(spec, flow))


def system_of(node: Node) -> System:
    """Return the system of which a node of data is."""
    return SYSTEMS[simulation_of(node).get("system", "vorticity")]


def make_simulate(node: Node, inputs: Inputs, folder: Path) -> None:
    """Run the direct simulation to disk."""
    system_of(node).simulate(node.spec, folder / "trajectory")


def trajectory(folder: Folder) -> xr.Dataset:
    """Open the trajectory in a simulation's folder, which lies on disk: it is too large to be shipped."""
    assert isinstance(folder, Path)
    return read_trajectory(folder / "trajectory")


def read_simulation(node: Node, get: Get) -> xr.Dataset:
    """Open a trajectory."""
    return trajectory(get(node))


def _steps(node: Node) -> float:
    return system_of(node).work(node.spec)


def describe(node: Node) -> str:
    """Say which simulation a node is, or what is done with one."""
    if node.stage != "simulate":
        return f"{node.stage}: {describe(node.inputs['trajectory'])}"
    return system_of(node).describe(node.spec)


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
    result = system_of(node).diagnose(trajectory(inputs["trajectory"]), node.inputs["trajectory"].spec)
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


def equations(node: Node) -> tuple[filters.Filter, Equation, Equation]:
    """Return the filter of a node of filtered snapshots, and the equations between which it leads."""
    fine = system_of(node).equation(node.inputs["trajectory"].spec)
    grid = Grid(node.spec["size"], fine.grid.length, fine.grid.dtype)
    to_coarse = filters.Filter(fine.grid, grid, kind=node.spec["kind"], width=node.spec["width"] * grid.dx)
    return to_coarse, fine, filters.filtered_equation(fine, grid, to_coarse)


def make_filter(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write what an LES knows of every snapshot, and Π."""
    snapshots = trajectory(inputs["trajectory"])
    parts = system_of(node).pair_blocks(snapshots, *equations(node))
    write_blocks(folder / "pairs.nc", parts, snapshots.sizes["time"])


FILTER = Stage(
    "filter", 1, node=filter_node, make=make_filter, read=partial(read_file, "pairs.nc"), work=_transforms,
    rate=1.1e-8, describe=describe
)  # fmt: skip


# ---------------------------------------------------------------------------------------------- pairs
@cache
def pairs_node(spec: StudySpec, flow: str, split: str, samples: int | None = None) -> Node:
    """Return the node of one block of pairs; ``samples`` picks that many, evenly spread.

    By default all are, but of the test block as many as are scored.
    """
    block = spec.split.indices(split)
    size = block.stop - block.start
    every = min(spec.scored, size) if split == "test" else size
    wanted = every if samples is None else samples
    chosen = None if wanted == size else wanted
    settings = {"split": split, "samples": chosen, **dataclasses.asdict(spec.split)}
    data = {"filtered": filter_node(spec, flow), "diagnostics": diagnose_node(spec, flow)}
    return PAIRS.of(settings, data)


def make_pairs(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write one block of pairs, once the gaps between the blocks are seen to outlast the flow's memory."""
    settings = dict(node.spec)
    name, samples = settings.pop("split"), settings.pop("samples")
    split = pairs.Split(**settings)
    memory = float(read_dataset(inputs["diagnostics"] / "diagnostics.nc").decorrelation_time.max())
    flow = simulation_of(node)
    if "runs" in flow:  # a run remembers nothing of the one before it
        each = flow["snapshots"] // flow["runs"]
        alone = all(split.indices(block).start % each == 0 for block in pairs.SPLITS)
        memory = 0.0 if alone else min(memory, flow["interval"] * each)
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
    seen = {} if spec.system == "vorticity" else {"seen": list(spec.quantities)}
    return SCALES.of(seen, {"train": pairs_node(spec, flow, "train")})


def make_scales(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write the standard deviation of every variable over the training block."""
    with open_dataset(inputs["train"] / "pairs.nc") as data:
        seen = node.spec.get("seen")
        write_scales(folder, pairs.Scales.of(data) if seen is None else LayeredScales.of(data, seen))


def read_standard_deviations(node: Node, get: Get) -> AnyScales:
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
    base, target = read_scales(inputs["base"]), read_scales(inputs["target"])
    filters_used = (node.inputs[name].inputs["train"].inputs["filtered"].spec for name in ("base", "target"))
    before, after = (1 / spec["size"] for spec in filters_used)  # the domain is one
    write_scaling(folder, change_scales(node.spec["scaling"], base, target, (before, after)))


def _one_scaling(node: Node) -> float:
    return 1.0


def _describe_scaling(node: Node) -> str:
    return f"units of the base flow, {node.spec['scaling']}"


SCALING = Stage(
    "scaling", 1, node=scaling_node, make=make_scaling, read=read_standard_deviations, work=_one_scaling,
    rate=2e-2, describe=_describe_scaling
)  # fmt: skip

STAGES = (SIMULATE, DIAGNOSE, FILTER, PAIRS, SCALES, SCALING)

"""The stages of a study: how each kind of artifact is named, and how it is made.

Every function ``<stage>_node`` builds a node from the study's settings; every function ``make_<stage>``
writes its files. Nothing here decides what a page shows.
"""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from tlfourier.closure import filters, pairs, scores
from tlfourier.closure.baselines import OutputGain
from tlfourier.closure.network import Network, NetworkSpec, load_network, predict, save_network
from tlfourier.closure.training import Diverged, TrainingSpec, train
from tlfourier.closure.transfer import TransferSpec, transfer
from tlfourier.flow import diagnostics, forcing, initial
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.steppers import State
from tlfourier.flow.trajectory import read_trajectory, write_trajectory
from tlfourier.study.artifacts import (
    open_dataset,
    read_dataset,
    read_network,
    read_scales,
    read_tensors,
    write_dataset,
    write_layers,
)
from tlfourier.study.config import FlowSpec, StudySpec
from tlfourier.study.node import Node
from tlfourier.study.store import Maker
from tlfourier.study.stream import blocks, read_samples, write_blocks

RESUMABLE = frozenset({"simulate", "train"})


# ------------------------------------------------------------------------------------------------ nodes


def simulate_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of a direct simulation's trajectory."""
    settings = {**dataclasses.asdict(spec.flows[flow]), **dataclasses.asdict(spec.simulation)}
    return Node("simulate", 1, {**settings, "snapshots": spec.split.total})


def diagnose_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of a trajectory's diagnostics."""
    return Node("diagnose", 1, {}, {"trajectory": simulate_node(spec, flow)})


def filter_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of all filtered snapshots of a flow with their subgrid term."""
    return Node("filter", 1, dataclasses.asdict(spec.filter), {"trajectory": simulate_node(spec, flow)})


def pairs_node(spec: StudySpec, flow: str, split: str, samples: int | None = None) -> Node:
    """Return the node of one block of pairs; ``samples`` picks that many, evenly spread."""
    block = spec.split.indices(split)
    chosen = None if samples == block.stop - block.start else samples
    settings = {"split": split, "samples": chosen, **dataclasses.asdict(spec.split)}
    data = {"filtered": filter_node(spec, flow), "diagnostics": diagnose_node(spec, flow)}
    return Node("pairs", 1, settings, data)


def scales_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of a flow's standard deviations, from its training block only."""
    return Node("scales", 1, {}, {"train": pairs_node(spec, flow, "train")})


def train_node(spec: StudySpec, flow: str, seed: int, few: bool = False) -> Node:
    """Return the node of a network trained from nothing on a flow, on all samples or on the few."""
    settings = dataclasses.replace(spec.training, seed=seed)
    if few:
        budget = spec.transfer
        steps_an_epoch = -(-budget.samples // spec.training.batch_size)
        settings = dataclasses.replace(
            settings, samples=budget.samples, epochs=-(-budget.scratch_steps // steps_an_epoch)
        )
    data = {
        "train": pairs_node(spec, flow, "train", settings.samples),
        "validation": pairs_node(spec, flow, "validation"),
        "scales": scales_node(spec, flow),
    }
    recipe = {"network": dataclasses.asdict(spec.network), "training": dataclasses.asdict(settings)}
    return Node("train", 1, recipe, data)


def transfer_node(spec: StudySpec, case: str, layers: tuple[int, ...], seed: int, on: str = "target") -> Node:
    """Return the node of a base network with ``layers`` re-trained on the target's few samples.

    ``on="base"`` trains on as many samples of the base flow instead: the null model of a change of weights.
    """
    flow = getattr(spec.cases[case], on)
    budget = spec.transfer
    settings = TransferSpec(
        layers=layers,
        steps=budget.steps,
        batch_size=budget.batch_size,
        learning_rate=budget.learning_rate,
        precision=spec.training.precision,
        rotate=spec.training.rotate,
        seed=seed,
    )
    data = {
        "base": train_node(spec, spec.cases[case].base, seed),
        "few": pairs_node(spec, flow, "train", budget.samples),
        "validation": pairs_node(spec, flow, "validation"),
        "scales": scales_node(spec, flow),
    }
    recipe = dataclasses.asdict(settings)
    # Chosen on validation, a null model of how far the steps move the weights would often stay where it was.
    return Node("transfer", 1, {**recipe, "keep": "end"} if on == "base" else recipe, data)


def score_node(spec: StudySpec, flow: str, network: Node, gain: bool = False, split: str = "test") -> Node:
    """Return the node of a network's scores on a flow; ``gain`` fits one output factor first."""
    data = {"network": network, "pairs": pairs_node(spec, flow, split), "scales": scales_node(spec, flow)}
    if network.stage == "transfer":
        data["base"] = network.inputs["base"]
    if gain:
        data["few"] = pairs_node(spec, flow, "train", spec.transfer.samples)
    return Node("score", 1, {"gain": gain}, data)


# ------------------------------------------------------------------------------------------------ makers


def build_grid(settings: Mapping[str, Any]) -> Grid:
    """Return the simulation's grid."""
    return Grid(settings["size"], dtype=getattr(torch, settings["dtype"]))


def build_equation(settings: Mapping[str, Any], grid: Grid) -> VorticityEquation:
    """Return the vorticity equation of a direct simulation."""
    flow = FlowSpec(**{f.name: settings[f.name] for f in dataclasses.fields(FlowSpec)})
    return VorticityEquation(
        grid,
        viscosity=1 / flow.reynolds,
        drag=flow.drag,
        beta=flow.beta,
        forcing_hat=forcing.two_way_cosine(grid, flow.forcing_wavenumber),
    )


def make_simulate(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Run the direct simulation to disk."""
    spec = node.spec
    grid = build_grid(spec)
    equation = build_equation(spec, grid)
    schedule = Schedule(
        spin_up=spec["spin_up"], interval=spec["interval"], snapshots=spec["snapshots"], cfl=spec["cfl"]
    )
    start = State(initial.random_vorticity(grid, seed=spec["seed"]))
    write_trajectory(folder / "trajectory", equation, start, schedule, stepper=spec["stepper"])


def make_diagnose(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Write the diagnostics of a trajectory."""
    settings = node.inputs["trajectory"].spec
    equation = build_equation(settings, build_grid(settings))
    trajectory = read_trajectory(inputs["trajectory"] / "trajectory")
    write_dataset(folder / "diagnostics.nc", diagnostics.diagnose(trajectory, equation))


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
    memory = float(read_dataset(inputs["diagnostics"] / "diagnostics.nc")["decorrelation_time"])
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


def make_train(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Train a network from nothing."""
    training = TrainingSpec(**node.spec["training"])
    network = Network(NetworkSpec(**node.spec["network"]), seed=training.seed)
    scales = read_scales(inputs["scales"])
    shutil.rmtree(folder / "diverged", ignore_errors=True)
    with _keeping_what_was_good(network, folder / "diverged"):
        history = train(
            network,
            *read_samples(inputs["train"], scales, folder / "scratch"),
            validation=read_tensors(inputs["validation"], scales),
            spec=training,
            checkpoint=folder / "checkpoint",
        )
    shutil.rmtree(folder / "checkpoint")
    shutil.rmtree(folder / "scratch", ignore_errors=True)
    write_dataset(folder / "history.nc", history)
    save_network(folder / "network.safetensors", network)


@contextlib.contextmanager
def _keeping_what_was_good(network: Network, folder: Path) -> Iterator[None]:
    """Save the network of a training that diverges, which was put back to its best epoch, for a person."""
    try:
        yield
    except Diverged as error:
        save_network(folder / "network.safetensors", network)
        raise Diverged(f"{error}; that state is kept in {folder}") from None


def make_transfer(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Re-train a set of layers; only they are written, the rest is the base network's."""
    recipe = dict(node.spec)
    keep = recipe.pop("keep", "best")
    settings = TransferSpec(**{**recipe, "layers": tuple(recipe["layers"])})
    base = load_network(inputs["base"] / "network.safetensors")
    scales = read_scales(inputs["scales"])
    network, history = transfer(
        base,
        *read_tensors(inputs["few"], scales),
        validation=read_tensors(inputs["validation"], scales),
        spec=settings,
        keep=keep,
    )
    write_dataset(folder / "history.nc", history)
    write_layers(folder / "layers.safetensors", network, settings.layers)


def make_score(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    """Score a network on a block of pairs, in physical units."""
    scales = read_scales(inputs["scales"])
    network: torch.nn.Module = read_network(inputs)
    if node.spec["gain"]:
        network = OutputGain.fit(network, *read_tensors(inputs["few"], scales))
    block = read_dataset(inputs["pairs"] / "pairs.nc")
    given, wanted = pairs.to_tensors(block, scales)
    predicted = predict(network, given)
    psi, omega = (torch.as_tensor(block[name].values) for name in ("psi", "omega"))
    result = scores.score(predicted[:, 0] * scales.sgs, wanted[:, 0] * scales.sgs, psi=psi, omega=omega)
    write_dataset(folder / "scores.nc", result)


MAKERS: dict[str, Maker] = {
    "simulate": make_simulate,
    "diagnose": make_diagnose,
    "filter": make_filter,
    "pairs": make_pairs,
    "scales": make_scales,
    "train": make_train,
    "transfer": make_transfer,
    "score": make_score,
}

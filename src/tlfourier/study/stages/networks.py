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

import torch

from tlfourier.closure import pairs, scores
from tlfourier.closure.baselines import OutputGain
from tlfourier.closure.network import Network, NetworkSpec, load_network, predict, save_network
from tlfourier.closure.training import Diverged, TrainingSpec, train
from tlfourier.closure.transfer import TransferSpec, transfer
from tlfourier.io.netcdf import read_dataset, write_dataset
from tlfourier.store.node import Node
from tlfourier.store.store import Maker
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages import data
from tlfourier.study.stages.artifacts import read_network, read_scales, read_tensors, write_layers
from tlfourier.study.stages.samples import read_samples

RESUMABLE = frozenset({"simulate", "train"})


# ------------------------------------------------------------------------------------------------ nodes


def simulate_node(spec: StudySpec, flow: str) -> Node:
    """Return the node of a direct simulation's trajectory."""
    numbers = dataclasses.asdict(spec.flows[flow])
    own, runs = numbers.pop("spin_up"), numbers.pop("runs")
    settings = {**numbers, **dataclasses.asdict(spec.simulation), "snapshots": spec.split.total}
    # What is as before there was a choice has no place in a key: older artifacts keep their names.
    settings |= {} if own is None else {"spin_up": own}
    return Node("simulate", 1, settings if runs == 1 else {**settings, "runs": runs})


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


def applied_scales(spec: StudySpec, flow: str, network: Node) -> Node:
    """Return the node of the scales by which a network sees a flow: the flow's own, or those it came with."""
    return network.inputs["scales"] if spec.transfer.normalisation == "base" else scales_node(spec, flow)


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


def transfer_node(
    spec: StudySpec,
    case: str,
    layers: tuple[int, ...],
    seed: int,
    on: str = "target",
    channels: int | None = None,
) -> Node:
    """Return the node of a base network with ``layers`` re-trained on the target's few samples.

    ``on="base"`` trains on as many samples of the base flow instead: the null model of a change of weights.
    ``channels`` re-trains only so many output channels of each layer.
    """
    flow = getattr(spec.case(case), on)
    budget = spec.transfer
    settings = TransferSpec(
        layers=layers,
        steps=budget.steps,
        batch_size=budget.batch_size,
        learning_rate=budget.learning_rate,
        precision=spec.training.precision,
        rotate=spec.training.rotate,
        seed=seed,
        channels=channels,
        optimiser=budget.optimiser,
    )
    base = train_node(spec, spec.case(case).base, seed)
    data = {
        "base": base,
        "few": pairs_node(spec, flow, "train", budget.samples),
        "validation": pairs_node(spec, flow, "validation"),
        "scales": applied_scales(spec, flow, base),
    }
    recipe = dataclasses.asdict(settings)
    if channels is None:
        del recipe["channels"]
    if budget.optimiser == "fresh":
        del recipe["optimiser"]
    else:
        data["home"] = pairs_node(spec, spec.case(case).base, "train", budget.samples)
        data["home_scales"] = base.inputs["scales"]
    # Chosen on validation, a null model of how far the steps move the weights would often stay where it was.
    return Node("transfer", 1, {**recipe, "keep": "end"} if on == "base" else recipe, data)


def score_node(spec: StudySpec, flow: str, network: Node, gain: bool = False, split: str = "test") -> Node:
    """Return the node of a network's scores on a flow; ``gain`` fits one output factor first."""
    scales = applied_scales(spec, flow, network)
    data = {"network": network, "pairs": pairs_node(spec, flow, split), "scales": scales}
    if network.stage == "transfer":
        data["base"] = network.inputs["base"]
    if gain:
        data["few"] = pairs_node(spec, flow, "train", spec.transfer.samples)
    return Node("score", 1, {"gain": gain}, data)


# ------------------------------------------------------------------------------------------------ makers


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
    home = read_tensors(inputs["home"], read_scales(inputs["home_scales"])) if "home" in inputs else None
    network, history = transfer(
        base,
        *read_tensors(inputs["few"], scales),
        validation=read_tensors(inputs["validation"], scales),
        spec=settings,
        keep=keep,
        home=home,
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
    **data.MAKERS,
    "train": make_train,
    "transfer": make_transfer,
    "score": make_score,
}

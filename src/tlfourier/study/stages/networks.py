"""The stages of networks: trained from nothing, some layers re-trained, and scored on a flow."""

import contextlib
import dataclasses
import shutil
from collections.abc import Iterator
from functools import cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch
import xarray as xr

from tlfourier.closure.baselines import OutputGain
from tlfourier.closure.network import Network, NetworkSpec, load_network, predict, save_network
from tlfourier.closure.repairs import rewritten
from tlfourier.closure.training import Diverged, TrainingSpec, train
from tlfourier.closure.transfer import TransferSpec, transfer
from tlfourier.io.netcdf import read_dataset, write_dataset
from tlfourier.store.node import Node
from tlfourier.store.stage import Get, Stage
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages.artifacts import (
    as_tensors,
    read_network,
    read_scales,
    read_tensors,
    read_weights,
    score_block,
    write_parameters,
)
from tlfourier.study.stages.data import (
    Inputs,
    pairs_node,
    points,
    read_file,
    sample_count,
    scales_node,
    scaling_node,
)
from tlfourier.study.stages.samples import read_samples


def applied_scales(spec: StudySpec, flow: str, network: Node) -> Node:
    """Return the node of the scales by which a network sees a flow, as `TransferSettings.scaling` says.

    On the flow that it was trained on, a network sees what it was trained on.
    """
    known = trained_from(network).inputs["scales"]
    return scaling_node(spec.transfer.scaling, known, scales_node(spec, flow))


def trained_from(network: Node) -> Node:
    """Return the node of the network that was trained from nothing: this one, or the base of a repair."""
    return network.inputs.get("base", network)


def folders_of(network: Node) -> dict[str, Node]:
    """Return the inputs from which a network is read: its own node, and that of its base."""
    return {"network": network} | ({"base": network.inputs["base"]} if "base" in network.inputs else {})


def multiplications(network: NetworkSpec, first: int = 1) -> int:
    """Return the multiplications per point of one forward pass through the layers from ``first`` on."""
    widths = list(pairwise(network.widths()))[first - 1 :]
    return network.kernel_size**2 * sum(before * after for before, after in widths)


def multiplications_of(network: Node, first: int = 1) -> int:
    """Return the same of a network that is a node."""
    return multiplications(NetworkSpec(**trained_from(network).spec["network"]), first)


def read_model(node: Node, get: Get) -> Network:
    """Read a network, whether trained from nothing or transferred."""
    return read_network({name: get(one) for name, one in folders_of(node).items()})


def read_history(node: Node, get: Get) -> xr.Dataset:
    """Read the loss curves of a training or a transfer."""
    return read_file("history.nc", node, get)


def describe(node: Node) -> str:
    """Say which network a node is."""
    spec = node.spec
    if node.stage == "train":
        return f"train on {spec['training']['samples']} samples, seed {spec['training']['seed']}"
    layers = ",".join(map(str, spec["layers"]))
    seed = trained_from(node).spec["training"]["seed"]
    kind = " (null)" if spec.get("keep") == "end" else ""
    done = f"repair by {spec['repair']} of" if node.stage == "repair" else "re-train"
    return f"{done} layers {layers}, seed {seed}{kind}"


def describe_use(node: Node) -> str:
    """Say of which network a node is an analysis."""
    return f"{node.stage}: {describe(node.inputs['network'])}"


def turned(spec: StudySpec, flow: str) -> bool:
    """Tell whether samples of a flow are turned by right angles: not where one direction differs."""
    return spec.training.rotate and spec.flows[flow].isotropic


# ---------------------------------------------------------------------------------------------- train
@cache
def train_node(spec: StudySpec, flow: str, seed: int, few: bool = False) -> Node:
    """Return the node of a network trained from nothing on a flow, on all samples or on the few."""
    settings = dataclasses.replace(spec.training, seed=seed, rotate=turned(spec, flow))
    if few:
        samples = spec.transfer.samples
        steps_an_epoch = -(-samples // spec.training.batch_size)
        epochs = -(-spec.transfer.scratch_steps // steps_an_epoch)
        settings = dataclasses.replace(settings, samples=samples, epochs=epochs)
    data = {
        "train": pairs_node(spec, flow, "train", settings.samples),
        "validation": pairs_node(spec, flow, "validation"),
        "scales": scales_node(spec, flow),
    }
    recipe = {"network": dataclasses.asdict(spec.network), "training": dataclasses.asdict(settings)}
    return TRAIN.of(recipe, data)


def make_train(node: Node, inputs: Inputs, folder: Path) -> None:
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


def _training_work(node: Node) -> float:
    training, size = node.spec["training"], points(node.inputs["train"])
    each = 3 * training["samples"] + sample_count(node.inputs["validation"])
    return float(training["epochs"] * each * multiplications_of(node) * size)


TRAIN = Stage(
    "train", 1, node=train_node, make=make_train, read=read_model, work=_training_work, rate=1.7e-11,
    describe=describe, resumable=True
)  # fmt: skip


# ------------------------------------------------------------------------------------------- transfer
@cache
def transfer_node(
    spec: StudySpec,
    case: str,
    layers: tuple[int, ...],
    seed: int,
    on: str = "target",
) -> Node:
    """Return the node of a base network with ``layers`` re-trained on the target's few samples.

    ``on="base"`` trains on as many samples of the base flow instead: the null model of a change of weights.
    """
    flow = getattr(spec.case(case), on)
    recipe = {**transfer_settings(spec, flow, layers, seed), "optimiser": spec.transfer.optimiser}
    data = transfer_inputs(spec, case, seed, on)
    if spec.transfer.optimiser != "fresh":
        data["home"] = pairs_node(spec, spec.case(case).base, "train", spec.transfer.samples)
        data["home_scales"] = data["base"].inputs["scales"]
    # Chosen on validation, a null model of how far the steps move the weights would often stay where it was.
    return TRANSFER.of({**recipe, "keep": "end"} if on == "base" else recipe, data)


def transfer_settings(spec: StudySpec, flow: str, layers: tuple[int, ...], seed: int) -> dict[str, Any]:
    """Return the settings that every transfer to a flow has."""
    budget = spec.transfer
    settings = TransferSpec(
        layers=layers, steps=budget.steps, batch_size=budget.batch_size, learning_rate=budget.learning_rate,
        precision=spec.training.precision, rotate=turned(spec, flow), seed=seed
    )  # fmt: skip
    return {**dataclasses.asdict(settings), "looks": budget.looks}


def transfer_inputs(spec: StudySpec, case: str, seed: int, on: str = "target") -> dict[str, Node]:
    """Return what every transfer needs: the base network, and samples of a flow as that one sees them."""
    flow, base = getattr(spec.case(case), on), train_node(spec, spec.case(case).base, seed)
    applied, own = applied_scales(spec, flow, base), scales_node(spec, flow)
    weighed = getattr(spec.transfer, "weighting", "scaling") == "own" and applied != own
    return {
        "base": base,
        "few": pairs_node(spec, flow, "train", spec.transfer.samples),
        "validation": pairs_node(spec, flow, "validation"),
        "scales": applied,
        **({"own": own} if weighed else {}),
    }


def make_transfer(node: Node, inputs: Inputs, folder: Path) -> None:
    """Re-train a set of layers; only they are written, the rest is the base network's."""
    recipe = dict(node.spec)
    keep, looks = recipe.pop("keep", "best"), recipe.pop("looks")
    settings = TransferSpec(**{**recipe, "layers": tuple(recipe["layers"])})
    base = load_network(inputs["base"] / "network.safetensors")
    scales = read_scales(inputs["scales"])
    home = read_tensors(inputs["home"], read_scales(inputs["home_scales"])) if "home" in inputs else None
    few, validation = (read_tensors(inputs[name], scales) for name in ("few", "validation"))
    options = {"validation": validation, "spec": settings, "keep": keep, "looks": looks, "home": home}
    options["weights"] = read_weights(inputs)
    network, history = transfer(base, *few, **options)
    write_dataset(folder / "history.nc", history)
    write_parameters(folder / "layers.safetensors", network, rewritten("weights", base, settings.layers))


def transfer_work(node: Node) -> float:
    """Return the multiplications of a transfer: its steps, its looks at validation, the layers below."""
    first = min(node.spec["layers"])
    steps = 3 * node.spec["steps"] * node.spec["batch_size"]
    looks = node.spec["looks"] * sample_count(node.inputs["validation"])
    retrained = multiplications_of(node, first)
    prefix = 4 * sample_count(node.inputs["few"]) * (multiplications_of(node) - retrained)
    return float(((steps + looks) * retrained + prefix) * points(node.inputs["few"]))


TRANSFER = Stage(
    "transfer", 1, node=transfer_node, make=make_transfer, read=read_model, work=transfer_work,
    rate=1.1e-11, describe=describe
)  # fmt: skip


# ---------------------------------------------------------------------------------------------- score
@cache
def score_node(spec: StudySpec, flow: str, network: Node, gain: bool = False, split: str = "test") -> Node:
    """Return the node of a network's scores on a flow; ``gain`` fits one output factor first."""
    scales = applied_scales(spec, flow, network)
    data = {**folders_of(network), "pairs": pairs_node(spec, flow, split), "scales": scales}
    if gain:
        data["few"] = pairs_node(spec, flow, "train", spec.transfer.samples)
    return SCORE.of({"gain": gain}, data)


def make_score(node: Node, inputs: Inputs, folder: Path) -> None:
    """Score a network on a block of pairs, in physical units."""
    scales = read_scales(inputs["scales"])
    network: torch.nn.Module = read_network(inputs)
    if node.spec["gain"]:
        network = OutputGain.fit(network, *read_tensors(inputs["few"], scales))
    block = read_dataset(inputs["pairs"] / "pairs.nc")
    given, wanted = as_tensors(block, scales)
    predicted = predict(network, given)
    write_dataset(folder / "scores.nc", score_block(block, scales, predicted, wanted))


def forward_work(node: Node) -> float:
    """Return the multiplications of one pass of a network over a block, or over as many samples as asked."""
    block = node.inputs["pairs"]
    samples = min(node.spec.get("samples", sample_count(block)), sample_count(block))
    return float(samples * points(block) * multiplications_of(node.inputs["network"]))


def _describe_score(node: Node) -> str:
    split, gain = node.inputs["pairs"].spec["split"], " with a gain" if node.spec["gain"] else ""
    return f"score on {split}{gain}: {describe(node.inputs['network'])}"


SCORE = Stage(
    "score", 1, node=score_node, make=make_score, read=partial(read_file, "scores.nc"), work=forward_work,
    rate=3.2e-11, describe=_describe_score
)  # fmt: skip

STAGES = (TRAIN, TRANSFER, SCORE)

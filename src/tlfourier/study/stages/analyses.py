"""The stages that look into trained networks: what their kernels are, what changed, what it is worth.

Their files are small, so a book can ship them for every seed where it ships networks of one seed only.
"""

from collections.abc import Callable, Mapping
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import xarray as xr
from torch import nn

from tlfourier import fourier
from tlfourier.closure.network import Network, NetworkSpec, load_network, predict
from tlfourier.flow.summary import log_ratio
from tlfourier.fourier.change import gini, kernel_change
from tlfourier.fourier.kernels import conv_layers
from tlfourier.fourier.masks import mask_swap
from tlfourier.fourier.response import layer_response, mean_amplitude
from tlfourier.fourier.reversion import put_back_curve
from tlfourier.io.netcdf import read_dataset, write_dataset
from tlfourier.scorecard.statistics import per_seed
from tlfourier.store.node import Node
from tlfourier.store.stage import Stage
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages.artifacts import read_network, read_scales, read_tensors
from tlfourier.study.stages.data import Inputs, pairs_node, read_file
from tlfourier.study.stages.networks import (
    applied_scales,
    describe_use,
    folders_of,
    forward_work,
    multiplications,
    multiplications_of,
    trained_from,
)

SAMPLES = 16
"""Snapshots over which spectra of activations are averaged: channels and directions add to each."""
TRIED = 60
"""Snapshots on which kernels are put back, many times over."""
WITHOUT, JUDGED_BY = 256, 8
"""Kernels of a layer that are set to zero one by one, and the snapshots that say what this costs."""


def _kernel_work(node: Node) -> float:
    return float(multiplications_of(node.inputs["network"]))


def _on(spec: StudySpec, flow: str, network: Node) -> dict[str, Node]:
    """Return a network, the test block of a flow, and the scales by which the network sees it."""
    data = {"pairs": pairs_node(spec, flow, "test"), "scales": applied_scales(spec, flow, network)}
    return folders_of(network) | data


# ---------------------------------------------------------------------------------------------- table
def table_node(scores: Mapping[str, Node], seed: int) -> Node:
    """Return the node of a table: the mean scores of models of one seed, one file where each has its own.

    A table for each replicate, so that those which are there stay what they are when others join them.
    """
    return TABLE.of({"models": list(scores), "seed": seed}, scores)


def make_table(node: Node, inputs: Inputs, folder: Path) -> None:
    """Put the scores of models side by side, each the mean over snapshots."""
    models = node.spec["models"]
    parts = [per_seed(read_dataset(inputs[name] / "scores.nc")) for name in models]

    def side_by_side(name: str) -> xr.Variable:
        rows = np.array([part[name].values for part in parts], dtype=float)
        return xr.Variable(("model", *parts[0][name].dims), rows)

    table = {str(name): side_by_side(str(name)) for name in parts[0]}
    write_dataset(folder / "table.nc", xr.Dataset(table, {"model": models, "seed": node.spec["seed"]}))


def input_count(node: Node) -> float:
    """Return from how many artifacts a node is made."""
    return float(len(node.inputs))


def _describe_table(node: Node) -> str:
    return f"mean scores of {len(node.spec['models'])} models, seed {node.spec['seed']}"


TABLE = Stage(
    "table", 2, node=table_node, make=make_table, read=partial(read_file, "table.nc"), work=input_count,
    rate=1.2e-2, describe=_describe_table
)  # fmt: skip


# --------------------------------------------------------------------------------------------- census
@cache
def census_node(network: Node) -> Node:
    """Return the node of what a network's kernels are, and what training added to them, beside nulls."""
    return CENSUS.of({}, folders_of(network))


def make_census(node: Node, inputs: Inputs, folder: Path) -> None:
    """Count the filter types of every layer before and after training, and explain them by dictionaries."""
    spec = trained_from(node.inputs["network"]).spec
    initial = Network(NetworkSpec(**spec["network"]), seed=spec["training"]["seed"])
    network = read_network(inputs)
    learned = fourier.learned_fractions(network, initial)
    found = fourier.network_fractions(network, initial).merge(learned, compat="equals", join="exact")
    stacks = fourier.network_kernels(network), fourier.network_kernels(initial)
    write_dataset(folder / "census.nc", found.assign(explained=fourier.explained_with_nulls(*stacks)))


CENSUS = Stage(
    "census", 2, node=census_node, make=make_census, read=partial(read_file, "census.nc"),
    work=_kernel_work, rate=3e-5, describe=describe_use
)  # fmt: skip


# ---------------------------------------------------------------------------------------- activations
@cache
def activations_node(spec: StudySpec, flow: str, network: Node) -> Node:
    """Return the node of a network's activation spectra on the test block of a flow."""
    return ACTIVATIONS.of({"samples": SAMPLES}, _on(spec, flow, network))


def make_activations(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write the spectra of what enters and leaves every layer."""
    given, wanted = _some(node, inputs)
    spectra = fourier.activation_spectra(read_network(inputs), given)
    spectra = spectra.assign_coords(layer=range(1, spectra.sizes["layer"] + 1))
    truth = {"inputs": mean_amplitude(given), "truth": mean_amplitude(wanted)}
    write_dataset(folder / "activations.nc", spectra.assign(truth))


ACTIVATIONS = Stage(
    "activations", 1, node=activations_node, make=make_activations,
    read=partial(read_file, "activations.nc"), work=forward_work, rate=9.1e-11, describe=describe_use
)  # fmt: skip


# --------------------------------------------------------------------------------------------- change
@cache
def change_node(network: Node) -> Node:
    """Return the node of what re-training changed in the kernels of its layers."""
    return CHANGE.of({}, folders_of(network))


def make_change(node: Node, inputs: Inputs, folder: Path) -> None:
    """Write how far every re-trained kernel moved, and what its layer passes at each wavenumber now."""
    base = list(conv_layers(load_network(inputs["base"] / "network.safetensors")).values())
    network = list(conv_layers(read_network(inputs)).values())
    size = node.inputs["network"].inputs["few"].inputs["filtered"].spec["size"]
    rows, layers = [], list(node.inputs["network"].spec["layers"])
    for layer in layers:
        before, after = base[layer - 1].weight, network[layer - 1].weight
        moved = kernel_change(before, after)
        responses = [layer_response(weights, size) for weights in (after, before)]
        length = before.detach().double().norm().item()
        row = {
            "weight": float((moved["delta_weight"] ** 2).sum() ** 0.5) / length,
            "amplitude": float((moved["delta_amplitude"] ** 2).sum() ** 0.5) / length,
            "gini": gini(moved["delta_weight"]),
            "response": log_ratio(*responses),
        }
        rows.append(xr.Dataset(row))
    write_dataset(folder / "change.nc", xr.concat(rows, "layer").assign_coords(layer=layers))


CHANGE = Stage(
    "change", 1, node=change_node, make=make_change, read=partial(read_file, "change.nc"),
    work=_kernel_work, rate=9e-7, describe=describe_use
)  # fmt: skip


# -------------------------------------------------------------------------------------------- putback
@cache
def put_back_node(spec: StudySpec, flow: str, network: Node) -> Node:
    """Return the node of the causal test: the most changed kernels put back, against random ones."""
    return PUT_BACK.of({"draws": 5, "samples": TRIED}, _on(spec, flow, network))


def make_put_back(node: Node, inputs: Inputs, folder: Path) -> None:
    """Put kernels back to their base weights and score what is left."""
    given, wanted = _some(node, inputs)

    def error(network: nn.Module) -> float:
        return relative_error(predict(network, given), wanted)

    transfer = node.inputs["network"].spec
    base, draws = load_network(inputs["base"] / "network.safetensors"), node.spec["draws"]
    layers, seed = transfer["layers"], transfer["seed"]
    curve = put_back_curve(base, read_network(inputs), layers, error, draws=draws, seed=seed)
    write_dataset(folder / "putback.nc", curve)


def relative_error(prediction: torch.Tensor, truth: torch.Tensor) -> float:
    """Return ``||P - T|| / ||T||`` of each snapshot, shape (snapshots, 1, N, N), averaged over snapshots."""
    missed, size = (field.flatten(1).double().norm(dim=1) for field in (prediction - truth, truth))
    return (missed / size).mean().item()


PUT_BACK = Stage(
    "putback", 1, node=put_back_node, make=make_put_back, read=partial(read_file, "putback.nc"),
    work=forward_work, rate=8.1e-10, describe=describe_use
)  # fmt: skip


# ----------------------------------------------------------------------------------------------- mask
@cache
def mask_node(spec: StudySpec, flow: str, network: Node) -> Node:
    """Return the node of the masks of a re-trained network and of its base, swapped."""
    return MASK.of({"samples": SAMPLES}, _on(spec, flow, network))


def make_mask(node: Node, inputs: Inputs, folder: Path) -> None:
    """Swap the masks of a network and of its base on some snapshots, and run it with those of its base."""
    given, wanted = _some(node, inputs)
    networks = load_network(inputs["base"] / "network.safetensors"), read_network(inputs)
    found = mask_swap(*networks, given).merge(fourier.gain_lost(*networks, given, wanted))
    write_dataset(folder / "mask.nc", found)


def _some(node: Node, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Return evenly spread samples of a block, as many as the recipe says or there are."""
    given, wanted = read_tensors(inputs["pairs"], read_scales(inputs["scales"]))
    chosen = torch.linspace(0, len(given) - 1, min(node.spec["samples"], len(given))).round().long()
    return given[chosen], wanted[chosen]


MASK = Stage(
    "mask", 2, node=mask_node, make=make_mask, read=partial(read_file, "mask.nc"), work=forward_work,
    rate=4.5e-10, describe=describe_use
)  # fmt: skip


# ----------------------------------------------------------------------------------------- importance
@cache
def importance_node(spec: StudySpec, flow: str, network: Node) -> Node:
    """Return the node of the filter types of a network's kernels by the skill lost without each."""
    return IMPORTANCE.of({"samples": JUDGED_BY, "most": WITHOUT}, _on(spec, flow, network))


def make_importance(node: Node, inputs: Inputs, folder: Path) -> None:
    """Set kernels to zero one by one, and weigh the filter types with what is lost."""
    given, wanted = _some(node, inputs)
    network, seed = read_network(inputs), trained_from(node.inputs["network"]).spec["training"]["seed"]

    def error_in(layer: int) -> Callable[[nn.Module], float]:
        with torch.no_grad():
            entering = network.prefix(given, layer)

        def error(other: nn.Module) -> float:
            assert isinstance(other, Network)
            with torch.no_grad():
                return relative_error(other.suffix(entering, layer), wanted)

        return error

    lost = fourier.kernel_importance(network, error_in, node.spec["most"], seed)
    write_dataset(folder / "importance.nc", fourier.importance_fractions(network, lost))


def _importance_work(node: Node) -> float:
    shape = NetworkSpec(**trained_from(node.inputs["network"]).spec["network"])
    layers = enumerate(pairwise(shape.widths()), start=1)
    passes = (min(node.spec["most"], a * b) * multiplications(shape, layer) for layer, (a, b) in layers)
    return float(sum(passes) * forward_work(node) / multiplications(shape))


IMPORTANCE = Stage(
    "importance", 1, node=importance_node, make=make_importance, read=partial(read_file, "importance.nc"),
    work=_importance_work, rate=2.7e-11, describe=describe_use
)  # fmt: skip

STAGES = (TABLE, CENSUS, ACTIVATIONS, CHANGE, PUT_BACK, MASK, IMPORTANCE)

"""The stages that look into trained networks: what their kernels are, what changed, what it is worth.

Their files are small, so a book can ship them for every seed where it ships networks of one seed only.
"""

from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

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
    multiplications_of,
    trained_from,
)

SAMPLES = 16
"""Snapshots over which spectra of activations are averaged: channels and directions add to each."""
TRIED = 60
"""Snapshots on which kernels are put back, many times over."""


def _kernel_work(node: Node) -> float:
    return float(multiplications_of(node.inputs["network"]))


def _on(spec: StudySpec, flow: str, network: Node) -> dict[str, Node]:
    """Return a network, the test block of a flow, and the scales by which the network sees it."""
    data = {"pairs": pairs_node(spec, flow, "test"), "scales": applied_scales(spec, flow, network)}
    return folders_of(network) | data


# ---------------------------------------------------------------------------------------------- table
def table_node(scores: Mapping[str, Mapping[int, Node]]) -> Node:
    """Return the node of a table: the mean scores of many networks, one file where each has one of its own.

    ``scores`` has of each model the nodes of its scores by seed; models may have different seeds.
    """
    inputs = {f"{name}@{seed}": node for name, row in scores.items() for seed, node in row.items()}
    seeds = sorted({seed for row in scores.values() for seed in row})
    return TABLE.of({"models": list(scores), "seeds": seeds}, inputs)


def make_table(node: Node, inputs: Inputs, folder: Path) -> None:
    """Put scores side by side over (model, seed), each the mean over snapshots; NaN where there is none."""
    parts = {name: per_seed(read_dataset(path / "scores.nc")) for name, path in inputs.items()}
    names = [str(name) for name in next(iter(parts.values()))]
    models, seeds = node.spec["models"], node.spec["seeds"]

    def value(name: str, model: str, seed: int) -> float:
        part = parts.get(f"{model}@{seed}")
        return float("nan") if part is None else part[name].item()

    rows = {name: [[value(name, model, seed) for seed in seeds] for model in models] for name in names}
    table = {name: (("model", "seed"), values) for name, values in rows.items()}
    write_dataset(folder / "table.nc", xr.Dataset(table, {"model": models, "seed": seeds}))


def input_count(node: Node) -> float:
    """Return from how many artifacts a node is made."""
    return float(len(node.inputs))


def _describe_table(node: Node) -> str:
    models, seeds = node.spec["models"], node.spec["seeds"]
    return f"mean scores of {len(models)} models, {len(seeds)} seeds"


TABLE = Stage(
    "table", 1, node=table_node, make=make_table, read=partial(read_file, "table.nc"), work=input_count,
    rate=1.2e-2, describe=_describe_table
)  # fmt: skip


# --------------------------------------------------------------------------------------------- census
@cache
def census_node(network: Node) -> Node:
    """Return the node of the filter types of a network's kernels, beside both null models."""
    return CENSUS.of({}, folders_of(network))


def make_census(node: Node, inputs: Inputs, folder: Path) -> None:
    """Count the filter types of every layer, before and after training."""
    spec = trained_from(node.inputs["network"]).spec
    initial = Network(NetworkSpec(**spec["network"]), seed=spec["training"]["seed"])
    write_dataset(folder / "census.nc", fourier.network_fractions(read_network(inputs), initial))


CENSUS = Stage(
    "census", 1, node=census_node, make=make_census, read=partial(read_file, "census.nc"),
    work=_kernel_work, rate=3.8e-6, describe=describe_use
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
    """Swap the masks of a network and of its base on some snapshots."""
    given, _ = _some(node, inputs)
    base = load_network(inputs["base"] / "network.safetensors")
    write_dataset(folder / "mask.nc", mask_swap(base, read_network(inputs), given))


def _some(node: Node, inputs: Inputs) -> tuple[torch.Tensor, torch.Tensor]:
    """Return evenly spread samples of a block, as many as the recipe says or there are."""
    given, wanted = read_tensors(inputs["pairs"], read_scales(inputs["scales"]))
    chosen = torch.linspace(0, len(given) - 1, min(node.spec["samples"], len(given))).round().long()
    return given[chosen], wanted[chosen]


MASK = Stage(
    "mask", 1, node=mask_node, make=make_mask, read=partial(read_file, "mask.nc"), work=forward_work,
    rate=2.8e-10, describe=describe_use
)  # fmt: skip

STAGES = (TABLE, CENSUS, ACTIVATIONS, CHANGE, PUT_BACK, MASK)

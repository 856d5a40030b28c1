"""The stages of what is cheaper than re-training a layer, and of a closure that is not trained at all."""

import dataclasses
from functools import cache, partial
from pathlib import Path

import torch

from tlfourier.closure import scores
from tlfourier.closure.baselines import solve_last_layer
from tlfourier.closure.models import Rung
from tlfourier.closure.network import load_network
from tlfourier.closure.physical import GradientModel
from tlfourier.closure.repairs import rewritten
from tlfourier.closure.transfer import TransferSpec, transfer
from tlfourier.flow.grid import Grid
from tlfourier.io.netcdf import read_dataset, write_dataset
from tlfourier.store.node import Node
from tlfourier.store.stage import Stage
from tlfourier.study.settings import StudySpec
from tlfourier.study.stages.artifacts import read_scales, read_tensors, read_weights, write_parameters
from tlfourier.study.stages.data import Inputs, describe_pairs, pairs_node, points, read_file, sample_count
from tlfourier.study.stages.networks import (
    describe,
    multiplications_of,
    read_model,
    transfer_inputs,
    transfer_settings,
    transfer_work,
)

RATES = (1.0, 10.0)
"""Multiples of the transfer's learning rate that a repair tries; validation chooses.

Factors that are 1 at first have further to go than weights, so one rate for both would be unfair to them.
"""


# ------------------------------------------------------------------------------------------- repair
@cache
def repair_node(spec: StudySpec, case: str, rung: Rung, seed: int) -> Node:
    """Return the node of a base network repaired by less than a layer, on the target's few samples."""
    target = spec.case(case).target
    settings = {**transfer_settings(spec, target, rung.layers, seed), **dataclasses.asdict(rung)}
    inputs = transfer_inputs(spec, case, seed)
    if rung.repair == "least squares":
        inputs = {
            name: inputs[name] for name in ("base", "few", "scales")
        }  # an output's weight moves nothing
        settings = {**dataclasses.asdict(rung), "rotate": settings["rotate"]}
    else:
        settings["rates"] = list(RATES)
    return REPAIR.of(settings, inputs)


def make_repair(node: Node, inputs: Inputs, folder: Path) -> None:
    """Repair a network at each rate, keep the best on validation; only what may change is written."""
    recipe = {**node.spec, "layers": tuple(node.spec["layers"])}
    base, scales = load_network(inputs["base"] / "network.safetensors"), read_scales(inputs["scales"])
    few = read_tensors(inputs["few"], scales)
    if recipe["repair"] == "least squares":
        solved = solve_last_layer(base, *few, rotate=recipe["rotate"])
        write_parameters(folder / "layers.safetensors", solved, rewritten("weights", base, recipe["layers"]))
        return
    rates, rate, looks = (recipe.pop(name) for name in ("rates", "learning_rate", "looks"))
    validation = read_tensors(inputs["validation"], scales)
    weights, tried = read_weights(inputs), []
    for factor in rates:
        spec = TransferSpec(**recipe, learning_rate=factor * rate)
        network, history = transfer(
            base, *few, validation=validation, spec=spec, looks=looks, weights=weights
        )
        tried.append((float(history["validation_loss"].min()), factor, network, history))
    _, factor, network, history = min(tried, key=lambda one: one[:2])
    write_dataset(folder / "history.nc", history.assign_attrs(rate=factor))
    names = rewritten(recipe["repair"], base, recipe["layers"], recipe["count"])
    write_parameters(folder / "layers.safetensors", network, names)


def _repair_work(node: Node) -> float:
    if node.spec["repair"] == "least squares":
        network = node.inputs["base"].spec["network"]
        squares = (network["channels"] * network["kernel_size"] ** 2) ** 2
        each = multiplications_of(node) + squares
        return float(4 * sample_count(node.inputs["few"]) * points(node.inputs["few"]) * each)
    return len(node.spec["rates"]) * transfer_work(node)


REPAIR = Stage(
    "repair", 1, node=repair_node, make=make_repair, read=read_model, work=_repair_work, rate=1.1e-11,
    describe=describe
)  # fmt: skip


# ----------------------------------------------------------------------------------------- gradient
@cache
def gradient_node(spec: StudySpec, flow: str, split: str = "test") -> Node:
    """Return the node of the gradient model's scores on a block of a flow."""
    return GRADIENT.of({}, {"pairs": pairs_node(spec, flow, split)})


def make_gradient(node: Node, inputs: Inputs, folder: Path) -> None:
    """Score the gradient model, which knows the filter's width and nothing else, in physical units."""
    block = read_dataset(inputs["pairs"] / "pairs.nc")
    grid = Grid(block.sizes["x"], length=float(block.attrs["length"]), dtype=torch.float64)
    model = GradientModel(grid, float(block.attrs["filter_width"]))
    psi, omega, truth = (torch.as_tensor(block[name].values) for name in ("psi", "omega", "sgs"))
    found = grid.to_physical(model(grid.to_spectral(omega.double()))).to(truth.dtype)
    write_dataset(folder / "scores.nc", scores.score(found, truth, psi=psi, omega=omega))


def _gradient_work(node: Node) -> float:
    return float(sample_count(node.inputs["pairs"]) * points(node.inputs["pairs"]))


def _describe_gradient(node: Node) -> str:
    return f"score the gradient model on {describe_pairs(node.inputs['pairs'])}"


GRADIENT = Stage(
    "gradient", 1, node=gradient_node, make=make_gradient, read=partial(read_file, "scores.nc"),
    work=_gradient_work, rate=1e-6, describe=_describe_gradient
)  # fmt: skip

STAGES = (REPAIR, GRADIENT)

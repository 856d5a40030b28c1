"""Read and write what artifacts hold of a closure: scales, samples, networks and their re-trained layers."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure import pairs, scores
from tlfourier.closure.layered_scales import (
    LayeredScales,
    layered_scaling,
    loss_weights,
    scales_dataset,
    scales_from,
)
from tlfourier.closure.layered_scores import layered_fields, score_layers
from tlfourier.closure.network import Network, load_network
from tlfourier.closure.scalings import SampleScales, scaling
from tlfourier.io import tensorfile
from tlfourier.io.netcdf import read_dataset, write_dataset
from tlfourier.io.paths import Readable
from tlfourier.io.words import said_as

AnyScales: TypeAlias = pairs.Scales | LayeredScales
"""Of one layer, or of several."""


def read_scales(folder: Readable) -> AnyScales:
    """Read a flow's standard deviations; ValueError unless there is one positive number for each."""
    path = folder / "scales.nc"
    data = read_dataset(path)
    found = {str(name): values for name, values in data.data_vars.items()}
    if "rate" in found:
        with said_as(f"{path} is damaged"):
            return scales_from(data)
    names = sorted(field.name for field in dataclasses.fields(pairs.Scales))
    scales = (not v.ndim and v.dtype.kind == "f" and 0 < v < np.inf for v in found.values())
    if sorted(found) != names or not all(scales):
        raise ValueError(f"{path} is damaged: expected one positive number for each of {', '.join(names)}")
    kind = SampleScales if data.attrs.get("per_sample") else pairs.Scales
    return kind(**{name: float(values) for name, values in found.items()})


def write_scales(folder: Path, scales: AnyScales) -> None:
    """Write standard deviations."""
    if isinstance(scales, LayeredScales):
        return write_dataset(folder / "scales.nc", scales_dataset(scales))
    return write_dataset(folder / "scales.nc", xr.Dataset(dataclasses.asdict(scales)))


def write_scaling(folder: Path, scales: AnyScales) -> None:
    """Write scales that were changed, and whether they are used with a time of each sample."""
    if isinstance(scales, LayeredScales):
        return write_scales(folder, scales)
    about = {"per_sample": int(isinstance(scales, SampleScales))}
    return write_dataset(folder / "scales.nc", xr.Dataset(dataclasses.asdict(scales), attrs=about))


def change_scales(name: str, base: AnyScales, target: AnyScales, spacings: tuple[float, float]) -> AnyScales:
    """Return the scales by which a network of the flow ``base`` is given the flow ``target``, by their name.

    ValueError for scales of one layer and of several.
    """
    if isinstance(base, LayeredScales) and isinstance(target, LayeredScales):
        return layered_scaling(name, base, target, spacings)
    if isinstance(base, LayeredScales) or isinstance(target, LayeredScales):
        raise ValueError("scales of one layer and of several: those of one system are needed")
    return scaling(name, base, target, spacings)


def as_tensors(data: xr.Dataset, scales: AnyScales) -> tuple[Tensor, Tensor]:
    """Return pairs as the network's inputs and outputs."""
    return scales.tensors(data) if isinstance(scales, LayeredScales) else pairs.to_tensors(data, scales)


def read_tensors(folder: Readable, scales: AnyScales) -> tuple[Tensor, Tensor]:
    """Read one block of pairs as the network's inputs and outputs."""
    return as_tensors(read_dataset(folder / "pairs.nc"), scales)


def read_weights(inputs: Mapping[str, Readable]) -> Tensor | None:
    """Read the weights of the outputs in the loss of a transfer, None where all count the same."""
    if "own" not in inputs:
        return None
    applied, own = read_scales(inputs["scales"]), read_scales(inputs["own"])
    assert isinstance(applied, LayeredScales) and isinstance(own, LayeredScales), "one output has no weight"
    return loss_weights(applied, own)


def score_block(block: xr.Dataset, scales: AnyScales, predicted: Tensor, wanted: Tensor) -> xr.Dataset:
    """Score outputs of a network against those wanted, in physical units."""
    if isinstance(scales, LayeredScales):
        fields = layered_fields(block)
        found, truth = (scales.physical(tensor, fields["q"]) for tensor in (predicted, wanted))
        return score_layers(found, truth, fields["psi"], fields["q"], float(block.attrs["length"]))
    psi, omega = (torch.as_tensor(block[name].values) for name in ("psi", "omega"))
    found, truth = (scales.physical(tensor[:, 0], omega) for tensor in (predicted, wanted))
    return scores.score(found, truth, psi=psi, omega=omega)


def read_network(folders: Mapping[str, Readable]) -> Network:
    """Read a network: the file of a whole one, or a base network with re-trained layers laid over it.

    ValueError if the layers do not fit the base.
    """
    if "base" not in folders:
        return load_network(folders["network"] / "network.safetensors")
    network = load_network(folders["base"] / "network.safetensors")
    path = folders["network"] / "layers.safetensors"
    layers, _ = tensorfile.read_tensors(path)
    state = network.state_dict()
    for name, values in layers.items():
        if name not in state or values.shape != state[name].shape or not values.is_floating_point():
            raise ValueError(f"{path} has {name!r} of shape {tuple(values.shape)}: its base network has not")
    network.load_state_dict({**state, **layers})
    return network


def write_parameters(path: Path, network: Network, names: Iterable[str]) -> None:
    """Write only these parameters of a network: the others are its base network's to the bit."""
    state, chosen = network.state_dict(), set(names)
    tensorfile.write_tensors(path, {name: values for name, values in state.items() if name in chosen})

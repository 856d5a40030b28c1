"""Read and write what artifacts hold of a closure: scales, samples, networks and their re-trained layers."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from torch import Tensor

from tlfourier.closure import pairs
from tlfourier.closure.network import Network, load_network
from tlfourier.closure.scalings import SampleScales
from tlfourier.io import tensorfile
from tlfourier.io.netcdf import read_dataset
from tlfourier.io.paths import Readable


def read_scales(folder: Readable) -> pairs.Scales:
    """Read a flow's standard deviations; ValueError unless there is one positive number for each."""
    path = folder / "scales.nc"
    data = read_dataset(path)
    found = {str(name): values for name, values in data.data_vars.items()}
    names = sorted(field.name for field in dataclasses.fields(pairs.Scales))
    scales = (not v.ndim and v.dtype.kind == "f" and 0 < v < np.inf for v in found.values())
    if sorted(found) != names or not all(scales):
        raise ValueError(f"{path} is damaged: expected one positive number for each of {', '.join(names)}")
    kind = SampleScales if data.attrs.get("per_sample") else pairs.Scales
    return kind(**{name: float(values) for name, values in found.items()})


def read_tensors(folder: Readable, scales: pairs.Scales) -> tuple[Tensor, Tensor]:
    """Read one block of pairs as the network's inputs and outputs."""
    return pairs.to_tensors(read_dataset(folder / "pairs.nc"), scales)


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

"""Read and write the files inside artifacts: NetCDF and safetensors, nothing that can run code."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import xarray as xr
from torch import Tensor

from tlfourier.closure import pairs, tensorfile
from tlfourier.closure.network import Network, layer_name, load_network

_PACKED = {"zlib": True, "complevel": 4, "shuffle": True}
_SMALL = 500_000  # bytes: below, HDF5's own bookkeeping is most of a file (50 kB for 3 kB of scores)


def write_dataset(path: Path, data: xr.Dataset) -> None:
    """Write a dataset as NetCDF, whole or not at all: NetCDF-3 when small, compressed NetCDF-4 when large."""
    temporary = path.with_suffix(".tmp")
    if data.nbytes < _SMALL:
        data.to_netcdf(temporary, engine="scipy")
    else:
        numbers = [
            name for name, values in data.variables.items() if values.ndim and values.dtype.kind in "fiu"
        ]
        data.to_netcdf(temporary, engine="h5netcdf", encoding={name: _PACKED for name in numbers})
    os.replace(temporary, path)


def open_dataset(path: Path) -> xr.Dataset:
    """Open a dataset without reading its values; close it, or use it in a ``with`` block."""
    with path.open("rb") as stream:
        small = stream.read(3) == b"CDF"
    return xr.open_dataset(path, engine="scipy" if small else "h5netcdf")


def read_dataset(path: Path) -> xr.Dataset:
    """Read a dataset into memory."""
    with open_dataset(path) as data:
        return data.load()


def read_scales(folder: Path) -> pairs.Scales:
    """Read a flow's standard deviations."""
    data = read_dataset(folder / "scales.nc")
    return pairs.Scales(**{str(name): float(value) for name, value in data.data_vars.items()})


def read_tensors(folder: Path, scales: pairs.Scales) -> tuple[Tensor, Tensor]:
    """Read one block of pairs as the network's inputs and outputs."""
    return pairs.to_tensors(read_dataset(folder / "pairs.nc"), scales)


def read_network(folders: Mapping[str, Path]) -> Network:
    """Read a network: the file of a whole one, or a base network with the re-trained layers laid over it."""
    if "base" not in folders:
        return load_network(folders["network"] / "network.safetensors")
    network = load_network(folders["base"] / "network.safetensors")
    layers, _ = tensorfile.read_tensors(folders["network"] / "layers.safetensors")
    network.load_state_dict({**network.state_dict(), **layers})
    return network


def write_layers(path: Path, network: Network, layers: tuple[int, ...]) -> None:
    """Write only the re-trained layers of a network: the others are its base network's to the bit."""
    names = {layer_name(layer) for layer in layers}
    state = network.state_dict()
    tensorfile.write_tensors(path, {name: state[name] for name in state if name.partition(".")[0] in names})

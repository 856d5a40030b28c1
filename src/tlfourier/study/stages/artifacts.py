"""Read and write the files inside artifacts: NetCDF and safetensors, nothing that can run code."""

from __future__ import annotations

import contextlib
import dataclasses
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from torch import Tensor

from tlfourier.closure import pairs
from tlfourier.closure.network import Network, layer_name, load_network
from tlfourier.io import netcdf, tensorfile
from tlfourier.io.jsonfile import plain

_PACKED = {"zlib": True, "complevel": 4, "shuffle": True}
_SMALL = 500_000  # bytes: below, HDF5's own bookkeeping is most of a file (50 kB for 3 kB of scores)


def write_dataset(path: Path, data: xr.Dataset) -> None:
    """Write a dataset as NetCDF, whole or not at all: NetCDF-3 when small, compressed NetCDF-4 when large.

    The file is formed in memory, so that a full disk meets one plain write and never HDF5 in mid-structure.
    No other process sees it: xarray is kept from asking the scheduler of a sweep for a lock over all workers.
    """
    if data.nbytes < _SMALL:
        content = data.to_netcdf(engine="scipy")
    else:
        numbers = [
            name for name, values in data.variables.items() if values.ndim and values.dtype.kind in "fiu"
        ]
        with _alone():
            content = data.to_netcdf(engine="h5netcdf", encoding={name: _PACKED for name in numbers})
    tensorfile.write_bytes(path, content)


def _alone() -> contextlib.AbstractContextManager[Any]:
    """Keep dask to this thread; where nothing has imported it, there is no scheduler to ask."""
    dask = sys.modules.get("dask")
    return dask.config.set(scheduler="synchronous") if dask else contextlib.nullcontext()


def open_dataset(path: Path) -> xr.Dataset:
    """Open a dataset without reading its values; close it, or use it in a ``with`` block.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is damaged, or holds what this project does not write.
    """
    kind = netcdf.engine(path)
    with _one_sentence(path):
        return xr.open_dataset(path, engine=kind)


def read_dataset(path: Path) -> xr.Dataset:
    """Read a dataset into memory; errors as `open_dataset`."""
    with open_dataset(path) as data, _one_sentence(path):
        return data.load()


@contextlib.contextmanager
def _one_sentence(path: Path) -> Iterator[None]:
    """Turn whatever a reader of NetCDF raises on bytes that it did not expect into one sentence."""
    try:
        yield
    except Exception as error:
        what = plain(f"{type(error).__name__}: {error}")
        raise ValueError(f"{path} is damaged or not NetCDF of this project ({what})") from None


def read_scales(folder: Path) -> pairs.Scales:
    """Read a flow's standard deviations."""
    path = folder / "scales.nc"
    data = read_dataset(path)
    names = {field.name for field in dataclasses.fields(pairs.Scales)}
    found = {str(name): values for name, values in data.data_vars.items()}
    if found.keys() != names or any(
        v.ndim or v.dtype.kind != "f" or not 0 < v < np.inf for v in found.values()
    ):
        raise ValueError(
            f"{path} is damaged: expected one positive number for each of {', '.join(sorted(names))}"
        )
    return pairs.Scales(**{name: float(values) for name, values in found.items()})


def read_tensors(folder: Path, scales: pairs.Scales) -> tuple[Tensor, Tensor]:
    """Read one block of pairs as the network's inputs and outputs."""
    return pairs.to_tensors(read_dataset(folder / "pairs.nc"), scales)


def read_network(folders: Mapping[str, Path]) -> Network:
    """Read a network: the file of a whole one, or a base network with the re-trained layers laid over it."""
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


def write_layers(path: Path, network: Network, layers: tuple[int, ...]) -> None:
    """Write only the re-trained layers of a network: the others are its base network's to the bit."""
    names = {layer_name(layer) for layer in layers}
    state = network.state_dict()
    tensorfile.write_tensors(path, {name: state[name] for name in state if name.partition(".")[0] in names})

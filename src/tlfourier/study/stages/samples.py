"""Pass datasets through bounded memory: write them block by block, and map training samples from disk.

``filter`` and ``pairs`` hold one block of snapshots at a time; ``train`` holds its samples up to a limit and
beyond it reads them from a file whose pages the system drops when it needs the memory.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure import pairs
from tlfourier.study.stages.artifacts import open_dataset, read_tensors, write_dataset

BLOCK = 64  # snapshots in memory at once: 3 MB at 64 x 64 points, 13 MB at 128 x 128
SAMPLE_BYTES = 2**30
_SMALL = 500_000


def blocks(data: xr.Dataset, size: int = BLOCK) -> Iterator[xr.Dataset]:
    """Yield a dataset that may be lazy in blocks along ``time``, each read when it is its turn."""
    for start in range(0, data.sizes["time"], size):
        yield data.isel(time=slice(start, start + size)).load()


def write_blocks(path: Path, parts: Iterable[xr.Dataset], count: int) -> None:
    """Write blocks that follow each other in ``time`` as one dataset, whole or not at all.

    The file reads as if `write_dataset` had written the blocks put together.

    Parameters
    ----------
    path : Path
    parts : iterable of xr.Dataset
        Over (time, y, x); dimensions, attributes and types are those of the first.
    count : int
        Snapshots in all of them.

    Raises
    ------
    ValueError
        If there are not ``count`` snapshots; nothing is written.
    """
    parts = iter(parts)
    first = next(parts)
    if first.nbytes * count / first.sizes["time"] < _SMALL:
        whole = [first, *parts]
        _check_count(sum(part.sizes["time"] for part in whole), count)
        joined = xr.concat(
            whole, "time", data_vars="minimal", coords="minimal", compat="override", join="override"
        )
        return write_dataset(path, joined)
    import h5netcdf

    temporary = path.with_suffix(".tmp")
    with h5netcdf.File(temporary, "w") as file:
        _create(file, first, count)
        done = _fill(file, first, 0)
        for part in parts:
            done = _fill(file, part, done)
    _check_count(done, count)
    os.replace(temporary, path)


def _check_count(found: int, count: int) -> None:
    if found != count:
        raise ValueError(f"{found} snapshots were given: expected are {count}")


def _create(file: Any, first: xr.Dataset, count: int) -> None:
    """Create dimensions and variables, a chunk for every snapshot, and write what has no time."""
    file.dimensions = {str(name): count if name == "time" else size for name, size in first.sizes.items()}
    file.attrs.update(first.attrs)
    for name, values in first.variables.items():
        many = "time" in values.dims
        shape = tuple(file.dimensions[str(dim)].size for dim in values.dims)
        variable = file.create_variable(
            str(name),
            values.dims,
            values.dtype,
            chunks=(1, *shape[1:]) if many and len(shape) > 1 else None,
            compression="gzip",
            compression_opts=4,
            shuffle=True,
            fillvalue=np.nan if values.dtype.kind == "f" else None,
        )
        variable.attrs.update(values.attrs)
        if not many:
            variable[...] = values.values


def _fill(file: Any, part: xr.Dataset, start: int) -> int:
    """Write a block from snapshot ``start`` on and return where the next one begins."""
    stop = start + part.sizes["time"]
    _check_count(min(stop, file.dimensions["time"].size), stop)
    for name, values in part.variables.items():
        if "time" in values.dims:
            file.variables[str(name)][start:stop] = values.values
    return stop


def read_samples(
    folder: Path, scales: pairs.Scales, scratch: Path, limit: int | None = None
) -> tuple[Tensor, Tensor]:
    """Read one block of pairs as the network's inputs and outputs, mapped from disk beyond ``limit`` bytes.

    The file that is mapped has no name any more when this returns: it goes when the tensors do, however the
    process ends.

    Parameters
    ----------
    folder : Path
        Of the pairs.
    scales : Scales
    scratch : Path
        Folder for the file to be mapped; it needs as much room as the pairs have bytes.
    limit : int
        Bytes up to which the samples are read into memory; `SAMPLE_BYTES` by default.
    """
    with open_dataset(folder / "pairs.nc") as data:
        if data.nbytes > (SAMPLE_BYTES if limit is None else limit):
            return _mapped((pairs.to_tensors(part, scales) for part in blocks(data)), scratch)
    return read_tensors(folder, scales)


def _mapped(parts: Iterable[tuple[Tensor, Tensor]], scratch: Path) -> tuple[Tensor, Tensor]:
    """Write inputs and outputs to two files and map them."""
    scratch.mkdir(parents=True, exist_ok=True)
    names = [scratch / "inputs.raw", scratch / "outputs.raw"]
    count = 0
    try:
        with names[0].open("wb") as inputs, names[1].open("wb") as outputs:
            for x, y in parts:
                _append(inputs, x)
                _append(outputs, y)
                count += len(x)
        return _map(names[0], (count, *x.shape[1:])), _map(names[1], (count, *y.shape[1:]))
    finally:
        for name in names:
            name.unlink(missing_ok=True)


def _append(stream: BinaryIO, values: Tensor) -> None:
    # A full disk is an error here; writing through the map would kill the process.
    stream.write(values.contiguous().numpy().data)


def _map(path: Path, shape: tuple[int, ...]) -> Tensor:
    return torch.from_file(str(path), shared=False, size=math.prod(shape), dtype=torch.float32).reshape(shape)

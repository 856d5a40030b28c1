"""Datasets in NetCDF: small ones whole, large ones block by block; reading one runs no code.

HDF5 lets a file name a filter that is loaded as a library, and point at other files. Nothing that the project
writes does, so a file that does is refused before its values are read.
"""

import sys
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tlfourier.io.atomic import replacing, write_bytes
from tlfourier.io.paths import Readable
from tlfourier.io.words import said_as

BLOCK = 64  # snapshots in memory at once: 3 MB at 64 x 64 points, 13 MB at 128 x 128
_CLASSIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
_HDF5 = b"\x89HDF\r\n\x1a\n"
_FILTERS = {1, 2, 3}  # of HDF5 itself: deflate, shuffle, Fletcher's checksum
_PACKED = {"zlib": True, "complevel": 4, "shuffle": True}
_SMALL = 500_000  # bytes: below, HDF5's own bookkeeping is most of a file (50 kB for 3 kB of scores)


def write_dataset(path: Path, data: xr.Dataset) -> None:
    """Write a dataset as NetCDF, whole or not at all: NetCDF-3 when small, compressed NetCDF-4 when large.

    Only its numbers count: HDF5 keeps words in a heap of its own, and does not lay that out alike every time.
    The file is formed in memory, so that a full disk meets one plain write and never HDF5 in mid-structure.
    No other process sees it: xarray is kept from asking the scheduler of a sweep for a lock over all workers.
    """
    numbers = [name for name, one in data.variables.items() if one.ndim and one.dtype.kind in "fiu"]
    if sum(data.variables[name].nbytes for name in numbers) < _SMALL:
        content = data.to_netcdf(engine="scipy")
    else:
        with _alone():
            content = data.to_netcdf(engine="h5netcdf", encoding={name: _PACKED for name in numbers})
    write_bytes(path, content)


def _alone() -> AbstractContextManager[Any]:
    """Keep dask to this thread; where nothing has imported it, there is no scheduler to ask."""
    dask = sys.modules.get("dask")
    return dask.config.set(scheduler="synchronous") if dask else nullcontext()


def open_dataset(path: Readable) -> xr.Dataset:
    """Open a dataset without reading its values; close it, or use it in a ``with`` block.

    A file on disk may be larger than the memory; of an archive the whole member is read. Raises
    FileNotFoundError if there is none, ValueError if it is damaged or reaches for what is not in it.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no dataset at {path}: the file does not exist")
    with path.open("rb") as stream:
        magic = stream.read(len(_HDF5))
    source = path if isinstance(path, Path) else BytesIO(path.read_bytes())
    with _as_one_sentence(path):
        if magic[:4] in _CLASSIC:
            return xr.open_dataset(source, engine="scipy")
        if magic != _HDF5:
            raise ValueError("only NetCDF is read")
        import h5py  # type: ignore[import-untyped]  # here, because most files are of the classic kind

        with h5py.File(source, "r") as file:
            _check(file)
        return xr.open_dataset(source, engine="h5netcdf")


def read_dataset(path: Readable) -> xr.Dataset:
    """Read a dataset into memory; errors as `open_dataset`."""
    with open_dataset(path) as data, _as_one_sentence(path):
        return data.load()


def _as_one_sentence(path: Readable) -> AbstractContextManager[None]:
    return said_as(f"{path} is damaged or not NetCDF of this project")


def _check(file: Any) -> None:
    """Refuse links, subgroups, values that lie elsewhere, and filters that are libraries."""
    import h5py

    for name in file:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is a link")
        dataset = file[name]
        if not isinstance(dataset, h5py.Dataset):
            raise ValueError(f"{name} is a {type(dataset).__name__}, not an array")
        if dataset.external or dataset.is_virtual:
            raise ValueError(f"{name} lies in another file")
        creation = dataset.id.get_create_plist()
        foreign = {creation.get_filter(number)[0] for number in range(creation.get_nfilters())} - _FILTERS
        if foreign:
            raise ValueError(f"{name} needs filter {max(foreign)}")


def blocks(data: xr.Dataset, size: int = BLOCK) -> Iterator[xr.Dataset]:
    """Yield a dataset that may be lazy in blocks along ``time``, each read when it is its turn."""
    for start in range(0, data.sizes["time"], size):
        yield data.isel(time=slice(start, start + size)).load()


def write_blocks(path: Path, parts: Iterable[xr.Dataset], count: int) -> None:
    """Write blocks that follow each other in ``time`` as one dataset, whole or not at all.

    The file reads as if `write_dataset` had written the blocks put together. The ``parts`` are over (time, y,
    x), with the dimensions, attributes and types of the first; unless they have ``count`` snapshots in all,
    nothing is written (ValueError).
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

    with replacing(path) as temporary:
        with h5netcdf.File(temporary, "w") as file:
            _create(file, first, count)
            done = _fill(file, first, 0)
            for part in parts:
                done = _fill(file, part, done)
        _check_count(done, count)


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
        chunks = (1, *shape[1:]) if many and len(shape) > 1 else None
        fill = {"fillvalue": np.nan if values.dtype.kind == "f" else None}
        kept = {"compression": "gzip", "compression_opts": 4, "shuffle": True, **fill}
        variable = file.create_variable(str(name), values.dims, values.dtype, chunks=chunks, **kept)
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

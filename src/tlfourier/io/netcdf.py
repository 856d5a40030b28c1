"""What a NetCDF file may hold to be opened: plain numbers and words, in this file, of a possible size.

HDF5 lets a file point at other files, name a filter that is loaded as a library, and claim any amount of
memory. Nothing that the project writes does, so a file that does is refused before its values are read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlfourier.io.jsonfile import plain

CLASSIC = (b"CDF\x01", b"CDF\x02", b"CDF\x05")
HDF5 = b"\x89HDF\r\n\x1a\n"
_FILTERS = {1, 2, 3}  # of HDF5 itself: deflate, shuffle, Fletcher's checksum
_RATIO = 1032  # deflate packs no byte closer (zlib's technical details)
_EMPTY = 1_000_000  # bytes that a file may claim whatever its size: fill values are not stored


def engine(path: Path) -> str:
    """Return xarray's engine for a file, ``"scipy"`` or ``"h5netcdf"``, once its structure was looked at.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        It is no NetCDF, or holds what this project does not write: one sentence that names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"no dataset at {path}: the file does not exist")
    with path.open("rb") as stream:
        magic = stream.read(8)
    if magic[:4] in CLASSIC:
        return "scipy"
    if magic != HDF5:
        raise ValueError(f"{path} is damaged or not NetCDF: only NetCDF is read")
    import h5py  # type: ignore[import-untyped]  # here, because most files are of the classic kind

    try:
        with h5py.File(path, "r") as file:
            _check(file, _RATIO * path.stat().st_size + _EMPTY)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError, OverflowError) as error:
        raise ValueError(
            f"{path} is damaged or not NetCDF of this project ({plain(error)}): it is not read"
        ) from None
    return "h5netcdf"


def _check(file: Any, limit: int) -> None:
    """Refuse links, subgroups, foreign storage, filters and types, and more bytes than the file can hold."""
    import h5py

    claimed = 0
    for name in file:
        if not isinstance(file.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} is a link")
        dataset = file.get(name)
        if not isinstance(dataset, h5py.Dataset):
            raise ValueError(f"{name} is a {type(dataset).__name__}, not an array")
        _check_storage(name, dataset)
        claimed += dataset.size * max(dataset.dtype.itemsize, 1)
        if claimed > limit:
            raise ValueError(f"{name} claims more bytes than the file can hold")


def _check_storage(name: str, dataset: Any) -> None:
    """Refuse an array whose values lie elsewhere, pass a foreign filter, or are neither numbers nor words."""
    import h5py

    if dataset.external or dataset.is_virtual:
        raise ValueError(f"{name} lies in another file")
    creation = dataset.id.get_create_plist()
    filters = {creation.get_filter(number)[0] for number in range(creation.get_nfilters())}
    if filters - _FILTERS:
        raise ValueError(f"{name} needs filter {max(filters - _FILTERS)}")
    words = h5py.check_string_dtype(dataset.dtype) is not None
    if dataset.dtype.kind not in "biufSU" and not words:
        raise ValueError(f"{name} holds values of type {dataset.dtype}")

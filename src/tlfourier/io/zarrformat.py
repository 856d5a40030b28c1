"""The one format in which trajectories are kept, and the refusal of everything else before it is opened.

A Zarr array names the codecs that decode its chunks, and some of those run code (pickle), reach for memory
that a few bytes claim, or come from whatever package is installed. So the metadata are compared, as JSON,
with what `tlfourier.flow.trajectory` writes, and Zarr sees a folder only when nothing else is in it.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlfourier.io.jsonfile import parse_json, plain, read_json

METADATA = "zarr.json"
UNFINISHED = ".partial"  # what Zarr calls a file until it is whole
UNITS = {"units": "1"}
_ITEM_SIZES = {"float32": 4, "float64": 8}
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_HEADER = 14  # bytes: the longest beginning of a Zstandard frame, up to the size of its content
_RATIO = 1 << 15  # a block of a frame takes at least four bytes and holds at most 128 KiB
_COUNTS = {
    "size": 8,
    "snapshots": 1,
}  # the entries of a recipe that shapes are made of, and the least of each


class ForeignFormat(ValueError):
    """What is on disk is not in the format of a trajectory."""


@dataclass(frozen=True)
class Contents:
    """Say what the folder of a trajectory holds: its recipe, whether it is complete, which snapshots."""

    recipe: dict[str, Any]
    complete: bool
    snapshots: frozenset[int]


@dataclass(frozen=True)
class _Array:
    """Describe one array: shape, chunk, type and dimensions."""

    name: str
    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    dtype: str
    dimensions: tuple[str, ...]
    long_name: str

    @property
    def chunk_bytes(self) -> int:
        return math.prod(self.chunk) * _ITEM_SIZES[self.dtype]


def inspect(path: Path) -> Contents:
    """Return what a trajectory's folder holds, without decoding a single chunk.

    Raises
    ------
    ForeignFormat
        One sentence: an entry, a type or a codec that `write_trajectory` does not write, a link, or a chunk
        that claims another size than its array says.
    """
    try:
        root = read_json(path / METADATA)
        attributes = root["attributes"]
        _require(root == {"attributes": attributes, "zarr_format": 3, "node_type": "group"}, METADATA)
        _require(attributes.keys() == {"recipe", "complete"}, f"the attributes in {METADATA}")
        recipe, complete = parse_json(attributes["recipe"], "its recipe"), attributes["complete"]
        _require(isinstance(recipe, dict) and isinstance(complete, bool), f"the recipe in {METADATA}")
        _require(all(isinstance(value, str | int | float) for value in recipe.values()), "its recipe")
        for name, least in _COUNTS.items():
            _require(type(recipe[name]) is int and recipe[name] >= least, f"{name} in the recipe")
        arrays = _arrays(recipe, _members(path / "omega" / METADATA))
        _require_entries(path, {METADATA, *(array.name for array in arrays)})
        snapshots, *_ = [_chunks(path / array.name, array) for array in arrays]
    except (AttributeError, LookupError, TypeError, ValueError, OSError) as error:
        reason = error if isinstance(error, ValueError) else f"what it should hold is missing: {error}"
        raise ForeignFormat(
            f"{path} is not a trajectory, or a damaged one ({plain(reason)}): remove it or choose another"
        ) from None
    return Contents(recipe, complete, snapshots)


def remove_leftovers(path: Path) -> None:
    """Remove what a process that was killed while it wrote has left: files that Zarr had not renamed yet."""
    for leftover in path.rglob(f"*{UNFINISHED}"):
        leftover.unlink()


def _members(path: Path) -> tuple[int, ...]:
    """Return the leading dimension of the vorticity, () or (members,)."""
    shape = read_json(path)["shape"]
    _require(isinstance(shape, list) and len(shape) in (3, 4), "the shape of omega")
    members = tuple(shape[1:-2])
    _require(all(type(count) is int and count >= 1 for count in members), "the shape of omega")
    return members


def _arrays(recipe: dict[str, Any], members: tuple[int, ...]) -> list[_Array]:
    """Return the arrays that a recipe makes; the vorticity first."""
    size, snapshots = recipe["size"], recipe["snapshots"]
    field = (*members, size, size)
    dimensions = ("time", *["member"] * len(members), "y", "x")
    omega = _Array("omega", (snapshots, *field), (1, *field), "float32", dimensions, "vorticity")
    lengths = {"time": snapshots, "y": size, "x": size}
    return [omega, *(_Array(name, (n,), (n,), "float64", (name,), name) for name, n in lengths.items())]


def _chunks(folder: Path, array: _Array) -> frozenset[int]:
    """Return the first index of every chunk of an array, which must be as we write it."""
    _require(_matches(read_json(folder / METADATA), array), f"{array.name}/{METADATA}")
    _require_entries(folder, {METADATA, "c"}, optional="c")
    places = {place.relative_to(folder / "c").parts: place for place in _files(folder / "c")}
    limit = array.shape[0] // array.chunk[0]
    rest, found = ("0",) * (len(array.shape) - 1), []
    for parts, place in places.items():
        name, first = f"{array.name}/c/{'/'.join(parts)}", parts[0]
        _require(parts[1:] == rest and first.isascii() and first.isdecimal(), name)
        _require(first == str(int(first)) and int(first) < limit, name)
        _check_chunk(place, array.chunk_bytes, name)
        found.append(int(first))
    # Zarr leaves out a chunk of nothing but zeros: a single time may be one, an axis never.
    _require(bool(places) or array.name == "omega" or array.shape == (1,), f"{array.name}/c")
    return frozenset(found)


def _check_chunk(place: Path, wanted: int, name: str) -> None:
    """Refuse a chunk that claims another size than its array says, or more than its file can hold."""
    with place.open("rb") as stream:
        claimed = content_size(stream.read(_HEADER))
    _require(claimed == wanted <= _RATIO * place.stat().st_size, f"the size of {name}")


def _matches(found: Any, array: _Array) -> bool:
    """Tell whether the metadata of an array are those that we write, whatever the level of compression."""
    codecs = found["codecs"]
    level, checksum = (codecs[-1]["configuration"][name] for name in ("level", "checksum"))
    wanted = {
        "shape": list(array.shape),
        "data_type": array.dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(array.chunk)}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN" if array.name == "omega" else 0.0,
        "codecs": [
            {"name": "bytes", "configuration": {"endian": "little"}},
            {"name": "zstd", "configuration": {"level": level, "checksum": checksum}},
        ],
        "attributes": {"long_name": array.long_name, **UNITS},
        "dimension_names": list(array.dimensions),
        "zarr_format": 3,
        "node_type": "array",
        "storage_transformers": [],
    }
    # As text, for Python holds 3, 3.0 and True to be equal to what they are not.
    as_text = [json.dumps(one, sort_keys=True) for one in ({"storage_transformers": [], **found}, wanted)]
    return type(level) is int and type(checksum) is bool and as_text[0] == as_text[1]


def content_size(header: bytes) -> int | None:
    """Return how many bytes a Zstandard frame says that it holds, None if it does not say or is no frame.

    Source: RFC 8878, section 3.1.1.1.
    """
    if len(header) < 6 or header[:4] != _ZSTD_MAGIC:
        return None
    descriptor = header[4]
    single, flag = bool(descriptor & 0x20), descriptor >> 6
    length = (1 if single else 0, 2, 4, 8)[flag]
    start = 5 + (not single) + (0, 1, 2, 4)[descriptor & 3]
    if length == 0 or len(header) < start + length:
        return None
    size = int.from_bytes(header[start : start + length], "little")
    return size + 256 if length == 2 else size


def _files(folder: Path) -> list[Path]:
    """Return every file below a folder of chunks; a link, or anything but plain files, is refused."""
    found = []
    for place, folders, names in os.walk(folder):
        for entry in (Path(place) / name for name in (*folders, *names)):
            whole = not entry.is_symlink() and (entry.is_dir() or entry.is_file())
            _require(whole, f"{entry.relative_to(folder.parent)}")
        found += [Path(place) / name for name in names if not name.endswith(UNFINISHED)]
    return found


def _require_entries(folder: Path, accepted: set[str], optional: str = "") -> None:
    """Refuse a folder with other entries than the accepted ones, one missing, or one that is a link."""
    found = {entry.name: entry for entry in folder.iterdir() if not entry.name.endswith(UNFINISHED)}
    for name in sorted(found.keys() ^ accepted):
        _require(name == optional, f"{folder.name}/{name}")
    for name, entry in found.items():
        _require(not entry.is_symlink(), f"the link {folder.name}/{name}")


def _require(right: bool, what: str) -> None:
    if not right:
        raise ValueError(f"{plain(what)} is not what this project writes")

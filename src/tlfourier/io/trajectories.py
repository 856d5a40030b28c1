"""Trajectories as Zarr groups with one chunk per snapshot; opening one runs no code.

A Zarr array names the codecs that decode its chunks, and some of those run code. So their names are compared
with those that `create` writes before Zarr sees a folder, and links are refused.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from tlfourier.io.jsonfile import parse_json, read_json
from tlfourier.io.words import said_as

METADATA = "zarr.json"
CODECS = ("bytes", "zstd")
VARIABLES = {"omega": "vorticity", "q": "potential vorticity"}
"""What snapshots may hold, and its long name; a recipe names another than the first as its ``variable``."""
_UNFINISHED = ".partial"  # what Zarr calls a file until it is whole


@dataclass(frozen=True)
class Contents:
    """Say what the folder of a trajectory holds: its recipe, whether it is complete, which snapshots."""

    recipe: dict[str, Any]
    complete: bool
    snapshots: frozenset[int]

    @property
    def variable(self) -> str:
        """Return the name of the array that holds the snapshots."""
        return _variable(self.recipe)

    def require(self, path: Path, written: int) -> None:
        """Raise ValueError unless the first snapshots are all there."""
        there = sum(number < written for number in self.snapshots)
        if there < written:
            raise ValueError(f"{path} holds {there} of {written} snapshots: remove it and run again")


def inspect(path: Path) -> Contents:
    """Return what a trajectory's folder holds, without decoding a single chunk.

    Raises ValueError, one sentence, if it is no trajectory, has a link in it, or an array with other codecs
    than ours.
    """
    with said_as(f"{path} is not a trajectory, or a damaged one", ": remove it or choose another"):
        attributes = read_json(path / METADATA)["attributes"]
        recipe, complete = parse_json(attributes["recipe"], "its recipe"), attributes["complete"]
        if not (isinstance(recipe, dict) and type(recipe["snapshots"]) is int and isinstance(complete, bool)):
            raise ValueError(f"the recipe in {METADATA} is not what this project writes")
        variable = _variable(recipe)
        places = [place for place in path.rglob("*") if place.suffix != _UNFINISHED]
        files = [place.relative_to(path) for place in places if place.is_symlink() or not place.is_dir()]
        for array in sorted({variable} | {file.parts[0] for file in files} - {METADATA}):
            codecs = read_json(path / array / METADATA)["codecs"]
            if tuple(codec["name"] for codec in codecs) != CODECS:
                raise ValueError(f"{array} has other codecs than {', '.join(CODECS)}")
        for file in files:
            if (path / file).is_symlink():
                raise ValueError(f"{file} is a link")
    numbers = {file.parts[2] for file in files if file.parts[:2] == (variable, "c")}
    return Contents(recipe, complete, frozenset(int(number) for number in numbers if number.isdecimal()))


def create(
    path: Path, coordinates: Mapping[str, Sequence[float]], members: Sequence[int], recipe: dict[str, Any]
) -> None:
    """Create a trajectory without snapshots, under a temporary name at first: one that exists is whole.

    The ``coordinates`` are ``time``, ``y`` and ``x``, of layers also ``layer``, in the order of the
    dimensions; ``members`` are the leading dimensions of a snapshot, none or one; ``recipe`` is what decides
    the bits of the run, as JSON values, its ``snapshots`` their number.
    """
    import zarr  # here, because most programs open no trajectory
    from zarr.codecs import ZstdCodec

    building = path.with_name(path.name + ".building")
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(building, ignore_errors=True)
    count, *sides = (len(values) for values in coordinates.values())
    time, *axes = coordinates
    variable = _variable(recipe)
    try:
        group = zarr.open_group(building, mode="w")
        group.attrs.update({"recipe": json.dumps(recipe), "complete": False})
        array = group.create_array(
            variable,
            shape=(count, *members, *sides),
            chunks=(1, *members, *sides),
            dtype="f4",
            dimension_names=[time, *["member"] * len(members), *axes],
            fill_value=float("nan"),
            compressors=ZstdCodec(level=0, checksum=True),
        )
        array.attrs.update({"long_name": VARIABLES[variable], "units": "1"})
        for name, values in coordinates.items():
            one = group.create_array(name, shape=(len(values),), dtype="f8", dimension_names=[name])
            one[:] = values
            one.attrs.update({"long_name": name, "units": "1"})
        os.rename(building, path)
    except OSError as error:
        shutil.rmtree(building, ignore_errors=True)
        raise OSError(
            error.errno, f"{path} could not be created ({error.strerror}): make room and run again"
        ) from error


class Snapshots:
    """Write the snapshots of a trajectory that was inspected, one chunk each."""

    def __init__(self, path: Path) -> None:
        import zarr

        self.path = path
        self._group = zarr.open_group(path, mode="r+", zarr_format=3, use_consolidated=False)
        recipe = parse_json(str(self._group.attrs["recipe"]), "its recipe")
        self._array: Any = self._group[_variable(recipe)]

    def __setitem__(self, number: int, field: np.ndarray) -> None:
        self._array[number] = field

    def verify(self, count: int) -> None:
        """Decode the first snapshots, ValueError if one is torn; remove what a killed process has left."""
        for leftover in self.path.rglob(f"*{_UNFINISHED}"):
            leftover.unlink()
        for number in range(count):
            try:
                self._array[number]
            except (RuntimeError, ValueError) as error:
                damaged = f"{self.path} is damaged in snapshot {number}"
                raise ValueError(f"{damaged}: remove it and its checkpoint to begin again") from error

    def complete(self) -> None:
        """Note that all snapshots are there."""
        self._group.attrs["complete"] = True


def open_snapshots(path: Path, contents: Contents, written: int) -> xr.Dataset:
    """Open the first snapshots of a trajectory, lazily, with its recipe as attributes."""
    contents.require(path, written)
    with said_as(f"{path} is not a trajectory, or a damaged one", ": remove it or choose another"):
        trajectory = xr.open_zarr(path, chunks=None, consolidated=False, zarr_format=3)
        trajectory = trajectory.isel(time=slice(0, written))
        return trajectory.drop_attrs(deep=False).assign_attrs(contents.recipe)


def _variable(recipe: Mapping[str, Any]) -> str:
    """Return the name of the array of snapshots; ValueError if it is none of ours, a path for example."""
    variable = recipe.get("variable", "omega")
    if variable not in VARIABLES:
        raise ValueError(f"its snapshots are called {variable!r:.80}: known are {', '.join(VARIABLES)}")
    return str(variable)

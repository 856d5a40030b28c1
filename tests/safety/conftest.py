"""One whole file of every kind that the project reads, small, and what to read it with."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr

from tests import fakes
from tlfourier.book.record import read_run
from tlfourier.book.tables import artifacts_table, pages_table, stages_table, versions_table
from tlfourier.book.toc import toc_files
from tlfourier.closure.layered_scales import LayeredScales
from tlfourier.closure.network import Network, NetworkSpec, load_network, save_network
from tlfourier.flow.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.steppers import State
from tlfourier.flow.trajectory import read_trajectory, write_trajectory
from tlfourier.io.atomic import write_json
from tlfourier.io.jsonfile import read_json
from tlfourier.io.netcdf import read_dataset, write_dataset
from tlfourier.io.tensorfile import read_tensors, write_tensors
from tlfourier.io.words import said_as
from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder
from tlfourier.store.store import Store
from tlfourier.study.stages.artifacts import (
    change_scales,
    read_network,
    read_scales,
    write_parameters,
    write_scales,
)

SMALL = NetworkSpec(layers=2, channels=2, kernel_size=3)


@dataclass(frozen=True)
class Kind:
    """How a file is written, which file it is, and how it is read."""

    write: Callable[[Path], None]
    name: str
    read: Callable[[Path], Any]


def flow() -> tuple[VorticityEquation, State, Schedule]:
    """Return the smallest run."""
    grid = Grid(8)
    equation = VorticityEquation(grid, 1e-2, 0.1)
    return equation, State(random_vorticity(grid, 0, k_peak=2.0)), Schedule(0.1, 0.1, 3)


def trajectory(folder: Path) -> None:
    write_trajectory(folder / "trajectory", *flow(), progress=False)


def checkpoint(folder: Path) -> None:
    save_checkpoint(folder / "checkpoint", Checkpoint(flow()[1], 3, 1, "recipe"))


def network(folder: Path) -> None:
    save_network(folder / "network.safetensors", Network(SMALL))


def layers(folder: Path) -> None:
    network(folder)
    write_parameters(folder / "layers.safetensors", Network(SMALL, seed=1), ("conv01.weight", "conv01.bias"))


def tensors(folder: Path) -> None:
    write_tensors(
        folder / "training.safetensors", {"a": torch.arange(12.0).reshape(3, 4)}, {"loss": math.nan}
    )


def dataset(size: int) -> Callable[[Path], None]:
    """Return the writer of a dataset: NetCDF-3 when small, NetCDF-4 when large."""

    def write(folder: Path) -> None:
        values = np.random.default_rng(0).normal(size=(3, size, size)).astype(np.float32)
        data = {
            "omega": (("time", "y", "x"), values, {"units": "time^-1"}),
            "loss": ("step", [math.nan, 0.3]),
        }
        write_dataset(
            folder / "scores.nc", xr.Dataset(data, {"field": ["truth", "prediction"]}, {"layers": [2]})
        )

    return write


def scales(folder: Path) -> None:
    write_dataset(folder / "scales.nc", xr.Dataset({"psi": 1.0, "omega": 2.0, "sgs": 3.0}))


LAYERED = LayeredScales(["u1", "u2"], [1.0, 2.0], [3.0, 4.0], 5.0)


def layered_scales(folder: Path) -> None:
    write_scales(folder, LAYERED)


def read_layered_scales(folder: Path) -> Any:
    """Read scales as they are used, which those of one layer cannot be here."""
    found = read_scales(folder)
    with said_as(str(folder / "scales.nc")):
        return change_scales("own", found, LAYERED, (1.0, 1.0))


def document(folder: Path) -> None:
    (folder / "document.json").write_text(json.dumps({"a": [1, 2.5, {"b": None}], "c": "Π"}))


def make_number(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "value.txt").write_text(str(node.spec["value"]))


NUMBER = Node("number", 1, {"value": 3})


def artifact(folder: Path) -> None:
    Store(folder, fakes.stages(number=make_number)).get(NUMBER)


PAGES = {"1.ipynb": {"seconds": 1.5, "artifacts": [{"artifact": "score/0", "seconds": 2.0}], "stderr": []}}


def run(folder: Path) -> None:
    head = {"parameters": {}, "python": "3", "system": "x", "threads": 1, "versions": {"torch": "2"}}
    write_json(folder / "build" / "smoke" / "run.json", {**head, "pages": PAGES})


def tables(folder: Path) -> Any:
    record = read_run("smoke", folder)
    return [of(record) for of in (pages_table, artifacts_table, stages_table, versions_table)]


def contents(folder: Path) -> None:
    for name in ("intro.md", "page.ipynb"):
        (folder / name).write_text("")
    (folder / "_toc.yml").write_text("root: intro\nparts:\n- chapters:\n  - file: page\n")


def manifest(folder: Path) -> Any:
    return read_manifest(folder / NUMBER.name)


def laid_over(folder: Path) -> Any:
    return read_network({"base": folder, "network": folder})


KINDS = {
    "run": Kind(run, "build/smoke/run.json", tables),
    "contents": Kind(contents, "_toc.yml", toc_files),
    "tensors": Kind(tensors, "training.safetensors", lambda f: read_tensors(f / "training.safetensors")),
    "network": Kind(network, "network.safetensors", lambda f: load_network(f / "network.safetensors")),
    "spec": Kind(network, "network.json", lambda f: load_network(f / "network.safetensors")),
    "layers": Kind(layers, "layers.safetensors", laid_over),
    "checkpoint": Kind(checkpoint, "checkpoint", lambda f: load_checkpoint(f / "checkpoint")),
    "classic": Kind(dataset(4), "scores.nc", lambda f: read_dataset(f / "scores.nc")),
    "hdf5": Kind(dataset(210), "scores.nc", lambda f: read_dataset(f / "scores.nc")),
    "scales": Kind(scales, "scales.nc", read_scales),
    "layered scales": Kind(layered_scales, "scales.nc", read_layered_scales),
    "document": Kind(document, "document.json", lambda f: read_json(f / "document.json")),
    "manifest": Kind(artifact, f"{NUMBER.name}/manifest.json", manifest),
    "group": Kind(trajectory, "trajectory/zarr.json", lambda f: read_trajectory(f / "trajectory").load()),
    "array": Kind(
        trajectory, "trajectory/omega/zarr.json", lambda f: read_trajectory(f / "trajectory").load()
    ),
    "time": Kind(trajectory, "trajectory/time/c/0", lambda f: read_trajectory(f / "trajectory").load()),
    "chunk": Kind(trajectory, "trajectory/omega/c/1/0/0", lambda f: read_trajectory(f / "trajectory").load()),
}


@pytest.fixture(scope="session", params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of file in turn."""
    return KINDS[request.param]


@pytest.fixture(scope="session")
def folder(kind: Kind, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that holds a whole file of the kind."""
    place = tmp_path_factory.mktemp("whole")
    kind.write(place)
    return place


@pytest.fixture(scope="session")
def kinds() -> dict[str, Kind]:
    """Return all kinds by name."""
    return KINDS

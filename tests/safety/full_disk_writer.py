"""Write one kind of file on disks of many sizes; print what went wrong as JSON. Run by test_full_disk.py."""

import contextlib
import json
import math
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
import xarray as xr

from tests import fakes
from tlfourier.cli import _sentence as sentence
from tlfourier.closure.network import Network, NetworkSpec, save_network
from tlfourier.flow.checkpoint import Checkpoint, save_checkpoint
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.steppers import State
from tlfourier.flow.trajectory import write_trajectory
from tlfourier.io.netcdf import write_dataset
from tlfourier.io.tensorfile import write_tensors
from tlfourier.store.manifest import check
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder
from tlfourier.store.store import Store

GRID = Grid(32)
VALUES = np.random.default_rng(0).normal(size=(2, 260, 260)).astype(np.float32)


def state(seed: int) -> State:
    return State(random_vorticity(GRID, seed, k_peak=3.0))


def tensors(folder: Path, seed: int) -> None:
    write_tensors(folder / "x.safetensors", {"a": torch.full((10_000,), float(seed))}, {"loss": math.nan})


def checkpoint(folder: Path, seed: int) -> None:
    save_checkpoint(folder / "checkpoint", Checkpoint(state(seed), 3, 1))


def network(folder: Path, seed: int) -> None:
    save_network(folder / "network.safetensors", Network(NetworkSpec(layers=3, channels=16), seed))


def dataset(folder: Path, seed: int) -> None:
    write_dataset(folder / "x.nc", xr.Dataset({"a": (("y", "x"), VALUES[0, :100] + seed)}))


def hdf5(folder: Path, seed: int) -> None:
    write_dataset(folder / "x.nc", xr.Dataset({"a": (("n", "y", "x"), VALUES + seed)}))


def trajectory(folder: Path, seed: int) -> None:
    equation = VorticityEquation(GRID, 1e-3, 0.1)
    write_trajectory(folder / f"run{seed}", equation, state(seed), Schedule(0.1, 0.1, 4), progress=False)


def make(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "big.txt").write_text(str(node.spec["seed"]) * 30_000)
    (folder / "small.txt").write_text("x" * 3_000)


def store(folder: Path, seed: int) -> None:
    check(Store(folder, fakes.stages(number=make)).get(Node("number", 1, {"seed": seed})))


# the writer, and the largest disk that it may need, in kilobytes
KINDS: dict[str, tuple[Callable[[Path, int], None], int]] = {
    "tensors": (tensors, 160),
    "checkpoint": (checkpoint, 80),
    "network": (network, 160),
    "dataset": (dataset, 400),
    "hdf5": (hdf5, 1600),
    "trajectory": (trajectory, 400),
    "store": (store, 200),
}
RESUMED = ("trajectory", "store")  # these keep what they have done


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int, tmpfs: bool) -> Iterator[Callable[[], None]]:
    """Give a disk of a size; yield what makes room on it."""
    folder.mkdir(parents=True, exist_ok=True)
    if not tmpfs:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024, limits[1]))
        try:
            yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        return

    pages = max(4, kilobytes // 4 * 4)

    def mount(options: str) -> None:
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(folder)], check=True)

    mount(f"size={pages}k")
    try:
        yield lambda: mount("remount,size=64m")
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def content(folder: Path) -> dict[str, bytes]:
    """Return every file of a folder; what differs between equal runs (times, locks) is left out."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    aside = (".lock", "manifest.json")
    return {str(p.relative_to(folder)): p.read_bytes() for p in paths if not p.name.endswith(aside)}


def attempt(
    kind: str, folder: Path, kilobytes: int, tmpfs: bool, wanted: list[dict[str, bytes]]
) -> tuple[bool, list]:
    """Write over an old file on one disk; return whether it was refused, and everything that was wrong."""
    write, _ = KINDS[kind]
    problems = []
    with small_disk(folder, kilobytes, tmpfs) as make_room:
        refused = False
        for seed, before in ((0, {}), (1, wanted[0])):
            try:
                write(folder, seed)
            except OSError as error:
                refused = True
                found = content(folder)
                if "\n" in sentence(error) or error.errno is None:
                    problems.append(f"{kilobytes} kB: {error!r}")
                if kind not in RESUMED and found != before and found.keys() - wanted[seed].keys():
                    problems.append(f"{kilobytes} kB, file {seed}: left {sorted(found)}")
                torn = [n for n, b in found.items() if b not in (before.get(n), wanted[seed].get(n))]
                if torn and kind not in RESUMED:
                    problems.append(f"{kilobytes} kB, file {seed}: torn {torn}")
                make_room()
                write(folder, seed)
            if content(folder) != wanted[seed]:
                problems.append(f"{kilobytes} kB, file {seed}: not the bytes of an ample disk")
    shutil.rmtree(folder)
    return refused, problems


def main(kind: str, root: Path, tmpfs: bool) -> None:
    torch.set_num_threads(1)
    write, largest = KINDS[kind]
    wanted = []
    for seed in (0, 1):
        write(root / "ample", seed)
        wanted.append(content(root / "ample"))
    sizes = [4, 8, *(largest * share // 7 for share in range(1, 8))]
    if not tmpfs:  # a limit is on each file, and needs no whole pages
        sizes = [1, 2, 3, *sizes]
    seen = [attempt(kind, root / "small", size, tmpfs, wanted) for size in sizes]
    refusals = sum(refused for refused, _ in seen)
    problems = [problem for _, found in seen for problem in found]
    print(json.dumps({"refusals": refusals, "successes": len(seen) - refusals, "problems": problems}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:] == ["tmpfs"])

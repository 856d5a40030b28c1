"""What diverges stops early, says where, and leaves its last good state on disk."""

from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.network import load_network
from tlfourier.closure.optimise import Diverged
from tlfourier.io.netcdf import write_dataset
from tlfourier.store.node import Node
from tlfourier.study.stages import networks
from tlfourier.study.study import begin


def samples(path: Path, count: int) -> None:
    """Write a block of pairs of noise."""
    fields = np.random.default_rng(0).normal(size=(3, count, 16, 16)).astype(np.float32)
    data = {name: (("time", "y", "x"), fields[i]) for i, name in enumerate(("psi", "omega", "sgs"))}
    path.mkdir()
    write_dataset(path / "pairs.nc", xr.Dataset(data, {"time": np.arange(float(count))}))


@pytest.fixture
def inputs(tmp_path: Path) -> dict[str, Path]:
    samples(tmp_path / "train", 8)
    samples(tmp_path / "validation", 4)
    (tmp_path / "scales").mkdir()
    write_dataset(tmp_path / "scales" / "scales.nc", xr.Dataset({"psi": 1.0, "omega": 1.0, "sgs": 1.0}))
    return {name: tmp_path / name for name in ("train", "validation", "scales")}


def node(rate: float) -> Node:
    training = {"samples": 8, "epochs": 20, "batch_size": 4, "learning_rate": rate, "schedule": "constant"}
    small = {"layers": 3, "channels": 4}
    spec = begin(
        "smoke", {"split.train": 8, "transfer.samples": 4, "training": training, "network": small}
    ).spec
    return networks.train_node(spec, "target", 0)


def test_a_training_that_diverges_leaves_its_last_good_state(inputs: dict[str, Path], tmp_path: Path) -> None:
    partial = tmp_path / "partial"
    partial.mkdir()
    with pytest.raises(Diverged, match=r"diverged by step \d+ of 40 .* learning rate of 1000") as caught:
        networks.make_train(node(1e3), inputs, partial)
    assert "\n" not in str(caught.value)
    kept = load_network(partial / "diverged" / "network.safetensors")
    assert all(bool(torch.isfinite(values).all()) for values in kept.state_dict().values())
    assert str(partial / "diverged") in str(caught.value)
    assert not (partial / "network.safetensors").exists()


def test_what_a_diverged_training_has_left_is_not_in_the_artifact(
    inputs: dict[str, Path], tmp_path: Path
) -> None:
    for name in ("clean", "after"):
        (tmp_path / name).mkdir()
    networks.make_train(node(1e-3), inputs, tmp_path / "clean")
    with pytest.raises(Diverged):
        networks.make_train(node(1e3), inputs, tmp_path / "after")
    networks.make_train(node(1e-3), inputs, tmp_path / "after")
    found = [
        {str(path.relative_to(tmp_path / name)): path.read_bytes() for path in (tmp_path / name).rglob("*.*")}
        for name in ("clean", "after")
    ]
    assert found[0] == found[1]

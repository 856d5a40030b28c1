"""Artifacts can be read where they lie in an archive, as from a folder."""

import dataclasses
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.network import Network, NetworkSpec, load_network, save_network
from tlfourier.closure.pairs import Scales
from tlfourier.io.jsonfile import read_json
from tlfourier.io.netcdf import open_dataset, read_dataset, write_dataset
from tlfourier.io.tensorfile import read_tensors, write_tensors
from tlfourier.study.stages.artifacts import read_network, read_scales, write_parameters
from tlfourier.study.stages.samples import read_samples

SCALES = Scales(0.5, 2.0, 4.0)
SPEC = NetworkSpec(layers=3, channels=2, kernel_size=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of every kind."""
    folder = tmp_path_factory.mktemp("artifact")
    fields = np.random.default_rng(0).normal(size=(3, 40, 64, 64)).astype(np.float32)
    variables = zip(("psi", "omega", "sgs"), fields, strict=True)
    write_dataset(folder / "pairs.nc", xr.Dataset({name: (("time", "y", "x"), v) for name, v in variables}))
    write_dataset(folder / "scales.nc", xr.Dataset(dataclasses.asdict(SCALES)))
    save_network(folder / "network.safetensors", Network(SPEC))
    write_parameters(folder / "layers.safetensors", Network(SPEC, seed=1), ("conv02.weight", "conv02.bias"))
    write_tensors(folder / "x.safetensors", {"a": torch.arange(3.0)}, {"step": 3})
    return folder


@pytest.fixture(scope="module")
def archive(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.Path:
    """The same files in an archive."""
    path = tmp_path_factory.mktemp("archive") / "all.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for one in folder.iterdir():
            file.write(one, f"score/0123/{one.name}")
    return zipfile.Path(path) / "score" / "0123"


@pytest.mark.parametrize("name", ["pairs.nc", "scales.nc"], ids=["hdf5", "classic"])
def test_datasets(name: str, folder: Path, archive: zipfile.Path) -> None:
    xr.testing.assert_identical(read_dataset(archive / name), read_dataset(folder / name))
    with open_dataset(archive / name) as lazy:
        assert lazy.sizes == read_dataset(folder / name).sizes


def test_tensors_and_json(folder: Path, archive: zipfile.Path) -> None:
    tensors, record = read_tensors(archive / "x.safetensors")
    assert torch.equal(tensors["a"], torch.arange(3.0)) and record == {"step": 3}
    assert read_json(archive / "network.json") == read_json(folder / "network.json")


def test_networks_whole_and_laid_over(folder: Path, archive: zipfile.Path) -> None:
    whole = load_network(archive / "network.safetensors")
    assert whole.spec == SPEC
    for found in (read_network({"base": place, "network": place}) for place in (folder, archive)):
        assert torch.equal(found.layer(2).weight, Network(SPEC, seed=1).layer(2).weight)
        assert torch.equal(found.layer(1).weight, whole.layer(1).weight)


def test_scales_and_samples(folder: Path, archive: zipfile.Path, tmp_path: Path) -> None:
    assert read_scales(archive) == read_scales(folder) == SCALES
    for limit in (None, 0):
        pairs = [read_samples(place, SCALES, tmp_path, limit) for place in (folder, archive)]
        assert all(torch.equal(*both) for both in zip(*pairs, strict=True))


def test_what_is_missing_or_damaged_is_named(archive: zipfile.Path, tmp_path: Path) -> None:
    for read in (read_dataset, read_tensors, read_json, load_network):
        with pytest.raises(FileNotFoundError, match="all.zip/score/0123/none"):
            read(archive / "none")
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as file:
        for name in ("a.nc", "a.safetensors"):
            file.writestr(name, b"\x89HDF\r\n\x1a\n and no more")
    for name, read in (("a.nc", read_dataset), ("a.safetensors", read_tensors)):
        with pytest.raises(ValueError, match=f"bad.zip/{name} is damaged"):
            read(zipfile.Path(tmp_path / "bad.zip") / name)


def test_a_network_of_the_first_versions_is_read(tmp_path: Path) -> None:
    """Beside their spec lies a checksum of the weights, which the manifest has as well."""
    save_network(tmp_path / "n.safetensors", Network(SPEC))
    path = tmp_path / "n.json"
    path.write_text(path.read_text().replace("{", '{"sha256": "0",', 1))
    assert load_network(tmp_path / "n.safetensors").spec == SPEC

"""Datasets that pass through bounded memory come out as if they had been in memory whole."""

import resource
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.pairs import Scales, to_tensors
from tlfourier.io.netcdf import blocks, open_dataset, read_dataset, write_blocks, write_dataset
from tlfourier.study.stages.samples import read_samples

SCALES = Scales(psi=0.5, omega=2.0, sgs=4.0)


def pairs(count: int, size: int) -> xr.Dataset:
    generator = np.random.default_rng(count)
    axis = 2 * np.pi / size * np.arange(size)
    fields = {
        name: (
            ("time", "y", "x"),
            generator.normal(size=(count, size, size)).astype(np.float32),
            {"long_name": f"filtered {name}", "units": "1"},
        )
        for name in ("psi", "omega", "sgs")
    }
    time = ("time", 3 + 0.25 * np.arange(count), {"long_name": "time", "units": "1"})
    return xr.Dataset(
        fields, {"time": time, "y": axis, "x": axis}, {"filter": "gaussian", "length": 6.28, "split": "train"}
    )


@pytest.mark.parametrize(
    ("count", "size", "block"), [(5, 8, 2), (5, 8, 5), (23, 64, 7), (20, 64, 20), (1, 256, 3)]
)
def test_blocks_read_as_the_whole(count: int, size: int, block: int, tmp_path: Path) -> None:
    whole = pairs(count, size)
    write_dataset(tmp_path / "whole.nc", whole)
    with open_dataset(tmp_path / "whole.nc") as lazy:
        write_blocks(tmp_path / "blocks.nc", blocks(lazy, block), count)
    one, other = read_dataset(tmp_path / "whole.nc"), read_dataset(tmp_path / "blocks.nc")
    xr.testing.assert_identical(one, other)
    xr.testing.assert_identical(other, whole)
    assert (tmp_path / "blocks.nc").read_bytes()[:3] == (tmp_path / "whole.nc").read_bytes()[:3]
    assert list(other) == list(whole)
    for name in whole.variables:
        assert other[name].dtype == whole[name].dtype
    assert sorted(path.name for path in tmp_path.iterdir()) == ["blocks.nc", "whole.nc"]


@pytest.mark.parametrize("size", [8, 64])
@pytest.mark.parametrize("claimed", [19, 21])
def test_a_wrong_number_of_snapshots_is_refused(size: int, claimed: int, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"snapshots were given: expected are"):
        write_blocks(tmp_path / "a.nc", blocks(pairs(20, size), 6), claimed)
    assert not (tmp_path / "a.nc").exists()


def test_a_block_is_read_when_it_is_its_turn(tmp_path: Path) -> None:
    write_dataset(tmp_path / "whole.nc", pairs(30, 64))
    with open_dataset(tmp_path / "whole.nc") as lazy:
        sizes = [part.sizes["time"] for part in blocks(lazy.isel(time=np.arange(0, 30, 2)), 4)]
        assert sizes == [4, 4, 4, 3]
        assert "array(" not in repr(lazy["psi"]), "the lazy dataset itself was not read"


def test_mapped_samples_are_the_samples(tmp_path: Path) -> None:
    whole = pairs(150, 16)
    write_dataset(tmp_path / "pairs.nc", whole)
    wanted = to_tensors(whole, SCALES)
    for limit in (0, 2**30):
        found = read_samples(tmp_path, SCALES, tmp_path / "scratch", limit)
        for a, b in zip(found, wanted, strict=True):
            assert a.dtype == torch.float32 and a.shape == b.shape and torch.equal(a, b)
    assert list((tmp_path / "scratch").iterdir()) == []


def test_a_full_disk_is_an_error_not_a_crash(tmp_path: Path) -> None:
    write_dataset(tmp_path / "pairs.nc", pairs(40, 64))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            read_samples(tmp_path, SCALES, tmp_path / "scratch", limit=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((tmp_path / "scratch").iterdir()) == []

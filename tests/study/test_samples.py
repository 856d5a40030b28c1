"""Samples are the same in memory and mapped from disk."""

import resource
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.pairs import Scales, to_tensors
from tlfourier.io.netcdf import write_dataset
from tlfourier.study.stages.samples import read_samples

SCALES = Scales(psi=0.5, omega=2.0, sgs=4.0)


def pairs(count: int, size: int) -> xr.Dataset:
    values = np.random.default_rng(count).normal(size=(3, count, size, size)).astype(np.float32)
    return xr.Dataset(
        {name: (("time", "y", "x"), one) for name, one in zip(("psi", "omega", "sgs"), values, strict=True)},
        {"time": 3 + 0.25 * np.arange(count)},
    )


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

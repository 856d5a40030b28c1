"""Files inside artifacts come back as they were written, small or large."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from distributed import Client, LocalCluster

from tlfourier.io.netcdf import blocks, open_dataset, read_dataset, write_blocks, write_dataset


@pytest.mark.parametrize(("size", "magic"), [(8, b"CDF"), (300, b"\x89HDF")])
def test_a_dataset_survives_the_disk(size: int, magic: bytes, tmp_path: Path) -> None:
    fields = np.random.default_rng(0).normal(size=(3, size, size)).astype(np.float32)
    written = xr.Dataset(
        {
            "omega": (("time", "y", "x"), fields, {"long_name": "filtered vorticity", "units": "time^-1"}),
            "loss": ("step", [np.nan, 0.1 + 0.2], {"units": "variance of the outputs"}),
        },
        coords={"step": [0, 5], "field": ["truth", "prediction"]},
        attrs={"layers": [2, 5], "length": 2 * np.pi, "symbol": "Π"},
    )
    write_dataset(tmp_path / "a.nc", written)
    assert (tmp_path / "a.nc").read_bytes().startswith(magic)
    found = read_dataset(tmp_path / "a.nc")
    xr.testing.assert_equal(found, written)
    assert list(found.attrs["layers"]) == [2, 5]
    assert found.attrs["symbol"] == "Π"
    assert found["omega"].attrs == written["omega"].attrs
    assert found["omega"].dtype == np.float32
    assert [path.name for path in tmp_path.iterdir()] == ["a.nc"]


def test_a_worker_writes_large_data_without_asking_the_scheduler_for_a_lock(tmp_path: Path) -> None:
    data = xr.Dataset({"field": ("x", np.arange(200_000.0))})
    local = LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0")
    with local as cluster, Client(cluster) as client:
        client.submit(write_dataset, tmp_path / "large.nc", data).result(timeout=60)
        assert not cluster.scheduler.extensions["semaphores"].leases
    xr.testing.assert_identical(read_dataset(tmp_path / "large.nc"), data)


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

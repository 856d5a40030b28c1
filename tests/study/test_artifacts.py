"""Files inside artifacts come back as they were written, small or large."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from distributed import Client, LocalCluster

from tlfourier.io.netcdf import read_dataset, write_dataset


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

"""Nothing that is read can run code: not by a pickle, not by a codec, not by what a module imports."""

import ast
import contextlib
import json
import os
import pickle
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numcodecs.pickles  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
import zarr

import tlfourier
from tlfourier.book import toc
from tlfourier.flow.trajectory import read_trajectory
from tlfourier.io.netcdf import read_dataset

SOURCE = Path(tlfourier.__file__).parent


class Malice:
    """Make a folder when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self.marker),)


@contextlib.contextmanager
def refused(marker: Path, *names: str) -> Iterator[None]:
    """Expect one sentence with these names in it, and no marker."""
    # RuntimeError: a damaged artifact, or a chunk that Zarr cannot decode, which only a hash tells beforehand
    with pytest.raises((ValueError, FileNotFoundError, RuntimeError)) as caught:
        yield
    assert "\n" not in str(caught.value)
    assert all(name in str(caught.value) for name in names)
    assert not marker.exists()


def test_the_pickle_of_these_tests_is_malicious(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Malice(tmp_path / "marker")))
    assert (tmp_path / "marker").exists()


@pytest.mark.parametrize("form", ["pickle", "torch", "legacy", "numpy"])
def test_a_malicious_pickle_by_any_name_is_refused(kind: Any, form: str, tmp_path: Path) -> None:
    kind.write(tmp_path)
    marker, path = tmp_path / "marker", tmp_path / kind.name
    if form == "pickle":
        path.write_bytes(pickle.dumps(Malice(marker)))
    elif form == "numpy":
        with path.open("wb") as stream:
            np.save(stream, np.array([Malice(marker)], dtype=object), allow_pickle=True)
    else:
        torch.save(Malice(marker), path, _use_new_zipfile_serialization=form == "torch")
    with refused(marker):
        kind.read(tmp_path)


def test_a_codec_that_unpickles_is_refused_before_any_chunk_is_decoded(
    kinds: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """numcodecs unpickles where a process allows it: there, opened naively, this array runs code."""
    monkeypatch.setattr(numcodecs.pickles, "ALLOW_UNSAFE_PICKLE_DECODE", True)
    kinds["group"].write(tmp_path)
    path, marker = tmp_path / "trajectory", tmp_path / "marker"
    omega = path / "omega"
    shutil.rmtree(omega)
    omega.mkdir()
    filters = [{"id": "vlen-utf8"}, {"id": "pickle", "protocol": 5}]
    array = {"zarr_format": 2, "shape": [1], "chunks": [1], "dtype": "|O", "compressor": None, "order": "C"}
    (omega / ".zarray").write_text(json.dumps({**array, "fill_value": None, "filters": filters}))
    (omega / "0").write_bytes(pickle.dumps(Malice(marker)))
    with refused(marker, "trajectory"):
        read_trajectory(path)
    (path / ".zattrs").write_text((path / "zarr.json").read_text())
    (path / ".zgroup").write_text('{"zarr_format": 2}')
    (path / "zarr.json").unlink()
    with refused(marker, "trajectory"):
        read_trajectory(path)
    with contextlib.suppress(Exception):
        zarr.open_group(path, mode="r", zarr_format=2)["omega"][:]  # type: ignore[index]
    assert marker.exists(), "the attack of this test does not work any more: find one that does"


CODECS = [
    [{"name": "numcodecs.pickle", "configuration": {}}],
    [
        {"name": "bytes", "configuration": {"endian": "little"}},
        {"name": "numcodecs.pickle", "configuration": {}},
    ],
    [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "blosc", "configuration": {}}],
    [{"name": "sharding_indexed", "configuration": {}}],
    [],
    None,
    "zstd",
]


@pytest.mark.parametrize("codecs", CODECS, ids=range(len(CODECS)))
def test_any_other_codec_is_refused(codecs: Any, kinds: dict[str, Any], tmp_path: Path) -> None:
    kinds["group"].write(tmp_path)
    place = tmp_path / "trajectory" / "omega" / "zarr.json"
    place.write_text(json.dumps({**json.loads(place.read_text()), "codecs": codecs}))
    with refused(tmp_path / "marker", "trajectory"):
        read_trajectory(tmp_path / "trajectory")


def test_a_stranger_in_a_trajectory_has_no_other_codec(kinds: dict[str, Any], tmp_path: Path) -> None:
    kinds["group"].write(tmp_path)
    place = tmp_path / "trajectory" / "omega" / "zarr.json"
    stranger = tmp_path / "trajectory" / "stranger" / "zarr.json"
    stranger.parent.mkdir()
    stranger.write_text(place.read_text())
    read_trajectory(tmp_path / "trajectory")
    stranger.write_text(place.read_text().replace("zstd", "numcodecs.pickle"))
    with refused(tmp_path / "marker", "trajectory", "stranger"):
        read_trajectory(tmp_path / "trajectory")


@pytest.mark.parametrize("place", ["omega/c/1/0/0", "omega/c/1", "omega", "zarr.json"])
def test_a_link_in_a_trajectory_is_refused(place: str, kinds: dict[str, Any], tmp_path: Path) -> None:
    kinds["group"].write(tmp_path)
    path = tmp_path / "trajectory" / place
    shutil.move(path, tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with refused(tmp_path / "marker", "trajectory", "is a link"):
        read_trajectory(tmp_path / "trajectory")


def hdf5(path: Path, attack: str) -> None:
    """Write a NetCDF-4 file that reaches for what is not in it."""
    with h5py.File(path.parent / "secret.h5", "w") as secret:
        secret["omega"] = np.arange(4.0)
    with h5py.File(path, "w") as file:
        if attack == "external link":
            file["omega"] = h5py.ExternalLink("secret.h5", "omega")
        elif attack == "soft link":
            file["omega"] = h5py.SoftLink("/elsewhere")
        elif attack == "external storage":
            file.create_dataset("omega", (4,), "f8", external=[(str(path.parent / "secret.h5"), 0, 32)])
        elif attack == "virtual":
            layout = h5py.VirtualLayout((4,), "f8")
            layout[:] = h5py.VirtualSource(str(path.parent / "secret.h5"), "omega", (4,))
            file.create_virtual_dataset("omega", layout)
        elif attack == "filter":
            creation = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
            creation.set_chunk((4,))
            creation.set_filter(32000 + 1, h5py.h5z.FLAG_OPTIONAL, (1,))
            space = h5py.h5s.create_simple((4,))
            h5py.h5d.create(file.id, b"omega", h5py.h5t.IEEE_F64LE, space, creation)
        else:
            file.create_group("omega")


@pytest.mark.parametrize(
    "attack",
    [
        "external link",
        "soft link",
        "external storage",
        "virtual",
        "filter",
        "group",
    ],
)
def test_a_dataset_stays_within_its_file(attack: str, tmp_path: Path) -> None:
    hdf5(tmp_path / "pairs.nc", attack)
    with refused(tmp_path / "marker", "pairs.nc", "omega"):
        read_dataset(tmp_path / "pairs.nc")


def test_a_table_of_contents_makes_no_objects(tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    (tmp_path / "_toc.yml").write_text(f"root: !!python/object/apply:os.mkdir ['{marker}']\n")
    with refused(marker, "_toc.yml"):
        toc.toc_files(tmp_path)


FORBIDDEN_MODULES = {
    "pickle",
    "_pickle",
    "cPickle",
    "dill",
    "cloudpickle",
    "joblib",
    "marshal",
    "shelve",
    "dbm",
}
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__"}
FORBIDDEN_METHODS = {
    "torch.load",
    "torch.jit.load",
    "torch.hub.load",
    "yaml.load",
    "yaml.full_load",
    "yaml.unsafe_load",
}


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` for the expression a.b.c, else its last names."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def offences(tree: ast.AST) -> Iterator[str]:
    """Yield what a module does that could run what it reads."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom):
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            yield from whole & FORBIDDEN_METHODS
            if (node.module or "").split(".")[0] in FORBIDDEN_MODULES:
                yield str(node.module)
        elif isinstance(node, ast.Call):
            name = dotted(node.func)
            if name in FORBIDDEN_CALLS | FORBIDDEN_METHODS:
                yield name
            yield from (key.arg for key in node.keywords if key.arg in ("allow_pickle", "weights_only"))


@pytest.mark.parametrize("path", sorted(SOURCE.rglob("*.py")), ids=lambda p: str(p.relative_to(SOURCE)))
def test_no_module_could_run_what_it_reads(path: Path) -> None:
    assert list(offences(ast.parse(path.read_text()))) == []


@pytest.mark.parametrize(
    "line",
    ["import pickle", "from pickle import load", "torch.load(p)", "from torch import load", "eval('1')",
     "yaml.load(t)", "np.load(p, allow_pickle=True)"],
)  # fmt: skip
def test_the_walk_sees_what_it_is_for(line: str) -> None:
    assert list(offences(ast.parse(line)))

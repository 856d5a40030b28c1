"""Whatever the bytes of a file are, its loader returns a value or says one sentence that names the file."""

import io
import json
import resource
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save

from tests import fakes
from tlfourier.flow.checkpoint import load_checkpoint
from tlfourier.flow.trajectory import read_trajectory
from tlfourier.io.jsonfile import parse_json
from tlfourier.io.tensorfile import read_tensors
from tlfourier.store.manifest import DamagedArtifact
from tlfourier.store.node import Node
from tlfourier.store.store import Store

# The fixture of the folder lasts for the session, and every example puts the whole file back.
fuzz = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BINARY = ("chunk", "time", "tensors", "network", "layers", "checkpoint", "classic", "scales")


@pytest.fixture(scope="module", autouse=True)
def _little_memory() -> Iterator[None]:
    """Let a loader that believes in sizes fail here: the system refuses 8 GB beyond what tests hold."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 8 * 2**30, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_AS, limits)


def attempt(kind: Any, folder: Path) -> str | None:
    """Read; return the sentence of a refusal, or None if there was a value."""
    try:
        kind.read(folder)
    except (ValueError, FileNotFoundError, DamagedArtifact) as error:
        sentence = str(error)
    except RuntimeError as error:
        assert kind.name.startswith("trajectory/"), repr(error)
        sentence = str(error)
    else:
        return None
    if kind.name.startswith(
        "trajectory/"
    ):  # the values of a snapshot are decoded when they are used, by Zarr
        sentence = f"{folder}: {sentence}"
    assert sentence.isprintable(), repr(sentence)
    stem = Path(kind.name).parts[0] if "/" in kind.name else kind.name
    named = (stem, "network.json", "network.safetensors", "run.json", "trajectory", "number", str(folder))
    assert any(name in sentence for name in named), sentence
    return sentence


def with_content(kind: Any, folder: Path, content: bytes) -> str | None:
    """Read with other bytes in the file, and put the whole ones back."""
    path = folder / kind.name
    whole = path.read_bytes()
    path.write_bytes(content)
    try:
        return attempt(kind, folder)
    finally:
        path.write_bytes(whole)


def mutate(whole: bytes, data: st.DataObject) -> bytes:
    """Flip bits, cut, splice, repeat or overwrite somewhere; the beginning is hit most often."""
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, min(len(content), 600)) | st.integers(0, len(content)))
        end = min(len(content), place + data.draw(st.integers(1, 24)))
        what = data.draw(st.sampled_from(["flip", "cut", "splice", "repeat", "fill", "drop"]))
        if what == "flip" and place < len(content):
            content[place] ^= 1 << data.draw(st.integers(0, 7))
        elif what == "cut":
            del content[place:]
        elif what == "splice":
            content[place:end] = data.draw(st.binary(max_size=12))
        elif what == "repeat":
            content[place:place] = content[place:end] * data.draw(st.integers(1, 50))
        elif what == "fill":
            content[place:end] = bytes([data.draw(st.sampled_from([0, 0x7F, 0x80, 0xFF]))]) * (end - place)
        else:
            del content[place:end]
    return bytes(content)


def skip_hdf5(kind: Any, folder: Path) -> bool:
    """Tell whether a file is HDF5, whose library does not end on any bytes: see the test of the store."""
    return (folder / kind.name).read_bytes()[:4] == b"\x89HDF"


def test_a_whole_file_is_read(kind: Any, folder: Path) -> None:
    assert attempt(kind, folder) is None


@fuzz
@given(content=st.binary(max_size=400))
def test_random_bytes(kind: Any, folder: Path, content: bytes) -> None:
    assert with_content(kind, folder, content) is not None or kind.name.endswith((".json", ".yml"))


@fuzz
@given(data=st.data())
def test_mutations_of_a_whole_file(kind: Any, folder: Path, data: st.DataObject) -> None:
    if not skip_hdf5(kind, folder):
        whole = (folder / kind.name).read_bytes()
        with_content(kind, folder, mutate(whole, data))
    assert attempt(kind, folder) is None


@fuzz
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(kind: Any, folder: Path, share: float) -> None:
    whole = (folder / kind.name).read_bytes().rstrip()
    sentence = with_content(kind, folder, whole[: int(share * len(whole))])
    assert sentence is not None or kind.name.endswith((".nc", ".yml"))


@pytest.mark.parametrize("other", BINARY)
def test_the_file_of_another_kind_is_refused(
    kind: Any, folder: Path, kinds: dict[str, Any], other: str, tmp_path: Path
) -> None:
    kinds[other].write(tmp_path)
    content = (tmp_path / kinds[other].name).read_bytes()
    # These read any file of tensors, any layers that fit, any NetCDF: the caller asks what is in it.
    general = kind.name in ("training.safetensors", "layers.safetensors", "scores.nc")
    refused = with_content(kind, folder, content) is not None
    assert refused or general or content == (folder / kind.name).read_bytes()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
    max_leaves=10,
)


def places(tree: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path to every value of a JSON tree."""
    yield above
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in pairs:
        yield from places(value, (*above, key))


@fuzz
@given(data=st.data())
def test_any_value_anywhere_in_json(kind: Any, folder: Path, data: st.DataObject) -> None:
    if kind.name.endswith(".json"):
        tree = json.loads((folder / kind.name).read_text())
        *above, last = data.draw(st.sampled_from([place for place in places(tree) if place]))
        branch = tree
        for key in above:
            branch = branch[key]
        branch[last] = data.draw(json_values | st.sampled_from([2**62, -1, 10**400, "", "../../x"]))
        with_content(kind, folder, json.dumps(tree).encode())
    assert attempt(kind, folder) is None


BAD_JSON = {
    "deep": b"[" * 200_000,
    "deep and closed": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "digits": b"9" * 100_000,
    "infinite": b"1e999",
    "NaN": b"NaN",
    "Infinity": b'{"recipe": Infinity}',
    "twice": b'{"a": 1, "a": 2}',
    "not UTF-8": b'{"a": "\xff"}',
    "surrogate": b'"\\ud800"',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "empty": b"",
    "control": b'"\x1b[2J"',
}


@pytest.mark.parametrize("content", BAD_JSON.values(), ids=BAD_JSON)
def test_json_that_is_none_or_means_two_things(content: bytes, kind: Any, folder: Path) -> None:
    if kind.name.endswith(".json"):
        refused = with_content(kind, folder, content)
        assert refused is not None or content in (BAD_JSON["surrogate"], BAD_JSON["digits"])
    assert attempt(kind, folder) is None


def header(tree: Any, payload: bytes = b"", length: int | None = None) -> bytes:
    """Return a safetensors file with a header of one's own, whose length may be a lie."""
    text = json.dumps(tree).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + payload


def one(**entry: Any) -> dict[str, Any]:
    return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **entry}}


LIES = {
    "length": header(one(), bytes(8), 2**63),
    "length short": header(one(), bytes(8), 3),
    "elements": header(one(shape=[2**60]), bytes(8)),
    "elements that overflow": header(one(shape=[2**40, 2**40]), bytes(8)),
    "negative": header(one(shape=[-2]), bytes(8)),
    "offsets": header(one(data_offsets=[0, 2**62]), bytes(8)),
    "offsets back": header(one(data_offsets=[8, 0]), bytes(8)),
    "type": header(one(dtype="PICKLE"), bytes(8)),
    "odd type": header(one(dtype="F4", shape=[16]), bytes(8)),
    "more": header(one(), bytes(800)),
    "metadata": header({"__metadata__": {"x": "1"}, **one()}, bytes(8)),
    "note": header({"__metadata__": {"sealed": "[]"}, **one()}, bytes(8)),
    "two notes": header({"__metadata__": {"sealed": "{}", "record": "1"}, **one()}, bytes(8)),
    "record": header({"__metadata__": {"record": "[" * 50_000}, **one()}, bytes(8)),
    "record infinite": header({"__metadata__": {"record": "-Infinity"}, **one()}, bytes(8)),
    "newline": header({"a\n\x1b[2J": {"dtype": "\n", "shape": [2], "data_offsets": [0, 8]}}, bytes(8)),
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES)
def test_headers_that_lie(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="x.safetensors is damaged or not a safetensors file") as caught:
        read_tensors(path)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("name", ["tensors", "network", "layers", "checkpoint"])
def test_every_flipped_bit_of_a_tensor_file_is_seen(
    name: str, share: float, kinds: dict[str, Any], tmp_path: Path
) -> None:
    kinds[name].write(tmp_path)
    whole = (tmp_path / kinds[name].name).read_bytes()
    first = int(share * len(whole))
    for place in range(first, min(first + 6, len(whole))):
        for bit in range(8):
            content = whole[:place] + bytes([whole[place] ^ (1 << bit)]) + whole[place + 1 :]
            assert with_content(kinds[name], tmp_path, content) is not None


def test_every_flipped_bit_of_a_snapshot_is_seen(kinds: dict[str, Any], tmp_path: Path) -> None:
    """All but the fifth bit of a frame's descriptor, which has no meaning (RFC 8878, 3.1.1.1.1.3)."""
    kind, path = kinds["chunk"], tmp_path / kinds["chunk"].name
    kind.write(tmp_path)
    whole, values = path.read_bytes(), kind.read(tmp_path)
    for place in [*range(16), *range(16, len(whole), 7)]:
        content = bytearray(whole)
        content[place] ^= 1 << place % 8
        path.write_bytes(content)
        if place == 4:
            assert values.identical(kind.read(tmp_path))
        else:
            assert attempt(kind, tmp_path) is not None, place


def test_two_files_that_were_swapped_are_told_apart(kinds: dict[str, Any], tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second")]
    for folder in folders:
        folder.mkdir()
        kinds["layers"].write(folder)
    path = folders[0] / "network.safetensors"
    path.write_bytes((folders[0] / "layers.safetensors").read_bytes())
    with pytest.raises(ValueError, match="network.safetensors has 2 tensors: its spec says 2 layers of two"):
        kinds["network"].read(folders[0])


def test_a_file_of_the_first_version_is_read(tmp_path: Path) -> None:
    """Files of 0.1.0 have a record and no seal; some of them are shipped."""
    path = tmp_path / "x.safetensors"
    path.write_bytes(save({"a": torch.ones(3)}, {"record": '{"step": 3}'}))
    tensors, record = read_tensors(path)
    assert torch.equal(tensors["a"], torch.ones(3))
    assert record == {"step": 3}


def test_damaged_hdf5_never_meets_its_library(kinds: dict[str, Any], tmp_path: Path) -> None:
    """The store compares checksums before anything is opened: a flip is named, and cannot hang HDF5."""

    def make(node: Node, inputs: Any, folder: Path) -> None:
        kinds["hdf5"].write(folder)

    node = Node("scores", 1, {})
    path = fakes.made(Store(tmp_path, fakes.stages(scores=make)), node) / "scores.nc"
    whole = path.read_bytes()
    for place in range(0, len(whole), len(whole) // 60):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DamagedArtifact, match=r"scores\.nc has changed since it was written"):
            Store(tmp_path, {}).find(node)


@given(st.binary(max_size=60))
@settings(max_examples=200, deadline=None, derandomize=True)
def test_json_is_what_json_says_or_a_sentence(content: bytes) -> None:
    try:
        value = parse_json(content, "it")
    except ValueError as error:
        assert str(error).startswith("it is not JSON that can be read")
        assert str(error).isprintable()
    else:
        assert json.load(io.BytesIO(content)) == value


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (read_tensors, load_checkpoint, read_trajectory):
        with pytest.raises(FileNotFoundError, match="nothing"):
            read(tmp_path / "nothing")

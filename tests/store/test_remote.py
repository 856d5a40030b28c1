"""A remote store, on a real S3 server over HTTP: fetched, published, safe with many writers, damage named."""

from __future__ import annotations

import json
import multiprocessing
import os
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import fsspec
import pytest
from moto.server import ThreadedMotoServer

from tests import fakes
from tlfourier.store.manifest import DamagedArtifact
from tlfourier.store.node import Node
from tlfourier.store.remote import Remote, RemoteError, is_remote
from tlfourier.store.stage import Folder, Stages
from tlfourier.store.store import Store
from tlfourier.study.stores import open_store

NUMBER = Node("number", 1, {"value": 3})
DOUBLE = Node("double", 1, {}, {"of": NUMBER})


def make_number(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "value.txt").write_text(str(node.spec["value"]))


def make_double(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "value.txt").write_text(str(2 * int((inputs["of"] / "deep" / "value.txt").read_text())))


def make_mine(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    """Write other bytes in every process, as two machines may."""
    for name in ("a.txt", "b.txt"):
        (folder / name).write_text(str(os.getpid()))


STAGES = fakes.stages(number=make_number, double=make_double, mine=make_mine)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        patch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def address(server: str) -> str:
    bucket = f"study-{uuid.uuid4().hex[:12]}"
    fsspec.filesystem("s3", skip_instance_cache=True).mkdir(bucket)
    return f"s3://{bucket}/deep/er"


def store(root: Path, address: str, stages: Stages = STAGES) -> Store:
    return Store(root, stages, remote=Remote(address))


def test_what_one_machine_makes_another_finds(address: str, tmp_path: Path) -> None:
    store(tmp_path / "a", address).get(DOUBLE)
    other = store(tmp_path / "b", address, {})
    assert other.missing([NUMBER, DOUBLE]) == []
    assert not (tmp_path / "b").exists()  # to know is not to fetch
    assert (other.get(DOUBLE) / "value.txt").read_text() == "6"
    assert (other.get(NUMBER) / "deep" / "value.txt").read_text() == "3"
    assert other.verify() == []
    assert Remote(address).names() == {NUMBER.name, DOUBLE.name}


def test_nothing_is_there_before_it_is_made(address: str, tmp_path: Path) -> None:
    empty = store(tmp_path, address)
    assert Remote(address).names() == set()
    assert empty.missing([DOUBLE]) == [DOUBLE]
    assert empty.find(DOUBLE) is None


def test_a_publication_that_was_cut_off_is_made_up_for(address: str, tmp_path: Path) -> None:
    Store(tmp_path, STAGES).get(DOUBLE)  # made, and never published
    assert Remote(address).names() == set()
    store(tmp_path, address).get(DOUBLE)
    assert DOUBLE.name in Remote(address).names()


def test_files_without_a_manifest_are_nothing(address: str, tmp_path: Path) -> None:
    system, root = fsspec.core.url_to_fs(address)
    system.pipe_file(f"{root}/{NUMBER.name}/0123456789ab/deep/value.txt", b"7")
    assert Remote(address).names() == set()
    assert (store(tmp_path, address).get(NUMBER) / "deep" / "value.txt").read_text() == "3"


def _get(root: Path, address: str, node: Node) -> None:
    store(root, address).get(node)


def test_many_writers_at_once_leave_one_whole_artifact(address: str, tmp_path: Path) -> None:
    """Each has its own disk, so no lock is shared, and other bytes: a mixture would be seen."""
    node = Node("mine", 1, {})
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_get, args=(tmp_path / str(i), address, node)) for i in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 3
    found = store(tmp_path / "reader", address, {}).get(node)
    assert (found / "a.txt").read_text() == (found / "b.txt").read_text()
    assert store(tmp_path / "reader", address).verify() == []


def test_an_artifact_published_while_the_lock_was_taken_is_fetched(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_again(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
        raise AssertionError(f"{node.name} was made though it had been published")

    other = store(tmp_path / "other", address)
    late = store(tmp_path / "late", address, fakes.stages(number=not_again))
    has = Remote.has
    asked: list[str] = []

    def has_after_the_first_question(remote: Remote, name: str) -> bool:
        asked.append(name)
        if len(asked) == 1:
            monkeypatch.setattr(Remote, "has", has)
            other.get(NUMBER)
            return False
        return has(remote, name)

    monkeypatch.setattr(Remote, "has", has_after_the_first_question)
    assert (late.get(NUMBER) / "deep" / "value.txt").read_text() == "3"
    assert asked == [NUMBER.name]


@pytest.mark.parametrize("damage", ["flip", "remove", "manifest"])
def test_damage_is_named_never_used_and_set_aside(address: str, tmp_path: Path, damage: str) -> None:
    store(tmp_path / "a", address).get(NUMBER)
    system, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
    (value,) = [path for path in system.find(root) if path.endswith("value.txt")]
    if damage == "flip":
        system.pipe_file(value, b"4")
    elif damage == "remove":
        system.rm_file(value)
    else:
        system.pipe_file(f"{root}/{NUMBER.name}/manifest.json", b"{")
    reader = store(tmp_path / "b", address)
    with pytest.raises(DamagedArtifact, match=f"artifact {NUMBER.name} is damaged: .*verify --repair"):
        reader.get(NUMBER)
    assert reader.find(DOUBLE) is None
    assert len(reader.verify(repair=True)) == 1
    assert reader.verify() == []
    assert (reader.get(NUMBER) / "deep" / "value.txt").read_text() == "3"
    assert NUMBER.name in Remote(address).names()


def test_a_manifest_cannot_reach_outside_of_its_artifact(address: str, tmp_path: Path) -> None:
    store(tmp_path / "a", address).get(NUMBER)
    system, root = fsspec.core.url_to_fs(address, use_listings_cache=False)
    place = f"{root}/{NUMBER.name}/manifest.json"
    manifest = json.loads(system.cat_file(place))
    manifest["files"] = {"../../../../stolen.txt": "0" * 64}
    system.pipe_file(place, json.dumps(manifest).encode())
    with pytest.raises(DamagedArtifact, match="an entry has the wrong form"):
        store(tmp_path / "b", address).get(NUMBER)
    assert not list(tmp_path.rglob("stolen.txt"))


def test_a_store_that_cannot_be_reached_is_one_sentence(server: str, tmp_path: Path) -> None:
    with pytest.raises(RemoteError, match="the store at s3://nobodys-bucket/x cannot be used") as caught:
        store(tmp_path, "s3://nobodys-bucket/x").get(NUMBER)
    assert "\n" not in str(caught.value)


def test_an_unknown_protocol_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match=r"store 'carrier-pigeon://x' cannot be opened"):
        open_store("carrier-pigeon://x")


def test_an_address_opens_a_remote_store_with_local_copies(address: str) -> None:
    opened = open_store(address)
    assert opened.remote == Remote(address)
    assert not is_remote(str(opened.root))

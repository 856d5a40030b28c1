"""The store: names are hashes of recipes, artifacts are whole or absent, damage is named, nothing is lost."""

import errno
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from datetime import datetime, tzinfo
from pathlib import Path

import pytest
import torch

from tests import fakes
from tlfourier.store.manifest import DamagedArtifact, read_manifest
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder
from tlfourier.store.store import Store

NUMBER = Node("number", 1, {"value": 3})
DOUBLE = Node("double", 1, {}, {"of": NUMBER})


def make_number(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "value.txt").write_text(str(node.spec["value"]))


def make_double(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "value.txt").write_text(str(2 * int((inputs["of"] / "value.txt").read_text())))


def make_slowly(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    with (folder / "who.txt").open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    time.sleep(0.5)


STAGES = fakes.stages(number=make_number, double=make_double, slow=make_slowly)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", STAGES)


def test_keys_are_golden() -> None:
    """A key may change only on purpose: it is the address of somebody's results."""
    assert NUMBER.key == "85838c9b746a0cb174cda96f22da6960dd9195ee04b59c952de5bdf3ddf7c281"
    assert Node("number", 1, {"b": 1, "a": 2}).key == Node("number", 1, {"a": 2, "b": 1}).key


def test_every_part_of_a_recipe_is_in_the_key() -> None:
    others = [
        Node("numbers", 1, {"value": 3}),
        Node("number", 2, {"value": 3}),
        Node("number", 1, {"value": 4}),
        Node("number", 1, {"value": 3}, {"of": NUMBER}),
    ]
    assert len({NUMBER.key, *(node.key for node in others)}) == 5


def test_an_artifact_is_made_once_with_what_it_needs(store: Store) -> None:
    folder = store.get(DOUBLE)
    assert (folder / "value.txt").read_text() == "6"
    made = read_manifest(folder)["made"]
    assert store.find(NUMBER) is not None
    assert read_manifest(store.get(DOUBLE))["made"] == made
    assert not list((store.root / "partial").rglob("*.txt"))


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "add", "manifest", "foreign"])
def test_damage_is_named_set_aside_and_mended(
    store: Store, damage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = fakes.made(store, NUMBER)
    value = folder / "value.txt"
    if damage == "flip":
        value.write_text("4")
    elif damage == "truncate":
        value.write_text("")
    elif damage == "remove":
        value.unlink()
    elif damage == "add":
        (folder / "stranger.txt").write_text("x")
    elif damage == "manifest":
        (folder / "manifest.json").write_text("{")
    else:
        manifest = json.loads((folder / "manifest.json").read_text())
        manifest["recipe"]["spec"]["value"] = 5
        (folder / "manifest.json").write_text(json.dumps(manifest))
    reader = Store(store.root, {})
    with pytest.raises(DamagedArtifact, match=f"artifact {NUMBER.name} is damaged: .*verify --repair"):
        reader.get(NUMBER)
    assert len(Store(store.root, STAGES).verify()) == 1
    assert (Store(store.root, STAGES).get(NUMBER) / "value.txt").read_text() == "3"
    said = capsys.readouterr().out
    assert f"artifact {NUMBER.name} is damaged" in said
    assert "is made again" in said
    assert Store(store.root, STAGES).verify() == []
    assert len(list((store.root / "damaged" / "number").iterdir())) == 1


def test_verify_sets_aside_on_demand(store: Store) -> None:
    (fakes.made(store, NUMBER) / "value.txt").write_text("4")
    assert len(store.verify(repair=True)) == 1
    assert store.verify() == []
    assert store.find(NUMBER) is None
    assert (store.get(NUMBER) / "value.txt").read_text() == "3"


def test_a_folder_without_a_manifest_gives_way(store: Store) -> None:
    folder = fakes.made(store, NUMBER)
    (folder / "manifest.json").unlink()
    again = Store(store.root, STAGES)
    assert (again.get(NUMBER) / "value.txt").read_text() == "3"
    assert len(list((store.root / "damaged" / "number").iterdir())) == 1


def test_an_artifact_in_the_place_of_another_is_not_used(store: Store) -> None:
    """Two whole artifacts that have changed places agree with their manifests, not with their names."""
    first, second = (fakes.made(store, node) for node in (NUMBER, Node("number", 1, {"value": 5})))
    swapped = store.root / "swapped"
    first.rename(swapped)
    second.rename(first)
    swapped.rename(second)
    again = Store(store.root, STAGES)
    assert (again.get(NUMBER) / "value.txt").read_text() == "3"
    assert (again.get(Node("number", 1, {"value": 5})) / "value.txt").read_text() == "5"


def test_an_artifact_of_an_older_version_is_not_used(store: Store) -> None:
    store.get(NUMBER)
    assert store.find(Node("number", 2, {"value": 3})) is None


def test_a_clock_that_stands_or_jumps_back_loses_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Stopped":
            return cls(1970, 1, 1, tzinfo=tz)

    monkeypatch.setattr("tlfourier.store.store.datetime", Stopped)
    monkeypatch.setattr("tlfourier.store.manifest.datetime", Stopped)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    for wrong in ("4", "5", "6"):
        (fakes.made(store, NUMBER) / "value.txt").write_text(wrong)
        assert len(store.verify(repair=True)) == 1
    kept = sorted(path.read_text() for path in (store.root / "damaged").rglob("value.txt"))
    assert kept == ["4", "5", "6"]
    assert (store.get(DOUBLE) / "value.txt").read_text() == "6"
    assert store.verify() == []


def test_a_half_made_artifact_that_cannot_be_resumed_is_begun_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def resume(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
        if (folder / "checkpoint").exists():
            raise ValueError("the checkpoint is damaged")
        (folder / "value.txt").write_text("whole")

    store = Store(tmp_path, fakes.stages("number", number=resume))
    partial = tmp_path / "partial" / NUMBER.name
    partial.mkdir(parents=True)
    (partial / "checkpoint").write_text("?")
    assert (store.get(NUMBER) / "value.txt").read_text() == "whole"
    assert "made from the start: the checkpoint is damaged" in capsys.readouterr().out
    assert len(list((tmp_path / "damaged").rglob("checkpoint"))) == 1


def test_another_folder_of_artifacts_is_read_and_never_written(store: Store, tmp_path: Path) -> None:
    store.get(NUMBER)
    before = sorted(path for path in store.root.rglob("*"))
    reader = Store(tmp_path / "mine", STAGES, others=(store.root,))
    assert reader.get(DOUBLE) == tmp_path / "mine" / DOUBLE.name
    assert sorted(path for path in store.root.rglob("*")) == before
    assert not (tmp_path / "mine" / NUMBER.name).exists()


def test_an_artifact_has_the_same_bits_whatever_the_threads(tmp_path: Path) -> None:
    seen = []

    def note(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
        seen.append(torch.get_num_threads())
        (folder / "value.txt").write_text("1")

    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        Store(tmp_path, fakes.stages(number=note)).get(NUMBER)
        assert seen == [1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_a_full_disk_leaves_nothing_half_made(tmp_path: Path) -> None:
    def full(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Store(tmp_path, {**STAGES, **fakes.stages(number=full)})
    with pytest.raises(OSError, match="No space left"):
        store.get(DOUBLE)
    assert store.find(NUMBER) is None
    mended = Store(tmp_path, STAGES)
    assert sorted(path.name for path in mended.get(NUMBER).iterdir()) == ["manifest.json", "value.txt"]


def _get(root: Path, node: Node) -> None:
    Store(root, STAGES).get(node)


def test_two_processes_make_an_artifact_once(tmp_path: Path) -> None:
    node = Node("slow", 1, {})
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_get, args=(tmp_path, node)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len((tmp_path / node.name / "who.txt").read_text().split()) == 1


def test_a_killed_process_leaves_no_lock(tmp_path: Path) -> None:
    node = Node("slow", 1, {})
    worker = multiprocessing.get_context("fork").Process(target=_get, args=(tmp_path, node))
    worker.start()
    deadline = time.monotonic() + 10
    while not list(tmp_path.rglob("who.txt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    worker.join(10)
    assert Store(tmp_path, STAGES).find(node) is None
    folder = Store(tmp_path, STAGES).get(node)
    assert (folder / "who.txt").read_text().split() == [str(os.getpid())]

"""The store: names are hashes of recipes, artifacts are whole or absent, damage is named, nothing is lost."""

import errno
import json
import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from tlfourier.study.store import DamagedArtifact, MissingArtifact, Node, Store, read_manifest

NUMBER = Node("number", 1, {"value": 3})
DOUBLE = Node("double", 1, {}, {"of": NUMBER})


def make_number(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    (folder / "value.txt").write_text(str(node.spec["value"]))


def make_double(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    (folder / "value.txt").write_text(str(2 * int((inputs["of"] / "value.txt").read_text())))


def make_slowly(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
    with (folder / "who.txt").open("a") as stream:
        stream.write(f"{os.getpid()}\n")
    time.sleep(0.5)


MAKERS = {"number": make_number, "double": make_double, "slow": make_slowly}


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store", MAKERS)


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


def test_the_shipped_artifact_is_used_and_its_inputs_are_not_asked_for(store: Store, tmp_path: Path) -> None:
    shipped = tmp_path / "reference"
    assert store.copy_to([DOUBLE], shipped) > 0
    reader = Store(tmp_path / "empty", {}, reference=shipped)
    assert (reader.get(DOUBLE) / "value.txt").read_text() == "6"
    with pytest.raises(MissingArtifact, match="number/"):
        reader.get(NUMBER)
    assert not (tmp_path / "empty").exists()


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "add", "manifest", "foreign"])
def test_damage_is_named_set_aside_and_mended(store: Store, damage: str) -> None:
    folder = store.get(NUMBER)
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
    fresh = Store(store.root, MAKERS)
    with pytest.raises(DamagedArtifact, match=f"artifact {NUMBER.name} is damaged: .*verify --repair"):
        fresh.get(NUMBER)
    assert len(fresh.verify()) == 1
    assert len(fresh.verify(repair=True)) == 1
    assert fresh.verify() == []
    assert (fresh.get(NUMBER) / "value.txt").read_text() == "3"
    assert len(list((store.root / "damaged" / "number").iterdir())) == 1


def test_a_damaged_shipped_artifact_is_named_and_left_alone(store: Store, tmp_path: Path) -> None:
    shipped = tmp_path / "reference"
    store.copy_to([NUMBER], shipped)
    (shipped / NUMBER.name / "value.txt").write_text("4")
    reader = Store(tmp_path / "mine", MAKERS, reference=shipped)
    with pytest.raises(
        DamagedArtifact, match=r"value\.txt has changed .* restore it from git, or use --fresh"
    ):
        reader.get(NUMBER)
    assert len(reader.verify(repair=True)) == 1
    assert (shipped / NUMBER.name / "value.txt").read_text() == "4"


def test_a_full_disk_leaves_nothing_half_made(tmp_path: Path) -> None:
    def full(node: Node, inputs: Mapping[str, Path], folder: Path) -> None:
        (folder / "half.txt").write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")

    store = Store(tmp_path, {**MAKERS, "number": full})
    with pytest.raises(OSError, match="No space left"):
        store.get(DOUBLE)
    assert store.find(NUMBER) is None
    mended = Store(tmp_path, MAKERS)
    assert sorted(path.name for path in mended.get(NUMBER).iterdir()) == ["manifest.json", "value.txt"]


def _get(root: Path, node: Node) -> None:
    Store(root, MAKERS).get(node)


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
    assert Store(tmp_path, MAKERS).find(node) is None
    folder = Store(tmp_path, MAKERS).get(node)
    assert (folder / "who.txt").read_text().split() == [str(os.getpid())]

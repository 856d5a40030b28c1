"""Archives: many artifacts in few files, equal bytes for equal artifacts, every one checked by itself."""

from __future__ import annotations

import multiprocessing
import random
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests import fakes
from tlfourier.store import archive
from tlfourier.store.manifest import DamagedArtifact, check
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder
from tlfourier.store.store import MissingArtifact, Store

NODES = [Node("number", 1, {"value": value}) for value in range(5)]
DOUBLE = Node("double", 1, {}, {"of": NODES[3]})
LARGE = Node("noise", 1, {})


def make_number(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "noise.bin").write_bytes(random.Random(node.spec["value"]).randbytes(300))
    (folder / "value.txt").write_text(str(node.spec["value"]))


def make_double(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "value.txt").write_text(str(2 * int((inputs["of"] / "value.txt").read_text())))


def make_noise(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "noise.bin").write_bytes(random.Random(0).randbytes(archive.LARGEST))


STAGES = fakes.stages(number=make_number, double=make_double, noise=make_noise)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    """Close what a test has opened."""
    yield
    archive._opened.cache_clear()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("made"), STAGES)
    for node in [*NODES, DOUBLE]:
        store.get(node)
    return store


@pytest.fixture
def reference(made: Store, tmp_path: Path) -> Path:
    """Return a folder with everything in one archive of each stage."""
    made.ship([*NODES, DOUBLE], tmp_path / "reference")
    return tmp_path / "reference"


def folders(store: Store) -> list[Folder]:
    return [store.get(node) for node in NODES]


def reader(root: Path, reference: Path) -> Store:
    return Store(root, STAGES, reference=reference)


def test_what_was_packed_is_found_and_whole(reference: Path) -> None:
    assert sorted(path.name for path in reference.iterdir()) == ["contents.json", "double.zip", "number.zip"]
    for node in [*NODES, DOUBLE]:
        found = archive.find(reference, node.name)
        assert found is not None
        check(found, node.key)
    assert archive.find(reference, "number/0123456789abcdef") is None
    assert archive.find(reference / "nowhere", DOUBLE.name) is None
    names = {f"{Path(str(one)).parent.stem}/{one.name}" for one in archive.everything(reference)}
    assert names == {node.name for node in [*NODES, DOUBLE]}


def test_equal_artifacts_make_equal_bytes(made: Store, reference: Path, tmp_path: Path) -> None:
    """Whenever and from wherever they are packed, and in whatever order."""
    copied = tmp_path / "copy"
    shutil.copytree(made.root / "number", copied)
    archive.pack("number", [copied / one.name for one in reversed(folders(made))], tmp_path / "again")
    shipped = [archive.find(reference, node.name) for node in NODES]
    archive.pack("number", [one for one in shipped if one], tmp_path / "repacked")
    contents = {(tmp_path / name / "number.zip").read_bytes() for name in ("reference", "again", "repacked")}
    assert len(contents) == 1


def test_archives_are_split_by_size_and_those_of_yesterday_are_removed(made: Store, tmp_path: Path) -> None:
    archive.pack("double", [made.get(DOUBLE)], tmp_path)
    (whole,) = archive.pack("number", folders(made), tmp_path)
    assert whole.name == "number.zip"
    half = whole.stat().st_size // 2
    parts = archive.pack("number", folders(made), tmp_path, largest=half)
    assert [path.name for path in parts] == ["number-1.zip", "number-2.zip", "number-3.zip"]
    assert all(path.stat().st_size <= half for path in parts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["double.zip", *(path.name for path in parts)]
    assert all(archive.find(tmp_path, node.name) for node in [*NODES, DOUBLE])
    assert archive.pack("number", folders(made), tmp_path) == [whole]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["double.zip", "number.zip"]


def test_an_artifact_that_is_too_large_is_refused_and_what_was_there_stays(
    made: Store, tmp_path: Path
) -> None:
    (whole,) = archive.pack("number", folders(made), tmp_path)
    before = whole.read_bytes()
    with pytest.raises(ValueError, match=r"artifact number/\w+ takes \d+ bytes: at most 400 are accepted"):
        archive.pack("number", folders(made), tmp_path, largest=400)
    assert [path.name for path in tmp_path.iterdir()] == ["number.zip"]
    assert whole.read_bytes() == before


def test_the_store_ships_nothing_that_a_repository_refuses(tmp_path: Path) -> None:
    store = Store(tmp_path / "store", STAGES)
    too_much = rf"artifact {LARGE.name} takes \d+ bytes: at most {archive.LARGEST} are accepted"
    with pytest.raises(ValueError, match=too_much):
        store.ship([LARGE], tmp_path / "reference")
    assert not (tmp_path / "reference").exists()


def test_shipped_artifacts_are_read_and_their_folder_is_never_written(
    made: Store, reference: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in reference.iterdir()}
    store = reader(tmp_path / "mine", reference)
    assert [store.stages[node.stage].read(node, store.get) for node in NODES] == ["0", "1", "2", "3", "4"]
    assert store.missing([*NODES, DOUBLE, LARGE]) == [LARGE]
    assert store.verify() == []
    assert not (tmp_path / "mine").exists()
    found = store.get(NODES[0])
    assert not store.owns(found)
    assert (store.get(Node("double", 1, {"other": 1}, {"of": NODES[4]})) / "value.txt").read_text() == "8"
    assert [path.parent.parent.name for path in (tmp_path / "mine").rglob("manifest.json")] == ["double"]
    assert {path: path.read_bytes() for path in reference.iterdir()} == before


def test_a_stage_that_nobody_can_make_is_read_and_its_inputs_are_not_asked_for(
    reference: Path, tmp_path: Path
) -> None:
    store = Store(tmp_path / "mine", {}, reference=reference)
    (reference / "number.zip").unlink()
    assert (store.get(DOUBLE) / "value.txt").read_text() == "6"
    with pytest.raises(MissingArtifact, match="number/"):
        store.get(NODES[3])


def test_the_store_prefers_its_own(reference: Path, tmp_path: Path) -> None:
    own = fakes.made(Store(tmp_path / "mine", STAGES), DOUBLE)
    store = reader(tmp_path / "mine", reference)
    assert store.get(DOUBLE) == own
    assert store.owns(own)
    (own / "value.txt").write_text("7")  # damaged, it is made again though it was shipped
    assert (reader(tmp_path / "mine", reference).get(DOUBLE) / "value.txt").read_text() == "6"


def test_new_archives_are_seen_at_once(made: Store, reference: Path, tmp_path: Path) -> None:
    store = reader(tmp_path / "mine", reference)
    assert store.missing(NODES) == []
    archive.pack("number", folders(made)[:2], reference)
    assert store.missing(NODES) == NODES[2:]


def test_damage_in_an_archive_is_that_of_one_artifact(reference: Path, tmp_path: Path, made: Store) -> None:
    """Packed in two files: the name in the sentence is the artifact's, not the file's."""
    size = (reference / "number.zip").stat().st_size
    parts = archive.pack("number", folders(made), reference, largest=size * 2 // 3)
    assert len(parts) == 2
    archive.seal(reference)
    content = bytearray(parts[0].read_bytes())
    content[content.index(b"deep/noise.bin") + len("deep/noise.bin") + 30] ^= 1
    parts[0].write_bytes(content)
    store = reader(tmp_path / "mine", reference)
    (problem,) = store.verify(repair=True)
    (hit,) = [node for node in NODES if node.name in problem]
    what = f"artifact {hit.name} is damaged: deep/noise.bin has changed since it was written"
    assert problem.startswith(f"{what}; it was shipped: restore it from git, or use --fresh")
    with pytest.raises(DamagedArtifact, match=what):
        store.get(hit)
    others = [node for node in NODES if node != hit]
    assert [store.stages[node.stage].read(node, store.get) for node in others] == [
        str(node.spec["value"]) for node in others
    ]
    assert not (tmp_path / "mine").exists()
    assert parts[0].read_bytes() == bytes(content)


def test_no_flipped_bit_goes_unseen_or_is_more_than_a_sentence(reference: Path, tmp_path: Path) -> None:
    """Every byte of an archive in turn: what is read is right, or missing, or named as damaged."""
    content, wrong = (reference / "double.zip").read_bytes(), tmp_path / "wrong"
    seen = set()
    for place in range(len(content)):
        shutil.rmtree(wrong, ignore_errors=True)
        wrong.mkdir()
        flipped = content[:place] + bytes([content[place] ^ (1 << place % 8)]) + content[place + 1 :]
        (wrong / "double.zip").write_bytes(flipped)
        archive._index.cache_clear()
        archive._opened.cache_clear()
        store = Store(tmp_path / "mine", {}, reference=wrong)
        try:
            assert (store.get(DOUBLE) / "value.txt").read_text() == "6"
            seen.add("read")
        except MissingArtifact:
            seen.add("missing")
        except DamagedArtifact as error:
            assert "\n" not in str(error)
            seen.add("damaged")
    assert seen == {"read", "missing", "damaged"}


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"no archive at all" * 100])
def test_a_damaged_directory_is_one_sentence(reference: Path, tmp_path: Path, content: bytes) -> None:
    (reference / "number.zip").write_bytes(content)
    store = reader(tmp_path / "mine", reference)
    with pytest.raises(DamagedArtifact, match=r"number\.zip is damaged \(.*\): restore it from git$"):
        store.get(NODES[0])
    (problem,) = store.verify()
    assert problem.endswith("number.zip has changed since it was shipped: restore it from git")


def test_a_forked_child_and_its_parent_read_at_the_same_time(reference: Path, tmp_path: Path) -> None:
    store = reader(tmp_path / "mine", reference)

    def read_again_and_again() -> None:
        for turn in range(300):
            node = NODES[turn % len(NODES)]
            check(store.get(node), node.key)

    read_again_and_again()  # the file is open now
    children = [multiprocessing.get_context("fork").Process(target=read_again_and_again) for _ in range(2)]
    for child in children:
        child.start()
    read_again_and_again()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0, 0]

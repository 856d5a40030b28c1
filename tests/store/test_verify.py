"""Verification knows what should be there: what is missing, changed, foreign or unreadable is named."""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests import fakes
from tlfourier.cli import main
from tlfourier.io.paths import checkout, shipped_folder
from tlfourier.store import archive
from tlfourier.store.manifest import MANIFEST
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder
from tlfourier.store.store import Store


def make_number(node: Node, inputs: Mapping[str, Folder], folder: Path) -> None:
    (folder / "value.txt").write_text(str(node.spec["value"]))


STAGES = fakes.stages(number=make_number)


def leaf(value: int) -> Node:
    return Node("number", 1, {"value": value})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path / "store", STAGES)
    made.get(leaf(1))
    return made


def again(store: Store, reference: Path | None = None) -> Store:
    return Store(store.root, STAGES, reference)


def test_any_changed_byte_of_a_manifest_is_seen(store: Store) -> None:
    path = store.root / leaf(1).name / MANIFEST
    whole = path.read_bytes()
    assert again(store).verify() == []
    for place in range(0, len(whole), 7):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        if json_or_none(path) == json.loads(whole):
            continue  # a blank for another
        assert len(again(store).verify()) == 1, whole[max(0, place - 20) : place + 20]
    for name, value in (("seconds", 1e3), ("made", "1999-01-01"), ("threads", 64), ("python", "2.7")):
        path.write_text(json.dumps({**json.loads(whole), name: value}))
        (problem,) = again(store).verify()
        assert f"{MANIFEST} has changed since it was written" in problem
    path.write_text(json.dumps({key: value for key, value in json.loads(whole).items() if key != "seal"}))
    assert len(again(store).verify()) == 1


def json_or_none(path: Path) -> object:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        return None


def test_a_pipe_in_the_place_of_a_file_is_damage_and_nothing_waits_for_it(store: Store) -> None:
    folder = store.root / leaf(1).name
    store.get(leaf(2))
    file = next(path for path in folder.iterdir() if path.name != MANIFEST)
    file.unlink()
    os.mkfifo(file)
    (problem,) = again(store).verify()
    assert f"{file.name} has changed" in problem
    (folder / MANIFEST).unlink()
    os.mkfifo(folder / MANIFEST)
    (problem,) = again(store).verify()
    assert f"{MANIFEST} cannot be read (OSError: it is no file)" in problem


def test_a_folder_without_a_manifest_is_named(store: Store) -> None:
    (store.root / leaf(1).name / MANIFEST).unlink()
    (problem,) = again(store).verify(repair=True)
    assert problem.startswith(f"{store.root / leaf(1).name} is no artifact: it has no {MANIFEST}")
    assert again(store).verify() == []
    assert len(list(store.root.glob("damaged/number/*/value.txt"))) == 1


def test_what_cannot_be_read_does_not_end_the_verification(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.get(leaf(2))
    denied = store.root / leaf(1).name
    usual = Path.open

    def guarded(self: Path, *given: object, **more: object) -> object:
        if self.parent == denied and self.name != MANIFEST:
            raise PermissionError(13, "Permission denied", str(self))
        return usual(self, *given, **more)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", guarded)
    findings = list(again(store).findings())
    assert len(findings) == 2 and sum(map(bool, findings)) == 1
    assert "cannot be read: PermissionError" in max(findings)


@pytest.fixture
def reference(store: Store, tmp_path: Path) -> Path:
    store.ship([leaf(1), leaf(2)], tmp_path / "reference")
    return tmp_path / "reference"


def test_the_list_of_what_is_shipped_is_held_against_it(store: Store, reference: Path) -> None:
    (packed,) = reference.glob("*.zip")
    assert again(store, reference).verify() == []
    content = packed.read_bytes()
    for place in range(0, len(content), 41):
        packed.write_bytes(content[:place] + bytes([content[place] ^ 16]) + content[place + 1 :])
        assert again(store, reference).verify() != []
    packed.unlink()
    assert again(store, reference).verify() == [f"{packed} is missing: restore it from git"]
    packed.write_bytes(content)
    with zipfile.ZipFile(reference / "holiday.zip", "w") as other:
        other.writestr("beach.jpg", b"sand")
    assert again(store, reference).verify() == [
        f"{reference / 'holiday.zip'} does not belong to the shipped artifacts"
    ]
    shutil.rmtree(reference)
    reference.mkdir()
    (problem,) = again(store, reference).verify()
    assert "have no list of contents" in problem


def test_shipping_touches_nothing_that_was_not_shipped(store: Store, tmp_path: Path) -> None:
    target, stage = tmp_path / "mine", leaf(1).stage
    target.mkdir()
    theirs = {
        "partial/notes.txt": b"mine",
        f"{stage}-holiday.zip": b"no archive at all",
        "contents.txt": b"mine",
        f"{stage}-2.zip": None,
    }
    (target / "partial").mkdir()
    for name, content in theirs.items():
        if content is None:
            with zipfile.ZipFile(target / name, "w") as other:
                other.writestr("beach.jpg", b"sand")
            theirs[name] = (target / name).read_bytes()
        else:
            (target / name).write_bytes(content)
    store.ship([leaf(1)], target)
    assert {name: (target / name).read_bytes() for name in theirs} == theirs
    (target / f"{stage}.zip").write_bytes(b"mine")
    with pytest.raises(ValueError, match=f"{stage}.zip is no archive of artifacts: move it away"):
        store.ship([leaf(1)], target)
    assert (target / f"{stage}.zip").read_bytes() == b"mine"
    (target / f"{stage}.zip").unlink()
    archive.seal(target)
    assert f"{stage}-holiday.zip" not in json.loads((target / archive.CONTENTS).read_text())


def test_reading_takes_no_lock(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(self: Store, node: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Store, "_lock", locked)
    assert again(store).get(leaf(1)) == store.root / leaf(1).name


@pytest.mark.parametrize(
    "address", ["zip://x", "ftp://nowhere.invalid/x", "tls://x", "nothing://x", "s3:/x/y"]
)
def test_an_address_that_is_none_is_one_sentence(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["verify", "--store", address], env={"TLFOURIER_STORE": None})
    assert result.exit_code in (1, 2)
    assert result.output.count("\n") == 1 and result.output.startswith("tlfourier: ")


def test_a_mistyped_path_is_no_store(tmp_path: Path) -> None:
    result = CliRunner().invoke(
        main, ["verify", "--store", str(tmp_path / "stroe")], env={"TLFOURIER_STORE": None}
    )
    assert result.exit_code == 1
    assert result.output == f"tlfourier: store {tmp_path / 'stroe'}: there is no such folder\n"


def test_an_address_is_made_absolute_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "there").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("TLFOURIER_REFERENCE", "")
    monkeypatch.chdir(tmp_path)
    for given in ("there", "./there", "~/there"):
        monkeypatch.setenv("TLFOURIER_STORE", given)
        assert CliRunner().invoke(main, ["verify"]).exit_code == 0
        assert os.environ["TLFOURIER_STORE"] == str(tmp_path / "there")
        monkeypatch.setenv("TLFOURIER_STORE", "elsewhere")
        assert CliRunner().invoke(main, ["verify", "--store", given]).exit_code == 0
        assert os.environ["TLFOURIER_STORE"] == str(tmp_path / "there")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_what_the_checkout_ships_is_sealed() -> None:
    assert checkout() is not None
    folder = shipped_folder()
    assert folder is not None and archive.problems(folder) == []


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/study", "memory://nothing/study"])
def test_an_address_at_which_there_is_nothing_is_not_called_whole(address: str, tmp_path: Path) -> None:
    environment = {"TLFOURIER_STORE": address, "TLFOURIER_REFERENCE": ""}
    result = CliRunner().invoke(main, ["verify"], env=environment)
    assert result.exit_code == 1, result.output
    assert f"the store at {address} holds no artifact, or cannot be reached" in result.output


@pytest.mark.parametrize("address", ["://", "://bucket/study", "nothing://x"])
def test_an_address_of_no_protocol_is_refused(address: str) -> None:
    result = CliRunner().invoke(main, ["verify", "--store", address])
    assert result.exit_code == 2
    assert "cannot be opened" in result.output
    assert result.output.count("\n") == 1


def test_what_is_named_over_two_lines_is_answered_on_one() -> None:
    result = CliRunner().invoke(main, ["verify", "--store", "a\nb"])
    assert (result.exit_code, result.output.count("\n")) == (1, 1)

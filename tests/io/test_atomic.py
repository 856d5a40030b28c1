"""A file is the old one or the new one, whatever happens on the way."""

import json
import os
from pathlib import Path

import pytest

from tlfourier.io.atomic import growing, replacing, write_bytes, write_json


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"b": 1, "a": [2]})

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"half")
    assert [file.name for file in tmp_path.iterdir()] == ["a.json"]
    assert path.read_text() == '{\n "b": 1,\n "a": [\n  2\n ]\n}\n'


def test_what_a_killed_process_left_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    path.parent.mkdir()
    growing(path).write_text("half of someth")
    write_json(path, {"b": 1, "a": 2}, sort_keys=True)
    assert list(json.loads(path.read_text())) == ["a", "b"]
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]


def test_an_exception_while_a_file_grows_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "a") as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []

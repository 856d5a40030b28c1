"""Files of tensors: whole or absent, and never unpickled."""

from pathlib import Path

import pytest
import torch

from tlfourier.io.tensorfile import read_tensors, write_tensors


def test_tensors_and_record_come_back_as_they_were(tmp_path: Path) -> None:
    tensors = {
        "a": torch.randn(3, 2, 4, 4).contiguous(memory_format=torch.channels_last),
        "b": torch.tensor(1.5),
    }
    record = {"step": 3, "loss": [0.1 + 0.2, 1e-300]}
    write_tensors(tmp_path / "x.safetensors", tensors, record)
    found, what = read_tensors(tmp_path / "x.safetensors")
    assert what == record and found.keys() == tensors.keys()
    assert all(torch.equal(found[name], tensors[name]) for name in tensors)


def test_a_pickle_or_a_damaged_or_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.safetensors"
    torch.save({"a": torch.ones(3)}, path)
    with pytest.raises(ValueError, match="not a safetensors file"):
        read_tensors(path)
    write_tensors(path, {"a": torch.ones(3)})
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(ValueError, match="damaged"):
        read_tensors(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_tensors(tmp_path / "none.safetensors")

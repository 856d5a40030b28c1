"""Tensors and a JSON record in one safetensors file, written atomically and never unpickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor


def write_bytes(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` in one step: a reader or a crash sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], record: Any = None) -> None:
    """Write named tensors and a JSON-serialisable ``record`` to one safetensors file.

    Parameters
    ----------
    path : Path
        File to replace atomically.
    tensors : mapping of str to Tensor
        Any shapes; stored contiguously on the CPU.
    record : Any
        What ``json.dumps`` accepts; kept in the header.
    """
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, save(plain, metadata={"record": json.dumps(record)}))


def read_tensors(path: Path) -> tuple[dict[str, Tensor], Any]:
    """Read what `write_tensors` wrote.

    Returns
    -------
    tensors : dict of str to Tensor
    record : Any
        None when the file carries no record.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    ValueError
        The file is damaged, or not safetensors (a pickle, for example).
    """
    if not path.is_file():
        raise FileNotFoundError(f"no tensors at {path}: the file does not exist")
    try:
        with safe_open(path, framework="pt") as stream:
            names = list(stream.keys())
            tensors = {name: stream.get_tensor(name) for name in names}
            record = json.loads((stream.metadata() or {}).get("record", "null"))
    except (SafetensorError, json.JSONDecodeError) as error:
        raise ValueError(
            f"{path} is damaged or not a safetensors file ({error}): only safetensors are read"
        ) from error
    return tensors, record

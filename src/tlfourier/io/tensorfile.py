"""Tensors and a JSON record in one safetensors file, written atomically, sealed, and never unpickled."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load, save
from torch import Tensor

from tlfourier.io.atomic import write_bytes
from tlfourier.io.jsonfile import parse_json
from tlfourier.io.paths import Readable
from tlfourier.io.words import said_as

_BLANK = "0" * 64


def write_tensors(path: Path, tensors: Mapping[str, Tensor], record: Any = None) -> None:
    """Write named tensors and a JSON-serialisable ``record`` to one safetensors file.

    The file is replaced atomically. Tensors of any shape are stored contiguously on the CPU; the ``record``,
    what ``json.dumps`` accepts, lies in the header, with the checksum of the whole file.
    """
    contents = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # One entry only: safetensors does not promise an order of several, and equal runs must give equal bytes.
    note = json.dumps({"sha256": _BLANK, "record": record})
    content = save(contents, metadata={"sealed": note})
    digest = hashlib.sha256(content).hexdigest()
    write_bytes(path, content.replace(_BLANK.encode(), digest.encode(), 1))


def read_tensors(path: Readable) -> tuple[dict[str, Tensor], Any]:
    """Read what `write_tensors` wrote.

    The record is None when the file carries none. Raises FileNotFoundError if there is no such file,
    ValueError if it is damaged, or not safetensors (a pickle, for example).
    """
    if not path.is_file():
        raise FileNotFoundError(f"no tensors at {path}: the file does not exist")
    content = path.read_bytes()
    with said_as(f"{path} is damaged or not a safetensors file", ": only safetensors are read"):
        tensors = load(content)
        # The file is read once, for a run may replace it at any moment. It begins with its header's length.
        header = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")], "its header")
        return tensors, _record(header.get("__metadata__", {}), content)


def _record(metadata: Mapping[str, str], content: bytes) -> Any:
    """Return the record of a file whose checksum is right; files of version 0.1.0 have none, and no seal."""
    if metadata.keys() - {"record", "sealed"} or len(metadata) > 1:
        raise ValueError("its header holds what this project does not write")
    if "sealed" not in metadata:
        return parse_json(metadata.get("record", "null"), "its record", not_a_number=True)
    note = parse_json(metadata["sealed"], "its record", not_a_number=True)
    if not isinstance(note, dict) or note.keys() != {"sha256", "record"}:
        raise ValueError("its header holds what this project does not write")
    digest = str(note["sha256"])
    if hashlib.sha256(content.replace(digest.encode(), _BLANK.encode(), 1)).hexdigest() != digest:
        raise ValueError("its checksum is not the one in its header")
    return note["record"]

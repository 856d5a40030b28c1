"""Tensors mapped from disk: the system drops their pages when it needs the memory."""

import math
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import Tensor


def mapped(parts: Iterable[tuple[Tensor, Tensor]], folder: Path) -> tuple[Tensor, Tensor]:
    """Put batches of inputs and outputs one after the other into two files, and map these.

    The files have no name any more when this returns: they go when the tensors do, however the process ends.
    The ``parts`` are float32 on the CPU, of the same shapes but for the first dimension; ``folder`` needs as
    much room as they have bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names, count = [folder / "inputs.raw", folder / "outputs.raw"], 0
    try:
        with names[0].open("wb") as inputs, names[1].open("wb") as outputs:
            for pair in parts:
                # A full disk is an error here; writing through the map would kill the process.
                for stream, values in zip((inputs, outputs), pair, strict=True):
                    stream.write(values.contiguous().numpy().data)
                count += len(pair[0])
        x, y = (_map(name, (count, *one.shape[1:])) for name, one in zip(names, pair, strict=True))
        return x, y
    finally:
        for name in names:
            name.unlink(missing_ok=True)


def _map(path: Path, shape: tuple[int, ...]) -> Tensor:
    return torch.from_file(str(path), shared=False, size=math.prod(shape), dtype=torch.float32).reshape(shape)

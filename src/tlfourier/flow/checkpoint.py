"""Keep the state of a run on disk in full precision, replaced atomically."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tlfourier.doors import door
from tlfourier.flow.steppers import State
from tlfourier.io.tensorfile import read_tensors, write_tensors
from tlfourier.io.words import said_as

_COUNTS = ("stops", "snapshots")


@door
@dataclass(frozen=True)
class Checkpoint:
    """Hold what a run needs to go on.

    ``state`` is that at the last stop, ``stops`` counts the stops behind it, those of spin-up included,
    ``snapshots`` those that are safely on disk; ``recipe`` says what the run is, so that it never goes on
    from the checkpoint of another.
    """

    state: State
    stops: int
    snapshots: int
    recipe: str = ""


@door
def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace a checkpoint on disk; a failure on the way (OSError) leaves the old one as it was."""
    state = checkpoint.state
    tensors = {"omega_hat": torch.view_as_real(state.omega_hat)}
    if state.memory is not None:
        tensors["memory"] = torch.view_as_real(state.memory)
    counts = {name: getattr(checkpoint, name) for name in _COUNTS}
    # A float in hexadecimal keeps every bit.
    write_tensors(path, tensors, {"time": float(state.time).hex(), **counts, "recipe": checkpoint.recipe})


@door
def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises FileNotFoundError if there is none, ValueError if the file is damaged or is no checkpoint.
    """
    after = ": remove it and the trajectory beside it to begin again"
    with said_as(f"{path} is damaged", after, (KeyError, TypeError, ValueError, OverflowError)):
        return _checkpoint(*read_tensors(path))


def _checkpoint(tensors: dict[str, Tensor], record: Any) -> Checkpoint:
    """Return what a file holds; KeyError, TypeError or ValueError when it is no checkpoint."""
    parts = {name: _complex(tensor) for name, tensor in tensors.items()}
    counts = {name: record[name] for name in _COUNTS}
    time, recipe = float.fromhex(record["time"]), record["recipe"]
    whole = all(type(count) is int and count >= 0 for count in counts.values())
    shapes = {name: (*part.shape, part.dtype) for name, part in parts.items()}
    # A memory of several steps has one dimension more.
    alike = {shape[-len(shapes["omega_hat"]) :] for shape in shapes.values()}
    ours = len(alike) == 1 and parts.keys() <= {"omega_hat", "memory"}
    if not (whole and math.isfinite(time) and isinstance(recipe, str) and ours):
        raise ValueError("not a checkpoint")
    return Checkpoint(State(parts["omega_hat"], time, parts.get("memory")), **counts, recipe=recipe)


def _complex(tensor: Tensor) -> Tensor:
    """Return the spectrum whose real and imaginary parts a tensor holds, if it is one of ours."""
    if tensor.dtype not in (torch.float32, torch.float64) or tensor.shape[-1:] != (2,):
        raise ValueError("not a spectrum")
    return torch.view_as_complex(tensor)

"""Keep the state of a run on disk in full precision, replaced atomically."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from tlfourier.flow.steppers import State


@dataclass(frozen=True)
class Checkpoint:
    """Hold what a run needs to go on.

    Parameters
    ----------
    state : State
        The state at the last stop.
    stops : int
        Stops behind it, those of spin-up included.
    snapshots : int
        Snapshots that are safely on disk.
    """

    state: State
    stops: int
    snapshots: int


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Replace a checkpoint on disk; a failure on the way leaves the old one as it was.

    Parameters
    ----------
    path : Path
    checkpoint : Checkpoint

    Raises
    ------
    OSError
        When the disk is full or fails.
    """
    state = checkpoint.state
    tensors = {"omega_hat": torch.view_as_real(state.omega_hat).contiguous()}
    if state.memory is not None:
        tensors["memory"] = torch.view_as_real(state.memory).contiguous()
    counts = {"stops": str(checkpoint.stops), "snapshots": str(checkpoint.snapshots)}
    # A float in hexadecimal keeps every bit.
    content = save(tensors, {"time": float(state.time).hex(), **counts})
    building = path.with_name(path.name + ".building")
    try:
        with open(building, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(building, path)
    except OSError:
        building.unlink(missing_ok=True)
        raise


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Checkpoint

    Raises
    ------
    ValueError
        If the file is damaged.
    """
    content = path.read_bytes()
    try:
        tensors = load(content)
        # A safetensors file begins with the length of its JSON header.
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"]
        memory = torch.view_as_complex(tensors["memory"]) if "memory" in tensors else None
        state = State(torch.view_as_complex(tensors["omega_hat"]), float.fromhex(header["time"]), memory)
        return Checkpoint(state, int(header["stops"]), int(header["snapshots"]))
    except (SafetensorError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged: remove it and the trajectory beside it to begin again"
        ) from error

"""Seeded batches of samples, each turned by a multiple of 90 degrees.

Nothing keeps a random state: the order of the samples and their rotations in an epoch are drawn from a
generator seeded by (seed, epoch), so a run that is resumed, and every set of layers, sees the same batches.
"""

import math
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from tlfourier.doors import door
from tlfourier.shapes import Count, Scalars, Seed, Whole


@runtime_checkable
class Source(Protocol):
    """Where batches come from: features that enter the trained layers, and what they should map to."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def batch(self, indices: Whole, turns: Whole) -> tuple[Tensor, Tensor]:
        """Return features and targets of the samples, each turned by its number of right angles."""


@door
def rotate(fields: Tensor, turns: Whole) -> Tensor:
    """Turn every sample by ``turns`` right angles; psi, omega and Π keep their sign under rotation.

    ``fields`` have the shape (n, channels, N, N); ``turns``, shape (n,), are numbers of counter-clockwise
    quarter turns of the array, each 0 to 3. Raises ValueError for other shapes.
    """
    if fields.ndim != 4 or fields.shape[-1] != fields.shape[-2] or len(fields) != len(turns):
        shapes = f"fields of shape {tuple(fields.shape)} and {len(turns)} turns"
        raise ValueError(f"{shapes}: accepted are (n, channels, N, N) and as many turns")
    turned = torch.empty_like(fields)
    for turn in range(4):
        chosen = turns == turn
        turned[chosen] = torch.rot90(fields[chosen], turn, (-2, -1))
    return turned


@door
class Samples:
    """Inputs and outputs themselves, turned as they are asked for; ValueError unless they are as many."""

    def __init__(self, inputs: Scalars, outputs: Scalars) -> None:
        if min(inputs.ndim, outputs.ndim) < 1 or len(inputs) != len(outputs):
            shapes = f"inputs of shape {tuple(inputs.shape)} and outputs of shape {tuple(outputs.shape)}"
            raise ValueError(f"{shapes}: as many samples of each are needed")
        self.inputs, self.outputs = inputs, outputs

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, indices: Whole, turns: Whole) -> tuple[Tensor, Tensor]:
        """Return inputs and outputs of the samples, each turned by its number of right angles.

        Raises ValueError for a sample that there is not.
        """
        if int(indices.max()) >= len(self) or int(indices.min()) < -len(self):
            raise ValueError(f"indices up to {int(indices.max())}: there are {len(self)} samples")
        return rotate(self.inputs[indices], turns), rotate(self.outputs[indices], turns)


@door
def draw(samples: Count, seed: Seed, epoch: Seed) -> tuple[Tensor, Tensor]:
    """Return the order of the samples in an epoch and how many right angles each place is turned by."""
    state = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    generator = torch.Generator().manual_seed(int(state) >> 1)
    return torch.randperm(samples, generator=generator), torch.randint(4, (samples,), generator=generator)


@door
def steps_per_epoch(samples: Count, batch_size: Count) -> int:
    """Return the gradient steps that see every sample once, the last batch possibly smaller."""
    return math.ceil(samples / batch_size)

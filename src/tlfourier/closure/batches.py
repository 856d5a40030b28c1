"""Seeded batches of samples, each turned by a multiple of 90 degrees.

Nothing keeps a random state: the order of the samples and their rotations in an epoch are drawn from a
generator seeded by (seed, epoch), so a run that is resumed, and every set of layers, sees the same batches.
"""

import math
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor


@runtime_checkable
class Source(Protocol):
    """Where batches come from: features that enter the trained layers, and what they should map to."""

    def __len__(self) -> int:
        """Return the number of samples."""

    def batch(self, indices: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Return features and targets of the samples, each turned by its number of right angles."""


def rotate(fields: Tensor, turns: Tensor) -> Tensor:
    """Turn every sample by ``turns`` right angles; psi, omega and Π keep their sign under rotation.

    ``fields`` have the shape (n, channels, N, N); ``turns``, shape (n,), are numbers of counter-clockwise
    quarter turns of the array, each 0 to 3.
    """
    turned = torch.empty_like(fields)
    for turn in range(4):
        chosen = turns == turn
        turned[chosen] = torch.rot90(fields[chosen], turn, (-2, -1))
    return turned


class Samples:
    """Inputs and outputs themselves, turned as they are asked for."""

    def __init__(self, inputs: Tensor, outputs: Tensor) -> None:
        self.inputs, self.outputs = inputs, outputs

    def __len__(self) -> int:
        return len(self.inputs)

    def batch(self, indices: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Return inputs and outputs of the samples, each turned by its number of right angles."""
        return rotate(self.inputs[indices], turns), rotate(self.outputs[indices], turns)


def draw(samples: int, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
    """Return the order of the samples in an epoch and how many right angles each place is turned by."""
    state = np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0]
    generator = torch.Generator().manual_seed(int(state) >> 1)
    return torch.randperm(samples, generator=generator), torch.randint(4, (samples,), generator=generator)


def steps_per_epoch(samples: int, batch_size: int) -> int:
    """Return the gradient steps that see every sample once, the last batch possibly smaller."""
    return math.ceil(samples / batch_size)

"""The training that every contestant does: one gradient step on noise of the laptop profile's shape."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from tlfourier.closure.batches import Samples
from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.closure.optimise import Budget, Descent

Action = Callable[[], object]


@dataclass(frozen=True)
class Job:
    """A network's shape, the fields that it learns from, and the precision of its convolutions.

    Parameters
    ----------
    channels, size, batch : int
        Channels of the ten inner layers, points per side, samples in a gradient step.
    precision : {"float32", "bfloat16"}
    """

    channels: int = 16
    size: int = 64
    batch: int = 8
    precision: str = "bfloat16"

    def network(self) -> Network:
        """Return the closure network, circular padding."""
        return Network(NetworkSpec(channels=self.channels))

    def samples(self, count: int) -> tuple[Tensor, Tensor]:
        """Return noise: what a step costs does not depend on what it learns."""
        generator = torch.Generator().manual_seed(0)
        inputs = torch.randn(count, 2, self.size, self.size, generator=generator)
        return inputs, inputs[:, :1] * inputs[:, 1:]

    def flops(self) -> float:
        """Count the floating-point operations of a step's convolutions.

        ``2 * batch * size**2 * kernel**2 * before * after`` for each of output, gradient of the input (not
        in layer 1, where nobody asks for it) and gradient of the weights.
        """
        return sum(
            2.0 * self.batch * self.size**2 * 25 * before * after * (2 if first else 3)
            for first, before, after in self.layers()
        )

    def layers(self) -> list[tuple[bool, int, int]]:
        """Return for every layer whether it is the first, and its channels before and after."""
        widths = NetworkSpec(channels=self.channels).widths()
        return [(number == 0, widths[number], widths[number + 1]) for number in range(len(widths) - 1)]


def training_step(job: Job, samples: int = 40) -> Action:
    """Return one whole step: draw a batch, turn it, forward, loss, backward, Adam."""
    network, given = job.network(), job.samples(samples)
    budget = Budget(10**6, 1, job.batch, 1e-4, precision=job.precision)
    looking = (given[0][:1], given[1][:1])
    return Descent(network, dict(network.named_parameters()), Samples(*given), looking, budget).advance


def convolutions(job: Job, layout: torch.memory_format) -> Action:
    """Return the step's convolutions and nothing else: the hardware's limit.

    Output, gradient of the input and gradient of the weights of every layer, on inputs that are already
    padded and in the right precision and memory layout.
    """
    kind = torch.bfloat16 if job.precision == "bfloat16" else torch.float32
    calls = []
    for first, before, after in job.layers():
        around = (job.batch, before, job.size + 4, job.size + 4)
        x, weight, gradient = (
            torch.randn(shape).to(kind).contiguous(memory_format=layout)
            for shape in (around, (after, before, 5, 5), (job.batch, after, job.size, job.size))
        )
        calls.append((first, x, weight, torch.zeros(after, dtype=kind), gradient))

    def run() -> None:
        with torch.no_grad():
            for first, x, weight, bias, gradient in calls:
                nn.functional.conv2d(x, weight, bias)
                torch.ops.aten.convolution_backward(
                    gradient,
                    x,
                    weight,
                    [len(bias)],
                    [1, 1],
                    [0, 0],
                    [1, 1],
                    False,
                    [0, 0],
                    1,
                    [not first, True, True],
                )

    return run

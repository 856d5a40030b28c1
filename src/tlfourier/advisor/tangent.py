"""A network near its weights: outputs as a linear function of small changes of some of its parameters."""

import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, jvp, vjp

from tlfourier.doors import door
from tlfourier.modules import for_module
from tlfourier.shapes import Batch, Count, Samples, Scalars


@door
class Tangent:
    """The derivative ``J`` of ``gain * network(inputs)`` by some of the network's parameters.

    A change of these parameters is one vector, their values end to end in the order of ``names``. The network
    is run in the mode that it is in; `tlfourier.modules.as_it_was` is a block in that of evaluation.

    Parameters
    ----------
    network : nn.Module
        Any map (n, inputs, N, N) -> (n, outputs, N, N).
    names : sequence of str
        Names of parameters as ``network.named_parameters()`` has them.
    inputs : Tensor, shape (n, inputs, N, N)
    gain : Tensor, shape (outputs,), optional
        A factor of each output channel, by default 1.
    change : Tensor, shape (parameters,), optional
        Where the derivative is taken: the network's own values and this, by default 0.
    batch_size : int
        Samples in memory at once.

    Raises
    ------
    ValueError
        For no name, or one that the network does not have.
    """

    def __init__(
        self,
        network: nn.Module,
        names: Sequence[str],
        inputs: Samples,
        gain: Scalars | None = None,
        change: Scalars | None = None,
        batch_size: Batch = 16,
    ) -> None:
        known = {name: value.detach() for name, value in network.named_parameters()}
        if not names or not set(names) <= set(known):
            raise ValueError(f"names={list(names)}: accepted are some of {', '.join(known)}")
        self.network, self.gain = network, gain
        self.rest = known | dict(network.named_buffers())
        self.at = {name: known[name] for name in names}
        self.size = sum(value.numel() for value in self.at.values())
        if change is not None:
            self.at = {name: self.at[name] + part for name, part in self._apart(change).items()}
        self.batches = for_module(network, inputs).split(batch_size)

    def along(self, step: Scalars) -> Tensor:
        """Return ``J step``, the first-order change of the outputs, shape (n, outputs, N, N)."""
        tangents = self._apart(step)
        with warnings.catch_warnings():  # torch compiles its rules of derivatives in a way that it deprecates
            warnings.filterwarnings("ignore", ".torch.jit.script", DeprecationWarning)
            return torch.cat([jvp(self._of(x), (self.at,), (tangents,))[1].detach() for x in self.batches])

    def back(self, residual: Samples) -> Tensor:
        """Return ``Jᵀ residual``, shape (parameters,)."""
        total = self.nothing()
        for x, part in zip(self.batches, residual.split(len(self.batches[0])), strict=True):
            found = vjp(self._of(x), self.at)[1](part)[0]
            total = total + torch.cat([found[name].flatten() for name in self.at])
        return total.detach()

    def nothing(self) -> Tensor:
        """Return no change at all, shape (parameters,)."""
        first = next(iter(self.at.values()))
        return first.new_zeros(self.size)

    @torch.no_grad()
    def outputs(self, step: Scalars | None = None) -> Tensor:
        """Return what the network itself gives with its parameters moved by a step, by default not at all."""
        moved = self.at
        if step is not None:
            moved = {name: self.at[name] + part for name, part in self._apart(step).items()}
        return torch.cat([self._of(x)(moved) for x in self.batches])

    def _of(self, inputs: Tensor) -> Callable[[dict[str, Tensor]], Tensor]:
        def outputs(chosen: dict[str, Tensor]) -> Tensor:
            found: Tensor = functional_call(self.network, {**self.rest, **chosen}, (inputs,))
            return found if self.gain is None else found * self.gain[:, None, None]

        return outputs

    def _apart(self, step: Tensor) -> dict[str, Tensor]:
        if step.shape != (self.size,):
            raise ValueError(f"step of shape {tuple(step.shape)}: accepted is ({self.size},)")
        parts = step.split([value.numel() for value in self.at.values()])
        return {name: part.view(self.at[name].shape) for (name, part) in zip(self.at, parts, strict=True)}


@door
def conjugate_gradients(tangent: Any, residual: Samples, steps: Count) -> Iterator[Tensor]:
    """Yield better and better steps towards the least squares of ``|residual - J step|²`` (CGLS).

    Each is the best of a Krylov space that grows by one: to stop early is to regularise, for what the
    residual has most of is fitted first. No step follows one that is exact to round-off.

    Source: Björck, *Numerical Methods for Least Squares Problems*, algorithm 7.4.1.
    """
    step, left = tangent.nothing(), residual
    gradient = tangent.back(left)
    direction, power = gradient, gradient.square().sum()
    least = 1e-12 * power
    for _ in range(steps):
        if power <= least:
            return
        image = tangent.along(direction)
        length = power / image.square().sum()
        step, left = step + length * direction, left - length * image
        yield step
        gradient = tangent.back(left)
        before, power = power, gradient.square().sum()
        direction = gradient + (power / before) * direction

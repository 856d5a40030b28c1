"""What a repair leaves of the error on samples that it was not fitted to: fit, stop and score."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from tlfourier.advisor.tangent import Tangent, conjugate_gradients
from tlfourier.closure.baselines import OutputGain
from tlfourier.doors import door
from tlfourier.shapes import Count, Scalars

ROUNDS = 2
"""Times that a network is linearised: anew where the step of the first time has led."""
LENGTHS = (1.0, 0.5, 0.25)
"""Parts of a step that are tried: far from its weights a network is not linear."""


@door
@dataclass(frozen=True)
class Fold:
    """Which samples a repair is fitted to, which say when to stop, and which give its error."""

    fit: slice
    stop: slice
    score: slice


@door
def folds(count: Count) -> Iterator[Fold]:
    """Yield two ways to part samples in quarters, in their order: two to fit, one to stop, one to score.

    Raises ValueError for fewer than four samples.
    """
    if count < 4:
        raise ValueError(f"{count} samples: at least 4 are needed, to fit, to stop and to score")
    a, b, c, d = (slice(part * count // 4, (part + 1) * count // 4) for part in range(4))
    yield Fold(slice(a.start, b.stop), c, d)
    yield Fold(slice(c.start, d.stop), b, a)


@door
def relative_errors(found: Tensor, truth: Tensor) -> Tensor:
    """Return ``|found - truth| / |truth|`` of each sample, shape (n,)."""
    left, whole = (one.flatten(1).norm(dim=1) for one in (found - truth, truth))
    return left / whole


@door
class Trial:
    """Repairs of a network, tried on one part of the samples and scored on another.

    ``inputs`` (n, inputs, N, N) and ``outputs`` (n, outputs, N, N) are all samples.
    """

    def __init__(self, network: nn.Module, inputs: Tensor, outputs: Tensor, fold: Fold) -> None:
        self.network, self.inputs, self.outputs, self.fold = network, inputs, outputs, fold

    @cached_property
    def gain(self) -> Tensor:
        """The factor of each output, by least squares."""
        fit = self.fold.fit
        return OutputGain.fit(self.network, self.inputs[fit], self.outputs[fit]).gain

    def untouched(self) -> Tensor:
        """Return the errors of the network as it is."""
        return self._errors(self.network, self.fold.score)

    def scaled(self) -> Tensor:
        """Return the errors with a gain."""
        return self._errors(OutputGain(self.network, self.gain), self.fold.score)

    def moved(self, names: Sequence[str], steps: Count) -> Tensor:
        """Return the errors with a gain and with parameters moved until the samples to stop by say so."""
        return self._left(names, self._change(names, steps), self.fold.score)

    def _change(self, names: Sequence[str], steps: int) -> Tensor | None:
        """Return by how much parameters are moved, None where no step lowers the error."""
        change, best = None, self._left(names, None, self.fold.stop).mean()
        for _ in range(ROUNDS):
            step = self._step(names, change, steps)
            tried = [step * part if change is None else change + step * part for part in LENGTHS]
            errors = [self._left(names, one, self.fold.stop).mean() for one in tried]
            least = min(range(len(tried)), key=lambda place: float(errors[place]))
            if errors[least] >= best:
                break
            change, best = tried[least], errors[least]
        return change

    def _step(self, names: Sequence[str], change: Scalars | None, steps: int) -> Tensor:
        """Return the step after which the linear network's error on the samples to stop by is the least."""
        fit, stop = (self._near(names, change, part) for part in (self.fold.fit, self.fold.stop))
        residual, held = self.outputs[self.fold.fit] - fit.outputs(), self.outputs[self.fold.stop]
        start, found = stop.outputs(), []
        for step in conjugate_gradients(fit, residual, steps):
            found.append((float(relative_errors(start + stop.along(step), held).mean()), step))
        return min(found, key=lambda one: one[0])[1] if found else fit.nothing()

    def _near(self, names: Sequence[str], change: Tensor | None, part: slice) -> Tangent:
        return Tangent(self.network, names, self.inputs[part], self.gain, change)

    def _left(self, names: Sequence[str], change: Tensor | None, part: slice) -> Tensor:
        return relative_errors(self._near(names, change, part).outputs(), self.outputs[part])

    def _errors(self, network: nn.Module, part: slice) -> Tensor:
        with torch.no_grad():
            return relative_errors(network(self.inputs[part]), self.outputs[part])

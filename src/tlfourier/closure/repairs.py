"""What of a network a transfer may move: whole layers, or less, to see whether less is enough.

The ladder, from the cheapest: an output gain (`tlfourier.closure.baselines.OutputGain`), ``gains`` of every
input and output, ``kernel scales`` of a layer, all ``biases``, some ``random weights`` of a layer, its
``weights``. Each is a set of numbers that is trained, and the network that these numbers make of the base
network; where they start, it is the base network.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call

from tlfourier.closure.network import Network, layer_name
from tlfourier.doors import door

REPAIRS = ("weights", "gains", "kernel scales", "biases", "random weights")
"""Accepted names, see `repair`."""


@door
class Repair:
    """Whole layers of a network: their weights and biases are what is trained.

    ``parameters`` are trained, ``rewritten`` names the parameters of the network that they change, and
    ``first`` is the lowest of these layers: what enters it never changes.
    """

    def __init__(self, network: Network, layers: Sequence[int]) -> None:
        self.network, self.layers, self.first = network, tuple(layers), min(layers)
        for parameter in network.parameters():
            parameter.requires_grad_(False)
        self.parameters = self._trained()
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)

    @property
    def rewritten(self) -> list[str]:
        """Names of the network's parameters that the repair changes."""
        return list(self.parameters)

    def suffix(self, features: Tensor, first: int) -> Tensor:
        """Return the output of the repaired network from what enters layer ``first``."""
        return self.network.suffix(features, first)

    def finish(self) -> None:
        """Write what was trained into the network."""

    def _trained(self) -> dict[str, nn.Parameter]:
        return {name: self.network.get_parameter(name) for name in self._names()}

    def _names(self) -> list[str]:
        return [f"{layer_name(layer)}.{part}" for layer in self.layers for part in ("weight", "bias")]


@door
class Biases(Repair):
    """The biases of some layers: constants may move, no kernel does."""

    def _names(self) -> list[str]:
        return [f"{layer_name(layer)}.bias" for layer in self.layers]


class _Numbers(Repair, ABC):
    """Numbers of which the weights are made, by `made`."""

    def suffix(self, features: Tensor, first: int) -> Tensor:
        """Return the output of the repaired network from what enters layer ``first``."""
        made = {f"network.{name}": values for name, values in self.made().items()}
        found: Tensor = functional_call(_Suffix(self.network, first), made, features)
        return found

    @torch.no_grad()
    def finish(self) -> None:
        """Write what was trained into the network."""
        for name, values in self.made().items():
            self.network.get_parameter(name).copy_(values)

    @property
    def rewritten(self) -> list[str]:
        """Names of the network's parameters that the repair changes."""
        return list(self.made())

    @abstractmethod
    def made(self) -> dict[str, Tensor]:
        """Return the parameters of the network that the numbers make, by their names."""


@door
class Gains(_Numbers):
    """One factor for each input channel and each output: ``g_out * network(g_in * x)``, all 1 at first.

    They are the first layer's columns and the last layer's rows; of a network without biases, which is
    homogeneous, that is what another unit of each variable comes to.
    """

    def _trained(self) -> dict[str, nn.Parameter]:
        spec = self.network.spec
        if self.layers != (1, spec.layers):
            raise ValueError(
                f"layers={set(self.layers)}: gains are in the first and the last layer, {{1, {spec.layers}}}"
            )
        place = next(self.network.parameters()).device
        sizes = {"gain of inputs": spec.inputs, "gain of outputs": spec.outputs}
        return {name: nn.Parameter(torch.ones(size, device=place)) for name, size in sizes.items()}

    def made(self) -> dict[str, Tensor]:
        """Return the parameters of the network that the numbers make, by their names."""
        entering, leaving = self.parameters["gain of inputs"], self.parameters["gain of outputs"]
        first, last = (self.network.layer(layer) for layer in self.layers)
        assert last.bias is not None
        names = [layer_name(layer) for layer in self.layers]
        return {
            f"{names[0]}.weight": first.weight * entering[None, :, None, None],
            f"{names[1]}.weight": last.weight * leaving[:, None, None, None],
            f"{names[1]}.bias": last.bias * leaving,
        }


@door
class KernelScales(_Numbers):
    """A factor for each kernel of some layers and a constant for each output channel, kernels as they are.

    ``W[o, i] = s[o, i] * W0[o, i]``, ``b[o] = b0[o] + c[o]``: it can mix old filters anew and cannot make a
    new one. Our reading of scaling and shifting: that of Sun et al. (2019, arXiv:1812.02391), on one layer.
    """

    def _trained(self) -> dict[str, nn.Parameter]:
        found = {}
        for layer in self.layers:
            kernels = self.network.layer(layer).weight
            found[f"scale {layer}"] = nn.Parameter(kernels.new_ones(*kernels.shape[:2], 1, 1))
            found[f"shift {layer}"] = nn.Parameter(kernels.new_zeros(len(kernels)))
        return found

    def made(self) -> dict[str, Tensor]:
        """Return the parameters of the network that the numbers make, by their names."""
        found: dict[str, Tensor] = {}
        for layer in self.layers:
            convolution = self.network.layer(layer)
            assert convolution.bias is not None
            found[f"{layer_name(layer)}.weight"] = convolution.weight * self.parameters[f"scale {layer}"]
            found[f"{layer_name(layer)}.bias"] = convolution.bias + self.parameters[f"shift {layer}"]
        return found


@door
class RandomWeights(_Numbers):
    """So many weights and biases of some layers, chosen at random among all of theirs."""

    def __init__(self, network: Network, layers: Sequence[int], count: int, draw: tuple[int, ...]) -> None:
        self.count, self.draw = count, draw
        super().__init__(network, layers)

    def _trained(self) -> dict[str, nn.Parameter]:
        parameters = [self.network.get_parameter(name) for name in self._names()]
        total = sum(one.numel() for one in parameters)
        if self.count > total:
            raise ValueError(f"count={self.count}: layers {set(self.layers)} have {total} weights and biases")
        state = np.random.SeedSequence(self.draw).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(state) >> 1)
        place = parameters[0].device
        self.chosen = torch.randperm(total, generator=generator)[: self.count].to(place)
        return {"change": nn.Parameter(torch.zeros(self.count, device=place))}

    def made(self) -> dict[str, Tensor]:
        """Return the parameters of the network that the numbers make, by their names."""
        parameters = {name: self.network.get_parameter(name) for name in self._names()}
        flat = torch.cat([one.detach().contiguous().flatten() for one in parameters.values()])
        moved = flat.index_add(0, self.chosen, self.parameters["change"])
        parts = moved.split([one.numel() for one in parameters.values()])
        return {name: part.view(parameters[name].shape) for name, part in zip(parameters, parts, strict=True)}


class _Suffix(nn.Module):
    """A network from one of its layers on, as a module of its own."""

    def __init__(self, network: Network, first: int) -> None:
        super().__init__()
        self.network, self.first = network, first

    def forward(self, features: Tensor) -> Tensor:
        return self.network.suffix(features, self.first)


@door
def repair(
    name: str, network: Network, layers: Sequence[int], count: int | None = None, draw: tuple[int, ...] = ()
) -> Repair:
    """Return the repair of that name, ready to be trained on ``layers`` of a network.

    ``count`` is the number of random weights, ``draw`` seeds their choice. Nothing but
    ``Repair.parameters`` requires a gradient from then on. Raises ValueError for another name, gains that are
    not of the first and the last layer, more random weights than there are, or none.

    Examples
    --------
    >>> from tlfourier.closure.network import NetworkSpec
    >>> network = Network(NetworkSpec(layers=3, channels=4))
    >>> gains = repair("gains", network, (1, 3))
    >>> {name: tuple(one.shape) for name, one in gains.parameters.items()}
    {'gain of inputs': (2,), 'gain of outputs': (1,)}
    """
    if name not in REPAIRS:
        raise ValueError(f"repair={name!r}: accepted are {', '.join(REPAIRS)}")
    if (name == "random weights") != (count is not None):
        raise ValueError(f"repair={name!r} with count={count}: random weights, and they alone, have a count")
    if count is not None:
        return RandomWeights(network, layers, count, draw)
    kinds = {"weights": Repair, "gains": Gains, "kernel scales": KernelScales, "biases": Biases}
    return kinds[name](network, layers)


@door
def rewritten(name: str, network: Network, layers: Sequence[int], count: int | None = None) -> list[str]:
    """Return the names of the parameters that a repair may change; arguments and errors as of `repair`."""
    return repair(name, copy.deepcopy(network), layers, count).rewritten

"""The closure network: eleven convolutions from (psi, omega) to the subgrid term, layers counted from one."""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, TypeAlias

import torch
from torch import Tensor, nn

from tlfourier.closure.padding import PeriodicConv2d
from tlfourier.doors import door
from tlfourier.io.atomic import write_json
from tlfourier.io.jsonfile import read_json
from tlfourier.io.paths import Readable
from tlfourier.io.tensorfile import read_tensors, write_tensors
from tlfourier.io.words import said_as
from tlfourier.limits import Range
from tlfourier.modules import as_it_was, as_tensor, check_finite, for_module
from tlfourier.shapes import Batch, Seed

Size: TypeAlias = Annotated[int, Range(most=10**4)]

PADDINGS = ("circular", "zeros")


@door
@dataclass(frozen=True)
class NetworkSpec:
    """Shape of the network; the defaults are the paper's 927,041 parameters (S23).

    Raises ValueError for less than two layers, no channel, a kernel of even size, or an unknown padding.
    """

    layers: Size = 11
    channels: Size = 64
    kernel_size: Size = 5
    inputs: Size = 2
    outputs: Size = 1
    padding: str = "circular"

    def __post_init__(self) -> None:
        least = {"layers": 2, "channels": 1, "kernel_size": 1, "inputs": 1, "outputs": 1}
        check_integers(self, least, "network ")
        if self.kernel_size % 2 == 0:
            raise ValueError(f"network kernel_size={self.kernel_size}: accepted are odd sizes, with a centre")
        if self.padding not in PADDINGS:
            raise ValueError(f"network padding={self.padding!r}: accepted are {', '.join(PADDINGS)}")

    def widths(self) -> list[int]:
        """Return the number of channels before and after every layer, ``layers + 1`` values."""
        return [self.inputs] + [self.channels] * (self.layers - 1) + [self.outputs]


@door
def check_integers(spec: Any, least: Mapping[str, int], what: str = "") -> None:
    """Raise ValueError for the first field of a spec that is no integer, or less than it may be."""
    for name, smallest in least.items():
        value = getattr(spec, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < smallest:
            raise ValueError(f"{what}{name}={value!r}: accepted are integers from {smallest}")


@door
class Network(nn.Module):
    """Map (psi, omega) to the subgrid term by ``h_l = W_l ⋆ g_(l-1) + b_l``, ``g_l = max(h_l, 0)``.

    Layer ``l`` is the `torch.nn.Conv2d` submodule ``conv01``, ``conv02``, ...; the output is the last ``h``.

    Parameters
    ----------
    spec : NetworkSpec
        Depth, width, kernel size and padding.
    seed : int
        Seed of the initial weights: weights and biases uniform in ±1/√(inputs·k²), PyTorch's own default
        (Kaiming uniform with a = √5), drawn layer by layer from one generator on the CPU.

    Examples
    --------
    >>> network = Network()
    >>> sum(parameter.numel() for parameter in network.parameters())
    927041
    >>> network.layer_names()[-1], network.layer(2).weight.shape
    ('conv11', torch.Size([64, 64, 5, 5]))
    """

    def __init__(self, spec: NetworkSpec | None = None, seed: Seed = 0) -> None:
        super().__init__()
        self.spec = spec or NetworkSpec()
        widths = self.spec.widths()
        for number, (before, after) in enumerate(pairwise(widths), start=1):
            self.add_module(layer_name(number), _convolution(self.spec, before, after))
        self._initialise(seed)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @torch.no_grad()
    def _initialise(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        for number in range(1, self.spec.layers + 1):
            layer = self.layer(number)
            bound = 1 / math.sqrt(layer.weight[0].numel())
            for parameter in layer.parameters():
                parameter.uniform_(-bound, bound, generator=generator)

    def layer_names(self) -> list[str]:
        """Return ``["conv01", "conv02", ...]`` in the order of the layers."""
        return [layer_name(number) for number in range(1, self.spec.layers + 1)]

    def layer(self, number: int) -> nn.Conv2d:
        """Return the convolution of layer ``number``, counted from one; ValueError if there is none."""
        if not 1 <= number <= self.spec.layers:
            raise ValueError(f"layer {number}: this network has layers 1..{self.spec.layers}")
        layer = self.get_submodule(layer_name(number))
        assert isinstance(layer, nn.Conv2d)
        return layer

    def prefix(self, inputs: Tensor, layer: int) -> Tensor:
        """Return the activation ``g_(l-1)`` that enters ``layer`` l; the inputs themselves for layer 1.

        Raises ValueError as `forward`, or for a layer that there is not.
        """
        self.layer(layer)
        inputs = self._own(inputs)
        self._check(inputs)
        return self._run(inputs, 1, layer)

    def suffix(self, activation: Tensor, layer: int) -> Tensor:
        """Return the output from what enters ``layer``: ``suffix(prefix(x, l), l) = forward(x)``.

        Raises ValueError for another number of dimensions or channels, or a layer that there is not.
        """
        activation, channels = self._own(activation), self.layer(layer).in_channels
        if activation.dim() != 4 or activation.shape[1] != channels:
            wanted = f"(n, {channels}, N, N)"
            raise ValueError(f"activation of shape {tuple(activation.shape)}: accepted is {wanted}")
        return self._run(activation, layer, self.spec.layers + 1)

    def _own(self, field: Tensor) -> Tensor:
        """Return numbers in the precision of the weights, unless autocast chooses another."""
        dtype = self.layer(1).weight.dtype
        if field.dtype == dtype or torch.is_autocast_enabled(field.device.type):
            return field
        if field.is_complex():
            raise ValueError(f"network inputs of {field.dtype}: accepted are real numbers")
        return field.to(dtype)

    def forward(self, inputs: Tensor) -> Tensor:
        """Predict the subgrid term.

        ``inputs``, shape (n, inputs, N, N), are streamfunction and vorticity, the result,
        shape (n, outputs, N, N), is the subgrid term, each in units of its standard deviation. Raises
        ValueError if ``inputs`` has another number of dimensions or channels, or is smaller than the kernel.
        """
        return self.suffix(self.prefix(inputs, 1), 1)

    def _run(self, field: Tensor, first: int, stop: int) -> Tensor:
        field = field.contiguous(memory_format=torch.channels_last)
        for number in range(first, stop):
            field = self.layer(number)(field)
            if number < self.spec.layers:
                field = torch.relu(field)
        return field

    def _check(self, inputs: Tensor) -> None:
        spec = self.spec
        if inputs.dim() != 4 or inputs.shape[1] != spec.inputs or min(inputs.shape[-2:]) < spec.kernel_size:
            wanted = f"(n, {spec.inputs}, N, N) with N >= {spec.kernel_size}"
            raise ValueError(f"network inputs of shape {tuple(inputs.shape)}: accepted is {wanted}")


@door
def layer_name(number: int) -> str:
    """Return the module name of a layer counted from one: 2 -> ``"conv02"``."""
    return f"conv{number:02d}"


def _convolution(spec: NetworkSpec, before: int, after: int) -> nn.Conv2d:
    if spec.padding == "circular":
        return PeriodicConv2d(before, after, spec.kernel_size)
    return nn.Conv2d(before, after, spec.kernel_size, padding=spec.kernel_size // 2)


@door
@torch.no_grad()
def predict(network: nn.Module, inputs: Tensor, batch_size: Batch = 16) -> Tensor:
    """Apply a network to many samples in float32 without gradients.

    ``network`` is any map (n, inputs, N, N) -> (n, outputs, N, N), run in evaluation mode and left as it was,
    ``inputs`` are normalised samples; the result, float32 on the CPU, does not depend on ``batch_size``, the
    samples in memory at once. Raises ValueError for no samples, a non-positive batch size, or inputs that are
    not finite.

    Examples
    --------
    >>> network = Network(NetworkSpec(layers=3, channels=4))
    >>> predict(network, torch.zeros(5, 2, 16, 16)).shape
    torch.Size([5, 1, 16, 16])
    """
    inputs = as_tensor(inputs, "inputs")
    if inputs.ndim != 4:
        raise ValueError(f"inputs of shape {tuple(inputs.shape)}: accepted is (n, inputs, N, N)")
    if batch_size < 1 or len(inputs) < 1:
        raise ValueError(f"{len(inputs)} samples in batches of {batch_size}: both must be at least 1")
    check_finite("inputs", inputs)
    with as_it_was(network):
        batches = inputs.float().split(batch_size)
        parts = [network(for_module(network, batch)).float().cpu() for batch in batches]
    return torch.cat(parts)


@door
def save_network(path: Path | str, network: Network) -> None:
    """Write the weights to ``path`` (safetensors) and the spec beside them (``.json``)."""
    path = Path(path)
    write_tensors(path, network.state_dict())
    write_json(_beside(path), {"spec": dataclasses.asdict(network.spec)})


@door
def load_network(path: Readable | str) -> Network:
    """Read a network written by `save_network`; no pickle is ever opened.

    Raises FileNotFoundError if the weights or the spec beside them are missing, ValueError if the weights are
    damaged, not safetensors, or not of the shape that the spec says.
    """
    path = Path(path) if isinstance(path, str) else path
    tensors, _ = read_tensors(path)
    spec = _read_spec(_beside(path))
    if 2 * spec.layers != len(tensors):
        raise ValueError(f"{path} has {len(tensors)} tensors: its spec says {spec.layers} layers of two")
    with said_as(f"{path} is not of its spec"):
        network = Network(spec)
        network.load_state_dict(tensors)
        return network


def _beside(path: Any) -> Any:
    """Return the place of the spec of the weights at a path."""
    return path.parent / f"{path.stem}.json"


def _read_spec(path: Readable) -> NetworkSpec:
    if not path.is_file():
        raise FileNotFoundError(f"no network spec at {path}: it must lie beside the weights")
    with said_as(f"{path} is not a network spec", ": expected is JSON with 'spec'"):
        return NetworkSpec(**read_json(path)["spec"])

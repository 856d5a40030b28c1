"""The units in which a network sees layers: a number for each channel, changed from flow to flow by name."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure.layered_pairs import LayeredPairs, Quantity, channels
from tlfourier.closure.scalings import SCALINGS
from tlfourier.doors import door
from tlfourier.shapes import Scalars

LENGTHS = {"u": 1, "v": 1, "psi": 2, "q": 0}
"""Powers of length in the units of what a network may see of layers; each is over one power of time."""


@door
@dataclass(frozen=True)
class LayeredScales:
    """Hold one standard deviation per channel of layers, over all points and times of a training block.

    Raises ValueError unless there is a positive number for each channel and each layer.

    Parameters
    ----------
    channels : sequence of str
        Names of the inputs, a quantity and the number of a layer, as `channels` gives them: ``u1``.
    inputs : sequence of float
        Scale of each of them.
    outputs : sequence of float
        Scale of Π in each layer, from the top.
    rate : float
        Root mean square of the potential vorticity over all layers, per time: one time scale for all of them.
    """

    channels: Sequence[str]
    inputs: Sequence[float]
    outputs: Sequence[float]
    rate: float

    def __post_init__(self) -> None:
        for name in ("channels", "inputs", "outputs"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        if len(self.channels) != len(self.inputs) or not self.channels or not self.outputs:
            counts = f"{len(self.channels)} channels, {len(self.inputs)} inputs, {len(self.outputs)} outputs"
            raise ValueError(f"{counts}: one scale for each channel and each layer is needed")
        for channel in self.channels:
            if self.quantity(channel) not in LENGTHS or not channel[-1].isdecimal():
                raise ValueError(
                    f"channel {channel!r}: accepted are {', '.join(LENGTHS)} with a layer, as u1"
                )
        named = zip((*self.channels, *self.layers), (*self.inputs, *self.outputs), strict=True)
        for name, value in (*named, ("q", self.rate)):
            if not (math.isfinite(value) and value > 0):
                raise ValueError(f"the standard deviation of {name} is {value}: it must be a positive number")

    @property
    def layers(self) -> tuple[str, ...]:
        """Return what the outputs are called."""
        return tuple(f"Π{layer}" for layer in range(1, len(self.outputs) + 1))

    @property
    def quantities(self) -> tuple[Quantity, ...]:
        """Return the quantities of the channels, in their order."""
        return tuple(dict.fromkeys(map(self.quantity, self.channels)))  # type: ignore[arg-type]

    @staticmethod
    def quantity(channel: str) -> str:
        """Return of which quantity a channel is: ``u`` of ``u1``."""
        return channel.rstrip("0123456789")

    @classmethod
    def of(cls, train_pairs: LayeredPairs, names: Sequence[Quantity] = ("u", "v")) -> "LayeredScales":
        """Measure the scales of a training block.

        Raises ValueError if the pairs are of another block (a leak), or a channel is constant or not finite.
        """
        block = train_pairs.attrs.get("split", "train")
        if block != "train":
            raise ValueError(f"split {block!r}: scales are measured on the train split only")
        seen = channels(train_pairs, names)
        about = {"inputs": (seen, "channel"), "outputs": (train_pairs["sgs"], "layer"),
                 "q": (train_pairs["q"], "layer")}  # fmt: skip
        found = {name: _deviations(values, dim) for name, (values, dim) in about.items()}
        rate = math.sqrt(sum(value**2 for value in found["q"]) / len(found["q"]))
        return cls(seen["channel"].values.tolist(), found["inputs"], found["outputs"], rate)

    def times(self, q: Tensor) -> Tensor | float:
        """Return by how much each sample, by its potential vorticity, is slowed down besides: not at all."""
        return 1.0

    def tensors(self, pairs: LayeredPairs, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """Turn pairs into inputs and outputs of a network, each channel over its scale.

        Times ``t`` and ``t**2`` where the scales have a time of each sample. The shapes are (snapshots,
        channels, N, N) and (snapshots, layers, N, N). ValueError if a value is not finite.
        """
        seen = channels(pairs, self.quantities)
        if seen["channel"].values.tolist() != list(self.channels):
            raise ValueError(
                f"pairs of {pairs.sizes['layer']} layers: scales are of {', '.join(self.channels)}"
            )
        q, sgs = (pairs[name].transpose("time", "layer", "y", "x") for name in ("q", "sgs"))
        given, wanted, vorticity = (
            torch.as_tensor(np.array(values), dtype=dtype) for values in (seen, sgs, q)
        )
        for name, values in {"an input": given, "sgs": wanted, "q": vorticity}.items():
            if not torch.isfinite(values).all():
                raise ValueError(
                    f"{name} holds values that are not finite: every value must be a finite number"
                )
        times = self.times(vorticity)
        inputs, outputs = (
            torch.tensor(scales, dtype=dtype)[:, None, None] for scales in (self.inputs, self.outputs)
        )
        return given / inputs * times, wanted / outputs * times**2

    def physical(self, outputs: Scalars, q: Scalars) -> Tensor:
        """Return Π in the units of the data from what a network gives, both (snapshots, layers, N, N)."""
        return outputs * outputs.new_tensor(self.outputs)[:, None, None] / self.times(q) ** 2


@door
@dataclass(frozen=True)
class SampleLayeredScales(LayeredScales):
    """The same units, with the time scale of each sample itself: nothing need be known beforehand."""

    def times(self, q: Tensor) -> Tensor:
        """Return ``rate / rate_i`` of each sample, shape (snapshots, 1, 1, 1); ValueError for one at rest."""
        variance = q.double().var((-2, -1), correction=0, keepdim=True).mean(1, keepdim=True)
        if not bool((variance > 0).all()):
            at_rest = int((variance.flatten() == 0).nonzero()[0])
            raise ValueError(f"sample {at_rest} has the same vorticity everywhere: it has no time scale")
        return (self.rate / variance.sqrt()).to(q.dtype)


@door
def layered_scaling(
    name: str, base: LayeredScales, target: LayeredScales, spacings: tuple[float, float] = (1.0, 1.0)
) -> LayeredScales:
    """Return the scales by which a network that was trained on ``base`` is given the flow ``target``.

    The names are those of `tlfourier.closure.scalings.scaling`: ``own``, each channel over its own standard
    deviation on the target; ``base``, over that on the base flow; ``dimensional``, over that on the base flow
    times ``stretch**length τ`` with ``τ = rate′ / rate`` and stretch the ratio of grid spacings h′ / h, Π
    times τ²: one change of units for all channels and layers, by one time scale; ``dimensional per sample``,
    the same with the rate of each sample. Raises ValueError for another name, scales of other channels, or a
    spacing that is not a positive number.

    Examples
    --------
    >>> eddies = LayeredScales(["u1", "u2"], [4.0, 1.0], [8.0, 2.0], rate=1.0)
    >>> jets = LayeredScales(["u1", "u2"], [2.0, 1.0], [4.0, 0.1], rate=0.5)
    >>> layered_scaling("dimensional", eddies, jets)
    LayeredScales(channels=('u1', 'u2'), inputs=(2.0, 0.5), outputs=(2.0, 0.5), rate=0.5)
    """
    if name not in SCALINGS:
        raise ValueError(f"scaling={name!r}: accepted are {', '.join(SCALINGS)}")
    if not all(math.isfinite(spacing) and spacing > 0 for spacing in spacings):
        raise ValueError(f"spacings={spacings!r}: accepted are two positive numbers")
    if base.channels != target.channels or len(base.outputs) != len(target.outputs):
        raise ValueError(
            f"scales of {', '.join(base.channels)} and {', '.join(target.channels)}: alike are needed"
        )
    if name in ("own", "base"):
        return target if name == "own" else base
    stretch = spacings[1] / spacings[0]
    lengths = [stretch ** LENGTHS[base.quantity(channel)] for channel in base.channels]
    inputs = [scale * length for scale, length in zip(base.inputs, lengths, strict=True)]
    if name == "dimensional per sample":
        return SampleLayeredScales(base.channels, inputs, base.outputs, base.rate)
    faster = target.rate / base.rate
    outputs = [scale * faster**2 for scale in base.outputs]
    return LayeredScales(base.channels, [faster * scale for scale in inputs], outputs, target.rate)


@door
def loss_weights(applied: LayeredScales, own: LayeredScales) -> Tensor:
    """Return the weight of each output in a loss that counts errors by the target's own Π, shape (layers,).

    ``(applied / own)**2``: with it the mean squared error in the applied units is the mean over layers of the
    error's variance over that of the layer's own Π, whatever units the network is given. Without it a layer
    whose Π is small in these units is hardly trained. Raises ValueError for other numbers of layers.
    """
    if len(applied.outputs) != len(own.outputs):
        raise ValueError(
            f"scales of {len(applied.outputs)} and of {len(own.outputs)} layers: alike are needed"
        )
    ratio = torch.tensor(applied.outputs, dtype=torch.float64) / torch.tensor(
        own.outputs, dtype=torch.float64
    )
    return (ratio**2).float()


@door
def scale_table(scales: Mapping[str, LayeredScales]) -> xr.Dataset:
    """Put scales side by side, along ``flow``: a variable for each input, for Π of each layer, and ``rate``.

    Raises ValueError for none, or scales of other channels or layers.

    Examples
    --------
    >>> scale_table({"jets": LayeredScales(["u1"], [4.0], [8.0], rate=1.0)})["Π1"].values.tolist()
    [8.0]
    """
    if len({(one.channels, one.layers) for one in scales.values()}) != 1:
        raise ValueError(f"scales of {', '.join(scales) or 'no flow'}: of the same channels are needed")
    rows = [
        dict(zip((*one.channels, *one.layers, "rate"), (*one.inputs, *one.outputs, one.rate), strict=True))
        for one in scales.values()
    ]
    values = {name: ("flow", [row[name] for row in rows]) for name in rows[0]}
    return xr.Dataset(values, {"flow": list(scales)})


@door
def scales_dataset(scales: LayeredScales) -> xr.Dataset:
    """Return scales as a Dataset, of which `scales_from` is the inverse."""
    data = {"inputs": ("channel", list(scales.inputs)), "outputs": ("layer", list(scales.outputs))}
    names = {"channel": list(scales.channels), "layer": np.arange(1, len(scales.outputs) + 1)}
    about = {"per_sample": int(isinstance(scales, SampleLayeredScales))}
    return xr.Dataset({**data, "rate": scales.rate}, names, about)


@door
def scales_from(data: xr.Dataset) -> LayeredScales:
    """Return the scales that a Dataset holds; ValueError unless it holds all of them and nothing else."""
    dims = {"inputs": ("channel",), "outputs": ("layer",), "rate": ()}
    found = {str(name): values for name, values in data.data_vars.items()}
    real = all(values.dtype.kind == "f" for values in found.values())
    if (
        not real
        or {name: values.dims for name, values in found.items()} != dims
        or "channel" not in data.coords
    ):
        raise ValueError(f"{', '.join(found) or 'nothing'}: expected real {', '.join(dims)} of layers")
    kind = SampleLayeredScales if data.attrs.get("per_sample") else LayeredScales
    names = [str(name) for name in data["channel"].values]
    values = {name: found[name].values.tolist() for name in dims}
    return kind(names, values["inputs"], values["outputs"], values["rate"])


def _deviations(values: xr.DataArray, dim: str) -> list[float]:
    """Return the standard deviation of each channel in float64, one in memory at a time."""
    return [float(values.isel({dim: index}).astype(np.float64).std()) for index in range(values.sizes[dim])]

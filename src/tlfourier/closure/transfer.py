"""Re-train any set of layers of a network on a few samples of another flow, the rest frozen to the bit."""

import copy
import math
from dataclasses import dataclass
from typing import Literal

import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure.batches import Samples, rotate, steps_per_epoch
from tlfourier.closure.models import check_layers
from tlfourier.closure.network import Network, check_integers
from tlfourier.closure.optimise import Budget, Descent, check_settings
from tlfourier.closure.precision import in_bfloat16
from tlfourier.closure.repairs import REPAIRS, repair
from tlfourier.closure.training import check_samples
from tlfourier.doors import door
from tlfourier.shapes import Count, Scalars

OPTIMISERS = ("fresh", "carried")


@door
@dataclass(frozen=True)
class TransferSpec:
    """How layers are re-trained: the same number of gradient steps for every set of layers.

    ``repair`` names what of the layers is trained, see `tlfourier.closure.repairs`: all ``weights``, or less,
    as ``count`` random ones, chosen by (``seed``, ``draw``). ``optimiser="carried"`` starts Adam with moments
    of the base flow, as if the base training just went on.

    Raises ValueError for layers that `check_layers` refuses, a number that is not positive, an unknown
    repair or optimiser.
    """

    layers: tuple[int, ...]
    steps: int = 625
    batch_size: int = 16
    learning_rate: float = 5e-5
    precision: str = "float32"
    rotate: bool = True
    seed: int = 0
    optimiser: str = "fresh"
    repair: str = "weights"
    count: int | None = None
    draw: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", check_layers(self.layers))
        check_integers(self, {"steps": 1, "draw": 0, **({} if self.count is None else {"count": 1})})
        if self.repair not in REPAIRS:
            raise ValueError(f"repair={self.repair!r}: accepted are {', '.join(REPAIRS)}")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser={self.optimiser!r}: accepted are {', '.join(OPTIMISERS)}")
        check_settings(self)


@door
class Cached:
    """Activations that enter a layer, computed once for every sample and each of its four rotations.

    A convolution does not commute with a rotation unless its kernels turn too, so the prefix is evaluated on
    turned inputs; turning its output would be wrong.
    """

    def __init__(
        self, network: Network, layer: int, inputs: Tensor, outputs: Tensor, spec: TransferSpec
    ) -> None:
        self.outputs = outputs
        turns = 4 if spec.rotate else 1
        for turn in range(turns):
            turned = torch.rot90(inputs, turn, (-2, -1))
            # Channels last, so that a batch is gathered in the layout that the convolutions want.
            entering = _prefix(network, layer, turned, spec.precision, spec.batch_size).permute(0, 2, 3, 1)
            if turn == 0:
                self.activations = entering.new_empty((turns, *entering.shape))
            self.activations[turn] = entering

    def __len__(self) -> int:
        return len(self.outputs)

    def batch(self, indices: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Return activations and outputs of the samples, each turned by its number of right angles."""
        return self.activations[turns, indices].permute(0, 3, 1, 2), rotate(self.outputs[indices], turns)


@door
class Recomputed(Samples):
    """The same activations computed for every batch, when all of them do not fit into memory."""

    def __init__(self, network: Network, layer: int, inputs: Tensor, outputs: Tensor, precision: str) -> None:
        super().__init__(inputs, outputs)
        self.network, self.layer, self.precision = network, layer, precision

    def batch(self, indices: Tensor, turns: Tensor) -> tuple[Tensor, Tensor]:
        """Return activations and outputs of the samples, each turned by its number of right angles."""
        inputs, outputs = super().batch(indices, turns)
        return _prefix(self.network, self.layer, inputs, self.precision, len(inputs)), outputs


@door
def transfer(
    base: Network,
    inputs: Scalars,
    outputs: Scalars,
    validation: tuple[Scalars, Scalars],
    spec: TransferSpec,
    progress: bool = True,
    cache_bytes: int = 2**31,
    keep: Literal["best", "end"] = "best",
    looks: Count = 30,
    home: tuple[Scalars, Scalars] | None = None,
    weights: Scalars | None = None,
) -> tuple[Network, xr.Dataset]:
    """Re-train ``spec.layers`` of a copy of ``base`` for ``spec.steps`` gradient steps with a fresh Adam.

    No gradient is computed below the lowest re-trained layer l. The activations that enter l are computed
    once for the four rotations of every sample when they fit into ``cache_bytes``, else for every batch; both
    give the same network. The state kept is the best on validation among the start, the end and the ends of
    about equally long rounds: one epoch each, or ``steps / looks`` steps where epochs are shorter. With all
    layers of a fresh network this is training from scratch on the same samples.

    Raises ValueError for a layer that the network does not have, samples of the wrong shape or not finite, no
    ``home`` for a carried optimiser, or weights that are no positive number for each output; Diverged if the
    loss stopped being finite or exploded.

    Parameters
    ----------
    base : Network
        Left untouched.
    inputs, outputs : Tensor, shape (n, 2, N, N) and (n, 1, N, N)
        All are used.
    validation : tuple of Tensor
        Inputs and outputs that choose the round.
    spec : TransferSpec
    progress : bool
        Show a progress bar.
    cache_bytes : int
        Memory that the cached activations may take, and a quarter more while they are computed; 0 caches
        nothing.
    keep : {"best", "end"}
        ``"end"`` keeps the state after the last step whatever validation says: a null model of how far so
        many steps move the weights must not be chosen by its success.
    looks : int
        At validation, at most; more than the default would cost as much as the few steps between them.
    home : tuple of Tensor, optional
        Samples of the base flow; ``spec.steps`` gradients on them fill the moments of a carried optimiser.
    weights : Tensor, shape (outputs,), optional
        How much the squared error of each output counts in the loss, in training and on validation.

    Returns
    -------
    network : Network
        Frozen parameters equal to those of ``base`` to the bit.
    history : xr.Dataset
        ``train_loss`` (NaN at step 0) and ``validation_loss`` over ``step``; attributes ``best_step``,
        ``layers``, ``cached`` and ``steps``.

    Notes
    -----
    S23 (doi:10.1093/pnasnexus/pgad015) gives 50 epochs to one layer and 100 to two; here every set has equal
    steps.

    Examples
    --------
    >>> from tlfourier.closure.network import NetworkSpec
    >>> base, few = Network(NetworkSpec(layers=3, channels=4)), torch.ones(4, 2, 16, 16)
    >>> samples = (few, few[:, :1])
    >>> network, history = transfer(base, *samples, samples, TransferSpec((2,), steps=3), progress=False)
    >>> [torch.equal(network.layer(number).weight, base.layer(number).weight) for number in (1, 2, 3)]
    [True, False, True]
    """
    layers = check_layers(spec.layers, base.spec.layers)
    check_samples(base, inputs, outputs)
    check_samples(base, *validation)
    if home is not None:
        check_samples(base, *home)
    if keep not in ("best", "end"):
        raise ValueError(f"keep={keep!r}: accepted are 'best' and 'end'")
    if weights is not None and (weights.shape != (base.spec.outputs,) or not bool((weights > 0).all())):
        raise ValueError(f"weights={weights.tolist()}: {base.spec.outputs} positive numbers are accepted")
    network = copy.deepcopy(base)
    network.zero_grad()
    place = next(network.parameters()).device
    x, y, x_validation, y_validation = (tensor.float().to(place) for tensor in (inputs, outputs, *validation))
    moved = repair(spec.repair, network, layers, spec.count, (spec.seed, spec.draw))
    first = moved.first
    source = _source(network, first, x, y, spec, cache_bytes)
    spare = cache_bytes - (source.activations.nbytes if isinstance(source, Cached) else 0)
    if fits := _prefix_bytes(network, first, x_validation, spec.precision) <= spare:
        x_validation = _prefix(network, first, x_validation, spec.precision, spec.batch_size)
    rounds = max(steps_per_epoch(len(x), spec.batch_size), math.ceil(spec.steps / looks))
    descent = Descent(
        lambda features: moved.suffix(features, first),
        moved.parameters,
        source,
        (x_validation, y_validation),
        Budget.of(spec, spec.steps, rounds),
        look=None if fits else lambda features: moved.suffix(network.prefix(features, 1), 1),
        weights=None if weights is None else weights.float().to(place),
    )
    if spec.optimiser == "carried":
        if home is None:
            raise ValueError("optimiser='carried' needs samples of the base flow as home, and got None")
        x_home, y_home = (tensor.float().to(place) for tensor in home)
        descent.warm(_source(network, first, x_home, y_home, spec, 0), spec.steps)
    label = f"layers {','.join(map(str, layers))}"
    descent.run(progress=progress, label=label, keep_best=keep == "best")
    moved.finish()
    for given, parameter in zip(base.parameters(), network.parameters(), strict=True):
        parameter.requires_grad_(given.requires_grad)
    return network, _history(descent, layers, isinstance(source, Cached))


def _source(
    network: Network, layer: int, inputs: Tensor, outputs: Tensor, spec: TransferSpec, cache_bytes: int
) -> Samples | Cached:
    if layer == 1:
        return Samples(inputs, outputs)
    if (4 if spec.rotate else 1) * _prefix_bytes(network, layer, inputs, spec.precision) > cache_bytes:
        return Recomputed(network, layer, inputs, outputs, spec.precision)
    return Cached(network, layer, inputs, outputs, spec)


def _prefix_bytes(network: Network, layer: int, inputs: Tensor, precision: str) -> int:
    """Return the memory that the activations which enter a layer take."""
    width, item = network.spec.widths()[layer - 1], 2 if in_bfloat16(precision, inputs.device.type) else 4
    return len(inputs) * width * inputs[0, 0].numel() * item


@torch.no_grad()
def _prefix(network: Network, layer: int, inputs: Tensor, precision: str, batch_size: int) -> Tensor:
    """Return the activations that enter a layer, in memory once: no list of batches beside them."""
    result = torch.empty(0)
    for start in range(0, len(inputs), batch_size):
        half = in_bfloat16(precision, inputs.device.type)
        with torch.autocast(inputs.device.type, torch.bfloat16, enabled=half):
            part = network.prefix(inputs[start : start + batch_size], layer)
        if start == 0:
            shape, layout = (len(inputs), *part.shape[1:]), torch.channels_last
            result = torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=layout)
        result[start : start + batch_size] = part
    return result


def _history(descent: Descent, layers: tuple[int, ...], cached: bool) -> xr.Dataset:
    variance = "variance of the outputs"
    columns = {
        f"{name}_loss": (
            "step",
            [row[f"{name}_loss"] for row in descent.rows],
            {"long_name": f"mean squared error on the {text} samples", "units": variance},
        )
        for name, text in (("train", "training"), ("validation", "validation"))
    }
    attributes = {"best_step": descent.best_step, "layers": list(layers), "cached": int(cached)}
    steps = [int(row["step"]) for row in descent.rows]
    return xr.Dataset(columns, coords={"step": steps}, attrs={**attributes, "steps": descent.budget.steps})

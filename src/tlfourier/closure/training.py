"""Train the closure network from nothing on the samples of one flow."""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
import xarray as xr

from tlfourier.closure.batches import Samples, steps_per_epoch
from tlfourier.closure.network import Network, check_integers
from tlfourier.closure.optimise import SCHEDULES, Budget, Descent, Diverged, check_settings
from tlfourier.doors import door
from tlfourier.modules import check_finite
from tlfourier.shapes import Count, Scalars

__all__ = ["Diverged", "TrainingSpec", "check_samples", "train"]


@door
@dataclass(frozen=True)
class TrainingSpec:
    """How a network is trained; the defaults are S23's.

    Raises ValueError for a number that is not positive, an unknown schedule or precision.
    """

    samples: int = 2000
    epochs: int = 100
    batch_size: int = 16
    learning_rate: float = 5e-5
    schedule: str = "constant"
    precision: str = "float32"
    rotate: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        check_integers(self, {"samples": 1, "epochs": 1})
        if self.schedule not in SCHEDULES:
            raise ValueError(f"schedule={self.schedule!r}: accepted are {', '.join(SCHEDULES)}")
        check_settings(self)


@door
def train(
    network: Network,
    inputs: Scalars,
    outputs: Scalars,
    validation: tuple[Scalars, Scalars],
    spec: TrainingSpec,
    checkpoint: Path | None = None,
    progress: bool = True,
    checkpoint_every: Count = 5,
) -> xr.Dataset:
    """Train ``network`` in place by Adam on the mean squared error, up to its best epoch on validation.

    Batches are drawn anew in every epoch and every sample is turned by a random multiple of 90 degrees, both
    from generators seeded by (seed, epoch). The state before the first epoch counts as epoch 0 of the choice.
    Raises ValueError for samples of the wrong shape, not finite, or fewer than ``spec.samples``; Diverged if
    the loss stopped being finite or exploded, with the best epoch so far in the network.

    Parameters
    ----------
    network : Network
        Trained in place, on its own device.
    inputs, outputs : Tensor, shape (n, 2, N, N) and (n, 1, N, N)
        Normalised samples; ``spec.samples`` of them are used, evenly spaced over the n. When all are used, in
        float32 and on the network's device, they are not copied: they may be mapped from disk.
    validation : tuple of Tensor
        Inputs and outputs that choose the epoch.
    spec : TrainingSpec
    checkpoint : Path, optional
        Folder of ``training.safetensors``, written every ``checkpoint_every`` epochs; a run that finds one
        goes on from it and ends with the same bits as an uninterrupted run on the same number of threads.
    progress : bool
        Show a progress bar.
    checkpoint_every : int
        Epochs between two checkpoints.

    Returns
    -------
    xr.Dataset
        ``train_loss``, ``validation_loss``, ``learning_rate`` over ``epoch`` (from 1); attributes
        ``best_epoch`` and ``initial_validation_loss``.

    Notes
    -----
    Losses are in units of the variance of the outputs. Recipe of S23 (doi:10.1093/pnasnexus/pgad015) as in
    its code; the ``one-cycle`` schedule and ``bfloat16`` are ours. Convolutions run in ``bfloat16`` where the
    processor has it, else in ``float32``, which is faster than to emulate it.
    """
    check_samples(network, inputs, outputs)
    check_samples(network, *validation)
    if len(inputs) < spec.samples:
        raise ValueError(f"samples={spec.samples}: only {len(inputs)} training samples are there")
    if len(inputs) > spec.samples:  # else they are used as they are: they may be larger than the memory
        chosen = torch.linspace(0, len(inputs) - 1, spec.samples).round().long()
        inputs, outputs = inputs[chosen], outputs[chosen]
    place = next(network.parameters()).device
    x, y, x_validation, y_validation = (tensor.float().to(place) for tensor in (inputs, outputs, *validation))
    per_epoch = steps_per_epoch(spec.samples, spec.batch_size)
    budget = Budget.of(spec, spec.epochs * per_epoch, per_epoch)
    parameters = dict(network.named_parameters())
    descent = Descent(network, parameters, Samples(x, y), (x_validation, y_validation), budget)
    file = None if checkpoint is None else Path(checkpoint) / "training.safetensors"
    descent.run(file, checkpoint_every, progress)
    return _history(descent, per_epoch)


@door
def check_samples(network: Network, inputs: Scalars, outputs: Scalars) -> None:
    """Raise ValueError, one sentence, unless the samples fit the network and each other and are finite."""
    spec, weight = network.spec, next(network.parameters())
    if weight.dtype != torch.float32 or weight.is_meta:
        raise ValueError(f"a network of {weight.dtype} on {weight.device}: accepted are weights in float32")
    if inputs.dim() != 4 or inputs.shape[1] != spec.inputs:
        raise ValueError(f"inputs of shape {tuple(inputs.shape)}: accepted is (n, {spec.inputs}, N, N)")
    wanted = (len(inputs), spec.outputs, *inputs.shape[-2:])
    if tuple(outputs.shape) != wanted or len(inputs) == 0:
        raise ValueError(
            f"outputs of shape {tuple(outputs.shape)}: accepted is {wanted} with at least one sample"
        )
    check_finite("inputs", inputs)
    check_finite("outputs", outputs)


def _history(descent: Descent, per_epoch: int) -> xr.Dataset:
    first, *rows = descent.rows
    columns = {
        name: ("epoch", [row[name] for row in rows], {"long_name": text, "units": units})
        for name, text, units in (
            ("train_loss", "mean squared error on the training samples", "variance of the outputs"),
            ("validation_loss", "mean squared error on the validation samples", "variance of the outputs"),
            ("learning_rate", "learning rate at the end of the epoch", "1"),
        )
    }
    epochs = [math.ceil(row["step"] / per_epoch) for row in rows]
    attributes = {
        "best_epoch": math.ceil(descent.best_step / per_epoch),
        "initial_validation_loss": first["validation_loss"],
        "steps": descent.budget.steps,
    }
    return xr.Dataset(columns, coords={"epoch": epochs}, attrs=attributes)

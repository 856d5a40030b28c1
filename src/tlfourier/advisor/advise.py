"""Ask which repair a network needs on another flow, and which layers, before any of them is re-trained."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.advisor.trial import Trial, folds
from tlfourier.closure.models import Model, check_layers, layers_of, model_name
from tlfourier.closure.network import predict
from tlfourier.doors import door
from tlfourier.fourier.kernels import conv_layers
from tlfourier.limits import Range
from tlfourier.modules import as_it_was, as_tensor, check_samples, for_module
from tlfourier.scorecard.intervals import mean_intervals
from tlfourier.shapes import Count

Data = tuple[Tensor, Tensor]
"""Inputs (n, inputs, N, N) and outputs (n, outputs, N, N), as the network is given them."""


@door
@dataclass(frozen=True)
class Advice:
    """What each repair would leave of the error on the target.

    ``table`` has a row for each ``repair``: ``"none"``, ``"gain"``, then sets of layers, ``"2"``, ``"2+5"``
    or ``"all"``. ``predicted`` is the relative RMSE on samples that it was not fitted to; ``behind``, by how
    much it lies behind the best, with Student's 95 % interval over samples from ``low`` to ``high``;
    ``alike``, whether it lies within the margin of the best, or is not shown to lie beyond; ``numbers``, how
    many it changes; and ``seconds``, how long the advice took.
    """

    table: xr.Dataset

    @property
    def best(self) -> str:
        """The repair with the lowest predicted error."""
        return str(self.table["repair"].values[np.argmin(self.table["predicted"].values)])

    @property
    def cheapest(self) -> str:
        """The repair that changes the fewest numbers of those that are alike the best."""
        alike = self.table.isel(repair=self.table["alike"].values)
        return str(alike["repair"].values[np.argmin(alike["numbers"].values)])

    def select(self, top: Count = 2) -> list[str]:
        """Return the ``top`` sets of layers with the lowest predicted errors, the best first."""
        sets = [str(name) for name in self.table["repair"].values if name not in ("none", "gain", "all")]
        order = np.argsort(self.table["predicted"].sel(repair=sets).values, kind="stable")
        return [sets[place] for place in order[:top]]

    def __str__(self) -> str:
        """Say it in three sentences."""
        error = {
            name: self.table["predicted"].sel(repair=name).item() for name in ("none", "gain", self.best)
        }
        others = [str(name) for name in self.table["repair"].values[self.table["alike"].values]]
        others.remove(self.best)
        like = f"Alike are {', '.join(map(_said, others))}." if others else "Nothing else is alike."
        return (
            f"The untouched network has a relative error of {error['none']:.2f}, one gain would leave "
            f"{error['gain']:.2f}, and the best repair, {_said(self.best)}, {error[self.best]:.2f}. {like} "
            f"The cheapest of these is {_said(self.cheapest)}."
        )


@door
def advise(
    network: nn.Module,
    target: Data,
    sets: Iterable[Model] | None = None,
    samples: Annotated[int, Range(4, 10**6)] = 32,
    steps: Count = 6,
    margin: Annotated[float, Range(0.0, 1.0)] = 0.02,
) -> Advice:
    """Predict what each repair would leave of a network's error on a target, before any is made.

    Each stands on the one below it: the untouched network, a factor for each output, then sets of layers. A
    network is linear near its weights, so what the weights of a layer can take from the residual r of the
    factor is a problem of least squares, ``min |r - J step|²``, of which some conjugate gradients are solved
    on a part of the samples. Another part says when to stop and how far to go; then the network is linearised
    there anew. The error is that of the moved network itself on a third part.

    Parameters
    ----------
    network : nn.Module
        Any network with convolutions; it is left as it is.
    target : (Tensor, Tensor)
        Inputs (n, inputs, N, N) and outputs (n, outputs, N, N) on the target, in the units in which the
        network would be re-trained.
    sets : iterable of sets of layers, optional
        ``"2"``, ``(2, 5)`` or ``"all"``; layers are the convolutions in their order, counted from one. By
        default every single one, and all.
    samples : int
        How many of the samples are used, evenly spread.
    steps : int
        Conjugate gradients at each linearisation.
    margin : float
        Part of the untouched network's error: repairs no further behind the best are alike.

    Raises
    ------
    ValueError
        For samples that are fewer than four, do not fit the network, are not finite or zero, or a layer that
        it does not have.
    """
    inputs, outputs = _spread(network, target, samples)
    repairs = _repairs(network, sets, outputs.shape[1])
    errors: dict[str, list[Tensor]] = {name: [] for name in repairs}
    seconds = dict.fromkeys(repairs, 0.0)
    with as_it_was(network):
        for fold in folds(len(inputs)):
            trial = Trial(network, inputs, outputs, fold)
            simple: dict[str, Callable[[], Tensor]] = {"none": trial.untouched, "gain": trial.scaled}
            for name, (parameters, _) in repairs.items():
                started = time.perf_counter()
                found = simple[name]() if name in simple else trial.moved(parameters, steps)
                errors[name].append(found)
                seconds[name] += time.perf_counter() - started
    numbers = {name: count for name, (_, count) in repairs.items()}
    return Advice(
        _table({name: torch.cat(parts) for name, parts in errors.items()}, numbers, seconds, margin)
    )


def _spread(network: nn.Module, target: Data, samples: int) -> Data:
    """Return as many samples as asked for, evenly spread, that fit the network."""
    inputs, outputs = (as_tensor(one, name) for one, name in zip(target, ("inputs", "outputs"), strict=True))
    for name, one in (("inputs", inputs), ("outputs", outputs)):
        check_samples(name, one)
    given = predict(network, inputs[:1])
    if outputs.shape != (len(inputs), *given.shape[1:]):
        wanted = (len(inputs), *given.shape[1:])
        raise ValueError(f"outputs of shape {tuple(outputs.shape)}: accepted is {wanted}")
    if (zero := ~outputs.flatten(1).any(1)).any():
        first = int(zero.nonzero()[0].item())
        raise ValueError(
            f"outputs are zero everywhere in sample {first}: an error relative to it there is none"
        )
    places = torch.linspace(0, len(inputs) - 1, min(samples, len(inputs))).round().long()
    return for_module(network, inputs[places]), for_module(network, outputs[places])


def _repairs(
    network: nn.Module, sets: Iterable[Model] | None, outputs: int
) -> dict[str, tuple[list[str], int]]:
    """Return the names of the parameters that each repair changes, and how many numbers these are."""
    layers = conv_layers(network)
    known = {id(value): name for name, value in network.named_parameters()}
    found: dict[str, tuple[list[str], int]] = {"none": ([], 0), "gain": ([], outputs)}
    for one in [*map(str, range(1, len(layers) + 1)), "all"] if sets is None else sets:
        name = model_name(one, len(layers))
        chosen = range(1, len(layers) + 1) if name == "all" else check_layers(layers_of(name), len(layers))
        values = [v for number in chosen for v in list(layers.values())[number - 1].parameters()]
        found[name] = ([known[id(value)] for value in values], sum(value.numel() for value in values))
    return found


def _table(
    errors: Mapping[str, Tensor], numbers: Mapping[str, int], seconds: Mapping[str, float], margin: float
) -> xr.Dataset:
    """Put the predicted errors of all repairs side by side, and hold each against the best."""
    rows = torch.stack(list(errors.values())).double().cpu().numpy()
    predicted = rows.mean(1)
    lead = rows - rows[predicted.argmin()]
    low, high = mean_intervals(lead)
    within = low <= margin * predicted[list(errors).index("none")]
    table = {
        "predicted": predicted, "behind": lead.mean(1), "low": low, "high": high, "alike": within,
        "numbers": list(numbers.values()), "seconds": list(seconds.values()),
    }  # fmt: skip
    coordinates = {"repair": list(errors)}
    about = {"margin": margin, "samples": rows.shape[1]}
    return xr.Dataset({name: ("repair", values) for name, values in table.items()}, coordinates, about)


def _said(repair: str) -> str:
    """Return a repair as a sentence has it."""
    names = {"none": "none at all", "gain": "one gain", "all": "all layers"}
    return names.get(repair, f"layer{'s' if '+' in repair else ''} {repair}")

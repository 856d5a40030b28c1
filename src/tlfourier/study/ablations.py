"""What could have made the result: the same transfers with one choice changed at a time.

Choices of the transfer keep the base networks. Choices of the network or of its data need base networks of
their own: these are trained on a quarter of the epochs, beside a reference that is trained as briefly.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from tlfourier.store.node import Node
from tlfourier.study.design import Design
from tlfourier.study.settings import StudySpec

BRIEF = 4
"""The part of the epochs by which base networks of an ablation are trained."""
REFERENCE, BRIEF_REFERENCE = "as it is", "as it is, trained briefly"

Settings = Callable[[StudySpec], Mapping[str, Any]]


@dataclass(frozen=True)
class Ablation:
    """One choice changed, as overrides of the settings; ``retrained`` needs base networks of its own."""

    name: str
    settings: Settings
    retrained: bool = False

    def overrides(self, spec: StudySpec) -> dict[str, Any]:
        """Return the overrides that make the ablation of a study with these settings."""
        brief = {"training.epochs": max(1, spec.training.epochs // BRIEF)} if self.retrained else {}
        return {**brief, **self.settings(spec)}


def _rate(factor: float) -> Settings:
    return lambda spec: {"transfer.learning_rate": spec.transfer.learning_rate * factor}


def _steps(factor: float) -> Settings:
    return lambda spec: {"transfer.steps": max(1, round(spec.transfer.steps * factor))}


def _channels(factor: float) -> Settings:
    return lambda spec: {"network.channels": max(1, round(spec.network.channels * factor))}


def _as(name: str, value: Any) -> Settings:
    return lambda _: {name: value}


def _half(spec: StudySpec) -> Mapping[str, Any]:
    """Return settings with every other snapshot, seen twice as often: as many steps on a coarser sampling."""
    samples, epochs = spec.training.samples // 2, spec.training.epochs // BRIEF
    return {"training.samples": max(1, samples), "training.epochs": max(1, epochs) * 2}


ABLATIONS: tuple[Ablation, ...] = (
    Ablation(REFERENCE, lambda _: {}),
    Ablation("a quarter of the learning rate", _rate(0.25)),
    Ablation("four times the learning rate", _rate(4.0)),
    Ablation("a quarter of the steps", _steps(0.25)),
    Ablation("four times the steps", _steps(4.0)),
    Ablation("Adam's moments of the base flow", _as("transfer.optimiser", "carried")),
    Ablation("in the base flow's units", _as("transfer.scaling", "base")),
    Ablation("in consistent units", _as("transfer.scaling", "dimensional")),
    Ablation(BRIEF_REFERENCE, lambda _: {}, True),
    Ablation("padded with zeros", _as("network.padding", "zeros"), True),
    Ablation("half the channels", _channels(0.5), True),
    Ablation("kernels of 3 × 3", _as("network.kernel_size", 3), True),
    Ablation("kernels of 7 × 7", _as("network.kernel_size", 7), True),
    Ablation("four layers fewer", lambda spec: {"network.layers": max(3, spec.network.layers - 4)}, True),
    Ablation("circular cut-off", _as("filter.kind", "circular"), True),
    Ablation("half as many snapshots", _half, True),
)
"""Every choice in turn; the first of each kind is what the others are compared with."""


def tried(spec: StudySpec) -> list[Ablation]:
    """Return the ablations that the study of a system has: all, or those that its settings name."""
    return [one for one in ABLATIONS if spec.ablated is None or one.name in spec.ablated]


RATES = (REFERENCE, "a quarter of the learning rate", "four times the learning rate")


def models(design: Design, ablation: Ablation) -> dict[str, range]:
    """Return the models of an ablation with their seeds: all single layers for the rates, else a few.

    With them are the rungs below a layer that the settings name, so that each is judged at every budget.
    """
    varied = design.vary(ablation.overrides(design.spec))
    seeds = varied.seeds_of(varied.spec.showcase)[: varied.spec.variant_seeds]
    layers = list(varied.layers) if ablation.name in RATES else few_layers(varied.layers[-1])
    return dict.fromkeys(["none", "all", *map(str, layers), *varied.spec.ablated_rungs], seeds)


def few_layers(last: int) -> list[int]:
    """Return the layers that every ablation has, of a network with ``last`` layers."""
    return sorted({1, 2, (last + 1) // 2, last - 1, last})


def table_nodes(design: Design, ablation: Ablation, split: str = "test") -> list[Node]:
    """Return the nodes of an ablation's scores, by seed."""
    varied = design.vary(ablation.overrides(design.spec))
    return varied.table_nodes(varied.spec.showcase, models(design, ablation), split)


def nodes(design: Design) -> list[Node]:
    """Return the scores of every ablation."""
    every = tried(design.spec)
    rates = [one for one in every if one.name in RATES]
    test = [node for one in every for node in table_nodes(design, one)]
    return test + [node for one in rates for node in table_nodes(design, one, "validation")]

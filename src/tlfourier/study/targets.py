"""Which nodes to make: what the book reads, or a grid of cases, layer sets, samples and seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tlfourier.closure.models import layer_sets
from tlfourier.store.node import Node
from tlfourier.study import ablations, design
from tlfourier.study.stages import networks

if TYPE_CHECKING:
    from tlfourier.study.study import Study

BASELINES = ("none", "gain", "scratch_few", "scratch_all")

Layers = tuple[int, ...]


def book(study: Study) -> list[Node]:
    """Return every node that the book reads."""
    spec = study.spec
    nodes = []
    for flow in study.flows:
        nodes += [networks.diagnose_node(spec, flow), networks.scales_node(spec, flow)]
        nodes += [networks.pairs_node(spec, flow, "test")]
    for case in study.cases:
        target = study.case(case).target  # what the widget needs to re-train a set that nobody has tried
        nodes += [networks.pairs_node(spec, target, "train", spec.transfer.samples)]
        nodes += [networks.pairs_node(spec, target, "validation")]
        singles = layer_sets(["singles", "all"], spec.network.layers)
        nodes += scores(study, [case], singles)
        nodes += _shown_networks(study, case)
    nodes += design.everything(study) + ablations.nodes(study)
    return design.unique(nodes)


def scores(study: Study, cases: Iterable[str], sets: Iterable[Layers]) -> list[Node]:
    """Return the scores of all seeds, on test and validation, of every baseline and every set of layers."""
    models: list[str | Layers] = [*BASELINES, *sets]
    nodes = []
    for case in cases:
        for seed in study.seeds_of(case):
            nodes.append(study.score_node(case, "none", seed, on="base"))
            for split in ("test", "validation"):
                nodes += [study.score_node(case, model, seed, split=split) for model in models]
    return design.unique(nodes)


def grid(
    study: Study,
    cases: Sequence[str] = (),
    layers: Sequence[str] = (),
    samples: Sequence[int] = (),
) -> list[Node]:
    """Return the scores of a sweep: cases × sets of layers × numbers of target samples × all seeds.

    Parameters
    ----------
    study : Study
    cases : sequence of str
        Names; all by default.
    layers : sequence of str
        See `layer_sets`; ``singles`` and ``all`` by default.
    samples : sequence of int
        Target samples of a transfer; by default the study's own number.

    Raises
    ------
    ValueError
        An unknown case, a set of layers that the network does not have, or an impossible number of samples.
    """
    chosen = [name for name in cases or study.cases if study.case(name)]
    sets = layer_sets(layers or ("singles", "all"), study.spec.network.layers)
    nodes = []
    for count in samples or (study.spec.transfer.samples,):
        budget = dataclasses.replace(study.spec.transfer, samples=count)
        varied = dataclasses.replace(study, spec=dataclasses.replace(study.spec, transfer=budget))
        nodes += scores(varied, chosen, sets)
    return design.unique(nodes)


def chosen(
    study: Study, cases: Sequence[str], layers: Sequence[str], samples: Sequence[int], whole: bool
) -> list[Node]:
    """Return what a sweep is asked for: the whole programme, a grid of it, or by default what the book reads.

    Raises
    ------
    ValueError
        The whole programme and a part of it at once, or as `grid`.
    """
    part = bool(cases or layers or samples)
    if whole and part:
        raise ValueError("--programme is every case, set of layers and number of samples: give it alone")
    if whole:
        return design.everything(study)
    return grid(study, cases, layers, samples) if part else study.leaves()


def _shown_networks(study: Study, case: str) -> list[Node]:
    """Return the networks that pages open: one seed, every single layer, and their null."""
    models: list[str | list[int]] = ["none", "all", "scratch_all", *([layer] for layer in study.layers)]
    nulls = [networks.transfer_node(study.spec, case, (layer,), 0, on="base") for layer in study.null_layers]
    return [*(study.node(case, model) for model in models), *nulls]

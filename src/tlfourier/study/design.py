"""What the whole study trains and looks into: which models, in which case, from how many seeds.

The budget goes where an interval decides a claim: most seeds and every pair of layers in one case, fewer on
the ways back, where only a sign is asked for. `budget` lists what this comes to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

import xarray as xr

from tlfourier.store.node import Node
from tlfourier.study.settings import REVERSED
from tlfourier.study.stages import analyses, networks

if TYPE_CHECKING:
    from tlfourier.study.study import Study

SHOWCASE = "forcing"
"""The case with every pair, prefix and suffix of layers."""
LEARNING = (SHOWCASE, "decay")
"""Cases with learning curves."""
PERCENTS = (0.0, 1.0, 2.0, 5.0, 10.0, 25.0, 100.0)
"""Parts of the training samples of a learning curve; 0 is one snapshot."""
BASELINES = ("none", "gain", "all", "scratch_few", "scratch_all")

Layers = tuple[int, ...]
Model = str | Layers


def name_of(model: Model) -> str:
    """Return how tables call a model: ``"none"``, ``"2"``, ``"2+5"``."""
    return model if isinstance(model, str) else "+".join(map(str, sorted(model)))


def cases(study: Study) -> list[str]:
    """Return all cases, the ways back last."""
    return [*study.cases, *(f"{case}{REVERSED}" for case in study.cases)]


def models(study: Study, case: str) -> dict[Model, range]:
    """Return every model of a case with its seeds: baselines, single layers, and sets of layers."""
    seeds, last = study.seeds_of(case), study.layers[-1]
    found: dict[Model, range] = dict.fromkeys([*BASELINES, *((layer,) for layer in study.layers)], seeds)
    if case.endswith(REVERSED):
        return found
    found["matched"] = seeds
    # {2} with its neighbours, the middle and the ends; the two deepest are what common wisdom re-trains.
    partners = sorted({1, 3, (last + 1) // 2, last - 1, last} - {2})
    found |= dict.fromkeys([tuple(sorted({2, one})) for one in partners] + [(last - 1, last)], seeds)
    if case == SHOWCASE:
        few = seeds[: study.spec.pair_seeds]
        found = {pair: few for pair in combinations(study.layers, 2) if pair not in found} | found
        some = seeds[: study.spec.curve_seeds]
        sets = [*prefixes(study)[2:], *suffixes(study)[:-2]]
        found |= dict.fromkeys((layers for layers in sets if layers not in found), some)
    return found


def prefixes(study: Study) -> list[Layers]:
    """Return the sets {1..l} for every l below the last layer."""
    return [tuple(range(1, end + 1)) for end in study.layers[:-1]]


def suffixes(study: Study) -> list[Layers]:
    """Return the sets {l..last} for every l beyond the first layer."""
    return [tuple(range(start, study.layers[-1] + 1)) for start in study.layers[1:]]


def learning_cases(study: Study) -> list[str]:
    """Return the cases with learning curves."""
    return [case for case in LEARNING if case in study.cases]


def learning_models(study: Study) -> list[Model]:
    """Return the models of a learning curve: a shallow, a middle and a deep layer, all, and from scratch."""
    return [*((layer,) for layer in study.null_layers), "all", "scratch_few"]


def with_percent(study: Study, percent: float) -> Study:
    """Return the study with another part of the training samples for its transfers; 0 is one snapshot."""
    count = study.spec.transfer.samples if percent == 10.0 else round(percent / 100 * study.spec.split.train)
    return study.vary({"transfer.samples": max(1, count)})


def learning_seeds(study: Study, case: str) -> range:
    """Return the seeds of a case's learning curve."""
    return study.seeds_of(case)[: study.spec.curve_seeds]


def table_node(study: Study, case: str, chosen: Mapping[Model, Iterable[int]], split: str = "test") -> Node:
    """Return the table of the scores of models on a block of the target."""
    return analyses.table_node(
        {
            name_of(model): {seed: study.score_node(case, model, seed, split=split) for seed in seeds}
            for model, seeds in chosen.items()
        }
    )


def home_node(study: Study, case: str) -> Node:
    """Return the table of the scores of the base networks on the test block of their own flow."""
    seeds = study.seeds_of(case)
    return analyses.table_node(
        {"none": {seed: study.score_node(case, "none", seed, on="base") for seed in seeds}}
    )


def score_nodes(study: Study, case: str, chosen: Mapping[Model, Iterable[int]]) -> list[Node]:
    """Return the tables of models on validation and test, and that of the base network at home."""
    return [
        home_node(study, case),
        *(table_node(study, case, chosen, split) for split in ("test", "validation")),
    ]


def learning_nodes(study: Study, case: str) -> list[Node]:
    """Return the scores of a learning curve."""
    seeds = learning_seeds(study, case)
    chosen = dict.fromkeys(learning_models(study), seeds)
    parts = [with_percent(study, percent) for percent in PERCENTS]
    return [node for part in parts for node in score_nodes(part, case, chosen)]


def inside_nodes(study: Study, case: str) -> list[Node]:
    """Return what looks into the networks of a case: kernels, their change, activations, masks."""
    flows, nodes = study.case(case), []
    for seed in study.seeds_of(case):
        for model in ("none", "scratch_all"):
            network = study.node(case, model, seed)
            nodes += [analyses.census_node(network)]
            nodes += [analyses.activations_node(study.spec, flows.target, network)]
        nodes += [analyses.activations_node(study.spec, flows.base, study.node(case, "none", seed))]
        for layer in study.layers:
            network = study.node(case, [layer], seed)
            nodes += [analyses.change_node(network)]
            if not case.endswith(REVERSED):
                nodes += [analyses.put_back_node(study.spec, flows.target, network)]
        for layer in study.null_layers:
            network, null = study.node(case, [layer], seed), study.null_node(case, [layer], seed)
            nodes += [analyses.census_node(network), analyses.change_node(null)]
            nodes += [analyses.activations_node(study.spec, flows.target, network)]
            nodes += [analyses.mask_node(study.spec, flows.target, network)]
    return nodes


def everything(study: Study) -> list[Node]:
    """Return every node of the whole study, each once."""
    nodes = []
    for flow in study.flows:
        nodes += [networks.diagnose_node(study.spec, flow), networks.scales_node(study.spec, flow)]
        nodes += [networks.pairs_node(study.spec, flow, "test")]
    for case in cases(study):
        nodes += score_nodes(study, case, models(study, case)) + inside_nodes(study, case)
    for case in learning_cases(study):
        nodes += learning_nodes(study, case)
    return unique(nodes)


def budget(study: Study) -> xr.Dataset:
    """Return what the study trains: the number of models and of trainings, over (case, kind)."""
    kinds = ("baselines", "single layers", "pairs", "other sets")
    rows = []
    for case in cases(study):
        counts = dict.fromkeys(kinds, 0)
        for model, seeds in models(study, case).items():
            plain = isinstance(model, str)
            kind = "baselines" if plain else kinds[min(len(model), 3)]
            counts[kind] += len(seeds)
        rows.append(list(counts.values()))
    return xr.Dataset({"trainings": (("case", "kind"), rows)}, {"case": cases(study), "kind": list(kinds)})


def unique(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes once each, in their order."""
    return list({node.key: node for node in nodes}.values())

"""What a study computes: cases, models, seeds, and the node of each. Nothing here needs a disk.

The budget goes where an interval decides a claim: most seeds and every pair of layers in one case, fewer in
the reverse transfers, where only a sign is asked for. `Design.budget` lists what this comes to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Protocol, runtime_checkable

import pandas as pd

from tlfourier.closure.models import BASELINES, Model, layers_of, model_name, rung
from tlfourier.closure.scalings import SCALINGS
from tlfourier.store.node import Node
from tlfourier.study.oceans import OceanFlow
from tlfourier.study.overrides import apply, nested
from tlfourier.study.settings import REVERSED, CaseSpec, FlowSpec, StudySpec
from tlfourier.study.stages import analyses, networks, repairs

SHOWCASE = StudySpec.showcase
"""The case of the vorticity equation with every pair, prefix and suffix of layers."""
PERCENTS = (0.0, 1.0, 2.0, 5.0, 10.0, 25.0, 100.0)
"""Parts of the training samples of a learning curve; 0 is one snapshot."""

DRAWS = 3
"""Choices of random weights that are tried."""

Models = Mapping[str, Iterable[int]]
"""Names of models, each with the seeds that it has."""


@dataclass(frozen=True)
class Design:
    """The plan of a study with the settings ``spec``: equal settings give equal nodes."""

    spec: StudySpec

    # ---- cases, flows, layers, seeds

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases that are looked into; each has a reverse transfer, with " reversed" behind."""
        return tuple(name for name in self.forward if self.spec.cases[name].inside)

    @property
    def forward(self) -> tuple[str, ...]:
        """Names of the cases, those without a seed left out."""
        return tuple(name for name, case in self.spec.cases.items() if case.seeds != 0)

    @property
    def ways(self) -> tuple[str, ...]:
        """Names of the cases that are looked into, and then of their reverse transfers."""
        return (*self.cases, *self._reversed(self.cases))

    @property
    def ladders(self) -> tuple[str, ...]:
        """Names of the transfers with a ladder of repairs: every case, and then their reverse transfers."""
        return (*self.forward, *self._reversed(self.forward))

    def _reversed(self, cases: Iterable[str]) -> list[str]:
        return [f"{name}{REVERSED}" for name in cases if self.spec.cases[name].back]

    @property
    def seen(self) -> tuple[str, ...]:
        """Names of the flows of the cases, as the networks see them."""
        used = {flow for case in self.forward for flow in (self.case(case).base, self.case(case).target)}
        return tuple(name for name in self.spec.flows if name in used)

    @property
    def flows(self) -> tuple[str, ...]:
        """Names of those that are simulated; the others are these through a filter of their own."""
        own = ((name, self.spec.flows[name]) for name in self.seen)
        return tuple(name for name, flow in own if flow.filter_kind is None and flow.filter_width is None)

    @property
    def layers(self) -> range:
        """Layer numbers, from 1."""
        return range(1, self.spec.network.layers + 1)

    @property
    def singles(self) -> list[str]:
        """Names of the baselines and of the models that re-train one layer."""
        return [*BASELINES, *map(str, self.layers)]

    @property
    def probed_layers(self) -> tuple[int, ...]:
        """Layers that are looked into: the showcase, one amid, one deep. Their changes have a null model."""
        return tuple(sorted({2, (self.layers[-1] + 1) // 2, max(self.layers[-1] - 1, 1)}))

    def case(self, name: str) -> CaseSpec:
        """Return a case's base and target flow; ValueError if there is none of that name."""
        return self.spec.case(name)

    def flow(self, name: str) -> FlowSpec | OceanFlow:
        """Return a flow's numbers; ValueError if there is none of that name."""
        if name not in self.spec.flows:
            raise ValueError(f"unknown flow {name!r}: accepted are {', '.join(self.spec.flows)}")
        return self.spec.flows[name]

    @property
    def seeds(self) -> range:
        """Training seeds that every case has, the unit of every error bar."""
        return range(min(len(self.seeds_of(case)) for case in self.cases or self.forward))

    def seeds_of(self, case: str) -> range:
        """Return the training seeds of a case."""
        seeds = self.case(case).seeds
        return range(self.spec.seeds if seeds is None else seeds)

    def inside_seeds(self, case: str) -> range:
        """Return the training seeds of a case whose networks are looked into."""
        return self.seeds_of(case)[: self.spec.inside_seeds]

    # ---- which models

    @cached_property
    def prefixes(self) -> list[str]:
        """Names of the sets {1..l} for every l below the last layer."""
        return [model_name(range(1, end + 1)) for end in self.layers[:-1]]

    @cached_property
    def suffixes(self) -> list[str]:
        """Names of the sets {l..last} for every l beyond the first layer."""
        return [model_name(range(start, self.layers[-1] + 1)) for start in self.layers[1:]]

    def models(self, case: str, split: str = "test") -> dict[str, range]:
        """Return every model of a case with its seeds: the rungs of its ladder, then sets of layers.

        Sets are tried forward, in the cases that are looked into, under the papers' scaling. On the
        validation block there are those that it chooses among, and the baselines.
        """
        if split == "validation":
            every = self.models(case).items()
            return {name: seeds for name, seeds in every if name in BASELINES or layers_of(name)}
        seeds, last, found = self.seeds_of(case), self.layers[-1], self.rungs(case)
        if case not in self.cases or self.spec.transfer.scaling != "own":
            return found
        # {2} with its neighbours, the middle and the ends; the two deepest are what common wisdom re-trains.
        partners = sorted({1, 3, (last + 1) // 2, last - 1, last} - {2})
        found |= dict.fromkeys([model_name({2, one}) for one in partners] + [f"{last - 1}+{last}"], seeds)
        if case == self.spec.showcase:
            pairs = map(model_name, combinations(self.layers[: self.spec.paired], 2))
            few = seeds[: self.spec.pair_seeds]
            found |= {pair: few for pair in pairs if pair not in found}
            sets, some = [*self.prefixes[2:], *self.suffixes[:-2]], seeds[: self.spec.curve_seeds]
            found |= dict.fromkeys((layers for layers in sets if layers not in found), some)
        return found

    def rungs(self, case: str) -> dict[str, range]:
        """Return the ladder of repairs of a case with its seeds, from what costs nothing to all layers.

        Each stands on the one below it: untouched, in other units, an output gain, gains, kernels scaled, the
        last layer solved for, single layers, all; beside them the gradient model and a network from nothing
        on all samples; forward also one on the few. Forward, under the papers' scaling, there are biases, the
        kernels of more layers scaled, and as many random weights as the last layer has, too.
        """
        whole = self.spec.transfer.scaling == "own" and not case.endswith(REVERSED)
        scaled = sorted({1, 2, (self.layers[-1] + 1) // 2}) if whole else [2]
        factors = [*(["biases"] if whole else []), *(f"scales {layer}" for layer in scaled)]
        random = [f"random {draw}" for draw in range(DRAWS)] if whole else []
        few = [] if case.endswith(REVERSED) else ["scratch_few"]
        beside = ["all", *few, "scratch_all"]
        below = [*self.spec.formulas, "none", *SCALINGS, "gain", "gains", *factors, *random, "solved"]
        return dict.fromkeys([*below, *map(str, self.layers), *beside], self.seeds_of(case))

    @property
    def learning_cases(self) -> list[str]:
        """Names of the cases with learning curves."""
        return [case for case in self.spec.learning if case in self.cases]

    def learning_models(self, case: str) -> dict[str, range]:
        """Return the models of a learning curve: a shallow, a middle and a deep layer, all, from scratch."""
        seeds = self.seeds_of(case)[: self.spec.curve_seeds]
        return dict.fromkeys([*map(str, self.probed_layers), "all", "scratch_few"], seeds)

    def budget(self) -> pd.DataFrame:
        """Return the number of trainings: a row for each case, a column for each kind of model."""
        kinds = {0: "less than a layer", 1: "single layers", 2: "pairs"}
        rows = [
            {"case": case, "kind": kinds.get(len(layers_of(name)), "other sets"), "trainings": len(seeds)}
            for case in self.ways
            for name, seeds in self.models(case).items()
        ]
        table = pd.DataFrame(rows).pivot_table("trainings", "case", "kind", aggfunc="sum", fill_value=0)
        return table.loc[list(self.ways), [*kinds.values(), "other sets"]].astype(int)

    def vary(self, overrides: Mapping[str, Any]) -> Design:
        """Return the design with other settings; both share every node that they can."""
        return Design(apply(self.spec, nested(overrides)))

    def with_percent(self, percent: float) -> Design:
        """Return the design with another part of the samples for its transfers; 0 is one snapshot."""
        count = round(percent / 100 * self.spec.split.train)
        count = self.spec.transfer.samples if percent == 10.0 else count
        return self.vary({"transfer.samples": max(1, count)})

    # ---- the nodes of networks and their scores

    def network_node(self, case: str, model: Model, seed: int = 0) -> Node:
        """Return the node of a model's network, by its name or its layers; ValueError if one is unknown."""
        flows, name = self.case(case), model_name(model, self.spec.network.layers)
        spec = self.spec.of_seed(seed)
        if not (seeds := self.seeds_of(case)):
            raise ValueError(f"case {case!r} has no seeds in this study, so it is left out of it")
        if seed not in seeds:
            raise ValueError(f"seed={seed}: case {case!r} has seeds 0..{seeds[-1]}")
        if name == "gradient":
            raise ValueError("model 'gradient' has no network: it is a formula, with scores alone")
        if name in ("none", "gain", *SCALINGS):
            return networks.train_node(spec, flows.base, seed)
        if name in ("scratch_few", "scratch_all"):
            return networks.train_node(spec, flows.target, seed, name == "scratch_few")
        if found := rung(name, self.spec.network):
            return repairs.repair_node(spec, case, found, seed)
        return networks.transfer_node(spec, case, layers_of(name) or tuple(self.layers), seed)

    def null_node(self, case: str, layers: Iterable[int], seed: int = 0) -> Node:
        """Return the node of the same steps on the base flow: the null model of a change of weights."""
        chosen = layers_of(model_name(layers, self.spec.network.layers))
        return networks.transfer_node(self.spec.of_seed(seed), case, chosen, seed, on="base")

    def score_node(
        self, case: str, model: Model, seed: int = 0, on: str = "target", split: str = "test"
    ) -> Node:
        """Return the node of a model's scores on a block of the case's target (or ``on="base"``) flow.

        ValueError for a formula that this system does not have.
        """
        flow = getattr(self.case(case), on)
        if model == "gradient":
            if model not in self.spec.formulas:
                raise ValueError("model 'gradient' is a formula for one layer: this study has none of it")
            return repairs.gradient_node(self.spec.of_seed(seed), flow, split)
        if model in SCALINGS:
            return self.vary({"transfer.scaling": model}).score_node(case, "none", seed, on, split)
        network = self.network_node(case, model, seed)
        return networks.score_node(self.spec.of_seed(seed), flow, network, gain=model == "gain", split=split)

    def table_nodes(self, case: str, models: Models | None = None, split: str = "test") -> list[Node]:
        """Return the nodes of the mean scores of models, by default all, by seed: see ``study.tables``."""
        rows: dict[int, dict[str, Node]] = {}
        for name, seeds in (self.models(case, split) if models is None else models).items():
            for seed in seeds:
                rows.setdefault(seed, {})[name] = self.score_node(case, name, seed, split=split)
        return [analyses.table_node(rows[seed], seed) for seed in sorted(rows)]

    def home_nodes(self, case: str) -> list[Node]:
        """Return the nodes of the base networks' mean scores on the test block of their own flow, by seed."""
        nodes = {seed: self.score_node(case, "none", seed, on="base") for seed in self.seeds_of(case)}
        return [analyses.table_node({"none": node}, seed) for seed, node in nodes.items()]

    # ---- the nodes of what looks into networks

    def census_node(self, case: str, model: Model, seed: int) -> Node:
        """Return the node of the filter types of a model's kernels."""
        return analyses.census_node(self.network_node(case, model, seed))

    def importance_node(self, case: str, seed: int) -> Node:
        """Return the node of the filter types of a base network by the skill on its own flow that is lost."""
        network, base = self.network_node(case, "none", seed), self.case(case).base
        return analyses.importance_node(self.spec.of_seed(seed), base, network)

    def activations_node(self, case: str, model: Model, seed: int, on: str = "target") -> Node:
        """Return the node of a model's activation spectra on the case's target (or base) flow."""
        flow = getattr(self.case(case), on)
        return analyses.activations_node(self.spec.of_seed(seed), flow, self.network_node(case, model, seed))

    def change_node(self, case: str, layer: int, seed: int, null: bool = False) -> Node:
        """Return the node of what re-training a layer changed in it, or of what its null model did."""
        make = self.null_node if null else self.network_node
        return analyses.change_node(make(case, [layer], seed))

    def put_back_node(self, case: str, layer: int, seed: int) -> Node:
        """Return the node of the skill lost with a layer's kernels put back."""
        target, network = self.case(case).target, self.network_node(case, [layer], seed)
        return analyses.put_back_node(self.spec.of_seed(seed), target, network)

    def mask_node(self, case: str, layer: int, seed: int) -> Node:
        """Return the node of the masks of a network with a layer re-trained and of its base, swapped."""
        network = self.network_node(case, [layer], seed)
        return analyses.mask_node(self.spec.of_seed(seed), self.case(case).target, network)


@runtime_checkable
class Results(Protocol):
    """A design of which the results can be read."""

    @property
    def design(self) -> Design:
        """What is computed."""

    def read(self, node: Node) -> Any:
        """Return what an artifact holds."""

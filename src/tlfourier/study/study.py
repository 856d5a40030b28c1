"""What a page holds: ``study = tl.begin(profile, overrides)``, every result by its scientific name."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import xarray as xr
from torch import Tensor

from tlfourier.closure.models import Model, model_name
from tlfourier.closure.network import Network
from tlfourier.scorecard.catalogue import CLAIMS, STATEMENTS
from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import Node
from tlfourier.store.stage import Folder
from tlfourier.store.store import Store
from tlfourier.study import tables, targets
from tlfourier.study.design import Design
from tlfourier.study.oceans import OceanFlow
from tlfourier.study.patience import PATIENCE, ensure
from tlfourier.study.patience import NotMade as NotMade
from tlfourier.study.settings import CaseSpec, FlowSpec, StudySpec
from tlfourier.study.stages.artifacts import AnyScales, as_tensors
from tlfourier.study.stages.data import diagnose_node, pairs_node, scales_node
from tlfourier.study.stages.networks import read_history
from tlfourier.study.stores import open_store
from tlfourier.study.systems import SYSTEMS, load_system
from tlfourier.study.verdicts import column, verdicts_node
from tlfourier.sweep.plan import plan
from tlfourier.sweep.run import run_on_this_machine


def begin(
    profile: str = "laptop", overrides: Mapping[str, Any] | None = None, system: str = "vorticity"
) -> Study:
    """Open the study of a profile: ``"laptop"``, ``"smoke"`` or ``"paper"``, the sizes of everything.

    ``overrides`` are settings that differ, with dots or nested: ``{"transfer.steps": 100}``; ``system`` is
    ``"vorticity"`` or ``"ocean"``. ValueError for an unknown name or setting, with the nearest known one.
    """
    ledger = os.environ.get("TLFOURIER_LEDGER")
    design = Design(load_system(system, profile, overrides))
    return Study(design, open_store(), Path(ledger) if ledger else None)


def begin_all(
    profile: str, overrides: Mapping[str, Any] | None, system: str, read: Iterable[str] = SYSTEMS
) -> list[Study]:
    """Open every study that pages which read some systems may ask for, with ``overrides`` of one of them.

    That one without them as well, where pages about the vorticity equation read it beside their own.
    """
    changed, names = [begin(profile, overrides, system)] if overrides and system in read else [], set(read)
    as_it_is = not changed or (system != StudySpec.system and StudySpec.system in names)
    return changed + [begin(profile, None, name) for name in read if name != system or as_it_is]


@dataclass(frozen=True)
class Study:
    """All results of the study ``design``, read from ``store``; a small one that is missing is made.

    What would take longer than ``patience`` seconds is not begun: one sentence says what is missing, what it
    costs and how to ask for it. The order of pages never matters. The file ``ledger`` notes what was read.
    """

    design: Design
    store: Store
    ledger: Path | None = None
    patience: float = PATIENCE
    _used: dict[str, Node] = field(default_factory=dict, compare=False)

    # ---- what there is, as in `Design`

    @property
    def spec(self) -> StudySpec:
        """The settings."""
        return self.design.spec

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases that are looked into; each has a reverse transfer, with " reversed" behind."""
        return self.design.cases

    @property
    def ladders(self) -> tuple[str, ...]:
        """Names of the transfers with a ladder of repairs: every case, and then their reverse transfers."""
        return self.design.ladders

    @property
    def flows(self) -> tuple[str, ...]:
        """Names of the flows that are simulated; the others are these through a filter of their own."""
        return self.design.flows

    @property
    def layers(self) -> range:
        """Layer numbers, from 1."""
        return self.design.layers

    @property
    def seeds(self) -> range:
        """Training seeds that every case has, the unit of every error bar."""
        return self.design.seeds

    def seeds_of(self, case: str) -> range:
        """Return the training seeds of a case."""
        return self.design.seeds_of(case)

    def case(self, name: str) -> CaseSpec:
        """Return a case's base and target flow; ValueError if there is none of that name."""
        return self.design.case(name)

    def flow(self, name: str) -> FlowSpec | OceanFlow:
        """Return a flow's numbers; ValueError if there is none of that name."""
        return self.design.flow(name)

    # ---- flows and data

    # a flow has as many realisations as the settings say; a training seed tells which

    def diagnostics(self, flow: str, seed: int = 0) -> xr.Dataset:
        """Return energy, spectra, fluxes, PDFs and a few snapshots of a flow."""
        self.flow(flow)
        return self._dataset(diagnose_node(self.spec.of_seed(seed), flow))

    def pairs(self, flow: str, split: str = "test", samples: int | None = None, seed: int = 0) -> xr.Dataset:
        """Return one block of (ψ̄, ω̄ → Π), or some samples; of the test block by default the scored ones."""
        self.flow(flow)
        return self._dataset(pairs_node(self.spec.of_seed(seed), flow, split, samples))

    def few(self, flow: str, seed: int = 0) -> xr.Dataset:
        """Return the few training samples that a transfer may use."""
        return self.pairs(flow, "train", self.spec.transfer.samples, seed)

    def scales(self, flow: str, seed: int = 0) -> AnyScales:
        """Return the standard deviations that normalise a flow."""
        self.flow(flow)
        found: AnyScales = self.read(scales_node(self.spec.of_seed(seed), flow))
        return found

    def tensors(
        self, flow: str, split: str = "test", samples: int | None = None, seed: int = 0
    ) -> tuple[Tensor, Tensor]:
        """Return one block of pairs as the network sees it: inputs (n, 2, N, N) and outputs (n, 1, N, N)."""
        return as_tensors(self.pairs(flow, split, samples, seed), self.scales(flow, seed))

    # ---- networks

    def base(self, case: str, seed: int = 0) -> Network:
        """Return the network trained on the case's base flow."""
        return self.network(case, "none", seed)

    def transferred(self, case: str, layers: Iterable[int], seed: int = 0) -> Network:
        """Return the base network with ``layers`` re-trained on the target's few samples."""
        return self.network(case, layers, seed)

    def continued(self, case: str, layers: Iterable[int], seed: int = 0) -> Network:
        """Return the base network with ``layers`` trained on, on the base flow: a transfer's null model."""
        found: Network = self.read(self.design.null_node(case, layers, seed))
        return found

    def scratch(self, case: str, few: bool = False, seed: int = 0) -> Network:
        """Return a network trained from nothing on the target: on all its samples or on the few."""
        return self.network(case, "scratch_few" if few else "scratch_all", seed)

    def network(self, case: str, model: Model, seed: int = 0) -> Network:
        """Return the network of a model, by its name or its layers."""
        found: Network = self.read(self.design.network_node(case, model, seed))
        return found

    def initial(self, seed: int = 0) -> Network:
        """Return the network before any training."""
        return Network(self.spec.network, seed=seed)

    def history(self, case: str, model: Model = "none", seed: int = 0) -> xr.Dataset:
        """Return the loss curves of a training or a transfer."""
        return read_history(self.design.network_node(case, model, seed), self._folder)

    # ---- scores and verdicts

    def score(
        self, case: str, model: Model, seed: int = 0, on: str = "target", split: str = "test"
    ) -> xr.Dataset:
        """Return a network's scores on a block of the case's target (or ``on="base"``) flow."""
        return self._dataset(self.design.score_node(case, model, seed, on, split))

    def scores(
        self, case: str, models: Iterable[Model] | None = None, on: str = "target", split: str = "test"
    ) -> xr.Dataset:
        """Return the scores of many models over all seeds, with dimensions ``model`` and ``seed``.

        By default: every baseline and every single layer. A set of layers is named ``"2"`` or ``"2+5"``.
        Choose among models with ``split="validation"``.
        """
        chosen = self.design.singles if models is None else list(models)
        names, seeds = [model_name(model, self.layers[-1]) for model in chosen], self.seeds_of(case)
        nodes = [[self.design.score_node(case, name, seed, on, split) for seed in seeds] for name in names]
        self._ensure([node for row in nodes for node in row])
        rows = [xr.concat(map(self.read, row), dim="seed", combine_attrs="override") for row in nodes]
        whole = xr.concat(rows, dim="model", combine_attrs="override")
        return whole.assign_coords(model=names, seed=list(seeds))

    def table(self, case: str, split: str = "test", models: Iterable[Model] | None = None) -> xr.Dataset:
        """Return mean scores over snapshots, (model, seed), of every model of a case.

        NaN for the seeds that a model lacks. ``models`` picks some, as ``study.design.singles``: where the
        whole tables are not there, tables of these are made.
        """
        every = list(self.design.models(case, split))
        names = every if models is None else [model_name(model) for model in models]
        nodes = self.design.table_nodes(case, split=split)
        there = all(self.store.local(node) is not None for node in nodes)
        if not set(names) <= set(every) or (models is not None and not there):
            nodes = self.design.table_nodes(case, dict.fromkeys(names, self.seeds_of(case)), split)
        self._ensure(nodes)
        return tables.read(self, nodes).reindex(seed=list(self.seeds_of(case))).sel(model=names)

    def ladder(self, case: str, scaling: str = "own") -> xr.Dataset:
        """Return mean test scores over snapshots, (model, seed), of every rung of the ladder of repairs.

        ``scaling`` is that in which the rungs from "none" on are given the target, see
        `tlfourier.closure.scalings`.
        """
        varied = self.vary({"transfer.scaling": scaling})
        return varied.table(case, models=varied.design.rungs(case))

    def has_score(self, case: str, model: Model, seed: int = 0) -> bool:
        """Tell whether a model is trained and scored on the target already."""
        node = self.design.score_node(case, model, seed)
        return not self.store.missing((node, node.inputs["network"]))

    def verdicts(self, scaling: str = "own", cases: Iterable[str] | None = None) -> xr.Dataset:
        """Return the scorecard: every claim in the cases that are looked into and their reverse transfers.

        Under the papers' scaling, or ``"dimensional"``; ``cases`` picks others, as `ladders`, which are all.
        """
        return self._judged([claim.id for claim in CLAIMS], scaling, cases)

    def statements(self) -> xr.Dataset:
        """Return what the book states of single layers beside the papers' claims, judged in the same way."""
        return self._judged([claim.id for claim in STATEMENTS], "own", None)

    def _judged(self, claims: list[str], scaling: str, cases: Iterable[str] | None) -> xr.Dataset:
        if scaling not in targets.JUDGED:
            raise ValueError(f"scaling={scaling!r}: accepted are {', '.join(targets.JUDGED)}")
        names = list(self.design.ways if cases is None else cases)
        found = self._dataset(verdicts_node(self.spec)).sel(claim=claims)
        return found.sel(case=[column(case, scaling) for case in names]).assign_coords(case=names)

    # ---- making

    def vary(self, overrides: Mapping[str, Any]) -> Study:
        """Return the study with other settings; both share every result that they can."""
        return replace(self, design=self.design.vary(overrides))

    @property
    def make(self) -> Study:
        """The same study without a limit to its patience: ``study.make.scores("forcing", [(2, 5)])``."""
        return replace(self, patience=math.inf)

    def leaves(self) -> list[Node]:
        """Return every node that the book reads; these are made before its pages run, and shipped."""
        return [*targets.book(self.design), verdicts_node(self.spec)]

    def make_all(self, nodes: Iterable[Node] | None = None, workers: int | None = None) -> None:
        """Make what the book reads (or other ``nodes``) as far as it is missing, with a progress bar.

        ``workers`` are processes of one thread, by default one for each core; one makes everything in this
        process. SweepFailed if some artifacts could not be made; all others are there.
        """
        to_do = plan(self.store, self.leaves() if nodes is None else nodes)
        run_on_this_machine(to_do, self.store, workers).check(to_do)

    # ---- reading

    def read(self, node: Node) -> Any:
        """Return what an artifact holds; one that is missing is made, or NotMade beyond the ``patience``."""
        return self.store.stages[node.stage].read(node, self._folder)

    def _dataset(self, node: Node) -> xr.Dataset:
        found: xr.Dataset = self.read(node)
        return found

    def _ensure(self, nodes: Sequence[Node]) -> None:
        ensure(self.store, nodes, self.patience)

    def _folder(self, node: Node) -> Folder:
        self._ensure([node])
        folder = self.store.get(node)
        if self.ledger and node.key not in self._used:
            line = {"artifact": node.name, "seconds": read_manifest(folder)["seconds"]}
            with self.ledger.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
        self._used[node.key] = node
        return folder

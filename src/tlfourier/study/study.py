"""What a page holds: ``study = tl.begin(profile, overrides)``, every artifact by its scientific name."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import xarray as xr
from torch import Tensor

from tlfourier.closure import pairs
from tlfourier.closure.models import check_layers
from tlfourier.closure.network import Network
from tlfourier.io.paths import shipped_folder, store_folder, writable
from tlfourier.store.manifest import read_manifest
from tlfourier.store.node import Node
from tlfourier.store.remote import Remote, is_remote
from tlfourier.store.store import Store
from tlfourier.study import settings, targets
from tlfourier.study.stages import analyses, artifacts, networks
from tlfourier.sweep import run
from tlfourier.sweep.plan import plan

NOT_LAYERS = ("none", "gain", "all", "scratch_few", "scratch_all")


def begin(profile: str = "laptop", overrides: Mapping[str, Any] | None = None) -> Study:
    """Open the study of a profile; unknown profiles and settings are refused with the nearest known name."""
    return Study(settings.load(profile, overrides), open_store(), profile, _ledger())


def open_store(address: str | None = None) -> Store:
    """Open the store with what the checkout ships beside it, unless the environment moves them.

    Parameters
    ----------
    address : str, optional
        Folder or fsspec address of the store, as ``s3://bucket/study``; by default ``TLFOURIER_STORE``, else
        ``data/store`` of the checkout or the user's data folder, where copies of remote artifacts are kept
        too. ``TLFOURIER_REFERENCE`` moves the shipped artifacts, and when it is empty they are ignored.

    Raises
    ------
    ValueError
        No file system is known for the address.
    """
    address = address or os.environ.get("TLFOURIER_STORE") or ""
    remote = Remote(address) if is_remote(address) else None
    wanted = store_folder() if remote or not address else Path(address).absolute()
    shipped = os.environ.get("TLFOURIER_REFERENCE", shipped_folder())
    root = writable(wanted, "store")
    return Store(
        root,
        {**networks.MAKERS, **analyses.MAKERS},
        Path(shipped) if shipped else None,
        networks.RESUMABLE,
        remote=remote,
        others=() if root == wanted else (wanted,),
    )


def _ledger() -> Path | None:
    named = os.environ.get("TLFOURIER_LEDGER")
    return Path(named) if named else None


@dataclass(frozen=True)
class Study:
    """All artifacts of one study. Every method makes what is missing, so the order of pages never matters."""

    spec: settings.StudySpec
    store: Store
    profile: str = "laptop"
    ledger: Path | None = None
    used: dict[str, Node] = field(default_factory=dict, compare=False)

    # ---- what there is

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases; every one has a way back, named with " reversed" behind."""
        return tuple(self.spec.cases)

    @property
    def flows(self) -> tuple[str, ...]:
        """Names of the flows."""
        return tuple(self.spec.flows)

    @property
    def seeds(self) -> range:
        """Training seeds that every case has, the unit of every error bar."""
        return range(min(len(self.seeds_of(case)) for case in self.cases))

    def seeds_of(self, case: str) -> range:
        """Return the training seeds of a case."""
        return range(self.case(case).seeds or self.spec.seeds)

    @property
    def layers(self) -> range:
        """Layer numbers, from 1."""
        return range(1, self.spec.network.layers + 1)

    @property
    def null_layers(self) -> tuple[int, ...]:
        """Layers whose change is held against continued training: the showcase, one amid, one deep."""
        last = self.spec.network.layers
        return tuple(sorted({2, (last + 1) // 2, max(last - 1, 1)}))

    def case(self, name: str) -> settings.CaseSpec:
        """Return a case's base and target flow."""
        return self.spec.case(name)

    def flow(self, name: str) -> settings.FlowSpec:
        """Return a flow's numbers."""
        if name not in self.spec.flows:
            raise ValueError(f"unknown flow {name!r}: accepted are {', '.join(self.flows)}")
        return self.spec.flows[name]

    # ---- flows and data

    def diagnostics(self, flow: str) -> xr.Dataset:
        """Return energy, spectra, fluxes, PDFs and a few snapshots of a flow."""
        self.flow(flow)
        return self._read(networks.diagnose_node(self.spec, flow), "diagnostics.nc")

    def pairs(self, flow: str, split: str = "test", samples: int | None = None) -> xr.Dataset:
        """Return one block of (ψ̄, ω̄ → Π)."""
        self.flow(flow)
        return self._read(networks.pairs_node(self.spec, flow, split, samples), "pairs.nc")

    def few(self, flow: str) -> xr.Dataset:
        """Return the few training samples that a transfer may use."""
        return self.pairs(flow, "train", self.spec.transfer.samples)

    def scales(self, flow: str) -> pairs.Scales:
        """Return the standard deviations that normalise a flow."""
        self.flow(flow)
        return artifacts.read_scales(self._get(networks.scales_node(self.spec, flow)))

    def tensors(self, flow: str, split: str = "test", samples: int | None = None) -> tuple[Tensor, Tensor]:
        """Return one block of pairs as the network sees it: inputs (n, 2, N, N) and outputs (n, 1, N, N)."""
        return pairs.to_tensors(self.pairs(flow, split, samples), self.scales(flow))

    # ---- networks

    def base(self, case: str, seed: int = 0) -> Network:
        """Return the network trained on the case's base flow."""
        return self._network(self.node(case, "none", seed))

    def transferred(self, case: str, layers: Iterable[int], seed: int = 0) -> Network:
        """Return the base network with ``layers`` re-trained on the target's few samples."""
        return self._network(self.node(case, layers, seed))

    def continued(self, case: str, layers: Iterable[int], seed: int = 0) -> Network:
        """Return the base network with ``layers`` trained on, on the base flow: a transfer's null model."""
        return self._network(self.null_node(case, layers, seed))

    def scratch(self, case: str, few: bool = False, seed: int = 0) -> Network:
        """Return a network trained from nothing on the target: on all its samples or on the few."""
        return self._network(self.node(case, "scratch_few" if few else "scratch_all", seed))

    def initial(self, seed: int = 0) -> Network:
        """Return the network before any training."""
        return Network(self.spec.network, seed=seed)

    def history(self, case: str, model: str | Iterable[int] = "none", seed: int = 0) -> xr.Dataset:
        """Return the loss curves of a training or a transfer."""
        return self._read(self.node(case, model, seed), "history.nc")

    def node(self, case: str, model: str | Iterable[int], seed: int = 0) -> Node:
        """Return the node of a network: ``"none"``, ``"all"``, ``"scratch_few"``, or a set of layers.

        ``"matched"`` is layer 2 with no more parameters than the last layer has: as many of its output
        channels as the network has outputs.
        """
        flows = self.case(case)
        if seed not in self.seeds_of(case):
            raise ValueError(f"seed={seed}: case {case!r} has seeds 0..{len(self.seeds_of(case)) - 1}")
        if model in ("none", "gain"):
            return networks.train_node(self.spec, flows.base, seed)
        if model in ("scratch_few", "scratch_all"):
            return networks.train_node(self.spec, flows.target, seed, few=model == "scratch_few")
        if model == "matched":
            return networks.transfer_node(self.spec, case, (2,), seed, channels=self.spec.network.outputs)
        if isinstance(model, str) and model != "all":
            raise ValueError(
                f"unknown model {model!r}: accepted are {', '.join(NOT_LAYERS)}, matched or a set of layers"
            )
        chosen = self.layers if isinstance(model, str) else model
        return networks.transfer_node(self.spec, case, self._layers(chosen), seed)

    def null_node(self, case: str, layers: Iterable[int], seed: int = 0) -> Node:
        """Return the node of a `continued` network."""
        return networks.transfer_node(self.spec, case, self._layers(layers), seed, on="base")

    def vary(self, overrides: Mapping[str, Any]) -> Study:
        """Return the study with other settings, as overrides; both share every artifact that they can."""
        spec = settings.apply(self.spec, settings.nested(overrides))
        return replace(self, spec=spec)

    def analysis(self, node: Node) -> xr.Dataset:
        """Return what a stage of `tlfourier.study.stages.analyses` found."""
        return self._read(node, f"{node.stage}.nc")

    # ---- scores

    def score(
        self, case: str, model: str | Iterable[int], seed: int = 0, on: str = "target", split: str = "test"
    ) -> xr.Dataset:
        """Return a network's scores on a block of the case's target (or ``on="base"``) flow."""
        return self._read(self.score_node(case, model, seed, on, split), "scores.nc")

    def scores(
        self, case: str, models: Iterable[Any] | None = None, on: str = "target", split: str = "test"
    ) -> xr.Dataset:
        """Return the scores of many models over all seeds, with dimensions ``model`` and ``seed``.

        By default: every baseline and every single layer. A set of layers is named ``"2"`` or ``"2+5"``.
        Choose among models with ``split="validation"``.
        """
        everything: list[str | Iterable[int]] = [*NOT_LAYERS, *([layer] for layer in self.layers)]
        chosen = everything if models is None else list(models)
        table = [
            [self.score(case, model, seed, on, split) for seed in self.seeds_of(case)] for model in chosen
        ]
        rows = [xr.concat(row, dim="seed", combine_attrs="override") for row in table]
        names = [model if isinstance(model, str) else "+".join(map(str, sorted(model))) for model in chosen]
        whole = xr.concat(rows, dim="model", combine_attrs="override")
        return whole.assign_coords(model=names, seed=list(self.seeds_of(case)))

    def has_score(self, case: str, model: str | Iterable[int], seed: int = 0) -> bool:
        """Tell whether a model is trained and scored on the target already."""
        node = self.score_node(case, model, seed)
        return not self.store.missing((node, node.inputs["network"]))

    def score_node(
        self, case: str, model: str | Iterable[int], seed: int = 0, on: str = "target", split: str = "test"
    ) -> Node:
        """Return the node of a network's scores, as `score` reads them."""
        flow, network = getattr(self.case(case), on), self.node(case, model, seed)
        return networks.score_node(self.spec, flow, network, gain=model == "gain", split=split)

    # ---- making

    def leaves(self) -> list[Node]:
        """Return every node that the book reads; these are made before its pages run, and shipped."""
        return targets.book(self)

    def make_all(self, nodes: Iterable[Node] | None = None, workers: int | None = None) -> None:
        """Make what the book reads (or other ``nodes``) as far as it is missing, with a progress bar.

        Parameters
        ----------
        nodes
            What to make; by default `leaves`.
        workers
            Processes of one thread; by default one for each core. One makes everything in this process.

        Raises
        ------
        SweepFailed
            Some artifacts could not be made; all others are there.
        """
        to_do = plan(self.store, self.leaves() if nodes is None else nodes)
        outcome = run.run_on_this_machine(to_do, self.store, workers)
        outcome.check(to_do)

    # ---- reading

    def _layers(self, layers: Iterable[int]) -> tuple[int, ...]:
        return check_layers(layers, self.spec.network.layers)

    def _get(self, node: Node) -> Path:
        folder = self.store.get(node)
        if node.key not in self.used:
            self.used[node.key] = node
            self._record(node, folder)
        return folder

    def _record(self, node: Node, folder: Path) -> None:
        if self.ledger:
            line = {"artifact": node.name, "seconds": read_manifest(folder)["seconds"]}
            with self.ledger.open("a") as stream:
                stream.write(json.dumps(line) + "\n")

    def _read(self, node: Node, name: str) -> xr.Dataset:
        return artifacts.read_dataset(self._get(node) / name)

    def _network(self, node: Node) -> Network:
        folders = {"network": self._get(node)}
        if node.stage == "transfer":
            folders["base"] = self._get(node.inputs["base"])
        return artifacts.read_network(folders)

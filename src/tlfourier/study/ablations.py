"""What could have made the result: the same transfers with one choice changed at a time.

Choices of the transfer keep the base networks. Choices of the network or of its data need base networks of
their own: these are trained on a quarter of the epochs, beside a reference that is trained as briefly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from tlfourier.scorecard.statistics import depth_correlation, single_layers
from tlfourier.store.node import Node
from tlfourier.study import design, evidence
from tlfourier.study.design import SHOWCASE, Model
from tlfourier.study.settings import StudySpec

if TYPE_CHECKING:
    from tlfourier.study.study import Study

BRIEF = 4
"""The part of the epochs by which base networks of a variant are trained."""
REFERENCE, BRIEF_REFERENCE = "as it is", "as it is, trained briefly"

Settings = Callable[[StudySpec], Mapping[str, Any]]


@dataclass(frozen=True)
class Variant:
    """One choice changed.

    Parameters
    ----------
    name : str
    settings : callable
        From the study's settings to the overrides that make the variant.
    retrained : bool
        It needs base networks of its own.
    """

    name: str
    settings: Settings
    retrained: bool = False

    def of(self, study: Study) -> Study:
        """Return the varied study."""
        brief = {"training.epochs": max(1, study.spec.training.epochs // BRIEF)} if self.retrained else {}
        return study.vary({**brief, **self.settings(study.spec)})


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
    return {
        "training.samples": max(1, spec.training.samples // 2),
        "training.epochs": max(1, spec.training.epochs // BRIEF) * 2,
    }


VARIANTS: tuple[Variant, ...] = (
    Variant(REFERENCE, lambda _: {}),
    Variant("a quarter of the learning rate", _rate(0.25)),
    Variant("four times the learning rate", _rate(4.0)),
    Variant("a quarter of the steps", _steps(0.25)),
    Variant("four times the steps", _steps(4.0)),
    Variant("Adam's moments of the base flow", _as("transfer.optimiser", "carried")),
    Variant("scaled by the base flow", _as("transfer.normalisation", "base")),
    Variant(BRIEF_REFERENCE, lambda _: {}, True),
    Variant("padded with zeros", _as("network.padding", "zeros"), True),
    Variant("half the channels", _channels(0.5), True),
    Variant("twice the channels", _channels(2.0), True),
    Variant("kernels of 3 × 3", _as("network.kernel_size", 3), True),
    Variant("kernels of 7 × 7", _as("network.kernel_size", 7), True),
    Variant("four layers fewer", lambda spec: {"network.layers": max(3, spec.network.layers - 4)}, True),
    Variant("box filter", _as("filter.kind", "box"), True),
    Variant("circular cut-off", _as("filter.kind", "circular"), True),
    Variant("a coarser LES grid", lambda spec: {"filter.size": spec.filter.size * 3 // 4}, True),
    Variant("half as many snapshots", _half, True),
)
"""Every choice in turn; the first of each kind is what the others are compared with."""
RATES = (REFERENCE, "a quarter of the learning rate", "four times the learning rate")


def models(study: Study, variant: Variant) -> dict[Model, range]:
    """Return the models of a variant with their seeds: all single layers for the rates, else a few."""
    seeds, last = study.seeds_of(SHOWCASE)[: study.spec.variant_seeds], study.spec.network.layers
    few = sorted({1, 2, (last + 1) // 2, last - 1, last})
    layers = list(study.layers) if variant.name in RATES else few
    return dict.fromkeys(["none", "all", *((layer,) for layer in layers)], seeds)


def nodes(study: Study) -> list[Node]:
    """Return the scores of every variant."""
    found: list[Node] = []
    for variant in VARIANTS:
        varied = variant.of(study)
        chosen = models(varied, variant)
        splits = ("test", "validation") if variant.name in RATES else ("test",)
        found += [design.table_node(varied, SHOWCASE, chosen, split) for split in splits]
    return design.unique(found)


def scores(study: Study) -> dict[str, xr.Dataset]:
    """Return the test scores of every variant over (model, seed)."""
    return {v.name: evidence.scores(v.of(study), SHOWCASE, models(v.of(study), v)) for v in VARIANTS}


def summary(tables: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Say of every variant what is left of the story, mean over its seeds.

    Parameters
    ----------
    tables : mapping of str to xr.Dataset
        From `scores`.

    Returns
    -------
    xr.Dataset
        Over ``variant``: ``none``, ``best`` and ``all``, relative RMSE; ``best_layer``; ``depth``,
        Spearman's ρ of error and depth over the layers that every variant has; ``margin``, by how much the
        last layer is worse than layer 2; ``survives``, whether it is worse for every seed.
    """
    rows = []
    for table in tables.values():
        rmse = table["rmse"].dropna("seed")  # seeds that the variant does not have
        single = single_layers(rmse)
        last = int(single["layer"].max())
        few = single.sel(layer=sorted({1, 2, (last + 1) // 2, last - 1, last}))
        mean, margin = single.mean("seed"), single.sel(layer=last) - single.sel(layer=2)
        rows.append(
            xr.Dataset(
                {
                    "none": rmse.sel(model="none").mean().item(),
                    "best": mean.min().item(),
                    "best_layer": int(mean["layer"][int(np.argmin(mean.values))]),
                    "all": rmse.sel(model="all").mean().item(),
                    "depth": depth_correlation(few).mean().item(),
                    "margin": margin.mean().item(),
                    "survives": bool((margin > 0).all()),
                }
            )
        )
    return xr.concat(rows, "variant").assign_coords(variant=list(tables))


def fair(study: Study) -> xr.DataArray:
    """Return the test error of every single layer at the learning rate that its validation block chooses.

    Over (layer, seed): a fair rate for each layer, not one for all.
    """
    chosen = [variant for variant in VARIANTS if variant.name in RATES]
    tables = {}
    for split in ("validation", "test"):
        rows = [evidence.scores(v.of(study), SHOWCASE, models(v.of(study), v), split)["rmse"] for v in chosen]
        tables[split] = xr.concat([single_layers(row.dropna("seed")) for row in rows], "rate")
    best = tables["validation"].mean("seed").argmin("rate")
    return tables["test"].isel(rate=best)

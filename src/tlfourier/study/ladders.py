"""Read the ladders of repairs: the error of every rung under both scalings, and which layer is the best."""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import xarray as xr

from tlfourier.closure.scalings import SCALINGS
from tlfourier.scorecard.statistics import single_layers
from tlfourier.store.node import Node
from tlfourier.study.design import JUDGED, Design, Results

WIDE_CASES = ("forcing", "reynolds")
"""Cases with a ladder at the papers' own width."""
WIDE_SEEDS = 2
"""Their replicates: one on each of two realisations."""

Table: TypeAlias = Callable[[Design, str, str], Node]
"""The table of a case on a block, of a design."""


def whole(design: Design, case: str, split: str = "test") -> Node:
    """Return the node of the scores of every model of a case."""
    return design.table_node(case, split=split)


def wide(design: Design, case: str, split: str = "test") -> Node:
    """Return the node of the scores of some rungs with networks of the papers' own width."""
    wider = design.vary({"network.channels": design.spec.wide_channels})
    last = wider.layers[-1]
    layers = map(str, sorted({1, 2, min(3, last), (last + 1) // 2, last}))
    beside = ["none", *SCALINGS, "gain", "gains", "scales 2", "all", "scratch_all"] if split == "test" else []
    return wider.table_node(case, dict.fromkeys([*beside, *layers], wider.seeds_of(case)[:WIDE_SEEDS]), split)


def wide_nodes(design: Design) -> list[Node]:
    """Return the nodes of all tables with wide networks."""
    varied = [design.vary({"transfer.scaling": scaling}) for scaling in JUDGED]
    cases = [case for case in WIDE_CASES if case in design.cases]
    return [wide(one, case, split) for one in varied for case in cases for split in ("test", "validation")]


def errors(study: Results, cases: Iterable[str], table: Table = whole) -> dict[str, dict[str, xr.DataArray]]:
    """Return the relative RMSE on the test block over (model, seed), by scaling and by case."""
    return _tables(study, cases, "test", table)


def best_layers(study: Results, cases: Iterable[str], table: Table = whole) -> dict[str, dict[str, int]]:
    """Return the layer with the lowest mean validation error, by scaling and by case."""
    tables = _tables(study, cases, "validation", table)
    return {
        scaling: {case: int(single_layers(rmse).mean("seed").idxmin("layer")) for case, rmse in row.items()}
        for scaling, row in tables.items()
    }


def _tables(
    study: Results, cases: Iterable[str], split: str, table: Table
) -> dict[str, dict[str, xr.DataArray]]:
    names = list(cases)
    varied = {scaling: study.design.vary({"transfer.scaling": scaling}) for scaling in JUDGED}
    return {
        scaling: {case: study.read(table(design, case, split))["rmse"] for case in names}
        for scaling, design in varied.items()
    }

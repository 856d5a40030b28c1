"""Read the ladders of repairs: the error of every rung under both scalings, and which layer is the best."""

from collections.abc import Iterable

import xarray as xr

from tlfourier.scorecard.statistics import single_layers
from tlfourier.study import tables
from tlfourier.study.design import Results
from tlfourier.study.targets import JUDGED


def errors(study: Results, cases: Iterable[str]) -> dict[str, dict[str, xr.DataArray]]:
    """Return the relative RMSE on the test block over (model, seed), by scaling and by case."""
    return _tables(study, cases, "test")


def best_layers(study: Results, cases: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the layer with the lowest mean validation error, by scaling and by case."""
    found = _tables(study, cases, "validation")
    return {
        scaling: {case: int(single_layers(rmse).mean("seed").idxmin("layer")) for case, rmse in row.items()}
        for scaling, row in found.items()
    }


def _tables(study: Results, cases: Iterable[str], split: str) -> dict[str, dict[str, xr.DataArray]]:
    names = list(cases)
    varied = {scaling: study.design.vary({"transfer.scaling": scaling}) for scaling in JUDGED}
    return {
        scaling: {case: tables.read(study, design.table_nodes(case, split=split))["rmse"] for case in names}
        for scaling, design in varied.items()
    }

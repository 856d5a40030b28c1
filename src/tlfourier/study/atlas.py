"""Gather what a study knows of its transfers as one small object: a page can show it without a kernel.

Scores are those of every transfer with a ladder, of all replicates. Fields, spectra and kernels are those of
networks that `tlfourier.study.targets.book` lists, of the first replicate: every edition keeps the same ones.
"""

import base64
import math
from collections.abc import Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np
import torch
import xarray as xr
from numpy.typing import NDArray

from tlfourier.closure.baselines import OutputGain
from tlfourier.closure.models import Layers, layers_of, model_name
from tlfourier.closure.network import predict
from tlfourier.closure.pairs import to_tensors
from tlfourier.closure.physical import GradientModel
from tlfourier.closure.scalings import SCALINGS
from tlfourier.flow.grid import Grid
from tlfourier.fourier.filter_types import classify
from tlfourier.scorecard.intervals import mean_intervals
from tlfourier.store.node import Node
from tlfourier.study import tables
from tlfourier.study.stages.artifacts import as_tensors
from tlfourier.study.stages.data import pairs_node
from tlfourier.study.stages.networks import applied_scales
from tlfourier.study.study import Study
from tlfourier.study.targets import JUDGED

SCORES = ("rmse", "cc", "spectrum_error")
"""Scores that are kept."""
SEED = 0
"""The replicate whose networks are kept."""
KERNELS = 6
"""Kernels of a re-trained network that are kept: those that changed most."""
LEVELS = 127
"""A field is kept as whole numbers from -LEVELS to LEVELS, and the value of the last."""
UNSHOWN = tuple(name for name in SCALINGS if name != "dimensional")
"""Scalings of the untouched network that are no rung of the ladder."""
ANYWHERE = ("scratch_all", "gradient")
"""Models that know the target alone: the same in every case that has it, under every scaling."""

Data: TypeAlias = dict[str, Any]
"""What can be written as JSON."""


def gather(study: Study, case: str) -> Data:
    """Return ``layers``, and by their names the ``cases`` and the ``flows`` that are targets.

    A case has its ``base`` and ``target`` flow, ``seeds``, a number, the `scores` of its models under each
    scaling, and of those whose network is kept the `picture`. A flow has the true field and spectrum, and the
    pictures of the models that know it alone. What nobody has made is left out, the scores of ``case`` in
    each flow's own units are made, or NotMade beyond the patience of the study.
    """
    kept = {node.key for node in study.leaves()}
    study.table(case)
    flows: Data = {}
    cases = {name: _case(study, name, kept, flows) for name in study.ladders}
    return {"layers": len(study.layers), "cases": cases, "flows": flows}


def _case(study: Study, case: str, kept: set[str], flows: Data) -> Data:
    """Return what is known of a case, and note what is known of its target in ``flows``."""
    ends = study.case(case)
    if ends.target not in flows and (truth := _truth(study, case, kept)):
        flows[ends.target] = truth
    shown = snapshot(study, ends.target) if ends.target in flows else None
    names = [] if shown is None else _kept(study, case, kept)
    found = {name: picture(study, case, name, shown) for name in names if name not in ANYWHERE}
    beside = flows.get(ends.target, {}).get("kept", {})
    for name in ANYWHERE:
        if name in names and name not in beside:
            beside[name] = picture(study, case, name, shown)
    known = {
        scaling: scores(ladder(study, case, scaling)) for scaling in JUDGED if _scored(study, case, scaling)
    }
    about = {"base": ends.base, "target": ends.target, "seeds": len(study.seeds_of(case))}
    return {**about, "scores": known, "kept": found}


# ---- scores


def _scored(study: Study, case: str, scaling: str) -> bool:
    """Tell whether the scores of a case under a scaling are there."""
    design = study.design.vary({"transfer.scaling": scaling})
    return not study.store.missing(design.table_nodes(case))


def ladder(study: Study, case: str, scaling: str) -> xr.Dataset:
    """Return mean test scores over (model, seed) of all that is scored in a case under a scaling.

    Of random weights there is the mean over the draws, ``random``, in the place of these; of scaled kernels
    those of layer 2, ``scales``.
    """
    design = study.design.vary({"transfer.scaling": scaling})
    table = tables.read(study, design.table_nodes(case))[list(SCORES)]
    names = ["scales" if name == "scales 2" else str(name) for name in table["model"].values]
    table = table.assign_coords(model=names)
    draws = [name for name in names if name.startswith("random ")]
    table, drawn = table.drop_sel(model=_aside(names)), table.sel(model=draws)
    if not draws:
        return table
    mean = drawn.mean("model", skipna=False).expand_dims(model=["random"])
    return xr.concat([table, mean.transpose("model", "seed")], "model")


def _aside(names: Iterable[str]) -> list[str]:
    """Return the models that are no rung: single draws, kernels of other layers, other units."""
    return [name for name in names if name.startswith(("random ", "scales ")) or name in UNSHOWN]


def scores(table: xr.Dataset) -> Data:
    """Return for each model and score ``[mean, low, high, seed 0, seed 1, ...]``, None where there is none.

    From low to high is Student's 95 % interval of the mean over the replicates that the model has. ``table``
    is over (model, seed).
    """
    columns = {score: _rows(table[score].transpose("model", "seed")) for score in SCORES}
    names = [str(name) for name in table["model"].values]
    return {name: {score: rows[place] for score, rows in columns.items()} for place, name in enumerate(names)}


def _rows(table: xr.DataArray) -> list[list[float | None]]:
    """Return ``[mean, low, high, seed 0, seed 1, ...]`` for each model."""
    low, high = mean_intervals(table.values)
    whole = np.column_stack([table.mean("seed").values, low, high, table.values])
    return [[_short(float(value), 6) for value in row] for row in whole]


def _short(value: float, digits: int = 4) -> float | None:
    """Return a number with few digits, None for what is no number."""
    return float(f"{value:.{digits}g}") if math.isfinite(value) else None


# ---- fields, spectra, kernels


def _there(study: Study, node: Node, kept: set[str]) -> bool:
    """Tell whether an artifact is one of those that are kept, and somebody has made it."""
    return node.key in kept and not study.store.missing((node,))


def _kept(study: Study, case: str, kept: set[str]) -> list[str]:
    """Return the names of the models of a case whose pictures can be made of what is shipped."""
    design, target = study.design, study.case(case).target
    few = _there(study, pairs_node(study.spec, target, "train", study.spec.transfer.samples), kept)
    wanted = {"none", "dimensional", "gains", "all", "scratch_all", *map(str, study.layers)}
    found = [name for name in design.rungs(case) if name in wanted]
    found = [name for name in found if _there(study, design.network_node(case, name), kept)]
    return [
        *found,
        *(["gain"] if few and "none" in found else []),
        *(["gradient"] if "gradient" in study.spec.formulas else []),
    ]


def _truth(study: Study, case: str, kept: set[str]) -> Data | None:
    """Return the true field of a case's target and its spectrum, None where they are not shipped."""
    target = study.case(case).target
    flat = study.spec.system == "vorticity"
    if not flat or not _there(study, pairs_node(study.spec, target, "test"), kept):
        return None
    shown = snapshot(study, target)
    spectrum = study.score(case, "gradient", SEED)["spectrum"].sel(field="truth")
    field = shown["sgs"].values[0].astype(float)
    limit = float(np.percentile(np.abs(field), 99.8))
    wavenumbers = [_short(float(k)) for k in spectrum["k"].values]
    time, size = float(shown["time"].values[0]), field.shape[0]
    about = {"time": _short(time), "size": size, "limit": _short(limit), "k": wavenumbers}
    return {**about, "field": coded(field), "spectrum": _line(spectrum), "kept": {}}


def snapshot(study: Study, flow: str) -> xr.Dataset:
    """Return the pair that is shown of a flow: the middle one of those that are scored."""
    block = study.pairs(flow)
    middle = block.sizes["time"] // 2
    return block.isel(time=slice(middle, middle + 1))


def picture(study: Study, case: str, model: str, shown: xr.Dataset | None) -> Data:
    """Return the field that a model predicts of a `snapshot`, its error, its spectrum, its kernels.

    ``field`` is that of `coded`, ``error`` the relative one of this snapshot, ``spectrum`` the mean amplitude
    over the test block. Of re-trained layers there are the ``kernels`` that changed most. ``shown`` is None
    where there is no snapshot; then there are kernels alone.
    """
    found: Data = {}
    if shown is not None:
        field = predicted(study, case, model, shown)
        truth = shown["sgs"].values[0].astype(float)
        error = float(np.linalg.norm(field - truth) / np.linalg.norm(truth))
        spectrum = study.score(case, model, SEED)["spectrum"].sel(field="prediction")
        found = {"field": coded(field), "error": _short(error), "spectrum": _line(spectrum)}
    if layers := tuple(study.layers) if model == "all" else layers_of(model):
        found["kernels"] = changed_kernels(study, case, layers)
    return found


def predicted(study: Study, case: str, model: str, block: xr.Dataset) -> NDArray[np.float64]:
    """Return Π in physical units as a model predicts it for one pair of the target, shape (y, x).

    ``model`` is one whose network there is, the gradient model, an output gain, or a scaling.
    """
    if model == "gradient":
        grid = Grid(block.sizes["x"], length=float(block.attrs["length"]), dtype=torch.float64)
        formula = GradientModel(grid, float(block.attrs["filter_width"]))
        omega = torch.as_tensor(block["omega"].values).double()
        return np.asarray(grid.to_physical(formula(grid.to_spectral(omega)))[0].numpy(), dtype=float)
    if model in SCALINGS:
        return predicted(study.vary({"transfer.scaling": model}), case, "none", block)
    target, node = study.case(case).target, study.design.network_node(case, model, SEED)
    scales = study.read(applied_scales(study.spec, target, node))
    network: torch.nn.Module = study.network(case, model, SEED)
    if model == "gain":
        network = OutputGain.fit(network, *as_tensors(study.few(target), scales))
    inputs, _ = to_tensors(block, scales)
    output = predict(network, inputs)[:, 0]
    found = scales.physical(output, torch.as_tensor(block["omega"].values))
    return np.asarray(found[0].numpy(), dtype=float)


def changed_kernels(study: Study, case: str, layers: Layers) -> list[Data]:
    """Return the kernels of re-trained layers that changed most, ``before`` and ``after``, strongest first.

    Each has its ``layer``, the channels that it leads from and to, counted from 1, and its filter types.
    """
    base, new = study.base(case, SEED), study.transferred(case, layers, SEED)
    found = []
    for layer in layers:
        before, after = (one.layer(layer).weight.detach().double() for one in (base, new))
        lengths = (after - before).square().sum((-2, -1))
        for place in lengths.flatten().argsort(descending=True, stable=True)[:KERNELS].tolist():
            output, channel = divmod(place, lengths.shape[1])
            pair = torch.stack([before[output, channel], after[output, channel]])
            found.append((float(lengths[output, channel]), layer, channel + 1, output + 1, pair))
    found.sort(key=lambda one: -one[0])
    return [
        {"layer": layer, "from": source, "to": end, "size": pair.shape[-1]}
        | {"types": classify(pair).tolist(), "weights": coded(pair.numpy())}
        for _, layer, source, end, pair in found[:KERNELS]
    ]


def coded(values: NDArray[np.floating]) -> list[Any]:
    """Return numbers as the value of a step and steps, one byte each, in base64.

    The step is the largest magnitude over `LEVELS`, so that no number is off by more than half of it.

    Examples
    --------
    >>> decoded(coded(np.array([-2.0, 0.0, 1.0]))).round(2).tolist()
    [-2.0, 0.0, 1.01]
    """
    step = float(np.abs(values).max()) / LEVELS or 1.0
    steps = np.rint(np.asarray(values, dtype=float) / step).astype(np.int8)
    return [step, base64.b64encode(steps.tobytes()).decode()]


def decoded(kept: Iterable[Any]) -> NDArray[np.float64]:
    """Return the numbers that `coded` has kept, in a row."""
    step, text = kept
    return float(step) * np.frombuffer(base64.b64decode(text), dtype=np.int8).astype(float)


def _line(spectrum: xr.DataArray) -> list[float | None]:
    return [_short(float(value)) for value in spectrum.values]


# ---- one model more


def own(study: Study, case: str, scaling: str, layers: Layers) -> Data | None:
    """Return ``scores`` and ``kept`` picture of a set of layers of the reader's own, None if it has none.

    It has one replicate; those of the study are not asked for.
    """
    varied, name = study.vary({"transfer.scaling": scaling}), model_name(layers, len(study.layers))
    if not varied.has_score(case, name, SEED):
        return None
    means: Mapping[str, float] = {
        score: float(varied.score(case, name, SEED)[score].mean()) for score in SCORES
    }
    empty = [None] * (len(study.seeds_of(case)) - 1)
    rows = {score: [_short(one, 6), None, None, _short(one, 6), *empty] for score, one in means.items()}
    pair = pairs_node(study.spec, study.case(case).target, "test")
    there = study.spec.system == "vorticity" and not study.store.missing((pair,))
    shown = snapshot(study, study.case(case).target) if there else None
    return {"scores": rows, "kept": picture(varied, case, name, shown)}

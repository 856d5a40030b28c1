"""Draw the ladder of repairs: what a rung does that the one below it cannot, and the untouched network."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from tlfourier.closure.models import of_size
from tlfourier.closure.scalings import SCALINGS
from tlfourier.doors import door
from tlfourier.figures.style import label_of, new_figure, new_panel, role_colour, styled

RUNGS = {
    "none": "as it is", "dimensional": "consistent units", "gain": "one gain", "gains": "three gains",
    "biases": "all biases", "random": "random weights, layer 2", "scales": "kernels scaled, layer 2",
    "solved": "last layer, solved", "layer": "one layer", "all": "all layers",
    "scratch_few": "scratch, few samples", "scratch_all": "scratch, all samples",
}  # fmt: skip
"""What a reader sees for each rung, from the untouched network to one trained on all of the target."""

PHRASES = {
    "gradient": "The gradient model, which is not trained",
    "dimensional": "Untouched, given the target in consistent units",
    "biases": "All biases re-trained", "random": "Random weights of layer 2 re-trained",
    "scales": "Kernels of layer 2 scaled", "solved": "The last layer solved for",
    "all": "All layers re-trained", "scratch_few": "From scratch, on the few samples",
    "scratch_all": "From scratch, on all samples",
}  # fmt: skip
"""How a sentence about a rung begins, where that is not its name."""

UNITS = {
    "own": ("#D55E00", "o", "each flow's own units"),
    "base": ("#767676", "s", "the base flow's units"),
    "dimensional": ("#0072B2", "D", "consistent units"),
    "dimensional per sample": ("#56B4E9", "^", "consistent, per sample"),
}
"""Colour, marker and name of each of `tlfourier.closure.scalings.SCALINGS`: told apart without colour too."""

LADDERS = ("own", "dimensional")
"""The scalings whose ladders can be drawn, side by side."""
_SCRATCH = {"scratch_few": "scratch", "scratch_all": "target"}  # the colours of their roles
_SMALL, _TEXT = 10.5, 11.5  # points: a telephone shrinks the figure to less than half
_APART = 0.2  # of a row, from the middle of a rung to either scaling


@door
def rungs(rmse: xr.DataArray, best: int) -> xr.DataArray:
    """Return the error of every rung of a ladder over (rung, seed), in the order of `RUNGS`.

    ``random`` is the mean over the draws of random weights, ``scales`` has the kernels of layer 2 scaled,
    ``layer`` is the single layer ``best``. Rungs that were not climbed are left out.

    ``rmse``: over (model, seed), of `tlfourier.study.study.Study.ladder`. ``best``: chosen elsewhere, on the
    validation block. Raises ValueError unless the untouched network and this layer are there.
    """
    names = [str(name) for name in rmse["model"].values]
    if "none" not in names or str(best) not in names:
        raise ValueError(f"models are {', '.join(names)}: a ladder needs none and its best layer, {best}")
    draws = [name for name in names if name.startswith("random ")]
    models = {rung: [rung] for rung in RUNGS} | {
        "random": draws,
        "scales": ["scales 2"],
        "layer": [str(best)],
    }
    there = {rung: few for rung, few in models.items() if few and set(few) <= set(names)}
    rows = [rmse.sel(model=few).mean("model", skipna=False) for few in there.values()]
    return xr.concat(rows, "rung", coords="minimal", compat="override").assign_coords(rung=list(there))


@door
@styled
def repairs(
    ladders: Mapping[str, Mapping[str, xr.DataArray]],
    best: Mapping[str, Mapping[str, int]],
    columns: int = 3,
    labels: Mapping[str, str] = MappingProxyType({}),
) -> Figure:
    """Show the error of every rung of the ladder of repairs, from nothing (top) to scratch, a panel a case.

    Large markers are means, the small points beside them replicates; colour and marker tell the scalings
    apart. On the rung of one layer every layer is a short stroke, and the marker with a number the best one.
    Lines mark the gradient model, which is not trained, and networks from nothing on the few and on all
    samples.

    ``ladders``: for the scaling "own", and "dimensional" if there is one, the relative RMSE over (model,
    seed) of each case. ``best``: the number of the best layer of each, chosen on the validation block.
    ``columns``: panels in a row. ``labels``: what some rungs are called in place of `RUNGS`, as a network of
    other inputs has other gains. Raises ValueError for another scaling, none, cases that differ, or as
    `rungs`.
    """
    cases = _same_cases(ladders, best)
    found = {rung for case in cases for rung in rungs(ladders["own"][case], best["own"][case])["rung"].values}
    names = [rung for rung in RUNGS if rung in found]
    rows, height = -(-len(cases) // columns), 0.7 + 0.225 * len(names)
    figure, axes = new_figure(rows, min(columns, len(cases)), 0.9 + rows * height, sharey=True)
    for ax, case in zip(axes.flat, cases, strict=False):
        _lines(ax, ladders["own"][case])
        for scaling, tables in ladders.items():
            climbed = rungs(tables[case], best[scaling][case])
            for place, rung in enumerate(names):
                _rung(ax, place, rung, scaling, climbed)
            _layers(ax, names.index("layer"), scaling, tables[case], best[scaling][case])
        ax.set_title(label_of(case), fontsize=_TEXT)
        ax.grid(axis="y", color="#E8E8E8", linewidth=0.6)
        _errors(ax)
    for ax in axes[:, 0]:
        ax.set_yticks(range(len(names)), [{**RUNGS, **labels}[rung] for rung in names], fontsize=_TEXT)
    axes[0, 0].set_ylim(len(names) - 0.4, -0.6)
    for ax in list(axes.flat)[len(cases) :]:
        ax.remove()
    figure.supxlabel("relative RMSE on the target", fontsize=_TEXT)
    _legend(figure, [_handle(scaling) for scaling in ladders] + _line_handles([*ladders["own"].values()]))
    return figure


@door
@styled
def untouched(ladders: Mapping[str, xr.DataArray], best: Mapping[str, int]) -> Figure:
    """Show the untouched network's error in four units, a row a case, and that of the best layer re-trained.

    Markers are means over replicates, lines reach from the lowest to the highest; the number is that of the
    best layer, re-trained in each flow's own units.

    ``ladders``: the relative RMSE over (model, seed) of each case, in each flow's own units. ``best``: the
    number of its best layer, chosen on the validation block. Raises ValueError for no case, or a scaling or a
    layer that is not there.
    """
    if not ladders:
        raise ValueError("no ladder: give at least one case")
    figure, ax = new_panel(1.25 + 0.45 * len(ladders))
    for place, (case, rmse) in enumerate(ladders.items()):
        _need(rmse, [*SCALINGS, str(best[case])], case)
        for step, scaling in enumerate(SCALINGS):
            colour, marker, _ = UNITS[scaling]
            _marked(ax, place + 0.16 * (step - 2), rmse.sel(model=scaling), colour, marker)
        row, value = place + 0.32, float(rmse.sel(model=str(best[case])).mean())
        _marked(ax, row, rmse.sel(model=str(best[case])), role_colour("target"), "P")
        _number(ax, best[case], value, row, role_colour("target"))
        ax.axhline(place + 0.5, color="#E0E0E0", linewidth=0.6, zorder=0)
    ax.set_yticks(range(len(ladders)), [label_of(case) for case in ladders], fontsize=_TEXT)
    ax.set_ylim(len(ladders) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("relative RMSE on the target", fontsize=_TEXT)
    _errors(ax)
    look: dict[str, Any] = {"color": role_colour("target"), "marker": "P", "linestyle": ""}
    _legend(figure, [*map(_handle, SCALINGS), Line2D([], [], label="best layer re-trained", **look)])
    return figure


def _same_cases(
    ladders: Mapping[str, Mapping[str, xr.DataArray]], best: Mapping[str, Mapping[str, int]]
) -> list[str]:
    """Return the names of the cases, after checking that every scaling has them all, and a best layer."""
    for scaling in ladders:
        if scaling not in LADDERS:
            raise ValueError(f"unknown scaling {scaling!r}: accepted are {', '.join(LADDERS)}")
    if "own" not in ladders or not ladders["own"]:
        raise ValueError("no ladder for the scaling 'own': give at least one case of it")
    cases = list(ladders["own"])
    for scaling, one in ladders.items():
        if list(one) != cases or not set(cases) <= set(best.get(scaling, {})):
            raise ValueError(f"scaling {scaling!r}: it needs a ladder and a best layer of {', '.join(cases)}")
    return cases


def _need(rmse: xr.DataArray, models: Sequence[str], case: str) -> None:
    """Raise ValueError for the first model that is not there."""
    for name in models:
        if name not in rmse["model"].values:
            raise ValueError(f"case {case!r} has no model {name!r}: it has {', '.join(rmse['model'].values)}")


def _rung(ax: Axes, place: int, rung: str, scaling: str, errors: xr.DataArray) -> None:
    """Draw mean and replicates of a rung; what is the same under both scalings is drawn once."""
    second = scaling != "own"
    if rung not in errors["rung"].values or (second and rung in ("none", "dimensional", *_SCRATCH)):
        return
    colour, marker, _ = UNITS["dimensional" if rung == "dimensional" else scaling]
    if rung in _SCRATCH:
        colour, marker = role_colour(_SCRATCH[rung]), "s"
    paired = rung not in ("none", "dimensional", *_SCRATCH)
    row = place + (_APART if second else -_APART) * paired
    values = errors.sel(rung=rung).dropna("seed").values
    ax.plot(
        values, np.full(len(values), row), "o", color=colour, markersize=2.2, alpha=0.55, gid="replicates"
    )
    ax.plot(values.mean(), row, marker, color=colour, markersize=5.5, gid=f"{scaling} {rung}", zorder=4)


def _layers(ax: Axes, place: int, scaling: str, rmse: xr.DataArray, best: int) -> None:
    """Draw the mean of every single layer as a short stroke, and write the number of the best one."""
    colour, row = UNITS[scaling][0], place + (_APART if scaling != "own" else -_APART)
    means = rmse.sel(model=of_size(rmse["model"].values, 1)).mean("seed")
    ax.plot(
        means, np.full(means.size, row), "|", color=colour, markersize=7, alpha=0.8, gid=f"{scaling} layers"
    )
    least = float(means.sel(model=str(best)))
    _number(ax, best, least, row, colour)


def _number(ax: Axes, layer: int, value: float, row: float, colour: str) -> None:
    """Write a layer's number to the left of its marker."""
    box = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.4}
    look: dict[str, Any] = {"ha": "right", "va": "center", "fontsize": 8.5, "color": colour, "bbox": box}
    ax.annotate(f"{layer}", (value, row), (-5.5, -0.5), textcoords="offset points", **look)


def _lines(ax: Axes, rmse: xr.DataArray) -> None:
    """Draw the gradient model and the networks from nothing as lines over all rungs."""
    for model, (colour, dash, _) in _references().items():
        if model in rmse["model"].values:
            value = float(rmse.sel(model=model).mean())
            ax.axvline(value, color=colour, linestyle=dash, linewidth=1.1, alpha=0.75, gid=model, zorder=1)


def _references() -> dict[str, tuple[str, Any, str]]:
    """Return colour, dash and name of each line."""
    few, every = (role_colour(role) for role in _SCRATCH.values())
    return {
        "gradient": (role_colour("null"), ":", "gradient model, untrained"),
        "scratch_few": (few, "--", "scratch, few samples"),
        "scratch_all": (every, "-", "scratch, all samples"),
    }


def _line_handles(tables: Sequence[xr.DataArray]) -> list[Line2D]:
    """Return the legend's entries of strokes and lines that are drawn in any panel."""
    stroke = Line2D([], [], color="#404040", marker="|", markersize=7, linestyle="", label="a single layer")
    drawn = {str(name) for table in tables for name in table["model"].values}
    lines = [
        Line2D([], [], color=colour, linestyle=dash, linewidth=1.1, label=label)
        for model, (colour, dash, label) in _references().items()
        if model in drawn
    ]
    return [stroke, *lines]


def _legend(figure: Figure, handles: list[Line2D]) -> None:
    """Put a legend above all panels."""
    look: dict[str, Any] = {"fontsize": _SMALL, "columnspacing": 1.0, "handletextpad": 0.4}
    figure.legend(handles=handles, loc="outside upper center", ncols=3, **look)


def _handle(scaling: str) -> Line2D:
    """Return the legend's entry of a scaling."""
    colour, marker, label = UNITS[scaling]
    return Line2D([], [], color=colour, marker=marker, linestyle="", label=label)


def _marked(ax: Axes, row: float, values: xr.DataArray, colour: str, marker: str) -> None:
    """Draw a mean over replicates, and a line from the lowest to the highest."""
    low, high, mean = (float(one) for one in (values.min(), values.max(), values.mean()))
    ax.plot([low, high], [row, row], color=colour, linewidth=1.2, alpha=0.6)
    ax.plot(mean, row, marker, color=colour, markersize=5.5, gid="mean", zorder=4)


def _errors(ax: Axes) -> None:
    """Write few, plain numbers on an axis of errors; one over more than a factor of four is logarithmic."""
    low, high = ax.dataLim.intervalx
    if low > 0 and high > 4 * low:
        ax.set_xscale("log")
        ticks = [digit * 10.0**power for power in range(-3, 3) for digit in (1, 2, 3, 5)]
        ax.xaxis.set_major_locator(FixedLocator([tick for tick in ticks if low / 1.1 <= tick <= high * 1.1]))
        ax.xaxis.set_minor_locator(NullLocator())
    else:
        ax.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.margins(x=0.09)
    ax.autoscale_view(scaley=False)
    ax.tick_params(axis="x", labelsize=_SMALL)

"""Draw what the benchmarks measured: time, work against precision, training, growth, many workers.

A table without rows gives a panel that says so and which command measures it.
"""

from collections.abc import Hashable
from itertools import cycle
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlfourier.doors import door
from tlfourier.figures.style import ROLE_COLOURS, new_figure, new_panel, panel_letters, styled

OURS = "tlfourier"
TRANSFORMS = "four real transforms"
BOUND = "#BFBFBF"
"""Colour of what the machine cannot do without."""
OWN_COLOURS = (ROLE_COLOURS["base"], ROLE_COLOURS["transferred"], ROLE_COLOURS["scratch"])
PEER_COLOURS = ("#767676", "#8C510A", "#6A51A3", "#E69F00")
STAGE_COLOURS = (*OWN_COLOURS, "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#8C510A")
MARKERS = "osD^vP*X"
PRECISION_LABELS = {"float32": "fp32", "bfloat16": "bf16"}
"""What an axis calls each precision."""

Row = dict[Hashable, Any]


@door
@styled
def solver(table: pd.DataFrame) -> Figure:
    """Show the milliseconds of one evaluation of the right-hand side: ours, the peers', the bare transforms.

    ``table`` has the columns contestant, grid, precision, fastest_ms, median_ms.
    """
    if table.empty:
        return _absent("solver")
    places = sorted(set(map(_place, table.to_dict("records"))))
    panels = table.groupby("grid")
    figure, axes = new_figure(1, len(panels), height=3.2, sharey=True)
    for ax, (grid, rows) in zip(axes.flat, panels, strict=True):
        for row in rows.to_dict("records"):
            _bar(ax, places.index(_place(row)), row)
        ax.set(title=f"{grid:.0f}²", xlabel="milliseconds")
        ax.margins(x=0.18)
    names = [f"{name}, {kind}" for _, _, name, kind in places]
    axes[0, 0].set_yticks(range(len(places)), names, fontsize=8)
    axes[0, 0].invert_yaxis()
    return figure


def _place(row: Row) -> tuple[bool, int, str, str]:
    """Sort by precision, double first; then the transforms, ours, the others."""
    name, kind = row["contestant"], row["precision"]
    return kind != "float64", {TRANSFORMS: 0, OURS: 1}.get(name, 2), name, kind


def _bar(ax: Axes, place: int, row: Row) -> None:
    """Draw a bar up to the fastest turn, hatched for single precision, and a dot at the median."""
    colour = {OURS: OWN_COLOURS[0], TRANSFORMS: BOUND}.get(row["contestant"], PEER_COLOURS[0])
    fastest, median = row["fastest_ms"], row["median_ms"]
    if row["precision"] == "float64":
        ax.barh(place, fastest, color=colour)
    else:
        ax.barh(place, fastest, color="none", edgecolor=colour, hatch="//")
    ax.plot(median, place, ".", color="#000000")
    ax.text(max(fastest, median), place, f"  {fastest:.3g}", va="center", fontsize=8)


@door
@styled
def precision(table: pd.DataFrame, error: float | None = None) -> Figure:
    """Show the error of a run against its cost, one line for each stepper and code.

    ``table`` has the columns contestant, precision, error, ms_per_time_unit. ``error``, where costs are
    compared, is marked.
    """
    if table.empty:
        return _absent("precision")
    figure, ax = new_panel(4.0)
    colours, markers = {OURS: cycle(OWN_COLOURS), "": cycle(PEER_COLOURS)}, cycle(MARKERS)
    for name, own in table.groupby("contestant", sort=False):
        colour, marker = next(colours[OURS if name.startswith(OURS) else ""]), next(markers)
        for kind, line in (("float64", "-"), ("float32", ":")):
            runs = own[own["precision"] == kind]
            label = name if kind == "float64" else f"{name}, {kind}"
            face = colour if kind == "float64" else "white"
            if len(runs):
                cost = runs["ms_per_time_unit"]
                ax.loglog(cost, runs["error"], line + marker, color=colour, mfc=face, ms=4, label=label)
    if error is not None:
        ax.axhline(error, color=BOUND, linewidth=0.9, zorder=0)
    ax.set(xlabel="milliseconds per unit of simulated time", ylabel="relative error of vorticity")
    figure.legend(loc="outside right center", fontsize=8)
    return figure


@door
@styled
def training(table: pd.DataFrame) -> Figure:
    """Show the rate of a training step beside that of its convolutions, and the cost of a sweep by layer.

    ``table`` has the columns contestant, channels, precision, median, gflop_per_s.
    """
    if table.empty:
        return _absent("training")
    figure, axes = new_figure(1, 2, height=3.2, width_ratios=(3, 2))
    _rates(axes[0, 0], table.dropna(subset="gflop_per_s"))
    _layers(axes[0, 1], table.set_index("contestant")["median"].to_dict())
    panel_letters(axes.flat)
    return figure


def _rates(ax: Axes, table: pd.DataFrame) -> None:
    """Draw the rate of a step on that of the better layout of its convolutions, by network and precision."""
    jobs = table.groupby(["channels", "precision"], sort=False)
    for place, (_, part) in enumerate(jobs):
        is_step = part["contestant"] == "training step"
        limit = part["gflop_per_s"][~is_step].max()
        step = part["gflop_per_s"][is_step].iloc[0]
        first = place == 0
        ax.bar(place, limit, color=BOUND, label="convolutions alone" if first else None)
        ax.bar(place, step, 0.5, color=OWN_COLOURS[0], label="training step" if first else None)
        ax.text(place, max(limit, step), f"{step / limit:.0%}", ha="center", va="bottom", fontsize=8)
    labels = [f"{channels:.0f}\n{PRECISION_LABELS.get(kind, kind)}" for (channels, kind), _ in jobs]
    ax.set_xticks(range(len(jobs)), labels, fontsize=8)
    ax.set(xlabel="channels, precision", ylabel="GFLOP/s")
    ax.margins(y=0.1)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8)


def _layers(ax: Axes, milliseconds: dict[str, float]) -> None:
    """Draw the seconds of a transfer against its layer, and those of a training of all layers."""
    word = "transfer of layer "
    layers = {int(name.removeprefix(word)): ms for name, ms in milliseconds.items() if name.startswith(word)}
    ax.bar(list(layers), [ms / 1e3 for ms in layers.values()], color=ROLE_COLOURS["transferred"])
    if "as many full trainings" in milliseconds:
        full = milliseconds["as many full trainings"] / len(layers) / 1e3
        ax.axhline(full, color=ROLE_COLOURS["all"], label="all layers")
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), fontsize=8)
    ax.set(xlabel="re-trained layer", ylabel="seconds", xticks=list(layers))
    ax.tick_params(axis="x", labelsize=8)


@door
@styled
def growth(table: pd.DataFrame, fits: pd.DataFrame) -> Figure:
    """Show seconds and memory of every stage against what varies, with the fitted exponents.

    ``table`` has the columns stage, varies, size, seconds, peak_mib, anonymous_mib; ``fits`` has stage,
    varies, and the exponents time and memory.
    """
    if table.empty:
        return _absent("growth")
    groups = list(dict.fromkeys(map(_group, table["varies"])))
    figure, axes = new_figure(2, len(groups), height=5.6, sharex="col", sharey="row")
    stages = list(table["stage"].unique())
    for fit in fits.to_dict("records"):
        stage, varies = fit["stage"], fit["varies"]
        number = stages.index(stage)
        column = axes[:, groups.index(_group(varies))]
        part = table[(table["stage"] == stage) & (table["varies"] == varies)]
        look = {"color": STAGE_COLOURS[number % 8], "marker": MARKERS[number % 8], "markersize": 4}
        dashes = ":" if varies.endswith("mapped") else "-"
        label = f"{stage}, {varies}: {fit['time']:.1f}, {fit['memory']:.1f}"
        column[0].loglog(part["size"], part["seconds"], dashes, label=label, **look)
        column[1].loglog(part["size"], _mib(part), dashes, **look)
    for group, column in zip(groups, axes.T, strict=True):
        sizes = np.unique([size for line in column[0].lines for size in line.get_xdata()])
        column[1].set_xticks(sizes, [f"{size:g}" for size in sizes], fontsize=8)
        column[1].set_xlabel(group)
        column[1].tick_params(axis="x", which="minor", bottom=False, labelbottom=False)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("MiB beyond the imports")
    words: dict[str, Any] = {"title": "exponents of time, of memory", "title_fontsize": 8}
    figure.legend(loc="outside lower center", ncols=3, fontsize=8, **words)
    return figure


def _group(varies: str) -> str:
    """Name the axis of a series: samples and snapshots share one."""
    return "samples" if varies.startswith(("samples", "snapshots")) else varies


def _mib(part: pd.DataFrame) -> pd.Series:
    """Return anonymous memory where the system tells it, else all of it; positive, for a logarithm."""
    return part["anonymous_mib"].fillna(part["peak_mib"]).clip(lower=0.1)


@door
@styled
def scale(table: pd.DataFrame) -> Figure:
    """Show the forecast hours of the whole study against the workers, beside the work shared out evenly.

    ``table`` has the columns workers, hours, limited_by.
    """
    if table.empty:
        return _absent("scale")
    figure, ax = new_panel(3.2)
    table = table.sort_values("workers")
    workers, hours = table["workers"].to_numpy(), table["hours"].to_numpy()
    ax.loglog(workers, hours[0] * workers[0] / workers, ":", color="#767676", label="work shared out evenly")
    ax.loglog(workers, hours, color=OWN_COLOURS[0], label="forecast")
    for (limit, here), marker in zip(table.groupby("limited_by", sort=False), cycle(MARKERS)):
        label = f"limited by {limit}"
        ax.loglog(here["workers"], here["hours"], marker, color=OWN_COLOURS[0], label=label)
    ax.set(xlabel="workers", ylabel="hours")
    ax.set_xticks(workers, [f"{count:,.0f}" for count in workers])
    ax.minorticks_off()
    ax.legend()
    return figure


def _absent(section: str) -> Figure:
    """Say that a section was not measured, and how to."""
    figure, ax = new_panel(1.0)
    ax.set_axis_off()
    words = f"Not measured: python -m benchmarks --only {section} measures it."
    ax.text(0.5, 0.5, words, ha="center", va="center", family="monospace", fontsize=9)
    return figure

"""Draw the scorecard and what lies behind it: verdicts, pairs, learning curves, kernels put back, masks."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tlfourier.closure.models import layers_of, of_size
from tlfourier.doors import door
from tlfourier.figures.layers import BASELINE_STYLES, seed_band
from tlfourier.figures.style import label_of, new_figure, new_panel, panel_letters, role_colour, styled

MARKS = {
    "supported": ("▲", "#0072B2"), "refuted": ("▼", "#D55E00"),
    "undecided": ("○", "#767676"), "not run": ("–", "#A0A0A0"),
}  # fmt: skip
"""Sign and colour of each verdict: told apart without colour too."""


@door
@styled
def verdicts(found: xr.Dataset) -> Figure:
    """Show the verdict of every claim in every case as a sign with the effect; = for the same networks again.

    ``found``: from `tlfourier.scorecard.scorecard`. Raises ValueError if a verdict is unknown.
    """
    words = sorted(set(found["verdict"].values.ravel().tolist()) - set(MARKS))
    if words:
        raise ValueError(f"verdict {words[0]!r}: accepted are {', '.join(MARKS)}")
    rows, columns = found.sizes["claim"], found.sizes["case"]
    figure, ax = new_panel(0.9 + 0.3 * rows)
    for row in range(rows):
        for column in range(columns):
            cell = found.isel(claim=row, case=column)
            mark, colour = MARKS[str(cell["verdict"].item())]
            ax.text(column, row, mark, color=colour, ha="center", va="center", fontsize=11)
            if cell["seeds"] > 0:
                text = "=" if str(cell["same_as"].item()) else f"{cell['effect'].item():+.2g}"
                ax.text(column + 0.18, row, text, color=colour, ha="left", va="center", fontsize=6.5)
    claims = zip(found["number"].values, found["words"].values, strict=True)
    ax.set_yticks(range(rows), [fill(f"{number}  {text}", 62) for number, text in claims], fontsize=7)
    ax.set_xticks(range(columns), [label_of(str(name)).replace(" ", "\n") for name in found["case"].values])
    ax.xaxis.tick_top()
    ax.set(xlim=(-0.5, columns - 0.35), ylim=(rows - 0.5, -0.5))
    ax.tick_params(length=0)
    ax.hlines(np.arange(rows - 1) + 0.5, -0.5, columns, color="#E0E0E0", linewidth=0.6)
    ax.spines[:].set_visible(False)
    legend = "    ".join(f"{mark} {word}" for word, (mark, _) in MARKS.items())
    meaning = f"= same networks, judged once    number: mean effect; claimed is {'; '.join(_bounds(found))}"
    ax.set_xlabel(f"{legend}\n{meaning}", fontsize=7)
    return figure


@door
@styled
def pair_errors(rmse: xr.DataArray) -> Figure:
    """Show the error of re-training every two layers as a matrix, single layers on its diagonal.

    ``rmse``: over (model, seed): single layers ``"2"`` and pairs ``"2+5"``; what is missing stays white.
    """
    mean = rmse.mean("seed")
    names = [*of_size(mean["model"].values, 1), *of_size(mean["model"].values, 2)]
    size = max(layer for name in names for layer in layers_of(name))
    table = np.full((size, size), np.nan)
    for name in names:
        layers = layers_of(name)
        table[max(layers) - 1, min(layers) - 1] = mean.sel(model=name).item()
    figure, ax = new_panel(5.6)
    image = ax.imshow(table, cmap="cividis", origin="upper")
    best = np.unravel_index(np.nanargmin(table), table.shape)
    middle = (np.nanmin(table) + np.nanmax(table)) / 2
    for (row, column), value in np.ndenumerate(table):
        if np.isfinite(value):
            weight, colour = "bold" if (row, column) == best else None, "white" if value < middle else "black"
            number = f"{value:.2f}"[1:]
            ax.text(column, row, number, ha="center", va="center", size=7, weight=weight, color=colour)
    numbers = [str(layer + 1) for layer in range(size)]
    ax.set(xticks=range(size), xticklabels=numbers, xlabel="re-trained layer")
    ax.set(yticks=range(size), yticklabels=numbers, ylabel="and layer")
    figure.colorbar(image, ax=ax, label="relative RMSE", shrink=0.8)
    return figure


@door
@styled
def growing_sets(rmse: xr.DataArray, prefixes: Sequence[str], suffixes: Sequence[str]) -> Figure:
    """Show the error of sets of layers that grow from the input and from the output.

    ``rmse``: over (model, seed), NaN for seeds that a model does not have. ``prefixes``, ``suffixes``: models
    such as ``"1"``, ``"1+2"``, and ``"2+3"``, ``"3"``, of a network of three layers.
    """
    figure, ax = new_panel(3.0)
    forwards, backwards = (prefixes, -1, "transferred", "1 to l"), (suffixes, 0, "base", "l to the last")
    for names, end, role, which in (forwards, backwards):
        place = [layers_of(name)[end] for name in names]
        table = rmse.sel(model=list(names))
        seed_band(ax, place, table, color=role_colour(role), label=f"layers {which}")
    ax.set(xlabel="layer l", ylabel="relative RMSE")
    ax.legend(fontsize=7)
    return figure


@door
@styled
def learning_curves(curves: Mapping[str, xr.Dataset]) -> Figure:
    """Show the error against the number of target samples, a panel for each case, over seeds.

    ``curves``: name of each case; ``rmse`` over (percent, model, seed), ``samples`` over percent.
    """
    figure, axes = new_figure(1, len(curves), 3.2, sharey=True)
    shades = ["#D55E00", "#E69F00", "#56B4E9"]
    for ax, (case, data) in zip(axes[0], curves.items(), strict=True):
        layers = of_size(data["model"].values, 1)
        for name in data["model"].values.tolist():
            if name in layers:
                style = {"color": shades[layers.index(name) % 3], "label": f"layer {name}"}
            else:
                role, label = BASELINE_STYLES[name]
                style = {"color": role_colour(role), "label": label}
            seed_band(ax, data["samples"], data["rmse"].sel(model=name), alpha=0.15, **style)
        ax.set(xscale="log", title=label_of(case), xlabel="target samples")
    axes[0, 0].set_ylabel("relative RMSE")
    axes[0, -1].legend(fontsize=7)
    panel_letters(axes.flat)
    return figure


@door
@styled
def put_back(curves: xr.Dataset) -> Figure:
    """Show what is lost by putting the most changed kernels back, and as many random ones, layer by layer.

    ``curves`` has ``most``, ``random`` over (layer, share, seed), ``everything`` over (layer, seed).
    """
    layers = curves["layer"].values.tolist()
    rows = -(-len(layers) // 4)
    figure, axes = new_figure(rows, 4, 0.6 + 1.7 * rows, sharex=True)
    for ax, layer in zip(axes.flat, layers, strict=False):
        part = curves.sel(layer=layer)
        for name, role, label in (("most", "transferred", "most changed"), ("random", "null", "random")):
            seed_band(ax, part["share"], part[name], color=role_colour(role), label=label)
        ax.axhline(part["everything"].mean().item(), color="#000000", linewidth=0.8, linestyle=":")
        ax.set_title(f"layer {layer}", fontsize=8)
        ax.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    for ax in list(axes.flat)[len(layers) :]:
        ax.set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("error gained")
    figure.supxlabel("kernels put back (dotted: all of them)", fontsize=8)
    axes.flat[0].legend(fontsize=6)
    return figure


@door
@styled
def activation_gaps(gaps: Mapping[str, xr.Dataset]) -> Figure:
    """Show by how much activations are stronger than in a target-trained network, before and after transfer.

    ``gaps``: name of each case; ``base`` and ``transferred`` over (layer, seed), in powers of ten; the last
    row is the output against the truth.
    """
    figure, axes = new_figure(1, len(gaps), 2.8, sharey=True)
    for ax, (case, data) in zip(axes[0], gaps.items(), strict=True):
        for name in ("base", "transferred"):
            seed_band(ax, data["layer"], data[name], color=role_colour(name), label=label_of(name))
        ax.axhline(0.0, color="#767676", linewidth=0.8)
        ax.set(title=label_of(case), xlabel="layer")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes[0, 0].set_ylabel("log$_{10}$ of amplitude over\ntarget-trained (output: truth)")
    axes[0, -1].legend(fontsize=7)
    panel_letters(axes.flat)
    return figure


@door
@styled
def over_layers(cases: Mapping[str, xr.DataArray], label: str) -> Figure:
    """Show a number for each layer, one line for each case, with bands from the lowest to the highest seed.

    ``cases``: name of each case and its numbers over (layer, seed). ``label``: what the number is.
    """
    figure, ax = new_panel(2.8)
    for (case, values), dash in zip(cases.items(), ("-o", "--s", ":^"), strict=False):
        seed_band(ax, values["layer"], values, dash, markersize=4, label=label_of(case), alpha=0.15)
    ax.axhline(0.0, color="#767676", linewidth=0.8)
    layers = {int(layer) for values in cases.values() for layer in values["layer"].values}
    ax.set(xlabel="layer", ylabel=label, xticks=sorted(layers))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


@door
@styled
def variants(summary: xr.Dataset) -> Figure:
    """Show what is left of the result when one choice changes: errors, and layer 2 against the last layer.

    ``summary``: from `tlfourier.study.robustness.summary`.
    """
    names = [str(name) for name in summary["variant"].values]
    figure, axes = new_figure(1, 2, 0.9 + 0.24 * len(names), sharey=True)
    place = np.arange(len(names))
    left, right = axes.flat
    labels = {"none": "no transfer", "best": "best layer", "all": "all layers"}
    for (name, label), role in zip(labels.items(), ("base", "transferred", "all"), strict=True):
        left.plot(summary[name], place, "o", markersize=4, color=role_colour(role), label=label)
    left.set(xlabel="relative RMSE", ylim=(len(names) - 0.5, -0.5))
    left.set_yticks(place, names, fontsize=7)
    left.legend(fontsize=6.5, loc="best")
    colours = np.where(summary["survives"].values, MARKS["supported"][1], MARKS["refuted"][1])
    right.barh(place, summary["margin"], color=colours, height=0.6)
    right.axvline(0.0, color="#767676", linewidth=0.8)
    right.set_xlabel("error of the last layer minus layer 2")
    panel_letters(axes.flat)
    return figure


def _bounds(found: xr.Dataset) -> list[str]:
    """Say what is claimed of an effect, and of which claims where it is not the same for all."""
    bounds = found["bound"].values[:, 0]
    words = [str(bound) for bound in dict.fromkeys(bounds)]
    return [words[0]] + [
        f"{', '.join(dict.fromkeys(found['number'].values[bounds == word]))}: {word}" for word in words[1:]
    ]

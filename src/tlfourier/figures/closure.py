"""Draw what belongs to the data and the training of a closure: blocks of time, loss curves, scores."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from tlfourier.doors import door
from tlfourier.figures.style import line_style, mark_wavenumber, new_figure, new_panel, panel_letters, styled

BLOCK_COLOURS = {"train": "#56B4E9", "validation": "#E69F00", "test": "#000000"}
"""Colours of the blocks of time; the gaps between them stay white."""


@door
@styled
def time_blocks(
    blocks: Mapping[str, tuple[float, float]], memory: Mapping[str, xr.DataArray], gap: float
) -> Figure:
    """Show how the snapshots are divided along time, and that every flow forgets itself within a gap.

    ``blocks``: ``train``, ``validation``, ``test`` and their first and last times. ``memory``: label of each
    flow and the autocorrelation of its vorticity over ``lag``. ``gap``: time between the nearest snapshots of
    two blocks.
    """
    figure, axes = new_figure(2, 1, height=4.0, height_ratios=[1, 4])
    bar, curve = axes[:, 0]
    for name, (start, stop) in blocks.items():
        bar.barh(0, stop - start, left=start, color=BLOCK_COLOURS[name], height=0.8)
        bar.text((start + stop) / 2, 0.55, name, ha="center", va="bottom", fontsize=9)
    bar.set(yticks=[], ylim=(-0.5, 1.2), xlabel="time")
    bar.spines.left.set_visible(False)
    for label, correlation in memory.items():
        shown = correlation.sel(lag=slice(0, 2 * gap))
        curve.plot(shown["lag"], shown, **line_style(label))
    curve.axhline(np.exp(-1), color="#767676", linewidth=0.8, linestyle=":")
    curve.text(0, np.exp(-1), " 1/e", color="#767676", va="bottom", fontsize=9)
    mark_wavenumber(curve, gap, "gap")
    curve.set(xlabel="lag in time", ylabel="autocorrelation of $\\omega$", xlim=(0, 2 * gap))
    curve.legend()
    panel_letters((bar, curve))
    return figure


@door
@styled
def training_curves(histories: Mapping[str, xr.Dataset], titles: Mapping[str, str] | None = None) -> Figure:
    """Show the loss on training and validation samples, with the epoch that was kept.

    ``histories``: one panel each: ``train_loss`` and ``validation_loss`` over ``epoch`` (or ``step``),
    attribute ``best_epoch`` (or ``best_step``). ``titles``: what to write above a panel instead of its key.
    """
    figure, axes = new_figure(1, len(histories), height=2.9, sharey=True)
    for ax, (name, history) in zip(axes.flat, histories.items(), strict=True):
        unit = str(history["validation_loss"].dims[0])
        for samples, loss, dash in (("training", "train_loss", "--"), ("validation", "validation_loss", "-")):
            ax.semilogy(history[unit], history[loss], dash, color="#000000", label=f"{samples} samples")
        best = history.attrs[f"best_{unit}"]
        kept = history["validation_loss"].sel({unit: best}, method="nearest")
        ax.plot([best], [kept], "o", color="#D55E00", label=f"kept: {unit} {best}")
        ax.set_title((titles or {}).get(name, name))
        ax.set_xlabel(unit)
        ax.legend()
    axes[0, 0].set_ylabel(r"loss, in variances of $\Pi$")
    return figure


@door
@styled
def score_bars(scores: xr.Dataset, labels: Mapping[str, str], titles: Mapping[str, str]) -> Figure:
    """Show each score of a few networks side by side: the mean over seeds, and every seed as a dot.

    ``scores``: scores over (model, seed), one panel each. ``labels``: what to call each model, from top to
    bottom. ``titles``: which scores to show and what to call them.
    """
    figure, axes = new_figure(1, len(titles), height=1.1 + 0.35 * len(labels), sharey=True)
    places = np.arange(len(labels))[::-1]
    for ax, (name, title) in zip(axes.flat, titles.items(), strict=True):
        table = scores[name].sel(model=list(labels)).transpose("model", "seed")
        ax.barh(places, table.mean("seed"), color="#56B4E9", height=0.6)
        for seed in range(table.sizes["seed"]):
            ax.plot(table[:, seed], places, "o", color="#000000", markersize=3)
        ax.set_xlabel(title)
        ax.set_xlim(left=min(0.0, float(table.min())))  # a correlation can be negative
    axes[0, 0].set_yticks(places, list(labels.values()))
    return figure


@door
@styled
def exact_sgs(error: xr.DataArray) -> Figure:
    """Show how far LES runs stray from the filtered DNS, on a logarithmic scale, by what each was fed.

    ``error``: over (feed, time), feeds as in `tlfourier.closure.verification.FEEDS`; errors of exactly 0, as
    at the start, have no place on the axis.
    """
    figure, ax = new_panel(2.9)
    styles = {"exact": ("#000000", "-"), "none": ("#767676", "--"), "wrong sign": ("#D55E00", "-.")}
    labels = {"exact": r"fed $-\Pi$ (exact)", "none": "fed nothing", "wrong sign": r"fed $+\Pi$ (wrong sign)"}
    for feed in error["feed"].values:
        colour, dash = styles.get(str(feed), ("#56B4E9", ":"))
        values, label = error.sel(feed=feed), labels.get(str(feed), str(feed))
        ax.semilogy(error["time"], values.where(values > 0), dash, color=colour, label=label)
    ax.set(xlabel="time since the start", xlim=(0, float(error["time"].max())))
    ax.set_ylabel(r"error of $\bar\omega$, relative")
    ax.legend(loc="center right")
    return figure

"""Draw kernels as filters: galleries, and their types with both nulls.

Every kernel and every spectrum in a gallery has its own colour scale, for a type does not depend on
amplitude.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from tlfourier.doors import door
from tlfourier.figures.style import DIVERGING, figure_of, new_figure, own_axes, role_colour, styled
from tlfourier.fourier.filter_types import LABELS, Rule, classify
from tlfourier.fourier.kernels import as_kernels, kernel_amplitude

SPECTRUM_SIZE = 32
"""Points per direction on which galleries show ``|F(W)|``."""


@door
@styled
def gallery(weights: Tensor | ArrayLike, titles: Sequence[str] | None = None, columns: int = 6) -> Figure:
    """Show kernels on the left and, in the same arrangement, their amplitude spectra ``|F(W)|`` right.

    ``weights`` of shape (n, k, k): kernels; red is positive, blue negative. Spectra have k = 0 in the middle
    and reach to pi per grid spacing. ``titles``: one for each kernel (else ValueError), say its type.
    ``columns``: kernels per row.
    """
    kernels = _stack(weights)
    titles = [""] * len(kernels) if titles is None else [str(title) for title in titles]
    if len(titles) != len(kernels):
        raise ValueError(f"{len(titles)} titles for {len(kernels)} kernels: give one for each")
    rows = -(-len(kernels) // columns)
    figure, axes = new_figure(1, 2, 0.4 + 0.68 * rows)
    _draw_both(axes[0], kernels, titles, columns)
    return figure


@door
@styled
def type_gallery(weights: Tensor | ArrayLike, rule: Rule | None = None, examples: int = 6) -> Figure:
    """Show the strongest kernels of each filter type, one type a row: kernels left, their ``|F(W)|`` right.

    ``weights`` of shape (..., k, k): all kernels of a layer or a network. ``rule``: thresholds of
    `tlfourier.fourier.classify`. ``examples``: kernels per type, those with the largest norm.
    """
    kernels = as_kernels(weights).flatten(0, -3)
    types, strength = classify(kernels, rule), kernels.square().sum((-2, -1)).numpy()
    figure, axes = new_figure(1, 2, 0.4 + 0.68 * len(LABELS))
    shown = torch.full((len(LABELS), examples, *kernels.shape[-2:]), torch.nan, dtype=torch.float64)
    for row, label in enumerate(LABELS):
        members = np.flatnonzero(types == label)
        best = members[np.argsort(-strength[members], kind="stable")[:examples]]
        shown[row, : len(best)] = kernels[best]
    _draw_both(axes[0], shown.flatten(0, 1), [""] * (len(LABELS) * examples), examples, LABELS)
    return figure


@door
@styled
def changed_kernels(before: Tensor | ArrayLike, after: Tensor | ArrayLike) -> Figure:
    """Show kernels before (top row) and after re-training (bottom row), with their ``|F(W)|`` right.

    ``before``, ``after``: the same kernels (n, k, k) in the base and in the transferred network, up to about
    eight.
    """
    pair = torch.cat([_stack(before), _stack(after)])
    figure, axes = new_figure(1, 2, 2.0)
    _draw_both(axes[0], pair, [""] * len(pair), len(pair) // 2, ("before", "after"))
    return figure


@door
@styled
def type_fractions(fractions: xr.Dataset, ax: Axes | None = None) -> Figure:
    """Show the share of each filter type in a trained network beside both null models.

    ``fractions``: from `tlfourier.fourier.fractions_with_nulls`, or one layer of
    `tlfourier.fourier.network_fractions`. ``ax``: where to draw.
    """
    ax = own_axes(ax)
    randomised = fractions.randomised
    columns = {
        "trained": (fractions.trained, role_colour("base"), None),
        "at initialisation (null)": (fractions.initial, role_colour("null"), None),
        "phases randomised (null)": (randomised.mean("draw"), "#D0D0D0", randomised.std("draw")),
    }
    place = np.arange(len(LABELS))
    for shift, (label, (values, colour, error)) in zip((-0.27, 0, 0.27), columns.items(), strict=True):
        heights = values.sel(type=list(LABELS))
        bars = ax.bar(place + shift, heights, 0.25, yerr=error, color=colour, label=label)
        ax.bar_label(bars, [f"{share:.1%}" for share in heights.values], fontsize=6, padding=2)
    ax.set_xticks(place, LABELS)
    ax.set_ylabel("share of kernels")
    ax.legend()
    return figure_of(ax)


@door
@styled
def layer_types(fractions: xr.Dataset) -> Figure:
    """Show the share of each filter type layer by layer, one panel per type, with both nulls.

    The four types share one scale; the unclassified have their own.

    ``fractions`` is from `tlfourier.fourier.network_fractions`.
    """
    layers = fractions.drop_sel(layer="all") if "all" in fractions.layer else fractions
    figure, axes = new_figure(1, len(LABELS), 2.6)
    place = np.arange(1, layers.sizes["layer"] + 1)
    for ax, label in zip(axes.flat, LABELS, strict=True):
        one = layers.sel(type=label)
        ax.plot(place, one.trained, "o-", color=role_colour("base"), label="trained")
        ax.plot(place, one.initial, ":", color=role_colour("null"), label="initial (null)")
        ax.plot(place, one.randomised.mean("draw"), "--", color=role_colour("null"), label="phases (null)")
        ax.set(title=label, xlabel="layer")
    top = max(ax.get_ylim()[1] for ax in axes.flat[:-1])
    for ax in axes.flat[:-1]:
        ax.set_ylim(0, top)
    for ax in axes.flat[1:-1]:
        ax.tick_params(labelleft=False)
    axes[0, 0].set_ylabel("share of kernels")
    axes[0, -1].set_ylim(0, 1)
    axes[0, -1].legend(fontsize=7)
    return figure


@door
@styled
def confusion(
    matrix: xr.DataArray, ax: Axes | None = None, labels: tuple[str, str] = ("made as", "named by the rule")
) -> Figure:
    """Show how often each filter type of the rows has the type of each column, as shares of the row.

    ``matrix``: from `tlfourier.fourier.confusion_matrix`; types that never occur are left out. ``ax``: where
    to draw. ``labels``: what the rows and the columns are.
    """
    counts = matrix.isel(truth=(matrix.sum("found") > 0).values)
    shares = counts / counts.sum("found")
    ax = own_axes(ax, 3.4, 5.5)
    ax.imshow(shares.values, cmap="Blues", vmin=0, vmax=1, origin="upper", aspect="auto")
    for (row, column), share in np.ndenumerate(shares.values):
        colour = "white" if share > 0.6 else "black"
        ax.text(column, row, f"{share:.1%}", ha="center", va="center", color=colour)
    ax.set_xticks(range(shares.sizes["found"]), shares.found.values)
    ax.set_yticks(range(shares.sizes["truth"]), shares.truth.values)
    ax.set(xlabel=labels[1], ylabel=labels[0])
    return figure_of(ax)


@door
@styled
def sensitivity(changed: xr.DataArray, ax: Axes | None = None) -> Figure:
    """Show the share of kernels that change type when one threshold of the rule is lowered or raised.

    ``changed`` is from `tlfourier.fourier.threshold_sensitivity`, over (threshold, shift).
    """
    ax = own_axes(ax, 2.8)
    place = np.arange(changed.sizes["threshold"])
    for side, shift, colour in zip((0.2, -0.2), changed["shift"].values, ("#56B4E9", "#0072B2"), strict=True):
        shares = changed.sel(shift=shift)
        ax.barh(place - side, shares, 0.36, color=colour, label=f"threshold {shift:+.0%}")
    ax.set_yticks(place, [str(name).replace("_", " ") for name in changed["threshold"].values])
    ax.invert_yaxis()
    ax.set_xlabel("share of kernels that change type")
    ax.xaxis.set_major_formatter(PercentFormatter(1))
    ax.legend(loc="lower right")
    return figure_of(ax)


@door
@styled
def cluster_centres(groups: xr.Dataset) -> Figure:
    """Show the mean power of each k-means group with its share of the kernels, low wavenumbers first.

    ``groups`` is from `tlfourier.fourier.cluster`.
    """
    count = groups.sizes["cluster"]
    figure, axes = new_figure(1, count, 0.6 + 7.0 / max(count, 3), "compressed", sharey=True)
    for number, ax in enumerate(axes.flat):
        group = groups.isel(cluster=number)
        ax.imshow(group.centre, cmap="cividis", extent=(-np.pi, np.pi, -np.pi, np.pi), origin="lower")
        ax.set_title(f"{group.fraction.item():.0%}")
        for set_ticks in (ax.set_xticks, ax.set_yticks):
            set_ticks([-np.pi, 0, np.pi], [r"$-\pi$", "0", r"$\pi$"])
        ax.set_xlabel(r"$k_x$")
    axes[0, 0].set_ylabel(r"$k_y$", rotation=0)
    return figure


_PITCH, _ROW_PITCH = 1.16, 1.28
"""Distances of neighbouring tiles in a gallery, in tiles; between rows there is room for a title."""


def _stack(weights: Tensor | ArrayLike) -> Tensor:
    """Return kernels (n, k, k), at least one."""
    kernels = as_kernels(weights)
    if kernels.ndim != 3 or len(kernels) == 0:
        raise ValueError(f"weights have shape {tuple(kernels.shape)}: a gallery needs (n, k, k), n >= 1")
    return kernels


def _draw_both(
    axes: NDArray[Any], kernels: Tensor, titles: Sequence[str], columns: int, rows: Sequence[str] = ()
) -> None:
    """Draw kernels and their amplitude spectra as tiles, each with limits of its own, and name the rows."""
    _tiles(axes[0], kernels.flip(-2).numpy(), titles, columns, DIVERGING, -1.0)
    axes[0].set_title("kernel $W$", pad=10)
    amplitude = kernel_amplitude(kernels, SPECTRUM_SIZE).flip(-2).numpy()
    _tiles(axes[1], amplitude, titles, columns, "cividis", 0.0)
    axes[1].set_title(r"$|F(W)|$, $k = 0$ in the middle", pad=10)
    axes[0].set_yticks(np.arange(len(rows)) * _ROW_PITCH + 0.5, rows)
    axes[0].tick_params(length=0)


def _tiles(
    ax: Axes, pictures: np.ndarray, titles: Sequence[str], columns: int, cmap: str, lowest: float
) -> None:
    """Draw pictures row by row from the top; those with NaN are left out."""
    for number, (picture, title) in enumerate(zip(pictures, titles, strict=True)):
        if np.isnan(picture).any():
            continue
        left, top = number % columns * _PITCH, number // columns * _ROW_PITCH
        scaled = picture / max(np.abs(picture).max(), np.finfo(float).tiny)
        box = (left, left + 1, top + 1, top)
        ax.imshow(scaled, cmap=cmap, vmin=lowest, vmax=1, origin="upper", extent=box)
        ax.text(left + 0.5, top - 0.02, title, ha="center", va="bottom", fontsize=5.5)
    ax.set_xlim(-0.08, columns * _PITCH)
    ax.set_ylim(-(-len(titles) // columns) * _ROW_PITCH, -0.16)
    ax.set(aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)

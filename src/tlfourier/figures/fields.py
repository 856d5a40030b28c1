"""Draw fields in the periodic box: flows, training pairs, what a filter does, predictions and errors.

Colours are symmetric about zero: red is positive, blue negative, white zero.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from tlfourier.doors import door
from tlfourier.figures.style import (
    draw_signed,
    label_of,
    mark_wavenumber,
    new_figure,
    panel_letters,
    styled,
    symmetric_limit,
)

SYMBOLS = {"psi": r"$\bar\psi$", "omega": r"$\bar\omega$", "sgs": r"$\Pi$"}
"""How the variables of a training pair are written in labels."""


@door
@styled
def snapshots(
    flows: Mapping[str, ArrayLike], symbol: str = r"$\omega$", shared: bool = False, length: float = 2 * np.pi
) -> Figure:
    """Show one snapshot of each flow side by side, each with its own colour bar.

    ``flows``: title (or role) of each panel and its field (y, x); one to four of them. Grids may differ.
    ``symbol``: what the colour bar measures (nondimensional). ``shared``: give all panels the same limits and
    one colour bar, so that amplitudes can be compared. ``length``: side of the box.
    """
    count = len(flows)
    height = (0.9 + 6.1 / max(count, 2)) if shared else (1.2 + 7.0 / max(count, 2))
    figure, axes = new_figure(1, count, height, "compressed", sharey=True)
    limit = symmetric_limit(*flows.values()) if shared else None
    for ax, (title, field) in zip(axes.flat, flows.items(), strict=True):
        image = draw_signed(ax, field, limit, length)
        ax.set_title(label_of(title))
        if not shared:
            colour_bar(image, ax, symbol, "bottom")
    if shared:
        colour_bar(image, axes, symbol)
    _label_box(axes.flat)
    return figure


@door
@styled
def triptych(pair: xr.Dataset, index: int = 0) -> Figure:
    """Show one training pair: streamfunction and vorticity (inputs), and the subgrid term (output).

    ``pair``: ``psi``, ``omega``, ``sgs`` over (time, y, x), or over (y, x) for a single snapshot; ``index``
    is which snapshot, if there are several.
    """
    single = pair.isel(time=index) if "time" in pair.dims else pair
    figure, axes = new_figure(1, 3, 3.6, "compressed", sharey=True)
    words = {"psi": "input: streamfunction", "omega": "input: vorticity", "sgs": "output: subgrid term"}
    for ax, (name, title) in zip(axes.flat, words.items(), strict=True):
        image = draw_signed(ax, single[name].transpose("y", "x"))
        ax.set_title(title)
        colour_bar(image, ax, SYMBOLS[name], "bottom")
    _label_box(axes.flat)
    return figure


@door
@styled
def filtering(
    omega: ArrayLike, omega_bar: ArrayLike, sgs: ArrayLike, k: ArrayLike, transfer: ArrayLike, k_cutoff: float
) -> Figure:
    """Show what filtering does: vorticity before and after on one colour scale, the subgrid term, the filter.

    ``omega`` of shape (y, x): vorticity of the direct simulation. ``omega_bar``, ``sgs`` of shape (y, x):
    filtered vorticity and subgrid term on the coarse grid. ``k``, ``transfer`` of shape (k,): wavenumbers and
    the filter's factor at each of them. ``k_cutoff``: largest wavenumber of the coarse grid.
    """
    figure, axes = new_figure(2, 2, 6.4)
    limit = symmetric_limit(omega)
    panels = ((omega, r"$\omega$", limit), (omega_bar, r"$\bar\omega$", limit), (sgs, r"$\Pi$", None))
    for ax, (field, symbol, bound) in zip(axes.flat, panels, strict=False):
        colour_bar(draw_signed(ax, field, bound), ax, symbol)
    _label_box((axes[0, 0], axes[1, 0]))
    axes[0, 1].set_xlabel("$x$")
    curve = axes[1, 1]
    curve.plot(k, transfer, color="#000000")
    curve.set(xlabel="$k$", ylabel="filter's factor $G(k)$", xlim=(0, 2 * k_cutoff), ylim=(0, 1.05))
    mark_wavenumber(curve, k_cutoff, "$k_c$")
    panel_letters(axes.flat)
    return figure


@door
@styled
def predictions(
    truth: ArrayLike, predicted: Mapping[str, ArrayLike], symbol: str = r"$\Pi$", length: float = 2 * np.pi
) -> Figure:
    """Show the true field, each prediction beside it and each error below, all on one colour scale.

    The error panel's title is the relative error ‖prediction − truth‖ / ‖truth‖.

    ``truth`` of shape (y, x): true subgrid term. ``predicted``: title (or role) and field of each prediction;
    one to three of them, of the shape of the truth (else ValueError). ``symbol``: what the colour bar
    measures (nondimensional). ``length``: side of the box.
    """
    true = np.asarray(truth, dtype=float)
    rows, columns = (1, 3) if len(predicted) == 1 else (2, 1 + len(predicted))
    height = 0.5 + rows * (0.4 + 5.9 / columns)
    figure, axes = new_figure(rows, columns, height, "compressed", sharex=True, sharey=True)
    limit = symmetric_limit(true)
    image = draw_signed(axes[0, 0], true, limit, length)
    axes[0, 0].set_title("truth")
    errors = axes[0, 2:] if rows == 1 else axes[1, 1:]
    for ax, below, (title, values) in zip(axes[0, 1:], errors, predicted.items(), strict=False):
        field = np.asarray(values, dtype=float)
        if field.shape != true.shape:
            raise ValueError(f"prediction {title!r} has shape {field.shape}: the truth has {true.shape}")
        draw_signed(ax, field, limit, length)
        ax.set_title(label_of(title))
        draw_signed(below, field - true, limit, length)
        below.set_title(f"error {np.linalg.norm(field - true) / np.linalg.norm(true):.2f}")
    if rows == 2:
        axes[1, 0].set_axis_off()
        axes[0, 0].tick_params(labelbottom=True)
        axes[1, 1].tick_params(labelleft=True)
        axes[1, 1].set_ylabel("$y$")
    _label_box(axes[-1])
    axes[0, 0].set_ylabel("$y$")
    colour_bar(image, axes, symbol)
    return figure


@door
def colour_bar(image: AxesImage, axes: Axes | NDArray[Any], symbol: str, location: str = "right") -> None:
    """Add a colour bar with an upright symbol to one panel, or to several that share their limits.

    ``image``: what the bar measures, as `draw_signed` returns it. ``axes``: the panels that give room to the
    bar. ``symbol``: the quantity; all are nondimensional. ``location``, "right" or "bottom": side of the
    panels.
    """
    figure = image.get_figure()
    assert figure is not None, "an image that draw_signed returned is in a figure"
    bar = figure.colorbar(image, ax=axes, location=location, shrink=0.8, aspect=22)
    bar.ax.locator_params(nbins=5)
    if location == "bottom":
        bar.set_label(symbol)
    else:
        bar.set_label(symbol, rotation=0, va="center", labelpad=10)


def _label_box(axes: Iterable[Axes]) -> None:
    """Write x below each panel, y beside the first."""
    for position, ax in enumerate(axes):
        ax.set_xlabel("$x$")
        if position == 0:
            ax.set_ylabel("$y$")

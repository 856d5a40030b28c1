"""Draw what depends on the layer: scores against the re-trained layer, activations before and after ReLU."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike, NDArray

from tlfourier.closure.models import layers_of
from tlfourier.doors import door
from tlfourier.figures.spectra import wavenumber_ticks
from tlfourier.figures.style import ROLE_COLOURS, new_figure, panel_letters, role_colour, styled
from tlfourier.scorecard.statistics import decide

PANELS = {
    "rmse": ("relative RMSE", "lower", "linear"),
    "cc": ("correlation CC", "higher", "linear"),
    "spectrum_error": ("spectrum error", "lower", "log"),
}
"""Scores that can be drawn: label, which way is better, scale."""

BASELINE_STYLES = {
    "none": ("base", "no transfer"),
    "gain": ("gain", "output gain"),
    "all": ("all", "all layers"),
    "scratch_few": ("scratch", "scratch, few data"),
    "scratch_all": ("target", "scratch, all data"),
}
"""Role (colour) and label of each of `tlfourier.closure.models.BASELINES`."""

INTERVALS = ("range", "95%")


@door
@styled
def layer_scores(
    scores: xr.Dataset,
    panels: Sequence[str] = ("rmse", "cc", "spectrum_error"),
    interval: str = "range",
    highlight: Collection[str] = (),
) -> Figure:
    """Show each score against the layer that was re-trained, with every baseline as a labelled band.

    Points are means over training seeds, and error bars and bands their ``interval``. A ring marks the best
    of the layers; a set that lacks some of the seeds is drawn as a hollow diamond and never gets it. The
    arrow at a label points to where a score is better.

    ``scores``: over (model, seed), further dimensions such as the snapshot are averaged. A model is a
    baseline (a key of `BASELINE_STYLES`) or a set of layers, ``"2"`` or ``"2+5"``. ``panels``: keys of
    `PANELS`, from top to bottom. ``interval``, "range" or "95%": from the smallest to the largest seed, or
    the 95 % confidence interval of the mean (Student's t). ``highlight``: layer sets to shade, for instance
    those that a reader chose. Raises ValueError if a panel, an interval, a model or a highlighted set is
    unknown, or there is no layer to draw.
    """
    sets = _layer_sets(scores, highlight)
    _accept("panel", panels, PANELS)
    _accept("interval", [interval], INTERVALS)
    figure, axes = new_figure(len(panels), 1, 0.5 + 2.0 * len(panels), sharex=True)
    for ax, name in zip(axes.flat, panels, strict=True):
        label, better, scale = PANELS[name]
        ax.set(yscale=scale, ylabel=f"{label} {'↓' if better == 'lower' else '↑'}")
        table = over_seeds(scores[name], interval)
        _bands(ax, table)
        _points(ax, table.sel(model=sets), better, _all_seeds(scores[name]).sel(model=sets).values)
        for chosen in highlight:
            place = sets.index(chosen)
            ax.axvspan(place - 0.4, place + 0.4, color=ROLE_COLOURS["transferred"], alpha=0.15, linewidth=0)
        ax.set_xlim(-0.6, len(sets) - 0.4)
        ax.margins(y=0.18)
        if scale == "log":
            _plain_ticks(ax)
        _name_bands(ax, table)
    axes[-1, 0].set_xticks(range(len(sets)), map(_tick, sets))
    axes[-1, 0].set_xlabel("re-trained layer")
    panel_letters(axes.flat)
    return figure


@door
@styled
def relu_spectra(activations: xr.Dataset, layers: Sequence[str] | None = None, role: str = "base") -> Figure:
    """Show each layer's mean activation spectrum before (dashed) and after (solid) ReLU, one panel a layer.

    ``activations``: ``amplitude`` over (layer, stage, k) with stages ``before`` and ``after``. ``layers``:
    names of the layers to draw; all by default. ``role``: whose colour the lines have.
    """
    known = [str(name) for name in activations.layer.values]
    names = list(layers) if layers is not None else known
    _accept("layer", names, known)
    columns = min(4, len(names))
    rows = -(-len(names) // columns)
    figure, axes = new_figure(rows, columns, 0.7 + 1.6 * rows, sharex=True, sharey=True)
    for ax, name in zip(axes.flat, names, strict=False):
        spectrum = activations["amplitude"].sel(layer=name).sel(k=activations.k > 0)
        for stage, dash in (("before", "--"), ("after", "-")):
            line = spectrum.sel(stage=stage)
            if bool(line.notnull().any()):
                ax.loglog(line.k, line, dash, color=role_colour(role), label=f"{stage} ReLU")
        ax.set_title(name)
        wavenumber_ticks(ax)
    for ax in axes.flat[len(names) :]:
        ax.remove()
    for ax in axes.flat[len(names) - columns : len(names)]:
        ax.tick_params(labelbottom=True)
    figure.supxlabel("$k$", fontsize=10)
    figure.supylabel(r"mean $|\hat h|$, $|\hat g|$", fontsize=10)
    axes[0, 0].legend(loc="lower left", fontsize=8)
    return figure


@door
def over_seeds(score: xr.DataArray, interval: str) -> xr.Dataset:
    """Return ``mean``, ``low`` and ``high`` over the seeds of each model.

    ``score``: over (model, seed); further dimensions are averaged first. ``interval``, "range" or "95%": as
    in `layer_scores`; one seed has no width.
    """
    table = score.mean([dim for dim in score.dims if dim not in ("model", "seed")])
    mean = table.mean("seed")
    if interval == "range":
        return xr.Dataset({"mean": mean, "low": table.min("seed"), "high": table.max("seed")})
    if table.sizes["seed"] < 2:
        return xr.Dataset({"mean": mean, "low": mean, "high": mean})
    ends = [decide([row])[0] for row in table.transpose("model", "seed").values]
    low, high = [one.low for one in ends], [one.high for one in ends]
    return xr.Dataset({"mean": mean, "low": ("model", low), "high": ("model", high)})


@door
def seed_band(ax: Axes, x: ArrayLike, values: xr.DataArray, line: str = "o-", **style: Any) -> None:
    """Draw the mean over ``seed`` as a line with points, and the range as a band."""
    alpha = style.pop("alpha", 0.2)
    (drawn,) = ax.plot(x, values.mean("seed"), line, **{"markersize": 3, **style})
    low, high = values.min("seed"), values.max("seed")
    ax.fill_between(x, low, high, color=drawn.get_color(), alpha=alpha, linewidth=0)


@door
def spread(places: NDArray[np.float64], gap: float) -> NDArray[np.float64]:
    """Move places apart to at least ``gap``, as little as possible in the mean square, in the same order."""
    from scipy.optimize import isotonic_regression  # slow to import

    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(places))
    moved = np.empty(len(places))
    moved[order] = isotonic_regression(places[order] - steps).x + steps
    return moved


def _layer_sets(scores: xr.Dataset, highlight: Collection[str]) -> list[str]:
    """Return the names of the layer sets, single layers first, after checking all names."""
    models = [str(name) for name in scores.model.values]
    sets = [name for name in models if layers_of(name)]
    _accept("model", [name for name in models if name not in sets], BASELINE_STYLES)
    if not sets:
        raise ValueError(f"models are {', '.join(models)}: at least one set of layers, like 2, is needed")
    _accept("highlighted set", highlight, sets)
    return sorted(sets, key=lambda name: (len(layers_of(name)), layers_of(name)))


def _accept(what: str, names: Collection[str], known: Collection[str]) -> None:
    """Raise ValueError for the first name that is not known."""
    for name in names:
        if name not in known:
            raise ValueError(f"unknown {what} {name!r}: accepted are {', '.join(known)}")


def _all_seeds(score: xr.DataArray) -> xr.DataArray:
    """Tell which models have as many seeds as any."""
    count = score.notnull().any([dim for dim in score.dims if dim not in ("model", "seed")]).sum("seed")
    return count == count.max()


def _tick(name: str) -> str:
    """Return the name of a set of layers that fits below an axis."""
    chosen = layers_of(name)
    if len(chosen) < 3:
        return name
    row = chosen == tuple(range(chosen[0], chosen[-1] + 1))
    return f"{chosen[0]}–{chosen[-1]}" if row else f"{chosen[0]}+…\n+{chosen[-1]}"


def _points(ax: Axes, table: xr.Dataset, better: str, whole: NDArray[np.bool_]) -> None:
    """Draw the layers' points with error bars, and a ring around the best of those with all seeds."""
    mean = table["mean"].values
    x = np.arange(mean.size)
    bars = np.clip([mean - table["low"], table["high"] - mean], 0.0, None)
    colour = ROLE_COLOURS["transferred"]
    ax.errorbar(
        x[whole], mean[whole], bars[:, whole], fmt="o", color=colour, capsize=2.5, linewidth=1.2, zorder=4
    )
    ax.plot(
        x[~whole], mean[~whole], "D", fillstyle="none", color=colour, markersize=7, gid="some seeds", zorder=4
    )
    worst = np.inf if better == "lower" else -np.inf
    compared = np.where(whole, mean, worst)
    best = int(compared.argmin() if better == "lower" else compared.argmax())
    ax.plot(best, mean[best], "o", markersize=11, fillstyle="none", color=colour, gid="best", zorder=4)
    end, away, side = ("low", -9, "top") if better == "lower" else ("high", 9, "bottom")
    place, box = float(table[end][best]), {"facecolor": "white", "alpha": 0.75, "linewidth": 0, "pad": 0.5}
    look: dict[str, Any] = {"ha": "center", "va": side, "color": colour, "fontsize": 8.5, "bbox": box}
    ax.annotate("best", (best, place), (0, away), textcoords="offset points", **look)


def _bands(ax: Axes, table: xr.Dataset) -> None:
    """Draw the mean of each baseline as a line, and its interval as a band."""
    for name, (role, label) in BASELINE_STYLES.items():
        if name in table.model:
            one = table.sel(model=name)
            mean, low, high = (float(one[part]) for part in ("mean", "low", "high"))
            ax.axhspan(low, high, color=ROLE_COLOURS[role], alpha=0.18, linewidth=0)
            ax.axhline(mean, color=ROLE_COLOURS[role], linewidth=1.2, label=label)


def _plain_ticks(ax: Axes) -> None:
    """Write 0.05, 0.1, 0.2, ... on a logarithmic axis of scores."""
    low, high = ax.get_ylim()
    ticks = [digit * 10.0**power for power in range(-4, 3) for digit in (1, 2, 5)]
    shown = [tick for tick in ticks if low <= tick <= high]
    ax.set_yticks(shown, [f"{tick:g}" for tick in shown])
    ax.set_ylim(low, high)
    ax.yaxis.set_minor_formatter(NullFormatter())


def _name_bands(ax: Axes, table: xr.Dataset) -> None:
    """Write each baseline's name to the right of its band, moved apart where bands are close."""
    names = [name for name in BASELINE_STYLES if name in table.model]
    ax.set_ylim(ax.get_ylim())
    points = [(0.0, float(table["mean"].sel(model=name))) for name in names]
    if not points:
        return
    places = (ax.transData + ax.transAxes.inverted()).transform(points)[:, 1]
    for name, place, moved in zip(names, places, spread(places, gap=0.11), strict=True):
        role, label = BASELINE_STYLES[name]
        colour = ROLE_COLOURS[role]
        ax.plot([1, 1.03], [place, moved], linewidth=0.8, color=colour, transform=ax.transAxes, clip_on=False)
        ax.text(1.035, moved, label, color=colour, transform=ax.transAxes, va="center", fontsize=9)

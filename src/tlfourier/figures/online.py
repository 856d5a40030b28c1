"""Draw what an LES makes of the flow with each closure, beside the filtered DNS."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from tlfourier.doors import door
from tlfourier.figures.spectra import Forcing, over_k, wavenumber_axis
from tlfourier.figures.style import ROLE_COLOURS, new_figure, new_panel, panel_letters, styled

ROWS = {
    "smagorinsky": "Smagorinsky, theory", "smagorinsky 1.5": "Smagorinsky, 1.5 × theory",
    "leith": "Leith, theory", "leith 1.5": "Leith, 1.5 × theory",
    "dynamic smagorinsky, uniform": "dynamic Smagorinsky, uniform",
    "dynamic smagorinsky, local": "dynamic Smagorinsky, local",
    "dynamic leith, uniform": "dynamic Leith, uniform", "dynamic leith, local": "dynamic Leith, local",
    "jansen-held": "Jansen–Held backscatter", "gradient": "gradient model",
    "none": "network as it is", "dimensional": "consistent units",
    "dimensional per sample": "consistent, per sample", "gains": "three gains",
    "scales 2": "kernels scaled, layer 2", **{str(layer): f"layer {layer}" for layer in range(1, 12)},
    "all": "all layers", "scratch_few": "scratch, few samples", "scratch_all": "scratch, all samples",
}  # fmt: skip
"""What a reader sees for each closure, those without a network first, then the ladder of repairs."""
CASES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "^"))
"""Colour and marker of each case: told apart without colour too."""
COLOURS = ("#767676", "#0072B2", "#D55E00", "#E69F00", "#009E73", "#CC79A7")
DASHES = ("-", "--", "-", "-.", ":", "-")
_ALONE = ("#56B4E9", "D")  # of closures that belong to no case
_TEXT = 11.5  # points: a telephone shrinks the figure to less than half


@door
@styled
def climates(
    ensembles: Mapping[str, xr.Dataset], truth: xr.Dataset, k_forcing: Forcing = None, k_most: float = 24.0
) -> Figure:
    """Show the energy spectra of ensembles over that of the filtered DNS (a), and their vorticity's PDF (b).

    Zero in (a) is the filtered DNS, one is ten times its energy; bands are the members' 16th to 84th
    percentile. In (b) the filtered DNS is black.

    ``ensembles``: label of each and its statistics, of `tlfourier.closure.online.Statistics`, at most six.
    ``truth``: those of the filtered DNS. ``k_forcing``: forcing wavenumber. ``k_most``: the cut-off of the
    grid, beyond which nothing is drawn. ValueError for more than six ensembles.
    """
    if len(ensembles) > len(COLOURS):
        raise ValueError(f"ensembles of {', '.join(ensembles)}: at most {len(COLOURS)} can be told apart")
    figure, ((left, right),) = new_figure(1, 2, 4.1)
    wanted = over_k(truth["energy_spectrum"])
    wanted = wanted.where(wanted["k"] < k_most, drop=True)
    left.axhline(0.0, color=ROLE_COLOURS["truth"], linewidth=1.2)
    right.semilogy(truth["sigma"], _density(truth), color=ROLE_COLOURS["truth"], label="filtered DNS")
    for (name, found), colour, dash in zip(ensembles.items(), COLOURS, DASHES, strict=False):
        alive = found["energy_spectrum"].dropna("member", how="all").sel(k=wanted["k"])
        if not alive.sizes["member"]:
            right.plot([], [], dash, color=colour, label=f"{name}: blew up")
            continue
        decades = np.log10((alive / wanted).transpose("member", "k").values)
        low, high = np.quantile(decades, [0.16, 0.84], axis=0)
        left.fill_between(wanted["k"], low, high, color=colour, alpha=0.2, linewidth=0)
        left.semilogx(wanted["k"], np.log10(alive.mean("member") / wanted), dash, color=colour)
        right.semilogy(found["sigma"], _density(found), dash, color=colour, label=name)
    left.set_ylabel(r"$\log_{10}\ E(k)\, /\, E(k)$ of the filtered DNS")
    wavenumber_axis(left, k_forcing, k_most)
    right.set(xlabel=r"$\omega$ in deviations of the filtered DNS", ylabel="density", ylim=(1e-6, 2))
    figure.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3)
    panel_letters((left, right))
    return figure


@door
@styled
def errors(
    cases: Mapping[str, xr.Dataset],
    bare: float,
    sampling: float,
    alone: xr.Dataset | None = None,
) -> Figure:
    """Show the error of the LES' spectrum with each closure, a row each, a marker for each case.

    The error is the mean over wavenumbers of ``|log10|`` of the energy over the filtered DNS', on a
    logarithmic axis: one is a factor of ten at every wavenumber. Bars are 95 % intervals over members; a
    cross at the right edge is a closure with which every member blew up. The dashed line is an LES without
    closure, the dotted one half of the filtered DNS against the other half.

    ``cases``: of each case the summary over ``model``, of `tlfourier.study.online.summary`, of at most three;
    models of `ROWS` are shown. ``bare``, ``sampling``: the two lines. ``alone``: the summary of closures that
    are the same in every case. ValueError for more cases.
    """
    if len(cases) > len(CASES):
        raise ValueError(f"cases {', '.join(cases)}: at most {len(CASES)} can be told apart")
    summaries = [*cases.values(), *([] if alone is None else [alone])]
    known = {str(name) for one in summaries for name in one["model"].values}
    names = [name for name in ROWS if name in known]
    figure, ax = new_panel(1.4 + 0.29 * len(names))
    ax.axvline(bare, color="#767676", linestyle="--", linewidth=1.2, label="no closure")
    ax.axvline(sampling, color="#767676", linestyle=":", linewidth=1.4, label="half the DNS")
    for (case, found), (colour, marker), shift in zip(
        cases.items(), CASES, np.linspace(-0.2, 0.2, len(cases)), strict=False
    ):
        _rows(ax, found, names, shift, colour, marker, case)
    if alone is not None:
        _rows(ax, alone, names, 0.0, *_ALONE, "no network")
    ax.set_yticks(range(len(names)), [ROWS[name] for name in names], fontsize=_TEXT)
    ax.set(ylim=(len(names) - 0.5, -0.5), xscale="log")
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    ax.xaxis.set_minor_formatter(FuncFormatter(_few))
    ax.grid(axis="y", color="#E8E8E8", linewidth=0.8)
    ax.set_xlabel("error of the LES' energy spectrum in decades", fontsize=_TEXT)
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=_TEXT)
    return figure


@door
@styled
def offline(scores: pd.DataFrame, names: Mapping[str, str], bare: float) -> Figure:
    """Show the error online of many networks against each of their scores offline, a marker for each case.

    ``scores``: a row for each network, with ``case``, ``online`` and every score; of
    `tlfourier.study.online.offline_and_online`. ``names``: the scores to show, and what a reader sees for
    each. ``bare``: the error without a closure, a dashed line. A cross at the upper edge is a network with
    which every member blew up.
    """
    figure, (panels,) = new_figure(1, len(names), 3.6, sharey=True)
    for ax, (score, label) in zip(panels, names.items(), strict=True):
        ax.axhline(bare, color="#767676", linestyle="--", linewidth=1.2, label="no closure")
        for (case, rows), (colour, marker) in zip(scores.groupby("case", sort=False), CASES, strict=False):
            ax.plot(rows[score], rows["online"], marker, color=colour, markeredgecolor="white", label=case)
            lost, edge = rows[score][rows["online"].isna()], ax.get_xaxis_transform()
            ax.plot(lost, np.full(lost.size, 0.97), "x", color=colour, transform=edge, markersize=7)
        ax.set(xlabel=label, yscale="log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        ax.yaxis.set_minor_formatter(FuncFormatter(_few))
    panels[0].set_ylabel("error of the LES' spectrum")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    panel_letters(panels)
    return figure


def _rows(
    ax: Axes, found: xr.Dataset, names: Sequence[str], shift: float, colour: str, marker: str, label: str
) -> None:
    there = [str(name) for name in found["model"].values if name in names]
    places = np.array([names.index(name) for name in there]) + shift
    one = found.sel(model=there)
    seen = one["spectrum_error"].notnull().values
    values, low, high = (one[name].values for name in ("spectrum_error", "low", "high"))
    ax.hlines(places[seen], low[seen], high[seen], color=colour, linewidth=1.6)
    style = {"color": colour, "markersize": 7, "markeredgecolor": "white"}
    ax.plot(values[seen], places[seen], marker, label=label, **style)  # type: ignore[arg-type]
    edge = ax.get_yaxis_transform()
    ax.plot(np.full((~seen).sum(), 0.985), places[~seen], "x", color=colour, transform=edge, markersize=7)


def _few(value: float, _: object) -> str:
    """Write 0.02 and 0.05 between the powers of ten, and nothing else."""
    return f"{value:g}" if f"{value:g}"[-1] in "25" else ""


def _density(found: xr.Dataset) -> xr.DataArray:
    mean = found["pdf"].mean("member")
    return mean.where(mean > 0)

"""Draw what diagnostics say of a flow in time: series, the distribution of vorticity, its memory."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from tlfourier.doors import door
from tlfourier.figures.fields import snapshots
from tlfourier.figures.spectra import over_k, wavenumber_axis
from tlfourier.figures.style import line_style, new_figure, new_panel, panel_letters, styled
from tlfourier.flow.summary import spectral_shift

SERIES_LABELS = {
    "energy": "energy $E$", "enstrophy": "enstrophy $Z$",
    "palinstrophy": "palinstrophy $P$", "resolution": r"resolution $k_{\max}/k_d$",
}  # fmt: skip
"""What an axis calls each series."""


@door
def evolution(flow: xr.Dataset) -> Figure:
    """Show the vorticity snapshots that a flow's diagnostics kept, in the order of time.

    ``flow``: diagnostics with ``vorticity`` over (snapshot, y, x) and ``snapshot_time``; at most four are
    shown.
    """
    chosen = flow.isel(snapshot=slice(-4, None))
    titles = [f"time {time:.3g}" for time in chosen["snapshot_time"].values]
    return snapshots(dict(zip(titles, chosen["vorticity"].values, strict=True)))


@door
@styled
def series(flows: Mapping[str, xr.Dataset], names: Sequence[str] = ("energy", "enstrophy")) -> Figure:
    """Show time series of several flows, one panel for each quantity.

    ``flows``: legend name (or role) of each flow and its diagnostics; ``names``: keys of `SERIES_LABELS`.
    """
    figure, axes = new_figure(1, len(names), height=2.9)
    for ax, name in zip(axes.flat, names, strict=True):
        for label, flow in flows.items():
            ax.plot(flow["time"], flow[name], linewidth=1.2, **line_style(label))
        ax.set(xlabel="time", ylabel=SERIES_LABELS[name])
        ax.set_ylim(0, 1.08 * ax.get_ylim()[1])
    if len(flows) > 1:
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    panel_letters(axes.flat)
    return figure


@door
@styled
def memory_and_distribution(flows: Mapping[str, xr.Dataset]) -> Figure:
    """Show how long each flow's vorticity resembles itself, and how often it takes each value.

    ``flows``: legend name (or role) of each flow and its diagnostics.
    """
    figure, axes = new_figure(1, 2, height=3.1)
    memory, distribution = axes.flat
    longest = max(float(flow["decorrelation_time"]) for flow in flows.values())
    for label, flow in flows.items():
        memory.plot(flow["lag"], flow["autocorrelation"], **line_style(label))
        seen = flow["pdf"].where(flow["pdf"] > 0)
        distribution.semilogy(flow["sigma"], seen, **line_style(label))
    memory.axhline(np.exp(-1), color="#767676", linewidth=0.9, linestyle=(0, (4, 2)), zorder=0)
    # A flow that never forgets within its lags has an infinite time; then the whole axis is shown.
    memory.set(xlabel="lag in time", ylabel="autocorrelation of vorticity")
    memory.set_xlim(0, 4 * longest if np.isfinite(longest) else None)
    memory.text(0.99, np.exp(-1), "1/e", transform=memory.get_yaxis_transform(), ha="right", va="bottom")
    normal = np.linspace(-5, 5, 201)
    density = np.exp(-(normal**2) / 2) / np.sqrt(2 * np.pi)
    distribution.semilogy(normal, density, ":", color="#767676", label="normal", zorder=0)
    distribution.set(xlabel=r"$\omega/\sigma$", ylabel="probability density", xlim=(-8, 8), ylim=(1e-6, 1))
    distribution.legend(loc="lower center")
    panel_letters(axes.flat)
    return figure


@door
@styled
def shifts(cases: Mapping[str, tuple[xr.Dataset, xr.Dataset]], k_cutoff: float) -> Figure:
    """Show by how many powers of ten the energy spectrum changes from base to target, one line for each case.

    ``cases``: name of each case and the diagnostics of its base and its target. ``k_cutoff``: the largest
    wavenumber of the coarse grid; beyond it the lines are thin, for no network sees them.
    """
    figure, ax = new_panel(3.1)
    ax.axhline(0, color="#767676", linewidth=0.8)
    for name, (base, target) in cases.items():
        seen = over_k(spectral_shift(base, target, k_cutoff)["shift"])
        (line,) = ax.semilogx(seen["k"], seen, **line_style(name))
        whole = over_k(spectral_shift(base, target, 2 * k_cutoff)["shift"])
        ax.semilogx(whole["k"], whole, color=line.get_color(), linewidth=0.7, zorder=1)
    ax.set_ylabel(r"$\log_{10}$ (target / base)")
    wavenumber_axis(ax, None, k_cutoff)
    ax.legend()
    return figure

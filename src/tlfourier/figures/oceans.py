"""Draw oceans of layers: how each looks, its jets, its spectra along both axes, its energy in time."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tlfourier.doors import door
from tlfourier.figures.fields import colour_bar
from tlfourier.figures.spectra import wavenumber_ticks
from tlfourier.figures.style import draw_signed, line_style, new_figure, panel_letters, styled
from tlfourier.flow.anisotropy import Part, jets

DASHES = {"zonal_spectrum": ("k_x", "-", "along $x$"), "meridional_spectrum": ("k_y", "--", "along $y$")}


@door
@styled
def ocean(flow: xr.Dataset, prominence: Part = 0.25, decades: float = 8.0) -> Figure:
    """Show an ocean: the potential vorticity of its layers, its zonal-mean flow with the jets, its spectra.

    The first and the last layer (a, b), each with its own colours; the zonal-mean velocity averaged over time
    with a dot at each eastward jet of the first layer (c); kinetic energy by wavenumber along x, solid, and
    along y, dashed (d): where the two part, the flow is not isotropic. Lengths are in sides L of the box,
    wavenumbers in 2π / L.

    ``flow``: diagnostics of `tlfourier.flow.layered_diagnostics.diagnose_layers`, with a snapshot at least;
    the last one is shown. ``prominence``: as in `tlfourier.flow.anisotropy.jets`. ``decades``: how far down
    from the largest value to show spectra. Raises ValueError without a snapshot.
    """
    if not flow.sizes["snapshot"]:
        raise ValueError("flow has no snapshot: diagnose it with kept=1 or more")
    figure, axes = new_figure(2, 2, 7.0)
    length, shown = _side(flow), flow["potential_vorticity"].isel(snapshot=-1)
    for ax, layer in zip(axes[0], (0, -1), strict=True):
        field = shown.isel(layer=layer)
        image = draw_signed(ax, field.transpose("y", "x"), length=1.0)
        colour_bar(image, ax, f"$q_{int(field['layer'])}$", "bottom")
        ax.set(title=_called(field), xlabel="$x/L$", ylabel="$y/L$")
    _zonal_mean(flow, prominence, axes[1, 0])
    ax, top = axes[1, 1], 0.0
    for name, (axis, dash, direction) in DASHES.items():
        ax.set_prop_cycle(None)
        for layer in flow["layer"]:
            one = flow[name].sel(layer=layer)
            mode, seen = one[axis] * length / (2 * np.pi), one.where(one > 0)
            ax.loglog(mode[1:], seen[1:], dash, label=f"{_called(one)}, {direction}")
            top = max(top, float(one.max()))
    ax.set(xlabel=r"wavenumber $kL/2\pi$", ylabel="kinetic energy")
    if top > 0:
        ax.set_ylim(top * 10**-decades, top * 10)
    wavenumber_ticks(ax)
    known = [part for panel in axes[1] for part in zip(*panel.get_legend_handles_labels(), strict=True)]
    handles, labels = zip(*known, strict=True)
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    panel_letters(axes.flat)
    return figure


@door
@styled
def energies(flows: Mapping[str, xr.Dataset], year: float = 365 * 86_400.0) -> Figure:
    """Show the energy of oceans in time: that of the eddies (a), and the share of the zonal-mean flow (b).

    A flow whose line still rises or falls was not spun up. Thin lines are its runs, the thick one their mean.

    ``flows``: name of each ocean and its diagnostics, of several runs with the runs apart, see
    `tlfourier.flow.layered_summary.by_run`; ``year``: its length in their unit of time.
    """
    figure, (panels,) = new_figure(1, 2, 3.1)
    for name, flow in flows.items():
        time = (flow["time"] - flow["time"][0]) / year
        for ax, values in zip(panels, (flow["energy"], flow["jet_share"].isel(layer=0)), strict=True):
            several = "run" in values.dims
            mean = values.mean("run") if several else values
            (line,) = ax.plot(time, mean, linewidth=1.6, zorder=3, **line_style(name))
            if several:
                runs = values.transpose("time", "run")
                ax.plot(time, runs, linewidth=0.5, alpha=0.4, color=line.get_color(), label="_run")
    panels[0].set(xlabel="time in years", ylabel="energy $E$", ylim=(0, None))
    panels[1].set(xlabel="time in years", ylabel="share of the zonal mean, layer 1", ylim=(0, None))
    if len(flows) > 1:
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    panel_letters(panels)
    return figure


def _zonal_mean(flow: xr.Dataset, prominence: float, ax: Axes) -> None:
    """Draw the zonal-mean velocity of layers averaged over time, with the jets of the first; y upwards."""
    length, mean = _side(flow), flow["zonal_mean"].mean("time")
    ax.axvline(0.0, color="#767676", linewidth=0.8)
    for layer in mean["layer"]:
        one = mean.sel(layer=layer)
        ax.plot(one, one["y"] / length)
    found = jets(mean.isel(layer=0), prominence)
    label = f"jets of layer 1: {found.attrs['count']}"
    ax.plot(found["speed"], found["position"] / length, "o", color="#000000", label=label)
    ax.set(xlabel="zonal-mean velocity", ylabel="$y/L$", ylim=(0, 1))


def _side(flow: xr.Dataset) -> float:
    """Return the side of the box, from its points along y."""
    return float(flow["y"][1] - flow["y"][0]) * flow.sizes["y"]


def _called(one: xr.DataArray) -> str:
    return f"layer {int(one['layer'])}"

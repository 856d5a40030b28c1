"""Draw what re-training changed: how much in each layer, in how many kernels, at which wavenumbers."""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from tlfourier.doors import door
from tlfourier.figures.spectra import Forcing, over_k, wavenumber_axis
from tlfourier.figures.style import line_style, new_figure, new_panel, panel_letters, role_colour, styled

DATA_LINES = {"entering": ("what enters", "-"), "omega": (r"$\bar\omega$", "--"), "psi": (r"$\bar\psi$", ":")}
"""How the spectra of data are labelled and dashed beside those of kernels."""


@door
@styled
def layer_changes(networks: Mapping[str, xr.Dataset]) -> Figure:
    """Show for each re-trained layer how much it changed (a), and how unequally over its kernels (b).

    In (a) filled circles are the weights and open ones the amplitude spectra of the kernels.

    ``networks``: role or label, and `tlfourier.fourier.layer_changes`.
    """
    figure, (panels,) = new_figure(1, 2, 3.0)
    for name, change in networks.items():
        (line,) = panels[0].semilogy(change.layer, change.weight, "o-", **line_style(name))
        panels[0].semilogy(change.layer, change.amplitude, "o:", mfc="white", color=line.get_color())
        panels[1].plot(change.layer, change.gini, "o-", **line_style(name))
    panels[0].set_ylabel(r"relative change: $W$ ●, $|F(W)|$ ○")
    panels[1].set(ylabel="Gini coefficient", ylim=(0, 1))
    for ax in panels:
        ax.set(xlabel="re-trained layer", xticks=_layers(networks))
    panels[1].legend()
    panel_letters(panels)
    return figure


@door
@styled
def changes(networks: Mapping[str, xr.Dataset], percentile: float = 99.9) -> Figure:
    """Show how the change by re-training is spread over kernels: (a) how many change more, (b) concentration.

    ``networks``: role or label, and `tlfourier.fourier.network_change` of the re-trained kernels. In (a) the
    circle marks ``percentile``; in (b) the diagonal is an equal change of every kernel.
    """
    figure, axes = new_figure(1, 2, 3.2)
    left, right = axes.flat
    for name, change in networks.items():
        values = np.sort(change.delta_weight.values)
        share = 1 - np.arange(values.size) / values.size
        (line,) = left.semilogy(values, share, **line_style(name))
        mark = np.percentile(values, percentile)
        left.plot(mark, 1 - percentile / 100, "o", mfc="white", color=line.get_color())
        total = np.concatenate([[0], np.cumsum(values)])
        right.plot(np.linspace(0, 1, total.size), total / max(total[-1], 1e-300), **line_style(name))
    right.plot([0, 1], [0, 1], ":", color=role_colour("null"))
    left.set(xlabel=r"change of a kernel, $\|\Delta W\|$", ylabel="share of kernels that change more")
    right.set(xlabel="share of kernels, least changed first", ylabel="share of the change")
    right.legend()
    panel_letters(axes.flat)
    return figure


@door
@styled
def response(
    kernels: Mapping[str, xr.DataArray], data: Mapping[str, xr.DataArray], k_forcing: Forcing = None
) -> Figure:
    """Show by how many powers of ten a layer's response (a) and its data's spectra (b) change over k.

    ``kernels``: role or label, and `tlfourier.fourier.log_ratio` of the responses after and before
    re-training. ``data``: name and `tlfourier.fourier.log_ratio` of target and base spectra. ``k_forcing``:
    forcing wavenumbers, say ``{"base": 12, "target": 4}``.
    """
    figure, (panels,) = new_figure(1, 2, 3.0)
    for name, ratio in kernels.items():
        panels[0].semilogx(ratio.k, ratio, **line_style(name))
    for name, ratio in data.items():
        label, dash = DATA_LINES.get(name, (name, "-"))
        panels[1].semilogx(ratio.k, over_k(ratio), dash, color="#000000", label=label)
    panels[0].set_ylabel(r"$\log_{10}$ of $\sum|F(W)|^2$, after / before")
    panels[1].set_ylabel(r"$\log_{10}$ of amplitude, target / base")
    for ax in panels:
        ax.axhline(0.0, color=role_colour("null"), linewidth=0.8)
        wavenumber_axis(ax, k_forcing)
        ax.legend()
    panel_letters(panels)
    return figure


@door
@styled
def agreements(networks: Mapping[str, xr.DataArray], clear: float = 0.5) -> Figure:
    """Show for each re-trained layer how its change of response correlates with that of what enters it.

    ``networks``: role or label, and `tlfourier.fourier.agreement` over ``layer``. Correlations below
    ``clear``, shaded, count as none.
    """
    figure, ax = new_panel(2.8)
    ax.axhspan(-clear, clear, color="#EEEEEE", linewidth=0)
    ax.axhline(0.0, color="#767676", linewidth=0.8)
    for name, values in networks.items():
        ax.plot(values.layer, values, "o", **line_style(name))
    ax.set(xlabel="re-trained layer", xticks=_layers(networks))
    ax.set(ylabel="correlation over $k$", ylim=(-1.05, 1.05))
    ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def _layers(networks: Mapping[str, xr.Dataset] | Mapping[str, xr.DataArray]) -> list[int]:
    """Return all layers that one of the networks has, in order; a null model may have fewer."""
    return sorted({int(layer) for one in networks.values() for layer in one["layer"].values})

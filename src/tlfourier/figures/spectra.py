"""Draw what depends on the wavenumber: spectra, fluxes, ratios of spectra, filters.

Everywhere the forcing wavenumber k_f and the largest wavenumber of the LES k_c are marked if they are given.
"""

from collections.abc import Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike

from tlfourier.doors import door
from tlfourier.figures.style import (
    ROLE_COLOURS,
    figure_of,
    line_style,
    mark_wavenumber,
    new_figure,
    own_axes,
    panel_letters,
    styled,
)
from tlfourier.flow.summary import log_ratio

Forcing = float | Mapping[str, float] | None
"""One forcing wavenumber, or one for each flow by name."""

SYMBOLS = {
    "energy_spectrum": "$E(k)$", "enstrophy_spectrum": "$Z(k)$", "palinstrophy_spectrum": "$P(k) = k^2 Z(k)$",
    "energy_flux": r"$\Pi_E(k)$", "enstrophy_flux": r"$\Pi_Z(k)$",
    "psi": r"$\bar\psi$", "omega": r"$\bar\omega$", "sgs": r"$\Pi$",
}  # fmt: skip
SLOPES = {"energy_spectrum": -3.0, "enstrophy_spectrum": -1.0}
"""Slopes of the direct enstrophy cascade (Kraichnan 1967, Batchelor 1969)."""

LINES = {"psi": ":", "omega": "--", "sgs": "-"}


@door
@styled
def spectrum(
    flows: Mapping[str, xr.Dataset],
    variable: str = "energy_spectrum",
    k_forcing: Forcing = None,
    k_cutoff: float | None = None,
    decades: float = 9.0,
    ax: Axes | None = None,
) -> Figure:
    """Show the spectra of several flows, log-log, with the slope of the enstrophy cascade.

    ``flows``: role (or name) of each flow and its diagnostics, ``variable`` over k. ``variable``,
    "energy_spectrum", "enstrophy_spectrum" or "palinstrophy_spectrum": what to draw. ``k_forcing``: forcing
    wavenumber, of all flows or of each. ``k_cutoff``: largest wavenumber of the LES. ``decades``: how far
    down from the largest value to show. ``ax``: where to draw.
    """
    ax = own_axes(ax, height=3.6, width=5.0)
    top = 0.0
    for name, data in flows.items():
        curve = over_k(data[variable])
        # A logarithm has no place for the zeros beyond the dealiasing mask.
        ax.loglog(curve.k, curve.where(curve > 0), **line_style(name))
        top = max(top, float(curve.max()))
    if variable in SLOPES:
        _slope(ax, flows, variable, _largest(k_forcing), k_cutoff)
    ax.set(ylabel=SYMBOLS[variable], ylim=(top * 10**-decades, top * 10))
    wavenumber_axis(ax, k_forcing, k_cutoff)
    ax.legend(loc="lower left")
    return figure_of(ax)


@door
@styled
def flow_spectra(
    flows: Mapping[str, xr.Dataset], k_forcing: Forcing = None, k_cutoff: float | None = None
) -> Figure:
    """Show energy spectra (a) and enstrophy spectra (b) of several flows; parameters as in `spectrum`."""
    figure, axes = new_figure(1, 2, 3.4)
    spectrum(flows, "energy_spectrum", k_forcing, k_cutoff, 9.0, axes[0, 0])
    spectrum(flows, "enstrophy_spectrum", k_forcing, k_cutoff, 7.0, axes[0, 1])
    panel_letters(axes.flat)
    return figure


@door
@styled
def fluxes(
    flows: Mapping[str, xr.Dataset], k_forcing: Forcing = None, k_cutoff: float | None = None
) -> Figure:
    """Show the fluxes of energy (a) and enstrophy (b) through each wavenumber; positive is to smaller scales.

    Parameters as in `spectrum`, with ``energy_flux`` and ``enstrophy_flux`` over k.
    """
    figure, axes = new_figure(1, 2, 3.0)
    for ax, variable in zip(axes.flat, ("energy_flux", "enstrophy_flux"), strict=True):
        ax.axhline(0.0, color="#767676", linewidth=0.8)
        for name, data in flows.items():
            curve = over_k(data[variable])
            ax.semilogx(curve.k, curve, **line_style(name))
        ax.set_ylabel(SYMBOLS[variable])
        wavenumber_axis(ax, k_forcing, k_cutoff)
    axes[0, 1].legend()
    panel_letters(axes.flat)
    return figure


@door
@styled
def ratio(
    base: Mapping[str, xr.DataArray] | xr.Dataset,
    target: Mapping[str, xr.DataArray] | xr.Dataset,
    k_forcing: Forcing = None,
    ax: Axes | None = None,
) -> Figure:
    """Show by how many powers of ten the spectra of psi, omega and Π change from base to target.

    ``base``, ``target``: spectra over k of ``psi``, ``omega``, ``sgs``: those that both hold are drawn.
    ``k_forcing``: forcing wavenumbers, say ``{"base": 12, "target": 4}``. ``ax``: where to draw. Raises
    ValueError if the spectra have not the same wavenumbers, or none in common.
    """
    ax = own_axes(ax, height=3.2, width=5.0)
    names = [name for name in LINES if name in base and name in target]
    if not names:
        raise ValueError(f"base has {', '.join(map(str, base))}: spectra of {', '.join(LINES)} are accepted")
    ax.axhline(0.0, color="#767676", linewidth=0.8)
    for name in names:
        change = log_ratio(over_k(target[name]), over_k(base[name]))
        ax.semilogx(change.k, change, LINES[name], color="#000000", label=SYMBOLS[name])
    ax.set_ylabel(r"$\log_{10}$ (target / base)")
    wavenumber_axis(ax, k_forcing)
    ax.legend()
    return figure_of(ax)


@door
@styled
def case(
    base: Mapping[str, xr.DataArray] | xr.Dataset,
    target: Mapping[str, xr.DataArray] | xr.Dataset,
    k_forcing: Forcing = None,
) -> Figure:
    """Show the spectra of psi (a), omega (b) and Π (c) of base and target, and their ratios (d).

    Parameters as in `ratio`; ``psi``, ``omega`` and ``sgs`` are needed.
    """
    figure, axes = new_figure(2, 2, 5.0)
    for ax, name in zip(axes.flat, LINES, strict=False):
        for role, flow in (("base", base), ("target", target)):
            curve = over_k(flow[name])
            ax.loglog(curve.k, curve, **line_style(role))
        ax.set_ylabel(f"power of {SYMBOLS[name]}")
        wavenumber_axis(ax, k_forcing)
    axes[0, 0].legend()
    ratio(base, target, k_forcing, axes[1, 1])
    panel_letters(axes.flat)
    return figure


@door
@styled
def filter_factors(
    factors: Mapping[str, ArrayLike], k: ArrayLike, k_cutoff: float, ax: Axes | None = None
) -> Figure:
    """Show the factor by which each filter multiplies each wavenumber.

    ``factors``: name of each filter and its factor at each of the wavenumbers ``k``, both of shape (k,).
    ``k_cutoff``: largest wavenumber of the LES. ``ax``: where to draw.
    """
    ax = own_axes(ax, height=3.0, width=5.0)
    ax.axhline(0.0, color="#767676", linewidth=0.8)
    for (name, factor), dash in zip(factors.items(), ("-", "--", "-.", ":"), strict=False):
        ax.plot(k, factor, dash, **line_style(name))
    ax.set(xlabel="$k$", ylabel="factor $G(k)$", xlim=(0, 2 * k_cutoff))
    mark_wavenumber(ax, k_cutoff, "$k_c$")
    ax.legend()
    return figure_of(ax)


@door
def over_k(values: xr.DataArray) -> xr.DataArray:
    """Average over every dimension but k, and leave k = 0 out, which a logarithm cannot show."""
    mean = values.mean([dim for dim in values.dims if dim != "k"])
    return mean.sel(k=mean.k > 0)


@door
def wavenumber_ticks(ax: Axes) -> None:
    """Write 1, 2, 5, 10, ... on a logarithmic axis of wavenumbers, as many as it spans."""
    first, last = ax.get_xlim()
    ticks = [digit * 10**power for power in range(4) for digit in (1, 2, 5)]
    shown = [tick for tick in ticks if first <= tick <= last]
    ax.set_xticks(shown, [str(tick) for tick in shown])
    ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set_xlim(first, last)


def _largest(k_forcing: Forcing) -> float:
    """Return the largest forcing wavenumber, 4 if there is none."""
    return max(k_forcing.values()) if isinstance(k_forcing, Mapping) else k_forcing or 4.0


def _slope(
    ax: Axes, flows: Mapping[str, xr.Dataset], variable: str, k_forcing: float, k_cutoff: float | None
) -> None:
    """Draw the reference slope a little above the highest spectrum, from behind the forcing to twice k_c."""
    curves = [over_k(data[variable]) for data in flows.values()]
    last = 2 * k_cutoff if k_cutoff else float(curves[0].k.max()) / 4
    k = np.array([min(1.5 * k_forcing, last / 2), last])
    height = 3.0 * max(float(curve.sel(k=slice(k[0], None)).max()) for curve in curves)
    slope = SLOPES[variable]
    ax.loglog(k, height * (k / k[0]) ** slope, color="#767676", linewidth=1.0)
    ax.text(k[1], height * (k[1] / k[0]) ** slope, f" $k^{{{slope:.0f}}}$", color="#555555", va="bottom")


@door
def wavenumber_axis(ax: Axes, k_forcing: Forcing = None, k_cutoff: float | None = None) -> None:
    """Name the axis; mark forcing (in the colour of its flow, where flows differ; 0 is none) and cut-off."""
    ax.set_xlabel("$k$")
    wavenumber_ticks(ax)
    if isinstance(k_forcing, Mapping):
        different = len(set(k_forcing.values())) > 1
        for k in sorted(set(k_forcing.values()) - {0}):
            names = [name for name, value in k_forcing.items() if value == k]
            colour = ROLE_COLOURS.get(names[0], "#767676") if different else "#767676"
            mark_wavenumber(ax, k, "$k_f$", colour)
    elif k_forcing is not None:
        mark_wavenumber(ax, k_forcing, "$k_f$")
    if k_cutoff is not None:
        mark_wavenumber(ax, k_cutoff, "$k_c$")

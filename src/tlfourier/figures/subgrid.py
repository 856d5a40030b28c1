"""Draw the predicted subgrid term by wavenumber: its spectrum, and what it takes from the resolved flow."""

from collections.abc import Mapping

import xarray as xr
from matplotlib.figure import Figure

from tlfourier.doors import door
from tlfourier.figures.spectra import Forcing, over_k, wavenumber_axis
from tlfourier.figures.style import ROLE_COLOURS, line_style, new_figure, panel_letters, styled


@door
@styled
def sgs_spectrum(scores: Mapping[str, xr.Dataset], k_forcing: Forcing = None) -> Figure:
    """Show the true and the predicted spectra of the subgrid term (a), and predicted over true (b).

    The mean distance from 1 in (b) is the spectrum error.

    ``scores``: role (or name) of each network and its scores on the same flow, ``spectrum`` over (field, k);
    further dimensions, such as the seed, are averaged. ``k_forcing``: as in
    `tlfourier.figures.spectra.spectrum`.
    """
    figure, (panels,) = new_figure(1, 2, 3.3)
    truth = over_k(next(iter(scores.values()))["spectrum"].sel(field="truth"))
    panels[0].loglog(truth.k, truth, linewidth=2.4, **line_style("truth"))
    panels[1].axhline(1.0, color=ROLE_COLOURS["truth"], linewidth=2.4)
    for name, data in scores.items():
        curve = over_k(data["spectrum"].sel(field="prediction"))
        panels[0].loglog(curve.k, curve, **line_style(name))
        panels[1].semilogx(curve.k, curve / truth, **line_style(name))
    panels[0].set_ylabel(r"$|\hat\Pi(k)|$")
    panels[1].set(ylabel="predicted / true", ylim=(0, None))
    for ax in panels:
        wavenumber_axis(ax, k_forcing)
    panels[0].legend()
    panel_letters(panels)
    return figure


@door
@styled
def transfer_spectra(scores: Mapping[str, xr.Dataset], k_forcing: Forcing = None) -> Figure:
    """Show how much energy (a) and enstrophy (b) each wavenumber gives to the subgrid scales.

    ``scores``: as in `sgs_spectrum`, with ``energy_transfer_spectrum`` and ``enstrophy_transfer_spectrum``.
    ``k_forcing``: as in `tlfourier.figures.spectra.spectrum`.
    """
    figure, (panels,) = new_figure(1, 2, 3.1)
    for ax, quantity, symbol in zip(panels, ("energy", "enstrophy"), (r"\psi", r"\omega"), strict=True):
        ax.axhline(0.0, color="#767676", linewidth=0.8)
        variable = f"{quantity}_transfer_spectrum"
        truth = over_k(next(iter(scores.values()))[variable].sel(field="truth"))
        ax.semilogx(truth.k, truth, linewidth=2.4, **line_style("truth"))
        for name, data in scores.items():
            curve = over_k(data[variable].sel(field="prediction"))
            ax.semilogx(curve.k, curve, **line_style(name))
        ax.set_ylabel(rf"{quantity} transfer $\langle\bar{symbol}\,\Pi\rangle(k)$")
        wavenumber_axis(ax, k_forcing)
    panels[0].legend()
    panel_letters(panels)
    return figure

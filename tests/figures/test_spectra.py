"""Spectra: one line for each role in its colour, marked wavenumbers at their place."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from tlfourier.figures import spectra, style

K = np.arange(0.0, 65.0)


def flow(amplitude: float) -> xr.Dataset:
    """Return diagnostics with E = amplitude k**-3, Z = amplitude k**-1, and constant fluxes."""
    k = np.maximum(K, 1.0)
    names = {"energy_spectrum": amplitude * k**-3, "enstrophy_spectrum": amplitude / k}
    names |= {"energy_flux": np.full(K.size, -amplitude), "enstrophy_flux": np.full(K.size, amplitude)}
    return xr.Dataset({name: ("k", values * (K > 0)) for name, values in names.items()}, {"k": K})


def line(ax: Axes, label: str) -> Line2D:
    """Return the only line with a label."""
    (found,) = [line for line in ax.lines if line.get_label() == label]
    return found


def ydata(ax: Axes, label: str) -> NDArray[np.float64]:
    return np.asarray(line(ax, label).get_ydata(), dtype=float)


def marks(ax: Axes) -> dict[float, str]:
    """Return where wavenumbers are marked, and in which colour."""
    vertical = [one for one in ax.lines if len(set(np.asarray(one.get_xdata()))) == 1]
    return {float(np.asarray(one.get_xdata())[0]): str(one.get_color()) for one in vertical}


def test_spectrum_is_log_log_with_role_colours_and_without_k_zero() -> None:
    figure = spectra.spectrum({"base": flow(2.0), "target": flow(1.0)}, k_forcing=4.0, k_cutoff=32.0)
    (ax,) = figure.axes
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    assert line(ax, "base").get_color() == style.ROLE_COLOURS["base"]
    assert line(ax, "target").get_color() == style.ROLE_COLOURS["target"]
    assert np.allclose(ydata(ax, "base"), 2.0 * K[1:] ** -3)
    assert set(marks(ax)) == {4.0, 32.0}
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$k$", "$E(k)$")


@pytest.mark.parametrize(("variable", "slope"), [("energy_spectrum", -3), ("enstrophy_spectrum", -1)])
def test_reference_slope_is_parallel_to_the_cascade(variable: str, slope: int) -> None:
    (ax,) = spectra.spectrum({"target": flow(1.0)}, variable, 4.0, 32.0).axes
    (reference,) = [
        one for one in ax.lines if len(np.asarray(one.get_xdata())) == 2 and one not in ax.lines[-2:]
    ]
    x, y = np.log(reference.get_xdata()), np.log(reference.get_ydata())
    assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(slope)
    assert f" $k^{{{slope}}}$" in [text.get_text() for text in ax.texts]


def test_different_forcing_is_marked_in_the_colour_of_its_role() -> None:
    (ax,) = spectra.spectrum({"base": flow(1.0)}, k_forcing={"base": 12.0, "target": 4.0}).axes
    assert marks(ax) == {12.0: style.ROLE_COLOURS["base"], 4.0: style.ROLE_COLOURS["target"]}


def test_equal_forcing_is_marked_once_and_in_grey() -> None:
    (ax,) = spectra.spectrum({"base": flow(1.0)}, k_forcing={"base": 4.0, "target": 4.0}).axes
    assert marks(ax) == {4.0: "#767676"}


def test_flow_spectra_and_fluxes_have_an_energy_and_an_enstrophy_panel() -> None:
    flows = {"base": flow(2.0), "small_scale": flow(3.0)}
    pair = spectra.flow_spectra(flows, 4.0, 32.0)
    assert [ax.get_ylabel() for ax in pair.axes] == ["$E(k)$", "$Z(k)$"]
    figure = spectra.fluxes(flows, 4.0, 32.0)
    assert [ax.get_ylabel() for ax in figure.axes] == [r"$\Pi_E(k)$", r"$\Pi_Z(k)$"]
    assert np.all(ydata(figure.axes[0], "base") == -2.0)
    assert np.all(ydata(figure.axes[1], "small scale") == 3.0)


def test_ratio_is_the_decimal_logarithm_of_target_over_base() -> None:
    k = K[1:32]
    base = xr.Dataset({name: ("k", 1 / k) for name in ("psi", "omega", "sgs")}, {"k": k})
    target = base.assign(psi=base.psi / 10, sgs=100 * base.sgs)
    (ax,) = spectra.ratio(base, target).axes
    assert np.allclose(ydata(ax, r"$\bar\psi$"), -1)
    assert np.allclose(ydata(ax, r"$\bar\omega$"), 0)
    assert np.allclose(ydata(ax, r"$\Pi$"), 2)


def test_ratio_refuses_other_wavenumbers_and_nothing_to_draw() -> None:
    k = K[1:32]
    base = xr.Dataset({"psi": ("k", k)}, {"k": k})
    with pytest.raises(ValueError, match="30 wavenumbers, before 31"):
        spectra.ratio(base, base.isel(k=slice(30)))
    with pytest.raises(ValueError, match="base has energy: spectra of psi, omega, sgs"):
        spectra.ratio(base.rename(psi="energy"), base)


def test_filter_factors_reach_to_twice_the_cut_off() -> None:
    (ax,) = spectra.filter_factors({"gaussian": np.exp(-K), "box": 1 - K / 64}, K, 16.0).axes
    assert ax.get_xlim() == (0.0, 32.0)
    assert np.array_equal(ydata(ax, "box"), 1 - K / 64)
    assert line(ax, "box").get_linestyle() != line(ax, "gaussian").get_linestyle()
    assert set(marks(ax)) == {16.0}


def test_wavenumber_ticks_are_plain_numbers() -> None:
    _, axes = style.new_figure()
    axes[0, 0].set(xscale="log", xlim=(1, 40))
    spectra.wavenumber_ticks(axes[0, 0])
    assert [label.get_text() for label in axes[0, 0].get_xticklabels()] == ["1", "2", "5", "10", "20"]


def test_every_figure_of_spectra_draws_without_a_warning() -> None:
    flows = {"base": flow(2.0), "target": flow(1.0)}
    _, axes = style.new_figure()
    for figure in (
        spectra.flow_spectra(flows, 4.0, 32.0),
        spectra.fluxes(flows),
        spectra.spectrum(flows, ax=axes[0, 0]),
    ):
        figure.draw_without_rendering()


def test_a_case_shows_every_spectrum_of_both_flows_and_their_ratio() -> None:
    base, target = (
        xr.Dataset({name: ("k", height * np.maximum(K, 1.0) ** -2) for name in spectra.LINES}, {"k": K})
        for height in (1.0, 10.0)
    )
    axes = spectra.case(base, target, {"base": 12.0, "target": 4.0}).axes
    assert len(axes) == 4
    for ax in axes[:3]:
        np.testing.assert_allclose(ydata(ax, "target") / ydata(ax, "base"), 10.0)
        assert {4.0, 12.0} <= set(marks(ax))
    for name in spectra.LINES:
        np.testing.assert_allclose(ydata(axes[3], spectra.SYMBOLS[name]), 1.0)

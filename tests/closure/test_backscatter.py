"""Forward transfer and backscatter on fields whose products are known."""

import numpy as np
import pytest
import xarray as xr

from tlfourier.closure.backscatter import direction, exchange, scatter, scatter_table


def pairs_of(psi: np.ndarray, omega: np.ndarray, sgs: np.ndarray) -> xr.Dataset:
    fields = {"psi": psi, "omega": omega, "sgs": sgs}
    return xr.Dataset({name: (("time", "y", "x"), field[None]) for name, field in fields.items()})


def test_an_eddy_viscosity_only_dissipates() -> None:
    x = 2 * np.pi * np.arange(32) / 32
    omega = np.cos(3 * x)[None, :] * np.ones((32, 1))
    nu = 0.25
    result = scatter(pairs_of(omega / 9, omega, nu * 9 * omega))
    assert result["enstrophy"].item() == pytest.approx(nu * 9 / 2)
    assert result["energy"].item() == pytest.approx(nu / 2)
    assert result["enstrophy_back"].item() == 0.0


def test_the_opposite_sign_is_all_backscatter() -> None:
    rng = np.random.default_rng(0)
    omega = rng.standard_normal((16, 16))
    result = scatter(pairs_of(omega, omega, -omega))
    assert result["enstrophy"].item() == pytest.approx(-np.mean(omega**2))
    assert result["enstrophy_back"].item() == 1.0


def test_uncorrelated_fields_exchange_as_much_either_way() -> None:
    x = 2 * np.pi * np.arange(32) / 32
    wave, shifted = (f(3 * x)[None, :] * np.ones((32, 1)) for f in (np.cos, np.sin))
    result = scatter(pairs_of(wave, wave, shifted))
    assert result["enstrophy"].item() == pytest.approx(0.0, abs=1e-15)
    assert result["enstrophy_back"].item() == pytest.approx(0.5)


def test_the_direction_is_the_sign_of_the_mean() -> None:
    assert direction(1e-9) == "forward"
    assert direction(-1e-9) == "backscatter"


def test_the_table_has_a_row_for_each_flow_and_the_mean_of_the_exchange() -> None:
    rng = np.random.default_rng(1)
    omega, sgs = rng.standard_normal((2, 16, 16))
    pairs = pairs_of(omega, omega, sgs)
    table = scatter_table({"first": pairs, "second": pairs_of(omega, omega, -sgs)})
    assert list(table["flow"].values) == ["first", "second"]
    assert table["enstrophy"].sel(flow="first") == pytest.approx(exchange(pairs).mean().item())
    assert table["enstrophy"].sum().item() == pytest.approx(0.0)
    assert table["energy_back"].sum().item() == pytest.approx(1.0)

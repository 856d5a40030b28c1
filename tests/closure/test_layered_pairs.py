"""The subgrid term of layers: its sign, its energy, its symmetry, and the pairs made of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure.filters import KINDS, OCEAN_OPERATORS, Filter, filtered_equation, subgrid_term
from tlfourier.closure.layered_pairs import channels, layered_transfer, make_layered_pairs, mirrored
from tlfourier.closure.verification import Recording
from tlfourier.flow import energetics, spectra
from tlfourier.flow.dissipation import exponential_filter, hyperviscosity_for
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.layers import two_layers
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import STEPPERS, State

DAY, SIDE = 86_400.0, 1e6
FINE, COARSE = Grid(48, SIDE, torch.float64), Grid(20, SIDE, torch.float64)
LAYERS = two_layers(40e3, 0.25, 5e-12, 2e-7, velocity=(0.1, 0.0))
KEPT: dict[str, dict[str, Any]] = {
    "hyperviscosity": {"hyperviscosity": hyperviscosity_for(FINE, 2e-5)},
    "filter": {"step_filter": exponential_filter(FINE), "dealias": "none"},
}


@pytest.fixture(scope="module")
def run() -> list[State]:
    """Return snapshots of a developed ocean."""
    equation = QuasiGeostrophicEquation(FINE, LAYERS, **KEPT["hyperviscosity"])
    omega_hat = 0.1 * random_vorticity(FINE, 0, 4.0, members=2)
    start = State(equation.potential_vorticity(FINE.inverse_k_squared * omega_hat))
    schedule = Schedule(80 * DAY, 5 * DAY, 4, cfl=0.7)
    return list(simulate(equation, start, schedule, progress=False))


def error(found: Tensor, truth: Tensor) -> float:
    return float((found - truth).norm() / truth.norm())


@pytest.mark.parametrize(
    ("kind", "stepper", "way"),
    [
        *((kind, "ifrk4", "hyperviscosity") for kind in OCEAN_OPERATORS.values()),
        ("gaussian", "ab3", "filter"),
        ("exponential", "ifrk4", "filter"),
    ],
)
def test_an_les_of_layers_fed_the_recorded_pi_follows_the_filtered_dns(
    run: list[State], kind: str, stepper: str, way: str
) -> None:
    dns, filter = QuasiGeostrophicEquation(FINE, LAYERS, **KEPT[way]), Filter(FINE, COARSE, kind)
    les, dt, steps = filtered_equation(dns, COARSE, filter), 3600.0, 120
    recording = Recording(dns, les, filter)

    def after(equation: QuasiGeostrophicEquation, q_hat: Tensor, closure: Any = None) -> Tensor:
        advance, state = STEPPERS[stepper](equation, dt), State(q_hat)
        with torch.no_grad():
            for _ in range(steps):
                state = advance(state, closure)
        return state.omega_hat

    start = run[0].omega_hat
    truth = filter(after(dns, start, recording.note))
    assert error(after(les, filter(start), recording.play(+1.0)), truth) < 1e-12
    without = error(after(les, filter(start)), truth)
    wrong_sign = error(after(les, filter(start), recording.play(-1.0)), truth)
    assert wrong_sign > without > 1e-2


def test_the_subgrid_term_closes_the_energy_of_the_filtered_flow(run: list[State]) -> None:
    dns, filter = QuasiGeostrophicEquation(FINE, LAYERS, **KEPT["hyperviscosity"]), Filter(FINE, COARSE)
    les, q_hat = filtered_equation(dns, COARSE, filter), run[-1].omega_hat
    q_bar_hat, sgs_hat = filter(q_hat), subgrid_term(q_hat, dns, les, filter)
    tendency = filter(dns.tendency(q_hat))
    torch.testing.assert_close(les.tendency(q_bar_hat, lambda _: sgs_hat), tendency, rtol=1e-9, atol=1e-19)
    shares = torch.from_numpy(LAYERS.shares())
    gained = (shares * spectra.mean_product(COARSE, les.streamfunction(q_bar_hat), tendency)).sum()
    terms = energetics.budget(les, q_bar_hat, sgs_hat=sgs_hat)
    assert float(sum(terms.values())) == pytest.approx(float(gained), rel=1e-10)
    assert terms["closure"] != 0


def trajectory(run: list[State]) -> xr.Dataset:
    """Return the snapshots as a trajectory."""
    q = np.stack([FINE.to_physical(state.omega_hat).numpy() for state in run])
    return xr.Dataset({"q": (("time", "layer", "y", "x"), q)}, {"time": [state.time for state in run]})


@pytest.fixture(scope="module")
def pairs(run: list[State]) -> xr.Dataset:
    dns, filter = QuasiGeostrophicEquation(FINE, LAYERS, **KEPT["hyperviscosity"]), Filter(FINE, COARSE)
    les = filtered_equation(dns, COARSE, filter)
    return make_layered_pairs(trajectory(run), filter, dns, les, progress=False)


def test_pairs_are_what_the_les_knows_and_lacks(run: list[State], pairs: xr.Dataset) -> None:
    dns, filter = QuasiGeostrophicEquation(FINE, LAYERS, **KEPT["hyperviscosity"]), Filter(FINE, COARSE)
    les = filtered_equation(dns, COARSE, filter)
    assert pairs["sgs"].dims == ("time", "layer", "y", "x") and pairs["sgs"].dtype == np.float32
    assert pairs["u"].attrs["units"] == "length time^-1" and pairs.attrs["filter"] == "gaussian"
    assert pairs["layer"].values.tolist() == [1, 2]
    q_bar_hat = filter(run[2].omega_hat)
    u, v = les.velocity(q_bar_hat)
    sgs = COARSE.to_physical(subgrid_term(run[2].omega_hat, dns, les, filter))
    psi = COARSE.to_physical(les.streamfunction(q_bar_hat))
    for name, field in {"q": COARSE.to_physical(q_bar_hat), "psi": psi, "u": u, "v": v, "sgs": sgs}.items():
        expected = field.numpy()
        np.testing.assert_allclose(pairs[name][2], expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_what_the_subgrid_scales_take_is_what_the_budget_says(run: list[State], pairs: xr.Dataset) -> None:
    dns, filter = QuasiGeostrophicEquation(FINE, LAYERS, **KEPT["hyperviscosity"]), Filter(FINE, COARSE)
    les = filtered_equation(dns, COARSE, filter)
    transfer = layered_transfer(pairs, LAYERS.thickness)
    assert (transfer["enstrophy"].mean("time") > 0).all(), "enstrophy goes forward in both layers"
    for i, state in enumerate(run):
        sgs_hat = subgrid_term(state.omega_hat, dns, les, filter)
        closure = energetics.budget(les, filter(state.omega_hat), sgs_hat=sgs_hat)["closure"]
        assert float(transfer["energy"][i]) == pytest.approx(-float(closure), rel=1e-4)
        enstrophy = spectra.mean_product(COARSE, filter(state.omega_hat), sgs_hat)
        np.testing.assert_allclose(transfer["enstrophy"][i], enstrophy, rtol=1e-4)
    np.testing.assert_allclose(transfer["energy_of_layer"].sum("layer"), transfer["energy"])
    with pytest.raises(ValueError, match=r"thickness=\(500.0,\): one positive depth for each"):
        layered_transfer(pairs, (500.0,))


def test_channels_are_quantities_of_all_layers_in_order(pairs: xr.Dataset) -> None:
    velocities = channels(pairs)
    assert velocities.dims == ("time", "channel", "y", "x")
    assert velocities["channel"].values.tolist() == ["u1", "u2", "v1", "v2"]
    np.testing.assert_array_equal(velocities.sel(channel="v1"), pairs["v"].sel(layer=1))
    others = channels(pairs, ("psi", "q"))
    assert others["channel"].values.tolist() == ["psi1", "psi2", "q1", "q2"]
    np.testing.assert_array_equal(others.sel(channel="q2"), pairs["q"].sel(layer=2))
    with pytest.raises(ValueError, match=r"names=\(\): at least one quantity"):
        channels(pairs, ())
    with pytest.raises(ValueError, match="names"):
        channels(pairs, ("omega",))  # type: ignore[arg-type]


def mirror(field: Tensor) -> Tensor:
    """Reflect y about a point of the periodic grid."""
    return field.flip(-2).roll(1, -2)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_mirror_gives_another_ocean_and_a_rotation_none(run: list[State], kind: str) -> None:
    dns, filter = QuasiGeostrophicEquation(FINE, LAYERS, **KEPT["hyperviscosity"]), Filter(FINE, COARSE, kind)
    les, q = filtered_equation(dns, COARSE, filter), FINE.to_physical(run[-1].omega_hat)

    def looked_at(q: Tensor) -> tuple[Tensor, Tensor]:
        q_hat = FINE.to_spectral(q)
        sgs = COARSE.to_physical(subgrid_term(q_hat, dns, les, filter))
        return FINE.to_physical(dns.tendency(q_hat)), sgs

    for one, other in zip(looked_at(-mirror(q)), looked_at(q), strict=True):
        torch.testing.assert_close(one, -mirror(other), rtol=0, atol=1e-10 * float(other.abs().max()))
    tendency = looked_at(q)[0]
    turned = looked_at(torch.rot90(q, 1, (-2, -1)).roll(1, -2))[0]
    assert error(turned, torch.rot90(tendency, 1, (-2, -1)).roll(1, -2)) > 0.1


def test_mirrored_pairs_are_the_pairs_of_the_mirrored_ocean(run: list[State], pairs: xr.Dataset) -> None:
    dns, filter = QuasiGeostrophicEquation(FINE, LAYERS, **KEPT["hyperviscosity"]), Filter(FINE, COARSE)
    flipped = trajectory(run).isel(y=slice(None, None, -1)).roll(y=1)
    expected = make_layered_pairs(
        -flipped, filter, dns, filtered_equation(dns, COARSE, filter), progress=False
    )
    found = mirrored(pairs)
    np.testing.assert_array_equal(found["y"], pairs["y"])
    for name in ("q", "psi", "u", "v", "sgs"):
        scale = float(np.abs(expected[name]).max())
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-6 * scale)
        assert found[name].attrs == pairs[name].attrs


def test_a_trajectory_without_layers_is_refused(run: list[State]) -> None:
    dns, filter = QuasiGeostrophicEquation(FINE, LAYERS), Filter(FINE, COARSE)
    les = filtered_equation(dns, COARSE, filter)
    whole = trajectory(run)
    for wrong, sentence in (
        (
            whole.rename(q="omega"),
            "trajectory, a Dataset, in make_layered_pairs: accepted is a Dataset with q",
        ),
        (whole.isel(layer=0), "q has the dimensions time, y, x: time, layer, y, x are needed"),
        (whole.isel(x=slice(0, 40), y=slice(0, 40)), r"snapshots of shape \(40, 40\): this grid needs"),
        (whole.isel(layer=[0, 1, 1]), r"has shape \(3, .*\): this grid needs \(..., 2, "),
    ):
        with pytest.raises(ValueError, match=sentence):
            make_layered_pairs(wrong, filter, dns, les, progress=False)

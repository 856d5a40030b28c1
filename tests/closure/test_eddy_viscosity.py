"""Eddy viscosities: what they drain, how they scale, and the published formulas, written anew."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from tlfourier.closure.eddy_viscosity import (
    DynamicEddyViscosity,
    EddyViscosity,
    JansenHeld,
    biharmonic_constant,
    leith_constant,
    smagorinsky_constant,
)
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity

GRID = Grid(32, dtype=torch.float64)
WIDTH = 2 * GRID.dx
KINDS = [(name, convention) for name in ("smagorinsky", "leith") for convention in ("uniform", "local")]
Derivatives = dict[str, np.ndarray]


def flow(grid: Grid = GRID, seed: int = 3) -> torch.Tensor:
    """Return a rough random flow without modes whose sign the grid cannot tell."""
    return random_vorticity(grid, seed=seed, k_peak=5.0) * grid.below_nyquist


def mean(omega_hat: torch.Tensor, sgs_hat: torch.Tensor) -> float:
    return float((GRID.to_physical(omega_hat) * GRID.to_physical(sgs_hat)).mean())


# ---- the published formulas, with whole complex spectra in numpy, nothing shared with what is tested


def full(omega_hat: torch.Tensor) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the whole spectrum of ω and the wavenumbers along x and y; arrays are (y, x)."""
    omega = GRID.to_physical(omega_hat).numpy()
    k = np.fft.fftfreq(GRID.size, 1 / GRID.size)
    return (
        np.fft.fft2(omega),
        np.broadcast_to(k[None, :], omega.shape),
        np.broadcast_to(k[:, None], omega.shape),
    )


def back(spectrum: np.ndarray) -> np.ndarray:
    return np.fft.ifft2(spectrum).real


def derivatives(omega_hat: np.ndarray, k_x: np.ndarray, k_y: np.ndarray) -> Derivatives:
    square = k_x**2 + k_y**2
    psi_hat = np.divide(omega_hat, square, where=square > 0, out=np.zeros_like(omega_hat))
    operators = {
        "omega": 1, "along_x": 1j * k_x, "along_y": 1j * k_y, "laplacian": -square,
    }  # fmt: skip
    of_psi = {
        "u": 1j * k_y, "v": -1j * k_x, "psi_xy": -k_x * k_y, "psi_xx": -(k_x**2), "psi_yy": -(k_y**2),
    }  # fmt: skip
    found = {name: back(one * omega_hat) for name, one in operators.items()}
    return found | {name: back(one * psi_hat) for name, one in of_psi.items()}


def rate(name: str, of: Derivatives) -> np.ndarray:
    if name == "leith":
        return np.sqrt(of["along_x"] ** 2 + of["along_y"] ** 2)
    return np.sqrt(4 * of["psi_xy"] ** 2 + (of["psi_xx"] - of["psi_yy"]) ** 2)


def dynamic_coefficient(name: str, convention: str, omega_hat: torch.Tensor) -> float:
    spectrum, k_x, k_y = full(omega_hat)
    power, inside = {"smagorinsky": 2, "leith": 3}[name], np.maximum(abs(k_x), abs(k_y)) < GRID.size / 4
    fine, coarse = derivatives(spectrum, k_x, k_y), derivatives(spectrum * inside, k_x, k_y)

    def test_filter(field: np.ndarray) -> np.ndarray:
        return back(np.fft.fft2(field) * inside)

    strength = rate(name, fine)
    if convention == "uniform":
        jacobian = [one["u"] * one["along_x"] + one["v"] * one["along_y"] for one in (fine, coarse)]
        left = [test_filter(jacobian[0]) - jacobian[1]]
        right = [
            WIDTH**power * test_filter(strength * fine["laplacian"])
            - (2 * WIDTH) ** power * test_filter(strength) * coarse["laplacian"]
        ]
    else:
        ways = (("u", "along_x"), ("v", "along_y"))
        left = [test_filter(fine[u] * fine["omega"]) - coarse[u] * coarse["omega"] for u, _ in ways]
        right = [
            WIDTH**power * test_filter(strength * fine[d])
            - (2 * WIDTH) ** power * rate(name, coarse) * coarse[d]
            for _, d in ways
        ]
    product = np.sum([one * other for one, other in zip(left, right, strict=True)], axis=0)
    return float(np.maximum(product, 0).mean() / np.sum([one**2 for one in right], axis=0).mean())


def published(name: str, convention: str, omega_hat: torch.Tensor, strength: float) -> np.ndarray:
    """Return Π = -div(strength rate grad(ω)) at the points."""
    spectrum, k_x, k_y = full(omega_hat)
    of = derivatives(spectrum, k_x, k_y)
    rates = rate(name, of)
    if convention == "uniform":
        whole = np.sqrt((rates**2).mean()) if name == "smagorinsky" else rates.mean()
        return -strength * whole * of["laplacian"]
    along = [np.fft.fft2(rates * of[d]) for d in ("along_x", "along_y")]
    edge = np.maximum(abs(k_x), abs(k_y)) < GRID.size / 2
    return -strength * back(1j * (k_x * along[0] + k_y * along[1]) * edge)


@pytest.mark.parametrize(("name", "convention"), KINDS)
def test_a_constant_viscosity_is_the_published_formula(name: str, convention: str) -> None:
    found = GRID.to_physical(EddyViscosity(GRID, name, 0.2, WIDTH, convention)(flow())).numpy()
    wanted = published(name, convention, flow(), (0.2 * WIDTH) ** {"smagorinsky": 2, "leith": 3}[name])
    np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-13 * abs(wanted).max() * GRID.size)


@pytest.mark.parametrize(("name", "convention"), KINDS)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_dynamic_coefficient_is_the_published_formula(name: str, convention: str, seed: int) -> None:
    closure, wanted = DynamicEddyViscosity(GRID, name, WIDTH, convention), flow(seed=seed)
    coefficient = dynamic_coefficient(name, convention, wanted)
    assert coefficient > 0
    np.testing.assert_allclose(float(closure.coefficient(wanted)), coefficient, rtol=1e-12)
    power = {"smagorinsky": 2, "leith": 3}[name]
    found, expected = closure(wanted), published(name, convention, wanted, coefficient * WIDTH**power)
    np.testing.assert_allclose(
        GRID.to_physical(found).numpy(), expected, rtol=0, atol=1e-11 * abs(expected).max()
    )


# ---- physics


@pytest.mark.parametrize(("name", "convention"), KINDS)
def test_viscosities_take_enstrophy_and_energy(name: str, convention: str) -> None:
    for closure in (
        EddyViscosity(GRID, name, 0.2, WIDTH, convention),
        DynamicEddyViscosity(GRID, name, WIDTH, convention),
    ):
        assert mean(flow(), closure(flow())) > 0
        if convention == "uniform":  # a local one need not take energy, which it weighs otherwise
            assert mean(flow() * GRID.inverse_k_squared, closure(flow())) > 0


@pytest.mark.parametrize(("name", "power"), [("smagorinsky", 2), ("leith", 3)])
def test_it_scales_with_the_width_and_with_the_square_of_the_vorticity(name: str, power: int) -> None:
    one = EddyViscosity(GRID, name, 0.2, WIDTH)(flow())
    torch.testing.assert_close(EddyViscosity(GRID, name, 0.2, 3 * WIDTH)(flow()), 3**power * one)
    torch.testing.assert_close(EddyViscosity(GRID, name, 0.2, WIDTH)(-2 * flow()), -4 * one)


@pytest.mark.parametrize(("name", "convention"), KINDS)
def test_nothing_depends_on_the_unit_of_length(name: str, convention: str) -> None:
    long = Grid(32, length=7 * math.tau, dtype=torch.float64)
    for make in (
        lambda grid: EddyViscosity(grid, name, 0.2, 2 * grid.dx, convention),
        lambda grid: DynamicEddyViscosity(grid, name, 2 * grid.dx, convention),
        lambda grid: JansenHeld(grid, 0.2, 2 * grid.dx),
    ):
        torch.testing.assert_close(make(long)(flow()), make(GRID)(flow()), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(("name", "convention"), KINDS)
def test_a_flow_that_loses_nothing_by_a_filter_has_no_dynamic_viscosity(name: str, convention: str) -> None:
    shear = GRID.to_spectral(torch.sin(2 * GRID.y) + 0 * GRID.x)  # advects nothing
    closure = DynamicEddyViscosity(GRID, name, WIDTH, convention)
    assert float(GRID.to_physical(closure(shear)).abs().max()) < 1e-12
    assert float(closure.coefficient(torch.zeros_like(shear))) == 0


@pytest.mark.parametrize(("name", "convention"), KINDS)
def test_members_do_not_see_each_other(name: str, convention: str) -> None:
    both = torch.stack([flow(seed=1), 5 * flow(seed=2)])
    for closure in (
        EddyViscosity(GRID, name, 0.2, WIDTH, convention),
        DynamicEddyViscosity(GRID, name, WIDTH, convention),
        JansenHeld(GRID, 0.2, WIDTH),
    ):
        torch.testing.assert_close(closure(both), torch.stack([closure(one) for one in both]))


def test_backscatter_gives_back_the_part_of_the_energy_that_it_says() -> None:
    psi_hat = flow() * GRID.inverse_k_squared
    taken = mean(psi_hat, JansenHeld(GRID, 0.2, WIDTH, returned=0.0)(flow()))
    assert taken > 0
    for part in (0.3, 0.9, 1.0):
        closure = JansenHeld(GRID, 0.2, WIDTH, returned=part)
        assert mean(psi_hat, closure(flow())) == pytest.approx((1 - part) * taken, abs=1e-12 * taken)
        assert mean(flow(), closure(flow())) > 0  # enstrophy goes all the same


@pytest.mark.parametrize("amplitude", [1.3, 2.0])
def test_constants_of_theory_drain_a_cascade_at_its_own_rate(amplitude: float) -> None:
    """The integrals by quadrature, from a forcing at 3 to a cut-off at 100."""
    eta, cutoff, driven, width = 0.7, 100.0, 3.0, 0.05
    k = np.geomspace(driven, cutoff, 200_001)
    spectrum, reach, scales = amplitude * eta ** (2 / 3) * k**-3, cutoff * width, math.log(cutoff / driven)
    omega, gradient, third = (2 * np.trapezoid(spectrum * k**power, k) for power in (2, 4, 6))
    inside = cutoff**2 / (cutoff**2 - driven**2)  # theory begins the steep integrals at zero
    leith = (leith_constant(reach, amplitude) * width) ** 3 * math.sqrt(gradient * inside)
    assert leith * gradient * inside == pytest.approx(eta, rel=1e-6)
    smagorinsky = (smagorinsky_constant(reach, scales, amplitude) * width) ** 2 * math.sqrt(omega)
    assert smagorinsky * gradient * inside == pytest.approx(eta, rel=1e-6)
    biharmonic = (biharmonic_constant(reach, scales, amplitude) * width) ** 4 * math.sqrt(omega)
    assert biharmonic * third == pytest.approx(eta, rel=1e-5)


@pytest.mark.parametrize(
    ("refused", "said"),
    [
        (lambda: EddyViscosity(GRID, "prandtl", 0.2, 0.1), "accepted are smagorinsky, leith"),
        (lambda: EddyViscosity(GRID, "leith", 0.2, 0.1, "mean"), "accepted are uniform, local"),
        (lambda: EddyViscosity(GRID, "leith", 0.0, 0.1), "constant=0.0: it must be a positive number"),
        (lambda: DynamicEddyViscosity(GRID, "leith", -1.0), "width=-1.0: it must be a positive number"),
        (lambda: JansenHeld(GRID, 0.2, 0.1, returned=1.5), "accepted is a part from 0 to 1"),
    ],
)
def test_what_is_no_viscosity_is_refused(refused: object, said: str) -> None:
    assert callable(refused)
    with pytest.raises(ValueError, match=said):
        refused()

"""The layered equation against mathematics: one layer, waves, instability, conservation, budgets."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from tlfourier.flow import energetics, spectra
from tlfourier.flow.dissipation import exponential_filter, hyperviscosity_for
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid, resize
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.layers import Layers, two_layers
from tlfourier.flow.pseudospectral import DEALIAS
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import STEPPERS, State

DAY, SIDE = 86_400.0, 1e6
EDDIES = two_layers(15e3, 0.25, beta=1.5e-11, drag=5.787e-7)
STILL = two_layers(15e3, 0.25, velocity=(0.0, 0.0))
THREE = Layers((300.0, 700.0, 3000.0), (1.2e-6, 2.1e-6), (0.05, 0.02, 0.0), 1.5e-11, 1e-7)


@pytest.fixture
def grid() -> Grid:
    return Grid(32, SIDE, torch.float64)


def eddies(
    grid: Grid, layers: int = 2, seed: int = 0, speed: float = 0.03, k_peak: float = 3.0
) -> torch.Tensor:
    """Return the relative vorticity of independent eddies in every layer."""
    return speed * random_vorticity(grid, seed, k_peak, members=layers)


def run(
    equation: QuasiGeostrophicEquation, q_hat: torch.Tensor, schedule: Schedule, stepper: str = "ifrk4"
) -> list[State]:
    """Return the snapshots of a run."""
    return list(simulate(equation, State(q_hat), schedule, stepper, progress=False))


def literal_tendency(grid: Grid, q_hat: torch.Tensor, fine: int, layers: dict[str, float]) -> torch.Tensor:
    """Return the tendency of two layers as the literature writes it, term by term, free of aliasing.

    With its own sign of psi: ``q = laplacian(psi) + F (psi_other - psi)``, ``u = -psi_y``, ``v = psi_x``,
    ``q_t = -J(psi, q) - beta_i psi_x - U q_x - r laplacian(psi)`` with the drag in the lower layer.
    """
    r_d, delta, beta, drag = (layers[name] for name in ("r_d", "delta", "beta", "drag"))
    first = r_d**-2 / (1 + delta)
    second = delta * first
    shear = layers["upper"] - layers["lower"]
    finer = Grid(fine, grid.length, torch.float64)
    one, two = resize(q_hat, grid.size, fine)
    k_squared = finer.k_squared
    determinant = torch.where(k_squared > 0, (k_squared + first) * (k_squared + second) - first * second, 1.0)
    psi = [
        -((k_squared + second) * one + first * two) / determinant,
        -((k_squared + first) * two + second * one) / determinant,
    ]
    psi = [torch.where(k_squared > 0, values, 0.0) for values in psi]
    i_x, i_y = 1j * finer.k_x, 1j * finer.k_y
    tendencies = []
    for psi_hat, own, gradient, mean, friction in (
        (psi[0], one, beta + first * shear, layers["upper"], 0.0),
        (psi[1], two, beta - second * shear, layers["lower"], drag),
    ):
        psi_x, psi_y, q_x, q_y = (
            finer.to_physical(values) for values in (i_x * psi_hat, i_y * psi_hat, i_x * own, i_y * own)
        )
        jacobian = finer.to_spectral(psi_x * q_y - psi_y * q_x)
        waves = gradient * i_x * psi_hat + mean * i_x * own - friction * k_squared * psi_hat
        tendencies.append(-jacobian - waves)
    return resize(torch.stack(tendencies), fine, grid.size)


@pytest.mark.parametrize("dealias", ["truncate", "pad"])
def test_the_tendency_is_that_of_the_literature(grid: Grid, dealias: str) -> None:
    equation = QuasiGeostrophicEquation(grid, EDDIES, dealias=dealias)
    q_hat = eddies(grid) * (grid.mask if dealias == "truncate" else grid.below_nyquist)
    literature = {"r_d": 15e3, "delta": 0.25, "beta": 1.5e-11, "drag": 5.787e-7, "upper": 0.025, "lower": 0.0}
    expected = literal_tendency(grid, q_hat, 96, literature) * equation.resolved
    error = (equation.tendency(q_hat) - expected).abs().amax((-2, -1)) / expected.abs().amax((-2, -1))
    assert error.max() < 1e-13


@pytest.mark.parametrize("layers", [EDDIES, THREE])
def test_inversion_and_stretching_undo_each_other(grid: Grid, layers: Layers) -> None:
    equation = QuasiGeostrophicEquation(grid, layers)
    q_hat = eddies(grid, layers.count)
    psi_hat = equation.streamfunction(q_hat)
    torch.testing.assert_close(equation.potential_vorticity(psi_hat), q_hat, rtol=1e-11, atol=0.0)
    torch.testing.assert_close(equation.vorticity(q_hat), grid.k_squared * psi_hat)


def test_the_parameters_of_two_layers_are_those_of_the_literature() -> None:
    first = 15e3**-2 / 1.25
    np.testing.assert_allclose(EDDIES.stretching(), [[first, -first], [-0.25 * first, 0.25 * first]])
    expected = [1.5e-11 + 0.025 * first, 1.5e-11 - 0.025 * 0.25 * first]
    np.testing.assert_allclose(EDDIES.vorticity_gradient(), expected)
    np.testing.assert_allclose(EDDIES.deformation_radii(), [15e3])
    np.testing.assert_allclose(EDDIES.shares(), [0.2, 0.8])
    assert (np.diff(THREE.deformation_radii()) < 0).all()


@pytest.mark.parametrize("layers", [STILL, Layers(THREE.thickness, THREE.coupling, (0.0, 0.0, 0.0))])
@pytest.mark.parametrize("dealias", ["truncate", "pad"])
def test_advection_conserves_energy_and_the_enstrophy_of_each_layer(
    grid: Grid, layers: Layers, dealias: str
) -> None:
    equation = QuasiGeostrophicEquation(grid, layers, dealias=dealias)
    q_hat = eddies(grid, layers.count)
    advection, psi_hat = equation.advection(q_hat), equation.streamfunction(q_hat)
    for one in (q_hat, psi_hat):
        changes = spectra.mean_product(grid, one, advection)
        sizes = [spectra.mean_product(grid, part, part).sqrt() for part in (one, advection)]
        if one is q_hat:
            assert (changes.abs() < 1e-13 * sizes[0] * sizes[1]).all()
        else:
            shares = torch.from_numpy(layers.shares())
            assert abs((shares * changes).sum()) < 1e-13 * (shares * sizes[0] * sizes[1]).sum()


def test_an_inviscid_run_conserves_energy_and_the_enstrophy_of_each_layer(grid: Grid) -> None:
    equation = QuasiGeostrophicEquation(grid, STILL)
    start = equation.potential_vorticity(equation.grid.inverse_k_squared * eddies(grid, speed=0.05))
    drifts = []
    for dt in (0.5 * DAY, 0.25 * DAY):
        first, last = (state.omega_hat for state in run(equation, start, Schedule(0.0, 20 * DAY, 2, dt=dt)))
        energy = energetics.energy(equation, last) / energetics.energy(equation, first) - 1
        enstrophy = spectra.enstrophy(grid, last) / spectra.enstrophy(grid, first) - 1
        drifts.append(torch.stack((energy, *enstrophy)).abs())
        moved = (last - first).abs().max() / first.abs().max()
        assert moved > 0.3, "nothing happened in which something could be conserved"
    assert drifts[1].max() < 1e-6
    assert (drifts[1] < drifts[0] / 14).all(), drifts


def test_one_layer_is_the_vorticity_equation() -> None:
    grid = Grid(32, dtype=torch.float64)
    omega_hat = random_vorticity(grid, 0, k_peak=3.0)
    flat = VorticityEquation(grid, 1e-3, drag=0.1, beta=2.0)
    one = QuasiGeostrophicEquation(grid, Layers((1.0,), (), (0.0,), 2.0, 0.1), hyperviscosity=1e-3, power=1)
    torch.testing.assert_close(
        one.tendency(omega_hat[None])[0], flat.tendency(omega_hat), rtol=1e-13, atol=1e-9
    )
    schedule = Schedule(0.0, 1.0, 2)
    expected = list(simulate(flat, State(omega_hat), schedule, progress=False))[-1].omega_hat
    (found,) = run(one, omega_hat[None], schedule)[-1].omega_hat
    assert (found - expected).abs().max() < 1e-13 * expected.abs().max()


@pytest.mark.parametrize("dealias", ["truncate", "pad"])
def test_layers_that_move_alike_are_the_vorticity_equation(grid: Grid, dealias: str) -> None:
    layers = two_layers(15e3, 0.25, beta=1.5e-11, velocity=(0.0, 0.0))
    both = QuasiGeostrophicEquation(grid, layers, dealias=dealias)
    flat = VorticityEquation(grid, 0.0, beta=1.5e-11, dealias=dealias)
    omega_hat = eddies(grid, 1)[0]
    alike = omega_hat.expand(2, -1, -1)
    tendency = flat.tendency(omega_hat)
    assert (both.tendency(alike) - tendency).abs().max() < 1e-14 * tendency.abs().max()
    # All terms explicit, a step is the same in both; with IFRK4 that of beta is exact in one of them only.
    schedule = Schedule(0.0, 10 * DAY, 2, dt=3600.0)
    expected = list(simulate(flat, State(omega_hat), schedule, "ab3", progress=False))[-1].omega_hat
    for found in run(both, alike, schedule, "ab3")[-1].omega_hat:
        assert (found - expected).abs().max() < 1e-12 * expected.abs().max()


@pytest.mark.parametrize(("mode", "extra"), [("barotropic", 0.0), ("baroclinic", 15e3**-2)])
def test_rossby_waves_travel_at_their_speed(grid: Grid, mode: str, extra: float) -> None:
    # A plane wave advects nothing: psi_1 = psi_2, or psi_1 H_1 = -psi_2 H_2, drifts at -beta / (k^2 + extra).
    equation = QuasiGeostrophicEquation(grid, two_layers(15e3, 0.25, beta=1.5e-11, velocity=(0.0, 0.0)))
    k_x, k_y = (math.tau / SIDE * number for number in (3, 2))
    shape = torch.tensor([1.0, 1.0 if mode == "barotropic" else -0.25], dtype=torch.float64)[:, None, None]
    drift, time = -1.5e-11 / (k_x**2 + k_y**2 + extra), 400 * DAY

    def wave(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return 100.0 * shape * torch.cos(k_x * x + k_y * y)

    start = equation.potential_vorticity(grid.to_spectral(wave(grid.x, grid.y)))
    last = run(equation, start, Schedule(0.0, time, 2, dt=time / 800))[-1]
    found = grid.to_physical(equation.streamfunction(last.omega_hat))
    assert abs(drift) * time > 1e5
    torch.testing.assert_close(found, wave(grid.x - drift * time, grid.y), rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("stepper", ["ifrk4", "ab3"])
@pytest.mark.parametrize("drag", [0.0, 5.787e-7])
def test_the_most_unstable_wave_grows_as_the_eigenvalue_says(stepper: str, drag: float) -> None:
    # The eigenvalue problem of two layers in the sign of the literature, formed here from nothing.
    r_d, delta, beta, mean = 15e3, 0.25, 1.5e-11, 0.025
    first = r_d**-2 / (1 + delta)
    second = delta * first

    def problem(k: float) -> tuple[np.ndarray, np.ndarray]:
        inversion = np.linalg.inv([[-(k**2) - first, first], [second, -(k**2) - second]])
        gradients = np.diag([beta + first * mean, beta - second * mean])
        drags = np.diag([0.0, drag * k**2])
        matrix = (-1j * k * gradients + drags) @ inversion - 1j * k * np.diag([mean, 0.0])
        return np.linalg.eig(matrix)

    grid = Grid(32, SIDE, torch.float64)
    number = max(range(1, 11), key=lambda n: problem(math.tau / SIDE * n)[0].real.max())
    rates, vectors = problem(math.tau / SIDE * number)
    rate, vector = rates[rates.real.argmax()], vectors[:, rates.real.argmax()]
    assert 1 < number < 10 and rate.real > 5e-8
    q_hat = torch.zeros(2, 32, 17, dtype=torch.complex128)
    q_hat[:, 0, number] = 1e-6 * torch.from_numpy(vector)
    equation = QuasiGeostrophicEquation(grid, two_layers(r_d, delta, beta, drag))
    time, dt = 30 * DAY, 3600.0
    last = run(equation, q_hat, Schedule(0.0, time, 2, dt=dt), stepper)[-1].omega_hat
    after = last[:, 0, number].numpy() / (1e-6 * vector)
    assert np.abs(np.log(np.abs(after)) / time / rate.real - 1).max() < 1e-6
    # Phase and structure, too: both layers change by the same complex factor.
    assert np.abs(after / np.exp(rate * time) - 1).max() < 1e-6
    last[:, 0, number] = 0
    assert last.abs().max() < 1e-12 * 1e-6, "another wave has come up"


@pytest.mark.parametrize("way", ["filter", "hyperviscosity"])
def test_the_energy_budget_of_a_developed_flow_closes(grid: Grid, way: str) -> None:
    options: dict[str, Any] = {"step_filter": exponential_filter(grid), "dealias": "none"}
    if way == "hyperviscosity":
        options = {"hyperviscosity": hyperviscosity_for(grid, 2e-5), "power": 4}
    # Few points make a coarse ocean: its deformation radius is wide.
    equation = QuasiGeostrophicEquation(
        grid, two_layers(40e3, 0.25, 5e-12, 2e-7, velocity=(0.1, 0.0)), **options
    )
    dt = 0.1 * DAY
    start = equation.potential_vorticity(grid.inverse_k_squared * eddies(grid, speed=0.1, k_peak=4.0))
    (spun_up,) = run(equation, start, Schedule(60 * DAY, DAY, 1, dt=dt))
    states = [state.omega_hat for state in run(equation, spun_up.omega_hat, Schedule(0.0, dt, 401, dt=dt))]
    history = [energetics.budget(equation, q_hat, dt) for q_hat in states]
    parts = {name: np.array([float(terms[name]) for terms in history]) for name in history[0]}
    gained = float(energetics.energy(equation, states[-1]) - energetics.energy(equation, states[0]))
    simpson = np.array([1.0, *([4.0, 2.0] * 200)[:-1], 1.0]) * dt / 3
    totals = {name: float((simpson * values).sum()) for name, values in parts.items() if name != "filter"}
    totals["filter"] = float(dt * parts["filter"][1:].sum())  # it acts at the end of each step
    small_scales = "filter" if way == "filter" else "dissipation"
    assert totals["conversion"] > 0 > totals["drag"]
    assert totals[small_scales] < -0.01 * totals["conversion"], totals
    assert abs(gained - sum(totals.values())) < 1e-3 * totals["conversion"], (gained, totals)


def test_the_conversion_is_the_flux_of_buoyancy(grid: Grid) -> None:
    equation = QuasiGeostrophicEquation(grid, EDDIES)
    q_hat = eddies(grid)
    psi = grid.to_physical(equation.streamfunction(q_hat))
    _, v = equation.velocity(q_hat)
    flux = -0.025 * EDDIES.coupling[0] / 2500.0 * (psi[0] * v[1]).mean()
    assert float(energetics.budget(equation, q_hat)["conversion"]) == pytest.approx(float(flux), rel=1e-12)
    half = torch.from_numpy(EDDIES.shares()) * spectra.mean_product(
        grid, equation.streamfunction(q_hat), q_hat
    )
    assert float(energetics.energy(equation, q_hat)) == pytest.approx(float(half.sum()) / 2, rel=1e-12)


@pytest.mark.parametrize("units", [SIDE / math.tau, 15e3])
def test_any_units_give_the_same_flow(units: float) -> None:
    def ocean(length: float, time: float) -> tuple[QuasiGeostrophicEquation, torch.Tensor]:
        layers = two_layers(
            40e3 / length,
            0.25,
            5e-12 * length * time,
            2e-7 * time,
            upper_thickness=500.0,
            velocity=(0.1 * time / length, 0.0),
        )
        grid = Grid(32, SIDE / length, torch.float64)
        hyperviscosity = hyperviscosity_for(grid, 2e-5 * time)
        equation = QuasiGeostrophicEquation(grid, layers, hyperviscosity)
        return equation, time * eddies(Grid(32, SIDE, torch.float64), speed=0.1)

    (metres, one), (others, two) = ocean(1.0, 1.0), ocean(units, DAY)
    expected = run(metres, one, Schedule(0.0, 20 * DAY, 2))[-1].omega_hat * DAY
    found = run(others, two, Schedule(0.0, 20.0, 2))[-1].omega_hat
    assert (found - expected).abs().max() < 1e-10 * expected.abs().max()


@pytest.mark.parametrize("dealias", DEALIAS)
@pytest.mark.parametrize("layers", [EDDIES, THREE])
def test_batch_equals_loop(grid: Grid, dealias: str, layers: Layers) -> None:
    equation = QuasiGeostrophicEquation(grid, layers, step_filter=exponential_filter(grid), dealias=dealias)
    batch = 0.03 * random_vorticity(grid, 0, 3.0, members=6 * layers.count).reshape(
        2, 3, layers.count, 32, 17
    )
    for stepper in STEPPERS.values():
        advance = stepper(equation, 3600.0)
        together, alone = advance.start(batch), [advance.start(one) for one in batch.flatten(0, 1)]
        for _ in range(4):
            together, alone = advance(together), [advance(one) for one in alone]
        for one, other in zip(together.omega_hat.flatten(0, 1), alone, strict=True):
            torch.testing.assert_close(one, other.omega_hat, rtol=1e-12, atol=1e-18)
    energies = energetics.energy(equation, batch)
    torch.testing.assert_close(energies[1, 2], energetics.energy(equation, batch[1, 2]))
    terms, single = (
        energetics.budget(equation, batch, 3600.0),
        energetics.budget(equation, batch[1, 2], 3600.0),
    )
    for name, term in terms.items():
        torch.testing.assert_close(term[1, 2], single[name])


@pytest.mark.parametrize("dealias", DEALIAS)
def test_accumulating_is_adding_a_multiple(grid: Grid, dealias: str) -> None:
    equation = QuasiGeostrophicEquation(grid, THREE, dealias=dealias)
    onto, q_hat = eddies(grid, 3, seed=0), eddies(grid, 3, seed=1)
    for act in (None, lambda q_hat: 1e-6 * q_hat):
        kept = onto.clone()
        expected = onto + 3e3 * equation.nonlinear(q_hat, act)
        torch.testing.assert_close(equation.accumulate(onto, q_hat, 3e3, act), expected)
        assert torch.equal(onto, kept), "the array was changed"


@pytest.mark.parametrize("dealias", DEALIAS)
def test_a_closure_is_an_argument_and_is_subtracted(grid: Grid, dealias: str) -> None:
    equation = QuasiGeostrophicEquation(grid, EDDIES, dealias=dealias)
    q_hat = eddies(grid)

    def drag_on_the_upper_layer(q_hat: torch.Tensor) -> torch.Tensor:
        return q_hat * torch.tensor([1e-6, 0.0], dtype=torch.float64)[:, None, None]

    change = equation.tendency(q_hat, drag_on_the_upper_layer) - equation.tendency(q_hat)
    torch.testing.assert_close(change, -drag_on_the_upper_layer(q_hat), rtol=1e-9, atol=1e-20)
    schedule = Schedule(0.0, 5 * DAY, 2)
    ends = [
        list(simulate(equation, State(q_hat), schedule, closure=closure, progress=False))[-1].omega_hat
        for closure in (None, drag_on_the_upper_layer)
    ]
    assert spectra.enstrophy(grid, ends[1])[0] < 0.6 * spectra.enstrophy(grid, ends[0])[0]


@pytest.mark.parametrize("dealias", DEALIAS)
@pytest.mark.parametrize("layers", [EDDIES, THREE])
def test_an_evaluation_costs_as_many_transforms_as_promised(
    grid: Grid, dealias: str, layers: Layers, monkeypatch: pytest.MonkeyPatch
) -> None:
    equation = QuasiGeostrophicEquation(grid, layers, dealias=dealias)
    counted = {"irfft": 0, "rfft": 0}
    for name in counted:
        transform = getattr(torch.fft, name)

        def count(
            values: torch.Tensor, *args: Any, name: str = name, transform: Any = transform, **more: Any
        ) -> Any:
            counted[name] += math.prod(values.shape[:-2])
            return transform(values, *args, **more)

        monkeypatch.setattr(torch.fft, name, count)
    equation.nonlinear(eddies(grid, layers.count))
    n = layers.count
    expected = {"irfft": 3 * n, "rfft": 2 * n} if dealias == "none" else {"irfft": 2 * n, "rfft": 3 * n - 1}
    assert counted == expected


@pytest.mark.parametrize("dealias", DEALIAS)
def test_gradients_pass_through(dealias: str) -> None:
    grid = Grid(8, dtype=torch.float64)
    layers = Layers((1.0, 2.0), (1.5,), (0.3, 0.0), 0.5, 0.1)
    equation = QuasiGeostrophicEquation(grid, layers, 1e-3, 2, exponential_filter(grid), dealias)
    q = grid.to_physical(random_vorticity(grid, 0, 1.5, members=2)).requires_grad_()

    def stepped(q: torch.Tensor) -> torch.Tensor:
        state = STEPPERS["ifrk4"](equation, 0.05)(State(grid.to_spectral(q)))
        return grid.to_physical(equation.tendency(state.omega_hat))

    assert torch.autograd.gradcheck(stepped, (q,))


def test_single_precision_follows_double() -> None:
    q_hat = eddies(Grid(32, SIDE, torch.float64))
    exact = QuasiGeostrophicEquation(Grid(32, SIDE, torch.float64), EDDIES).tendency(q_hat)
    single = QuasiGeostrophicEquation(Grid(32, SIDE), EDDIES).tendency(q_hat.to(torch.complex64))
    assert ((single - exact).abs().amax((-2, -1)) < 1e-5 * exact.abs().amax((-2, -1))).all()


def test_the_filter_acts_once_after_each_step(grid: Grid) -> None:
    factor = exponential_filter(grid)
    for stepper in STEPPERS.values():
        with_filter, without = (
            stepper(QuasiGeostrophicEquation(grid, EDDIES, step_filter=one, dealias="none"), 3600.0)
            for one in (factor, None)
        )
        state = State(eddies(grid, k_peak=5.0))
        torch.testing.assert_close(with_filter(state).omega_hat, factor * without(state).omega_hat)


def test_the_exponential_filter_is_that_of_pyqg() -> None:
    grid = Grid(64, SIDE, torch.float64)
    factor = exponential_filter(grid)
    k_dx = (
        math.pi
        * torch.hypot(*torch.meshgrid(torch.fft.fftfreq(64, 1 / 64), torch.arange(33.0), indexing="ij"))
        / 32
    )
    expected = torch.where(k_dx <= 0.65 * math.pi, 1.0, torch.exp(-23.6 * (k_dx - 0.65 * math.pi) ** 4))
    torch.testing.assert_close(factor.float(), expected, rtol=1e-3, atol=1e-7)
    assert factor[0, 20] == 1.0 and factor[0, 32] < 1e-14


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Layers((), (), ()), r"thickness=\(\): at least one layer is needed"),
        (
            lambda: Layers((1.0, 2.0), (), (0.0, 0.0)),
            "2 layers with 2 velocities and 0 couplings: one velocity",
        ),
        (lambda: Layers((1.0, 2.0), (1.0,), (0.0,)), "2 layers with 1 velocities and 1 couplings"),
        (
            lambda: Layers((1.0, -2.0), (1.0,), (0.0, 0.0)),
            "thickness, a tuple, in Layers: accepted is a sequence",
        ),
        (lambda: Layers((1.0, math.nan), (1.0,), (0.0, 0.0)), "thickness, a tuple, in Layers"),
        (
            lambda: two_layers(0.0, 0.25),
            "deformation_radius=0.0 in two_layers: accepted is a number from 1e-30",
        ),
        (
            lambda: two_layers(15e3, 0.25, drag=-1.0),
            "drag=-1.0 in two_layers: accepted is a number from 0 on",
        ),
        (lambda: two_layers(15e3, 0.25, velocity=(1.0,)), "2 layers with 1 velocities"),
        (lambda: QuasiGeostrophicEquation(Grid(16), None), "layers=None in QuasiGeostrophicEquation"),  # type: ignore[arg-type]
        (lambda: QuasiGeostrophicEquation(Grid(16), EDDIES, -1.0), "hyperviscosity=-1.0 in QuasiGeo"),
        (lambda: QuasiGeostrophicEquation(Grid(16), EDDIES, math.inf), "hyperviscosity=inf: it must be"),
        (lambda: QuasiGeostrophicEquation(Grid(16), EDDIES, 1.0, 0), "power=0 in QuasiGeostrophicEquation"),
        (lambda: QuasiGeostrophicEquation(Grid(16), EDDIES, dealias="mask"), "dealias='mask': choose one of"),
        (
            lambda: QuasiGeostrophicEquation(Grid(16), EDDIES, step_filter=exponential_filter(Grid(8))),
            r"step_filter has shape \(8, 5\): this grid needs \(..., 16, 9\)",
        ),
        (
            lambda: QuasiGeostrophicEquation(Grid(16), EDDIES, step_filter=2 * exponential_filter(Grid(16))),
            "step_filter has factors outside 0 to 1",
        ),
    ],
)
def test_what_makes_no_ocean_is_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_states_that_do_not_fit_are_refused(grid: Grid) -> None:
    equation = QuasiGeostrophicEquation(grid, EDDIES)
    one, three = eddies(grid, 1)[0], eddies(grid, 3)
    sentence = r"omega_hat has shape \(.*\): this grid needs \(..., 2, 32, 17\)"
    for q_hat in (one, three):
        for ask in (
            equation.tendency,
            equation.advection,
            equation.nonlinear,
            equation.streamfunction,
            equation.velocity,
            equation.check_state,
            STEPPERS["ifrk4"](equation, 3600.0).start,
            lambda q_hat: STEPPERS["ab3"](equation, 3600.0)(State(q_hat)),
            lambda q_hat: run(equation, q_hat, Schedule(0.0, DAY, 2)),
            lambda q_hat: energetics.energy(equation, q_hat),
            lambda q_hat: energetics.budget(equation, q_hat),
        ):
            with pytest.raises(ValueError, match=sentence):
                ask(q_hat)
    filtered = QuasiGeostrophicEquation(grid, EDDIES, step_filter=exponential_filter(grid))
    with pytest.raises(ValueError, match="dt=None: what a filter takes away per time depends on the step"):
        energetics.budget(filtered, eddies(grid))


def test_one_layer_has_the_energy_of_the_vorticity_equation(grid: Grid) -> None:
    equation = QuasiGeostrophicEquation(grid, Layers((500.0,), (), (0.0,)))
    omega_hat = eddies(grid, layers=1)
    torch.testing.assert_close(energetics.energy(equation, omega_hat), spectra.energy(grid, omega_hat[0]))
    assert energetics.available_energy(equation, omega_hat).shape == (0,)
    assert set(energetics.budget(equation, omega_hat)) == {
        "conversion", "drag", "dissipation", "filter", "closure"
    }  # fmt: skip

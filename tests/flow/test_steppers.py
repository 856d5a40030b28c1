import math
from itertools import pairwise

import pytest
import torch

from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity, taylor_green
from tlfourier.flow.steppers import AB2CN, IFRK4, STEPPERS, State, Stepper


def run(stepper: Stepper, omega_hat: torch.Tensor, steps: int) -> State:
    """Return the state some steps later."""
    state = stepper.start(omega_hat)
    for _ in range(steps):
        state = stepper(state)
    return state


@pytest.mark.parametrize(("name", "coarsest"), [("ifrk4", 40), ("ab2cn", 80), ("ab3", 80)])
@pytest.mark.parametrize("beta", [0.0, 2.0])
def test_error_falls_with_the_order_of_the_scheme(name: str, coarsest: int, beta: float) -> None:
    grid = Grid(32, dtype=torch.float64)
    equation = VorticityEquation(grid, 1e-2, 0.1, beta, two_way_cosine(grid, 4))
    omega_hat = 3 * random_vorticity(grid, 0, k_peak=3.0)
    exact = run(IFRK4(equation, 0.5 / 500), omega_hat, 500).omega_hat
    kind = STEPPERS[name]
    errors = [
        float((run(kind(equation, 0.5 / n), omega_hat, n).omega_hat - exact).abs().max())
        for n in (coarsest, 2 * coarsest, 4 * coarsest)
    ]
    orders = [math.log2(a / b) for a, b in pairwise(errors)]
    assert all(abs(order - kind.order) < 0.25 for order in orders), orders
    assert errors[-1] < 1e-3 * float(exact.abs().max())


@pytest.mark.parametrize("kind", list(STEPPERS.values()))
def test_steps_cost_what_they_say(kind: type[Stepper]) -> None:
    grid = Grid(16)
    calls = 0

    def closure(omega_hat: torch.Tensor) -> torch.Tensor:
        nonlocal calls
        calls += 1
        return torch.zeros_like(omega_hat)

    stepper = kind(VorticityEquation(grid, 1e-2), 0.01)
    begun = stepper.start(random_vorticity(grid, 0, k_peak=2.0))
    for _ in range(2):
        begun = stepper(begun, closure)
    calls = 0
    stepper(begun, closure)
    assert calls == kind.evaluations


def test_integrating_factor_makes_the_linear_part_exact() -> None:
    # One step far beyond every explicit limit of viscosity.
    grid = Grid(32, dtype=torch.float64)
    stepper = IFRK4(VorticityEquation(grid, 0.5, 0.3), 2.0)
    omega_hat = taylor_green(grid, 2)
    decay = math.exp(-(0.5 * 8 + 0.3) * 2.0)
    torch.testing.assert_close(run(stepper, omega_hat, 1).omega_hat, decay * omega_hat)


def test_rounding_of_many_small_steps_does_not_add_up() -> None:
    # A decay that is rounded once and multiplied in 2000 times would leave 7e-5.
    final = {}
    for dtype in (torch.float32, torch.float64):
        grid = Grid(32, dtype=dtype)
        stepper = IFRK4(VorticityEquation(grid, 1e-2, 0.3), 0.5 / 2000)
        start = random_vorticity(Grid(32, dtype=torch.float64), 0, k_peak=3.0).to(grid.complex_dtype)
        final[dtype] = run(stepper, start, 2000).omega_hat.to(torch.complex128)
    error = (final[torch.float32] - final[torch.float64]).norm() / final[torch.float64].norm()
    assert error < 1e-5


def test_crank_nicolson_damps_by_its_amplification_factor() -> None:
    grid = Grid(32, dtype=torch.float64)
    stepper = AB2CN(VorticityEquation(grid, 0.05, 0.1), 0.2)
    rate = 0.05 * 8 + 0.1
    factor = (1 - 0.1 * rate) / (1 + 0.1 * rate)
    omega_hat = taylor_green(grid, 2)
    torch.testing.assert_close(run(stepper, omega_hat, 3).omega_hat, factor**3 * omega_hat)


def test_rossby_waves_of_one_wavelength_travel_together() -> None:
    # All modes with |k| = 5 make an exact solution of the full equation: it drifts at -beta / k**2.
    grid = Grid(32, dtype=torch.float64)
    beta, duration = 10.0, 1.7

    def waves(x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return (
            torch.cos(3 * x + 4 * y)
            + 0.7 * torch.sin(4 * x - 3 * y)
            + 0.5 * torch.cos(5 * x)
            + torch.sin(5 * y)
        )

    final = run(
        IFRK4(VorticityEquation(grid, 0.0, beta=beta), duration / 20),
        grid.to_spectral(waves(grid.x, grid.y)),
        20,
    )
    drifted = waves(grid.x + beta / 25 * duration, grid.y)
    torch.testing.assert_close(grid.to_physical(final.omega_hat), drifted, rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", list(STEPPERS.values()))
def test_batch_equals_loop(kind: type[Stepper]) -> None:
    grid = Grid(32, dtype=torch.float64)
    stepper = kind(VorticityEquation(grid, 1e-3, 0.1, 1.0, two_way_cosine(grid, 4)), 0.01)
    batch = random_vorticity(grid, 0, k_peak=3.0, members=3)
    together = run(stepper, batch, 20).omega_hat
    for member, alone in enumerate(batch):
        torch.testing.assert_close(together[member], run(stepper, alone, 20).omega_hat)


@pytest.mark.parametrize("kind", list(STEPPERS.values()))
def test_gradients_pass_through_steps(kind: type[Stepper]) -> None:
    grid = Grid(8, dtype=torch.float64)
    stepper = kind(VorticityEquation(grid, 1e-2), 0.05)
    strength = torch.tensor(1.3, dtype=torch.float64, requires_grad=True)
    start = random_vorticity(grid, 0, k_peak=1.0)

    def final_enstrophy(strength: torch.Tensor) -> torch.Tensor:
        state = stepper.start(start)
        for _ in range(3):
            state = stepper(state, lambda omega_hat: strength * omega_hat)
        return grid.to_physical(state.omega_hat).square().mean()

    assert torch.autograd.gradcheck(final_enstrophy, (strength,))


@pytest.mark.parametrize("dt", [0.0, -0.1, math.nan, math.inf])
def test_steps_must_be_positive(dt: float) -> None:
    with pytest.raises(ValueError, match="dt=.*: a step must be a positive number"):
        IFRK4(VorticityEquation(Grid(16), 1e-2), dt)


def test_bad_states_do_not_start() -> None:
    stepper = IFRK4(VorticityEquation(Grid(16), 1e-2), 0.1)
    with pytest.raises(ValueError, match=r"omega_hat has shape \(18, 10\): this grid needs \(..., 16, 9\)"):
        stepper.start(torch.zeros(18, 10, dtype=torch.complex64))
    with pytest.raises(ValueError, match="omega_hat holds values that are not finite"):
        stepper.start(torch.full((16, 9), math.inf, dtype=torch.complex64))

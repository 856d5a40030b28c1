"""Ensembles of LES: exact decay, the order of a held closure, blow-ups that are counted and never seen."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from tlfourier.closure.learned import LearnedClosure
from tlfourier.closure.les import Ensemble, ensemble
from tlfourier.closure.network import Network, NetworkSpec, predict
from tlfourier.closure.pairs import Scales
from tlfourier.closure.scalings import SampleScales
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.simulate import Schedule, simulate
from tlfourier.flow.steppers import IFRK4, State

GRID = Grid(24, dtype=torch.float64)
LES = VorticityEquation(GRID, viscosity=1e-2, drag=0.1, dealias="pad")
START = random_vorticity(GRID, seed=0, k_peak=3.0, members=3) * GRID.below_nyquist
SCALES = Scales(psi=0.3, omega=2.0, sgs=5.0)


def last(
    equation: VorticityEquation, closure: Callable[[Tensor], Tensor] | None, **options: float
) -> Ensemble:
    """Return an ensemble after a time unit."""
    (found,) = ensemble(equation, START, [1.0], closure, **options)  # type: ignore[arg-type]
    return found


def thicker(by: float) -> Callable[[Tensor], Tensor]:
    """Return a closure that is nothing but more viscosity."""
    return lambda omega_hat: by * GRID.k_squared * omega_hat


def test_a_closure_that_is_viscosity_is_the_equation_with_more_of_it() -> None:
    wanted = last(VorticityEquation(GRID, viscosity=3e-2, drag=0.1, dealias="pad"), None, cfl=0.1)
    found = last(LES, thicker(2e-2), cfl=0.1)
    torch.testing.assert_close(
        found.omega_hat, wanted.omega_hat, rtol=0, atol=1e-6 * float(START.abs().max())
    )
    assert found.members.tolist() == [0, 1, 2] and found.blown_up.isnan().all()


def test_without_a_closure_it_is_the_simulation() -> None:
    (wanted,) = simulate(LES, State(START), Schedule(1.0, 1.0, 1, cfl=0.2), progress=False)
    found = last(LES, None, cfl=0.2)
    torch.testing.assert_close(
        found.omega_hat, wanted.omega_hat, rtol=0, atol=1e-6 * float(START.abs().max())
    )


def test_looks_lie_on_one_path_wherever_they_are() -> None:
    looks = list(ensemble(LES, START, [0.0, 0.5, 0.5, 1.0], cfl=0.2))
    torch.testing.assert_close(looks[0].omega_hat, START)
    torch.testing.assert_close(looks[1].omega_hat, looks[2].omega_hat, rtol=0, atol=0)
    scale = float(START.abs().max())
    torch.testing.assert_close(
        looks[3].omega_hat, last(LES, None, cfl=0.2).omega_hat, rtol=0, atol=1e-6 * scale
    )


def test_a_held_closure_is_of_first_order_in_the_step() -> None:
    truth = last(LES, thicker(0.05), cfl=0.02).omega_hat
    errors = [
        float((last(LES, thicker(0.05), cfl=cfl, held=True).omega_hat - truth).abs().max())
        for cfl in (0.2, 0.1, 0.05)
    ]
    orders = [math.log2(errors[0] / errors[1]), math.log2(errors[1] / errors[2])]
    assert all(0.85 < order < 1.15 for order in orders), orders


def test_a_held_closure_is_asked_once_a_step_and_another_four_times() -> None:
    asked = []

    def closure(omega_hat: Tensor) -> Tensor:
        asked.append(len(omega_hat))
        return torch.zeros_like(omega_hat)

    last(LES, closure, held=True)
    held = len(asked)
    asked.clear()
    last(LES, closure)
    assert len(asked) == 4 * held


# ---- blow-ups


def growing(omega_hat: Tensor) -> Tensor:
    """Return a term that doubles a flow in no time, once it has more than a certain enstrophy."""
    power = torch.view_as_real(omega_hat).square().sum((-3, -2, -1))
    return -40.0 * (power > 2 * POWER).to(GRID.dtype)[:, None, None] * omega_hat


POWER = float(torch.view_as_real(START).square().sum((-3, -2, -1)).amax())


def test_a_member_that_blows_up_is_counted_and_the_others_go_on_without_it() -> None:
    start = torch.stack([START[0], 3 * START[1], START[2]])
    looks = list(ensemble(LES, start, [0.2, 1.0], growing, cfl=0.2))
    assert looks[-1].members.tolist() == [0, 2]
    assert looks[-1].blown_up.isnan().tolist() == [True, False, True]
    # Sixfold growth of the amplitude at the rate 40 takes log(10) / 40 to a hundredfold enstrophy.
    assert 0.0 <= float(looks[-1].blown_up[1]) <= 0.08
    alone = last(LES, None, cfl=0.2).omega_hat[[0, 2]]
    scale = float(START.abs().max())
    torch.testing.assert_close(looks[-1].omega_hat, alone, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30])
@pytest.mark.parametrize("held", [True, False])
def test_an_ensemble_that_blows_up_as_a_whole_ends_empty(value: float, held: bool) -> None:
    looks = list(ensemble(LES, START, [0.1, 0.2], lambda one: torch.full_like(one, value), held=held))
    assert [len(look.members) for look in looks] == [0, 0]
    assert looks[-1].blown_up.tolist() == [0.0, 0.0, 0.0]


def test_a_closure_never_sees_what_is_not_finite() -> None:
    def closure(omega_hat: Tensor) -> Tensor:
        assert bool(torch.isfinite(torch.view_as_real(omega_hat)).all())
        return -1e4 * omega_hat

    (found,) = ensemble(LES, START, [5.0], closure)
    assert not len(found.members)


def test_a_module_comes_back_as_it_was() -> None:
    class Noisy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.drop, self.norm = nn.Dropout(0.5), nn.BatchNorm2d(2)
            self.last = nn.Conv2d(2, 1, 1)

        def forward(self, inputs: Tensor) -> Tensor:
            found: Tensor = self.last(self.drop(self.norm(inputs)))
            return found

    network = Noisy().double().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    closure = LearnedClosure(network, SCALES, GRID)
    one, other = (last(LES, closure).omega_hat for _ in range(2))
    torch.testing.assert_close(one, other, rtol=0, atol=0)  # nothing random: in evaluation mode
    assert network.training and network.norm.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize(
    ("start", "times", "said"),
    [
        (START[0], [1.0], r"accepted is \(members, N, N // 2 \+ 1\)"),
        (START, [1.0, 0.5], "they must be finite and in order"),
        (START, [-1.0], "they must be finite and in order"),
        (START, [math.nan], "they must be finite and in order"),
        (torch.zeros_like(START), [1.0], "a member is at rest"),
    ],
)
def test_what_is_no_ensemble_is_refused(start: Tensor, times: list[float], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        list(ensemble(LES, start, times))


# ---- a network as a closure


def fields(omega_hat: Tensor) -> Tensor:
    """Return ψ and ω at the points, shape (members, 2, N, N)."""
    return torch.stack([GRID.to_physical(omega_hat * GRID.inverse_k_squared), GRID.to_physical(omega_hat)], 1)


def test_a_linear_network_is_its_formula() -> None:
    network = nn.Conv2d(2, 1, 1).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor([2.0, -0.5])[None, :, None, None])
    found = GRID.to_physical(LearnedClosure(network, SCALES, GRID)(START))
    psi, omega = fields(START).unbind(1)
    torch.testing.assert_close(found, 5.0 * (2.0 * psi / 0.3 - 0.5 * omega / 2.0))  # the bias is a mean


def test_a_network_closes_with_what_it_predicts() -> None:
    network = Network(NetworkSpec(layers=3, channels=4), seed=1)
    inputs = fields(START) / torch.tensor([SCALES.psi, SCALES.omega])[:, None, None]
    wanted = SCALES.sgs * predict(network, inputs)[:, 0].double()
    wanted = GRID.to_spectral(wanted - wanted.mean((-2, -1), keepdim=True)) * GRID.below_nyquist
    closure = LearnedClosure(network, SCALES, GRID)
    torch.testing.assert_close(closure(START), wanted, rtol=1e-5, atol=1e-4)
    torch.testing.assert_close(closure(START[None, :2]), closure(START)[None, :2])


def test_a_time_of_each_sample_makes_the_closure_free_of_units() -> None:
    network = Network(NetworkSpec(layers=3, channels=4), seed=1)
    closure = LearnedClosure(network, SampleScales(SCALES.psi, SCALES.omega, SCALES.sgs), GRID)
    torch.testing.assert_close(closure(3.0 * START), 9.0 * closure(START), rtol=1e-4, atol=1e-3)


def test_gradients_pass_through_a_step() -> None:
    network = Network(NetworkSpec(layers=2, channels=2), seed=1).double()
    LearnedClosure(network, SCALES, GRID)(START).abs().sum().backward()
    assert all(one.grad is not None and float(one.grad.abs().sum()) > 0 for one in network.parameters())


def test_another_precision_is_refused() -> None:
    with pytest.raises(ValueError, match="accepted are float32, bfloat16"):
        LearnedClosure(nn.Conv2d(2, 1, 1), SCALES, GRID, "float16")


def test_gradients_through_many_steps_are_those_of_finite_differences() -> None:
    """The weights of a layer, through steps of the solver, along random directions; both in float64."""
    network = Network(NetworkSpec(layers=3, channels=4), seed=1).double()
    weight, closure = network.layer(2).weight, LearnedClosure(network, SCALES, GRID)
    wanted = START[:2].roll(3, dims=-2)

    def loss(steps: int) -> Tensor:
        stepper, state = IFRK4(LES, dt=0.02), State(START[:2])
        for _ in range(steps):
            state = stepper(state, closure)
        return torch.view_as_real(state.omega_hat - wanted).square().mean()

    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(20, weight.numel(), generator=generator, dtype=torch.float64)
    for steps in (1, 8):
        (gradient,) = torch.autograd.grad(loss(steps), weight)
        along = directions @ gradient.flatten()
        differences = []
        for direction in directions:
            ends = []
            for sign in (1, -1):
                with torch.no_grad():
                    weight.add_(direction.reshape(weight.shape), alpha=sign * 1e-8)
                    ends.append(float(loss(steps)))
                    weight.sub_(direction.reshape(weight.shape), alpha=sign * 1e-8)
            differences.append((ends[0] - ends[1]) / 2e-8)
        found = torch.tensor(differences, dtype=torch.float64)
        assert float(torch.nn.functional.cosine_similarity(along, found, dim=0)) > 0.99999
        # differences this small cross few kinks of the ReLU
        assert float((along - found).abs().median()) < 1e-6 * float(found.abs().max())

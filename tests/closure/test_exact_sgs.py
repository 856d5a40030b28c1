"""The test that decides every sign: an LES that is fed the exact Π follows the filtered DNS."""

from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from tlfourier.closure.filters import Filter, filtered_equation, subgrid_term
from tlfourier.closure.verification import Recording
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid
from tlfourier.flow.steppers import STEPPERS, State, Stepper

KINDS = ("gaussian", "box", "circular", "square")
STAGES_IFRK4 = (0.0, 0.5, 0.5, 1.0)


def advance(
    step: Stepper, state: State, steps: int, closure: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    for _ in range(steps):
        state = step(state, closure)
    return state.omega_hat


def error(result: Tensor, truth: Tensor) -> float:
    return float(torch.linalg.vector_norm(result - truth) / torch.linalg.vector_norm(truth))


def equations(flow: str, kind: str, size: int) -> tuple[VorticityEquation, VorticityEquation, Filter]:
    fine, coarse = Grid(96, dtype=torch.float64), Grid(size, dtype=torch.float64)
    options = {
        "decaying": {},
        "forced": {"drag": 0.1, "forcing_hat": two_way_cosine(fine, 4)},
        "beta": {"drag": 0.1, "beta": 5.0, "forcing_hat": two_way_cosine(fine, 4)},
    }[flow]
    dns = VorticityEquation(fine, 2e-3, **options)  # type: ignore[arg-type]
    filter = Filter(fine, coarse, kind)
    return dns, filtered_equation(dns, coarse, filter), filter


@pytest.mark.parametrize(
    ("flow", "kind", "stepper"),
    [
        ("decaying", "gaussian", "ifrk4"),
        ("forced", "gaussian", "ifrk4"),
        ("forced", "gaussian", "ab2cn"),
        ("beta", "gaussian", "ifrk4"),
        *(("forced", kind, "ifrk4") for kind in KINDS[1:]),
    ],
)
def test_an_les_fed_the_recorded_pi_follows_the_filtered_dns(
    developed: Tensor, flow: str, kind: str, stepper: str
) -> None:
    dns, les, filter = equations(flow, kind, size=24)
    # AB2 is stable at a third of the step of IFRK4 and evaluates once per step.
    steps, dt = (50, 0.004) if stepper == "ifrk4" else (200, 0.001)
    recording = Recording(dns, les, filter)
    fine_step, coarse_step = STEPPERS[stepper](dns, dt), STEPPERS[stepper](les, dt)
    truth = filter(advance(fine_step, fine_step.start(developed), steps, recording.note))
    start = coarse_step.start(filter(developed))
    assert error(advance(coarse_step, start, steps, recording.play(+1.0)), truth) < 1e-10
    without = error(advance(coarse_step, start, steps), truth)
    wrong_sign = error(advance(coarse_step, start, steps, recording.play(-1.0)), truth)
    assert wrong_sign > without > 1e-2


def test_recording_changes_nothing(developed: Tensor) -> None:
    dns, les, filter = equations("forced", "gaussian", size=24)
    step = STEPPERS["ifrk4"](dns, 0.004)
    recorded = advance(step, step.start(developed), 5, Recording(dns, les, filter).note)
    assert torch.equal(recorded, advance(step, step.start(developed), 5))


def test_a_pi_recorded_now_and_then_converges_at_second_order(developed: Tensor) -> None:
    dns, les, filter = equations("forced", "gaussian", size=24)
    steps, dt = 96, 0.00125
    fine_step, coarse_step = STEPPERS["ifrk4"](dns, dt), STEPPERS["ifrk4"](les, dt)
    state = fine_step.start(developed)
    record = [subgrid_term(state.omega_hat, dns, les, filter)]
    for _ in range(steps):
        state = fine_step(state)
        record.append(subgrid_term(state.omega_hat, dns, les, filter))
    truth, start = filter(state.omega_hat), coarse_step.start(filter(developed))

    def interpolated(stride: int, sign: float) -> float:
        """Return the error when only every stride-th record is known and Π is linear in between."""
        calls = iter(range(4 * steps))

        def closure(omega_bar_hat: Tensor) -> Tensor:
            step, stage = divmod(next(calls), 4)
            position = (step + STAGES_IFRK4[stage]) / stride
            before = min(int(position), steps // stride - 1)
            weight = position - before
            return sign * ((1 - weight) * record[before * stride] + weight * record[(before + 1) * stride])

        return error(advance(coarse_step, start, steps, closure), truth)

    errors = [interpolated(stride, +1) for stride in (24, 12, 6, 3)]
    ratios = [coarser / finer for coarser, finer in pairwise(errors)]
    assert errors[-1] < 1e-4
    assert all(3.0 < ratio < 5.0 for ratio in ratios[1:]), ratios
    assert interpolated(3, -1) > 1e-2

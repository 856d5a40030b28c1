"""Batches: seeded, complete, and turned as the flow itself may be turned."""

import torch
from torch import Tensor

from tlfourier.closure.batches import Samples, draw, rotate
from tlfourier.closure.filters import Filter, filtered_equation, subgrid_term
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity


def test_an_epoch_is_a_seeded_permutation() -> None:
    order, turns = draw(50, seed=3, epoch=7)
    assert order.sort().values.tolist() == list(range(50))
    assert set(turns.tolist()) == {0, 1, 2, 3}
    assert all(torch.equal(a, b) for a, b in zip(draw(50, 3, 7), (order, turns), strict=True))
    for seed, epoch in ((3, 8), (4, 7), (7, 3)):
        assert not torch.equal(draw(50, seed, epoch)[0], order)


def test_every_sample_is_turned_by_its_own_angle() -> None:
    fields = torch.randn(6, 2, 5, 5)
    turns = torch.tensor([0, 1, 2, 3, 1, 0])
    turned = rotate(fields, turns)
    for field, turn, result in zip(fields, turns.tolist(), turned, strict=True):
        assert torch.equal(result, torch.rot90(field, turn, (-2, -1)))


def test_inputs_and_outputs_turn_together() -> None:
    fields = torch.randn(4, 1, 6, 6)
    x, y = Samples(fields, fields**2).batch(torch.tensor([2, 0]), torch.tensor([1, 3]))
    assert torch.equal(x**2, y)


def quarter_turn(field: Tensor) -> Tensor:
    """Turn about the grid point (0, 0), which has the same place on every grid."""
    return torch.rot90(field, 1, (-2, -1)).roll(1, -2)


def test_the_subgrid_term_turns_with_the_flow_and_keeps_its_sign() -> None:
    fine, coarse = Grid(32, dtype=torch.float64), Grid(16, dtype=torch.float64)
    equation = VorticityEquation(fine, viscosity=1e-3)
    smooth = Filter(fine, coarse)
    resolved = filtered_equation(equation, coarse, smooth)
    omega = fine.to_physical(random_vorticity(fine, seed=1, k_peak=5.0))
    sgs = [
        coarse.to_physical(subgrid_term(fine.to_spectral(field), equation, resolved, smooth))
        for field in (omega, quarter_turn(omega))
    ]
    torch.testing.assert_close(
        sgs[1], quarter_turn(sgs[0]), rtol=1e-10, atol=1e-10 * sgs[0].abs().max().item()
    )

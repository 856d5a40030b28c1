"""The derivative of a network by its weights, against differences, its transpose and exact least squares."""

import itertools

import pytest
import torch
from torch import nn

from tlfourier.advisor.tangent import Tangent, conjugate_gradients
from tlfourier.closure.baselines import solve_last_layer
from tlfourier.closure.network import Network, NetworkSpec, predict

SPECS = {padding: NetworkSpec(layers=3, channels=4, padding=padding) for padding in ("circular", "zeros")}


@pytest.fixture(params=SPECS)
def network(request: pytest.FixtureRequest) -> Network:
    return Network(SPECS[request.param], seed=1)


def inputs(count: int = 5) -> torch.Tensor:
    return torch.randn(count, 2, 12, 12, generator=torch.Generator().manual_seed(2))


def of_layer(number: int) -> list[str]:
    return [f"conv{number:02d}.weight", f"conv{number:02d}.bias"]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_it_is_the_limit_of_differences(network: Network, number: int) -> None:
    exact = network.double()
    tangent = Tangent(exact, of_layer(number), inputs().double())
    step = torch.randn(tangent.size, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    small = 1e-6
    difference = (tangent.outputs(small * step) - tangent.outputs(-small * step)) / (2 * small)
    torch.testing.assert_close(tangent.along(step), difference, rtol=1e-6, atol=1e-6)


def test_back_is_the_transpose_of_along(network: Network) -> None:
    gain = torch.tensor([3.0], dtype=torch.float64)
    tangent = Tangent(network.double(), of_layer(2), inputs().double(), gain)
    generator = torch.Generator().manual_seed(4)
    step = torch.randn(tangent.size, dtype=torch.float64, generator=generator)
    residual = torch.randn(5, 1, 12, 12, dtype=torch.float64, generator=generator)
    here = (tangent.along(step) * residual).sum()
    torch.testing.assert_close(here, step @ tangent.back(residual), rtol=1e-12, atol=1e-12)


def test_batches_change_nothing(network: Network) -> None:
    whole, parts = (Tangent(network.double(), of_layer(1), inputs().double(), batch_size=n) for n in (5, 2))
    step = torch.linspace(-1, 1, whole.size, dtype=torch.float64)
    torch.testing.assert_close(whole.along(step), parts.along(step))
    torch.testing.assert_close(whole.back(whole.outputs()), parts.back(parts.outputs()))


def test_it_is_taken_where_a_change_leads(network: Network) -> None:
    generator = torch.Generator().manual_seed(5)
    start = Tangent(network, of_layer(2), inputs())
    change = 0.1 * torch.randn(start.size, generator=generator)
    there = Tangent(network, of_layer(2), inputs(), change=change)
    torch.testing.assert_close(there.outputs(), start.outputs(change))
    assert not torch.allclose(there.along(change), start.along(change))


def test_conjugate_gradients_end_at_the_last_layer_of_least_squares() -> None:
    network = Network(NetworkSpec(layers=3, channels=2, kernel_size=3), seed=1).double()
    x = inputs(8).double()
    truth = torch.randn(8, 1, 12, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(6))
    tangent = Tangent(network, of_layer(3), x)
    residual = truth - tangent.outputs()
    steps = list(conjugate_gradients(tangent, residual, 60))
    left = [(residual - tangent.along(step)).norm().item() for step in steps]
    assert all(after <= before * (1 + 1e-12) for before, after in itertools.pairwise(left))
    solved = solve_last_layer(network.float(), x.float(), truth.float(), rotate=False)
    found = network.double() and tangent.outputs(steps[-1])
    torch.testing.assert_close(found.float(), predict(solved, x), rtol=1e-3, atol=1e-3)


def test_nothing_is_left_to_do_where_nothing_is_wrong(network: Network) -> None:
    tangent = Tangent(network, of_layer(2), inputs())
    assert list(conjugate_gradients(tangent, torch.zeros(5, 1, 12, 12), 5)) == []


def test_the_network_is_left_as_it_is(network: Network) -> None:
    before = {name: value.clone() for name, value in network.state_dict().items()}
    tangent = Tangent(network, of_layer(2), inputs())
    list(conjugate_gradients(tangent, tangent.outputs(), 3))
    assert all(torch.equal(before[name], value) for name, value in network.state_dict().items())
    assert all(value.grad is None for value in network.parameters())


def test_what_there_is_not_is_refused() -> None:
    network = nn.Sequential(nn.Conv2d(2, 1, 3, padding=1))
    with pytest.raises(ValueError, match=r"names=\['conv'\]: accepted are some of 0.weight, 0.bias"):
        Tangent(network, ["conv"], inputs())
    tangent = Tangent(network, ["0.bias"], inputs())
    with pytest.raises(ValueError, match=r"step of shape \(2,\): accepted is \(1,\)"):
        tangent.along(torch.zeros(2))

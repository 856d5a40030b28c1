from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.fourier import put_back_curve

SPEC = NetworkSpec(layers=3, channels=4)


def weight(network: nn.Module) -> torch.Tensor:
    """Return the kernels of layer 2."""
    return network.get_parameter("conv02.weight")


def changed(kernels: dict[tuple[int, int], float]) -> tuple[Network, Network]:
    """Return a network and one in which some kernels of layer 2 moved by a distance."""
    base, network = Network(SPEC, seed=0), Network(SPEC, seed=0)
    with torch.no_grad():
        for (output, channel), distance in kernels.items():
            weight(network)[output, channel, 2, 2] += distance
    return base, network


def distance_to(wanted: Network) -> Callable[[nn.Module], float]:
    """Return an error: how far the kernels of layer 2 are from those of a network."""

    def error(network: nn.Module) -> float:
        return (weight(network) - weight(wanted)).abs().sum().item()

    return error


def test_the_most_changed_kernels_go_first_and_the_loss_is_theirs() -> None:
    base, network = changed({(0, 1): 3.0, (2, 3): 2.0, (1, 1): 1.0})
    found = put_back_curve(base, network, [2], distance_to(network), shares=(1 / 16, 2 / 16, 1.0))
    np.testing.assert_array_equal(found["kernels"], [1, 2, 16])
    np.testing.assert_allclose(found["most"], [3.0, 5.0, 6.0], rtol=1e-5)
    np.testing.assert_allclose(found["everything"], 6.0, rtol=1e-5)
    assert found["transferred"] == 0.0


def test_random_kernels_lose_their_share_on_average() -> None:
    base, network = changed({(i, j): 1.0 for i in range(4) for j in range(4)})
    found = put_back_curve(base, network, [2], distance_to(network), shares=(0.25,), draws=3)
    np.testing.assert_allclose(found["random"], 4.0, rtol=1e-5)


def test_layers_that_were_not_named_stay() -> None:
    base, network = changed({(0, 0): 1.0})
    found = put_back_curve(base, network, [1], distance_to(network), shares=(1.0,))
    assert found["everything"] == 0.0
    assert found["kernels"] == [8]  # 4 outputs of 2 inputs


def test_both_networks_are_left_as_they_are() -> None:
    base, network = changed({(0, 0): 1.0})
    states = [{k: v.clone() for k, v in one.state_dict().items()} for one in (base, network)]
    put_back_curve(base, network, [2], distance_to(network))
    for one, state in zip((base, network), states, strict=True):
        assert all(torch.equal(value, state[name]) for name, value in one.state_dict().items())


def test_the_same_seed_draws_the_same_kernels() -> None:
    base, network = changed({(i, j): float(4 * i + j) for i in range(4) for j in range(4)})
    error = distance_to(network)
    first, again, other = (put_back_curve(base, network, [2], error, seed=seed) for seed in (1, 1, 2))
    assert first.identical(again)
    assert not first["random"].equals(other["random"])


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"shares": (0.0,)}, "shares lie in"),
        ({"draws": 0}, "at least 1 draw"),
        ({"layers": [7]}, "layers 1..3"),
    ],
)
def test_impossible_questions_are_refused(settings: dict, words: str) -> None:
    base, network = changed({})
    with pytest.raises(ValueError, match=words):
        put_back_curve(base, network, **{"layers": [2], "error": distance_to(network), **settings})

"""Kernels set to zero one by one: the loss where it is known, the choice of kernels, the shares of types."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.fourier import LABELS, importance_fractions, kernel_importance, synthetic_kernels

SPEC = NetworkSpec(layers=3, channels=4)
INPUTS = torch.randn(3, 2, 16, 16, generator=torch.Generator().manual_seed(0))


def whole(network: nn.Module, wanted: torch.Tensor) -> float:
    with torch.no_grad():
        return (network(INPUTS) - wanted).norm().item()


def test_the_loss_of_every_kernel_is_that_of_a_network_without_it() -> None:
    network, wanted = Network(SPEC, seed=0), torch.randn(3, 1, 16, 16)
    found = kernel_importance(network, lambda layer: lambda one: whole(one, wanted))
    assert found.sizes == {"kernel": 8 + 16 + 4}
    assert (found["stands_for"] == 1).all()
    for row in range(0, 28, 3):
        name, output, channel = (found[key].values[row] for key in ("layer", "output", "input"))
        other = copy.deepcopy(network)
        with torch.no_grad():
            other.get_parameter(f"{name}.weight")[output, channel] = 0
        assert found["lost"].values[row] == pytest.approx(whole(other, wanted) - whole(network, wanted))


def test_an_error_that_keeps_what_the_layers_below_give_finds_the_same() -> None:
    network, wanted = Network(SPEC, seed=0), torch.randn(3, 1, 16, 16)
    asked = []

    def from_layer(layer: int):  # type: ignore[no-untyped-def]
        asked.append(layer)
        with torch.no_grad():
            entering = network.prefix(INPUTS, layer)
        return lambda one: (one.suffix(entering, layer) - wanted).norm().item()

    plain = kernel_importance(network, lambda layer: lambda one: whole(one, wanted))
    kept = kernel_importance(network, from_layer)
    np.testing.assert_allclose(kept["lost"], plain["lost"], atol=1e-4)
    assert asked == [1, 2, 3]


def sums(network: nn.Module) -> float:
    """Return an error that knows of each kernel what it is worth: its weight in the middle."""
    return -sum(layer.weight[..., 2, 2].sum().item() for layer in (network.layer(1), network.layer(2)))  # type: ignore[operator]


def test_a_network_is_left_as_it_is_and_the_kernels_tried_stand_for_all() -> None:
    network = Network(NetworkSpec(layers=2, channels=30, inputs=10), seed=0)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    some = kernel_importance(network, lambda layer: sums, most=20, seed=3)
    assert all(torch.equal(value, before[key]) for key, value in network.state_dict().items())
    assert some["layer"].values.tolist() == ["conv01"] * 20 + ["conv02"] * 20
    assert some["stands_for"].values.tolist() == [15.0] * 20 + [1.5] * 20
    np.testing.assert_allclose(
        some["lost"], [network.get_parameter(f"{n}.weight")[o, i, 2, 2].item() for n, o, i in
                       zip(some["layer"].values, some["output"].values, some["input"].values, strict=True)],
        atol=1e-5,
    )  # fmt: skip
    assert some.identical(kernel_importance(network, lambda layer: sums, most=20, seed=3))
    other = kernel_importance(network, lambda layer: sums, most=20, seed=4)
    assert not other["output"].equals(some["output"])


def typed(worth: dict[str, float]) -> Network:
    """Return a network with ten kernels of each type a layer; the middle says what one of a type is worth."""
    network = Network(NetworkSpec(layers=2, channels=8, inputs=5, outputs=5), seed=0)
    with torch.no_grad():
        for layer in (1, 2):
            kernels, labels = synthetic_kernels(10, seed=layer, noise=0.0)
            kernels *= np.array([worth[name] for name in labels])[:, None, None] / np.linalg.norm(
                kernels, axis=(1, 2), keepdims=True
            )
            shape = network.layer(layer).weight.shape
            network.layer(layer).weight.copy_(torch.from_numpy(kernels).reshape(shape))
    return network


def norms(network: nn.Module) -> float:
    """Return an error that sinks by the norm of every kernel."""
    return -sum(
        one.norm(dim=(2, 3)).sum().item() for name, one in network.named_parameters() if "weight" in name
    )


def test_types_count_by_what_they_are_worth() -> None:
    network = typed({"low-pass": 4.0, "band-pass": 1.0, "high-pass": 1.0, "gabor": 2.0})
    lost = kernel_importance(network, lambda layer: norms)
    found = importance_fractions(network, lost)
    assert found["layer"].values.tolist() == ["conv01", "conv02", "all"]
    assert found["by_importance"]["type"].values.tolist() == list(LABELS)
    np.testing.assert_allclose(
        found["by_importance"].sel(layer="all"), [0.5, 0.125, 0.125, 0.25, 0], atol=0.03
    )
    assert found["tried"].values.tolist() == [40, 40, 80] and (found["counted"] == 1).all()
    few = importance_fractions(network, kernel_importance(network, lambda layer: norms, most=39))
    np.testing.assert_allclose(few["by_importance"], found["by_importance"], atol=0.06)


def test_kernels_without_which_a_network_is_better_count_nothing() -> None:
    network = typed(dict.fromkeys(LABELS[:4], 1.0))
    lost = kernel_importance(network, lambda layer: norms)
    good = lost["lost"].where(lost["layer"] == "conv01", -lost["lost"])
    found = importance_fractions(network, lost.assign(lost=good))
    assert found["counted"].values.tolist() == [1.0, 0.0, 0.5]
    assert found["by_importance"].sel(layer="conv02").isnull().all()
    np.testing.assert_allclose(found["by_importance"][0], found["by_importance"][2])


def test_small_kernels_and_computed_weights_are_refused() -> None:
    small = nn.Sequential(nn.Conv2d(1, 2, 3))
    with pytest.raises(ValueError, match="kernels of 3 x 3"):
        importance_fractions(small, kernel_importance(small, lambda layer: lambda one: 0.0))
    norm = nn.utils.parametrizations.weight_norm(nn.Conv2d(1, 2, 5))
    with pytest.raises(ValueError, match="are computed"):
        kernel_importance(norm, lambda layer: lambda one: 0.0)

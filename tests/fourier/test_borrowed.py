"""A network with another's masks: the same network, masks of ones, gains alone, and what is refused."""

import numpy as np
import pytest
import torch
from torch import nn

from tlfourier.closure.network import Network, NetworkSpec, predict
from tlfourier.fourier import gain_lost, predict_with_masks

SPEC = NetworkSpec(layers=4, channels=3)
INPUTS = torch.randn(5, 2, 16, 16, generator=torch.Generator().manual_seed(0))
TRUTH = torch.randn(5, 1, 16, 16, generator=torch.Generator().manual_seed(1))


def test_its_own_masks_change_nothing() -> None:
    network = Network(SPEC, seed=0)
    assert torch.equal(predict_with_masks(network, network, INPUTS, batch_size=2), predict(network, INPUTS))


def test_borrowed_masks_are_those_of_the_lender_s_own_run() -> None:
    network, lender = Network(SPEC, seed=0), Network(SPEC, seed=1)
    own, other = INPUTS, INPUTS
    with torch.no_grad():
        for number in range(1, SPEC.layers):
            h, there = network.layer(number)(own), lender.layer(number)(other)
            own, other = h * (there > 0), there.relu()
        expected = network.layer(SPEC.layers)(own)
    torch.testing.assert_close(predict_with_masks(network, lender, INPUTS), expected)


def test_masks_of_ones_make_a_network_linear() -> None:
    network, lender = Network(SPEC, seed=0), Network(SPEC, seed=0)
    with torch.no_grad():
        for number in range(1, SPEC.layers + 1):
            network.get_parameter(f"conv{number:02d}.bias").zero_()
            lender.get_parameter(f"conv{number:02d}.bias").fill_(100.0)
    found = predict_with_masks(network, lender, INPUTS)
    torch.testing.assert_close(predict_with_masks(network, lender, -2 * INPUTS), -2 * found)
    assert not torch.allclose(predict(network, -2 * INPUTS), -2 * predict(network, INPUTS))


def transferred(gain: float) -> tuple[Network, Network]:
    """Return a network and the same with a layer of another gain, which leaves every mask as it was."""
    base, network = Network(SPEC, seed=2), Network(SPEC, seed=2)
    with torch.no_grad():
        for one in (base, network):
            for number in range(1, SPEC.layers + 1):
                one.get_parameter(f"conv{number:02d}.bias").zero_()
        network.layer(2).weight.mul_(gain)
    return base, network


def test_a_transfer_of_gains_alone_loses_nothing() -> None:
    base, network = transferred(gain=3.0)
    found = gain_lost(base, network, INPUTS, predict(network, INPUTS))
    assert found["error"].values.tolist() == pytest.approx([2 / 3, 0, 0], abs=1e-5)
    assert found["lost"] == pytest.approx(0, abs=1e-5)


def test_the_share_is_of_the_three_errors() -> None:
    base, network = Network(SPEC, seed=0), Network(SPEC, seed=1)
    truth = predict(network, INPUTS) + 0.1 * TRUTH
    found = gain_lost(base, network, INPUTS, truth, batch_size=2)
    fields = predict(base, INPUTS), predict(network, INPUTS), predict_with_masks(network, base, INPUTS)
    errors = [
        np.mean([((p - t).norm() / t.norm()).item() for p, t in zip(f, truth, strict=True)]) for f in fields
    ]
    np.testing.assert_allclose(found["error"], errors, rtol=1e-5)
    np.testing.assert_allclose(found["lost"], (errors[2] - errors[1]) / (errors[0] - errors[1]), rtol=1e-4)
    assert found["lost"] > 0


def test_a_transfer_that_gained_nothing_has_nothing_to_lose() -> None:
    base, network = transferred(gain=3.0)
    assert gain_lost(base, network, INPUTS, predict(base, INPUTS))["lost"].isnull()
    assert gain_lost(base, base, INPUTS, TRUTH)["lost"].isnull()


def conv(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1)


class Joined(nn.Module):
    """A layer that is given the sum of two."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = conv(2, 2), conv(2, 2), conv(2, 1)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        hidden = self.first(inputs).relu()
        found: torch.Tensor = self.third(hidden + self.second(hidden).relu())
        return found


class Unused(Joined):
    """A chain whose last layer does nothing."""

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.second(self.first(inputs).relu())
        return found


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (Joined(), "layer third is not given the ReLU of the layer before it"),
        (nn.Sequential(conv(2, 2), nn.Tanh(), conv(2, 1)), "layer 2 is not given the ReLU"),
        (
            nn.Sequential(conv(2, 2), nn.BatchNorm2d(2), nn.ReLU(), conv(2, 1)),
            "layer 3 is not given the ReLU",
        ),
        (Unused(), "layer third ran 0 times"),
    ],
    ids=["joined", "tanh", "norm", "unused"],
)
def test_only_chains_with_relu_can_borrow(module: nn.Module, words: str) -> None:
    module.train()
    if "ReLU" in words and isinstance(module, nn.Sequential) and len(module) == 4:
        module[1].running_var.fill_(4.0)  # type: ignore[operator]
    with pytest.raises(ValueError, match=words):
        predict_with_masks(module, module, INPUTS)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_a_network_that_leaves_out_a_layer_is_refused_though_its_lender_does_not() -> None:
    other, lender = Unused(), nn.Sequential()
    for name in ("first", "second", "third"):
        lender.add_module(name, getattr(other, name))
        lender.add_module(f"{name}_relu", nn.ReLU())
    with pytest.raises(ValueError, match="layer third did not run: a plain chain"):
        predict_with_masks(other, lender, INPUTS)


def test_networks_and_fields_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="lender has layers"):
        predict_with_masks(Network(SPEC), Network(NetworkSpec(layers=4, channels=2)), INPUTS)
    with pytest.raises(ValueError, match="truth of shape"):
        gain_lost(Network(SPEC), Network(SPEC), INPUTS, TRUTH[:2])
    bad = INPUTS.clone()
    bad[2] = torch.nan
    with pytest.raises(ValueError, match="inputs hold values that are not finite"):
        predict_with_masks(Network(SPEC), Network(SPEC), bad)

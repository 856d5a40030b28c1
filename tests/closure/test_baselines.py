"""Least squares: the output gain and the last layer, exactly."""

import copy
import math

import pytest
import torch

from tlfourier.closure.baselines import OutputGain, solve_last_layer
from tlfourier.closure.network import Network, NetworkSpec, predict
from tlfourier.closure.scores import score

SPEC = NetworkSpec(layers=2, channels=3, outputs=2)


def test_gain_is_found_again_and_network_left_as_it_is() -> None:
    network = Network(SPEC, 3)
    x = torch.randn(4, 2, 8, 8)
    prediction = predict(network, x)
    scaled = OutputGain.fit(network, x, prediction * torch.tensor([2.5, -0.5])[:, None, None])
    torch.testing.assert_close(scaled.gain, torch.tensor([2.5, -0.5]))
    torch.testing.assert_close(predict(scaled, x)[:, 1], -0.5 * prediction[:, 1])


def test_residual_is_orthogonal_to_the_prediction() -> None:
    network, x, y = Network(SPEC, 3), torch.randn(4, 2, 8, 8), torch.randn(4, 2, 8, 8)
    scaled = predict(OutputGain.fit(network, x, y), x)
    residual = ((y - scaled) * scaled).sum((0, 2, 3)) / scaled.square().sum((0, 2, 3))
    assert residual.abs().max() < 1e-5


def test_rmse_of_the_best_gain_is_the_sine_of_the_angle() -> None:
    """On one snapshot without means, rmse = √(1 − CC²): what is left is what no factor can reach."""
    truth = torch.randn(1, 16, 16, dtype=torch.float64)
    guess = truth + torch.randn(1, 16, 16, dtype=torch.float64)
    truth, guess = truth - truth.mean(), guess - guess.mean()
    gain = (truth * guess).sum() / guess.square().sum()
    result = score(gain * guess, truth)
    assert result["rmse"].item() == pytest.approx(math.sqrt(1 - result["cc"].item() ** 2), rel=1e-12)


def test_bad_samples_are_refused() -> None:
    network, x = Network(SPEC, 3), torch.randn(4, 2, 8, 8)
    with pytest.raises(ValueError, match=r"accepted is \(4, 2, 8, 8\)"):
        OutputGain.fit(network, x, torch.zeros(4, 1, 8, 8))
    with pytest.raises(ValueError, match="outputs hold values that are not finite"):
        OutputGain.fit(network, x, torch.full((4, 2, 8, 8), math.nan))
    for parameter in network.parameters():
        parameter.data.zero_()
    with pytest.raises(ValueError, match="predicted as zero everywhere"):
        OutputGain.fit(network, x, torch.zeros(4, 2, 8, 8))


@pytest.mark.parametrize("padding", ["circular", "zeros"])
def test_a_last_layer_that_there_is_is_found(padding: str) -> None:
    base = Network(NetworkSpec(layers=3, channels=4, outputs=2, padding=padding), 0)
    other = copy.deepcopy(base)
    with torch.no_grad():
        for parameter in other.layer(3).parameters():
            parameter.normal_(generator=torch.Generator().manual_seed(1))
    inputs = torch.randn(12, 2, 12, 12, generator=torch.Generator().manual_seed(2))
    before = {name: value.clone() for name, value in base.state_dict().items()}
    found = solve_last_layer(base, inputs, predict(other, inputs), rotate=False, batch_size=5)
    for name, value in found.state_dict().items():
        torch.testing.assert_close(value, other.state_dict()[name], rtol=2e-4, atol=2e-4)
        assert torch.equal(base.state_dict()[name], before[name])


def test_no_step_from_the_solved_last_layer_makes_it_better() -> None:
    """The gradient of the error over all four rotations vanishes; without them it does not."""
    base = Network(NetworkSpec(layers=3, channels=4), 0)
    inputs, outputs = (
        torch.randn(6, channels, 12, 12, generator=torch.Generator().manual_seed(seed))
        for seed, channels in ((0, 2), (1, 1))
    )

    def slope(network: Network) -> float:
        network.zero_grad()
        turned = [torch.cat([torch.rot90(x, k, (-2, -1)) for k in range(4)]) for x in (inputs, outputs)]
        (network(turned[0]) - turned[1]).square().mean().backward()
        return max(
            float(one.grad.abs().max()) for one in network.layer(3).parameters() if one.grad is not None
        )

    assert slope(solve_last_layer(base, inputs, outputs)) < 1e-6
    assert slope(solve_last_layer(base, inputs, outputs, rotate=False)) > 1e-4


def test_channels_that_are_dead_do_not_disturb_the_last_layer() -> None:
    base = Network(NetworkSpec(layers=3, channels=4), 0)
    with torch.no_grad():
        base.layer(2).weight[1] = 0
        base.layer(2).bias[1] = -1  # type: ignore[index]
    inputs = torch.randn(6, 2, 12, 12, generator=torch.Generator().manual_seed(2))
    found = solve_last_layer(base, inputs, 3 * predict(base, inputs), rotate=False)
    torch.testing.assert_close(predict(found, inputs), 3 * predict(base, inputs), rtol=1e-4, atol=1e-5)
    assert float(found.layer(3).weight[0, 1].detach().abs().max()) < 1e-12

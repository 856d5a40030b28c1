"""The output gain: least squares, exactly."""

import math

import pytest
import torch

from tlfourier.closure.baselines import OutputGain
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

"""Change by re-training: Parseval bound, concentration, the kernels that are named and put back."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tlfourier.fourier import (
    conv_layers,
    gini,
    kernel_change,
    layer_changes,
    most_changed,
    network_change,
    put_back,
    strongest_changes,
)


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 4, 5), nn.ReLU(), nn.Conv2d(4, 3, 3))


@pytest.mark.parametrize("size", [15, 16])
def test_amplitude_changes_at_most_as_much_as_the_weights(size: int) -> None:
    before, after = torch.randn(2, 3, 4, 5, 5, dtype=torch.float64)
    change = kernel_change(before, after, size)
    np.testing.assert_allclose(change.delta_weight, (after - before).square().sum((-2, -1)).sqrt())
    assert (change.delta_amplitude < change.delta_weight).all()
    full = torch.fft.fft2(after, s=(size, size)).abs() - torch.fft.fft2(before, s=(size, size)).abs()
    np.testing.assert_allclose(change.delta_amplitude, full.square().mean((-2, -1)).sqrt())


def test_scaling_changes_no_phase_and_shifting_no_amplitude() -> None:
    before = torch.zeros(1, 1, 5, 5)
    before[..., 1:4, 1:4] = torch.rand(3, 3)
    scaled = kernel_change(before, 1.5 * before)
    np.testing.assert_allclose(scaled.delta_amplitude, scaled.delta_weight)
    shifted = kernel_change(before, before.roll(1, -1))
    assert shifted.delta_amplitude.item() < 1e-7 < shifted.delta_weight.item()


def test_gini_of_known_distributions() -> None:
    assert gini(np.ones(7)) == pytest.approx(0)
    assert gini([0, 0, 0, 5]) == pytest.approx(3 / 4)
    assert gini([1, 2, 3]) == pytest.approx(2 / 9)
    assert gini(np.zeros(3)) == 0
    assert gini([2, 1, 3]) == pytest.approx(gini([20, 30, 10]))


def test_most_changed_is_above_the_percentile() -> None:
    change = np.arange(1000.0)
    assert most_changed(change).sum() == 1
    assert most_changed(change, 99.0).sum() == 10


def test_changed_kernel_is_named_and_put_back() -> None:
    base = network()
    changed = copy.deepcopy(base)
    with torch.no_grad():
        conv_layers(changed)["2"].weight[1, 3] += 1
    change = network_change(base, changed)
    assert change.sizes["kernel"] == 8 + 12
    found = change.isel(kernel=most_changed(change.delta_weight, 95.0))
    assert [str(found.layer.item()), found.output.item(), found.input.item()] == ["2", 1, 3]
    put_back(changed, base, found)
    assert torch.equal(conv_layers(changed)["2"].weight, conv_layers(base)["2"].weight)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"before \(1, 1, 5, 5\), after \(1, 1, 3, 3\)"):
        kernel_change(torch.zeros(1, 1, 5, 5), torch.zeros(1, 1, 3, 3))
    with pytest.raises(ValueError, match="after has layers 0"):
        network_change(network(), nn.Sequential(nn.Conv2d(2, 4, 5)))
    with pytest.raises(ValueError, match="Gini"):
        gini([-1.0, 2.0])
    with pytest.raises(ValueError, match="percentile=101"):
        most_changed([1.0], 101.0)


def test_a_layer_is_measured_relative_to_itself() -> None:
    base = network()
    scaled, moved = copy.deepcopy(base), copy.deepcopy(base)
    with torch.no_grad():
        conv_layers(scaled)["0"].weight.mul_(1.5)
        conv_layers(moved)["2"].weight[1, 3] += 1
    found = layer_changes(base, {1: scaled, 2: moved})
    assert found.sel(layer=1).weight.item() == pytest.approx(0.5, rel=1e-6)
    assert found.sel(layer=1).amplitude.item() == pytest.approx(0.5, rel=1e-6)
    assert found.sel(layer=2).gini.item() == pytest.approx(11 / 12)
    with pytest.raises(ValueError, match=r"layer 3: this network has layers 1\.\.2"):
        layer_changes(base, {3: scaled})


def test_strongest_changes_come_first() -> None:
    before = torch.randn(3, 4, 5, 5, dtype=torch.float64)
    after = before.clone()
    after[2, 1] += 1
    after[0, 3] -= 2
    old, new = strongest_changes(before, after, 2)
    torch.testing.assert_close(old, torch.stack([before[0, 3], before[2, 1]]))
    torch.testing.assert_close(new, torch.stack([after[0, 3], after[2, 1]]))

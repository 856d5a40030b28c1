"""Activation spectra: a known wave, Parseval, batches, hooks that leave no trace, layers on coarser grids."""

import numpy as np
import pytest
import torch
from torch import nn

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.fourier import activation_spectra
from tlfourier.fourier.activations import shells


def waves(size: int = 16, k: int = 3) -> torch.Tensor:
    x = torch.arange(size, dtype=torch.float64) * (2 * torch.pi / size)
    return torch.cos(k * x)[None, None, None, :].expand(2, 1, size, size)


def identity_layer() -> nn.Conv2d:
    layer = nn.Conv2d(1, 1, 1, bias=False).double()
    nn.init.ones_(layer.weight)
    return layer


def test_one_wave_sits_in_its_shell_before_and_in_known_ones_after() -> None:
    spectra = activation_spectra(nn.Sequential(identity_layer(), nn.ReLU(), identity_layer()), waves())
    index, count = shells(16)
    in_shell = sum(int((index[:, c] == 3).sum()) * (1 if c in (0, 8) else 2) for c in range(9))
    before = spectra.amplitude.sel(layer="0", stage="before")
    assert before.sel(k=3).item() == pytest.approx(2 * 0.5 / in_shell)
    assert before.drop_sel(k=3).max() < 1e-15
    # ReLU of a wave has the mean 1 / pi, up to the 16 points that sample it.
    assert spectra.amplitude.sel(layer="0", stage="after", k=0).item() == pytest.approx(1 / np.pi, rel=0.05)
    np.testing.assert_allclose(
        spectra.amplitude.sel(layer="2", stage="before"), spectra.amplitude.sel(layer="0", stage="after")
    )
    assert spectra.amplitude.sel(layer="2", stage="after").isnull().all()
    assert count == spectra.sizes["k"] == 9


def test_power_of_white_noise_is_flat_with_the_right_level() -> None:
    noise = torch.randn(64, 1, 32, 32, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    power = activation_spectra(identity_layer(), noise).power.sel(layer="conv", stage="before")
    np.testing.assert_allclose(power[2:] * 32**2, 1, rtol=0.15)


@pytest.mark.parametrize("size", [15, 16])
def test_shell_mean_is_the_mean_over_the_full_lattice(size: int) -> None:
    field = torch.randn(1, 1, size, size, dtype=torch.float64)
    result = activation_spectra(identity_layer(), field).amplitude.sel(layer="conv", stage="before")
    full = torch.fft.fft2(field[0, 0]).abs().numpy() / size**2
    k = np.fft.fftfreq(size, 1 / size)
    radius = np.rint(np.hypot(k[:, None], k))
    np.testing.assert_allclose(result, [full[radius == shell].mean() for shell in range(size // 2 + 1)])


def test_batches_change_nothing_and_hooks_leave_no_trace() -> None:
    network = Network(NetworkSpec(layers=3, channels=4), seed=0).double()
    inputs = torch.randn(5, 2, 16, 16, dtype=torch.float64)
    whole, parts = activation_spectra(network, inputs), activation_spectra(network, inputs, batch_size=2)
    np.testing.assert_allclose(whole.amplitude, parts.amplitude, rtol=1e-13)
    assert whole.layer.values.tolist() == ["conv01", "conv02", "conv03"]
    assert not any(module._forward_hooks for module in network.modules())


def test_after_is_what_enters_the_next_layer() -> None:
    network = Network(NetworkSpec(layers=3, channels=4), seed=0).double()
    inputs = torch.randn(3, 2, 16, 16, dtype=torch.float64)
    with torch.no_grad():
        entering = network.prefix(inputs, 2)
    mean = torch.fft.fft2(entering).abs()[..., 0, 0].mean() / 16**2
    spectra = activation_spectra(network, inputs)
    assert spectra.amplitude.sel(layer="conv01", stage="after", k=0).item() == pytest.approx(mean.item())


def test_coarser_layers_have_fewer_shells() -> None:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(2, 1, 3, stride=2, padding=1)
    )
    spectra = activation_spectra(net, torch.randn(2, 1, 16, 16))
    assert spectra.amplitude.sel(layer="0").notnull().all()
    assert spectra.amplitude.sel(layer="2", stage="before").notnull().sum() == 5


def test_bad_input_is_refused_and_hooks_are_removed() -> None:
    shared = identity_layer()
    twice = nn.Sequential(shared, nn.ReLU(), shared)
    with pytest.raises(ValueError, match="layer 0 ran 2 times in 1 passes"):
        activation_spectra(twice, waves())
    assert not shared._forward_hooks
    with pytest.raises(ValueError, match="0 samples"):
        activation_spectra(shared, waves()[:0])
    with pytest.raises(ValueError, match=r"layer conv gives shape \(1, 1, 8, 16\)"):
        activation_spectra(nn.Conv2d(1, 1, (9, 1)), torch.zeros(1, 1, 16, 16))

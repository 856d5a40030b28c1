"""The layer identity to round-off for every kind of layer, and ReLU as a convolution of spectra."""

import pytest
import torch
from torch import nn

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.fourier import conv_layers, layer_identity, layer_spectrum, relu_spectrum


def fields(channels: int, size: int = 16) -> torch.Tensor:
    return torch.randn(
        2, channels, size, size, generator=torch.Generator().manual_seed(3), dtype=torch.float64
    )


@pytest.mark.parametrize("kernel_size", [1, 2, 3, 4, 5, 7])
@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
def test_convolution_is_a_product_of_spectra(kernel_size: int, groups: int, dilation: int) -> None:
    layer = nn.Conv2d(
        4, 6, kernel_size, groups=groups, dilation=dilation, padding="same", padding_mode="circular"
    ).double()
    assert layer_identity(layer, fields(4)) < 1e-12


@pytest.mark.parametrize("size", [15, 16])
def test_layer_padded_outside_is_padded_here(size: int) -> None:
    layer = nn.Conv2d(2, 3, 5, bias=False).double()
    assert layer_identity(layer, fields(2, size)) < 1e-12


def test_every_layer_of_the_closure_network_obeys_it() -> None:
    network = Network(NetworkSpec(layers=4, channels=6), seed=2).double()
    for number, layer in enumerate(conv_layers(network).values(), start=1):
        with torch.no_grad():
            entering = network.prefix(fields(2), number)
        assert layer_identity(layer, entering) < 1e-10


def test_a_layer_moves_no_energy_between_wavenumbers() -> None:
    x = torch.arange(16, dtype=torch.float64) * (2 * torch.pi / 16)
    wave = torch.cos(3 * x)[None, None, None, :].expand(1, 1, 16, 16)
    layer = nn.Conv2d(1, 2, 5, bias=False, padding=2, padding_mode="circular").double()
    h_hat = torch.fft.fft2(layer(wave)).abs()
    h_hat[..., 0, [3, 13]] = 0
    assert h_hat.max() < 1e-10


def test_zero_padding_breaks_the_identity() -> None:
    assert layer_identity(nn.Conv2d(2, 2, 5, padding=2).double(), fields(2)) > 1e-3


def test_relu_convolves_the_spectra_of_mask_and_field() -> None:
    h = fields(3, 12)
    expected = torch.fft.fft2(torch.relu(h))
    assert (relu_spectrum(h) - expected).abs().max() / expected.abs().max() < 1e-12


def test_relu_moves_energy_between_wavenumbers() -> None:
    x = torch.arange(16, dtype=torch.float64) * (2 * torch.pi / 16)
    wave = torch.cos(3 * x + 0.3)[None, :].expand(16, 16)
    assert relu_spectrum(wave)[0, 6].abs() > 1


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        (nn.Conv2d(1, 1, 5, stride=2), r"stride=\(2, 2\)"),
        (nn.Conv2d(1, 1, (3, 5)), "square kernels"),
        (nn.Conv2d(1, 1, 5, dilation=5), "spans 21 points"),
    ],
)
def test_layers_without_the_identity_are_refused(layer: nn.Conv2d, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        layer_spectrum(layer.double(), fields(1))


def test_padding_that_changes_the_grid_is_refused() -> None:
    with pytest.raises(ValueError, match=r"padding=\(1, 1\).*\(16, 16\) into \(14, 14\)"):
        layer_identity(nn.Conv2d(1, 1, 5, padding=1, padding_mode="circular").double(), fields(1))

"""Kernel spectra: Parseval, invariances of the normalised power, completeness of its sampling, bad input."""

import numpy as np
import pytest
import torch
from torch import nn

from tlfourier.fourier import (
    conv_layers,
    independent_power,
    kernel_amplitude,
    kernel_power,
    kernel_spectrum,
    power_wavenumbers,
)


def random_kernels(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def test_conv_layers_keep_order_and_names_of_any_module() -> None:
    net = nn.Sequential(
        nn.Conv2d(2, 3, 5), nn.ReLU(), nn.Sequential(nn.Conv2d(3, 3, 3, groups=3), nn.Conv2d(3, 1, 1))
    )
    layers = conv_layers(net)
    assert list(layers) == ["0", "2.0", "2.1"]
    assert [layer.kernel_size[0] for layer in layers.values()] == [5, 3, 1]
    assert list(conv_layers(nn.Conv2d(1, 1, 3))) == ["conv"]


def test_module_without_convolution_is_refused() -> None:
    with pytest.raises(ValueError, match=r"module=Linear.*no Conv2d"):
        conv_layers(nn.Linear(2, 2))


def test_spectrum_is_the_sum_over_the_kernel() -> None:
    kernel = random_kernels(5, 5)
    k_y, k_x = 2 * np.pi * 3 / 16, 2 * np.pi * 7 / 16
    y, x = np.mgrid[:5, :5]
    by_hand = (kernel.numpy() * np.exp(-1j * (k_y * y + k_x * x))).sum()
    assert abs(kernel_spectrum(kernel, 16)[3, 7].item() - by_hand) < 1e-13


def test_amplitude_is_centred_and_obeys_parseval() -> None:
    kernels = random_kernels(3, 5, 5)
    amplitude = kernel_amplitude(kernels, 32)
    torch.testing.assert_close(amplitude.square().mean((-2, -1)), kernels.square().sum((-2, -1)))
    torch.testing.assert_close(amplitude[:, 16, 16], kernels.sum((-2, -1)).abs())


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8])
def test_power_is_the_transform_of_the_autocorrelation(size: int) -> None:
    kernel = random_kernels(size, size)
    padded = nn.functional.pad(kernel, [size - 1] * 4)[None, None]
    autocorrelation = nn.functional.conv2d(padded, kernel[None, None])[0, 0]
    k_y, k_x = (k.numpy() for k in power_wavenumbers(size))
    lags = np.arange(1 - size, size)
    by_hand = np.exp(-1j * k_y * lags) @ autocorrelation.numpy() @ np.exp(-1j * lags[:, None] * k_x)
    assert kernel_power(kernel).shape == (2 * size - 1, 2 * size - 1)
    np.testing.assert_allclose(kernel_power(kernel), by_hand.real / by_hand.real.sum(), atol=1e-14)


def test_power_ignores_amplitude_sign_and_position() -> None:
    small = random_kernels(3, 3)
    first, second = torch.zeros(5, 5).double(), torch.zeros(5, 5).double()
    first[:3, :3], second[2:, 1:4] = small, -1e-200 * small
    torch.testing.assert_close(kernel_power(first), kernel_power(second))
    assert kernel_power(torch.zeros(2, 5, 5)).abs().max() == 0


def test_power_turns_with_the_kernel() -> None:
    kernel = random_kernels(5, 5)
    torch.testing.assert_close(kernel_power(kernel.rot90()), kernel_power(kernel).rot90())


def test_independent_values_number_41_and_keep_distances() -> None:
    power = kernel_power(random_kernels(2, 5, 5))
    values = independent_power(power)
    assert values.shape == (2, 41)
    torch.testing.assert_close((values[0] - values[1]).norm(), (power[0] - power[1]).norm())


def test_nine_by_nine_is_complete() -> None:
    """Power on a finer grid follows from the 9 x 9 sampling by trigonometric interpolation."""
    kernel = random_kernels(5, 5)
    power = torch.fft.ifftshift(kernel_power(kernel))
    lags = torch.fft.fftshift(torch.fft.ifft2(power))
    fine = torch.zeros(33, 33, dtype=lags.dtype)
    fine[12:21, 12:21] = lags
    interpolated = torch.fft.fftshift(torch.fft.fft2(torch.fft.ifftshift(fine))).real
    direct = kernel_amplitude(kernel, 33).square()
    torch.testing.assert_close(interpolated / interpolated.sum(), direct / direct.sum())


@pytest.mark.parametrize("bad", [torch.zeros(4, 5, 3), torch.zeros(5), torch.zeros(2, 0, 0)])
def test_kernels_that_are_not_square_are_refused(bad: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="square kernels"):
        kernel_power(bad)


def test_kernels_that_are_not_finite_are_refused() -> None:
    with pytest.raises(ValueError, match="NaN or infinity"):
        kernel_power(np.full((5, 5), np.nan))


def test_grid_smaller_than_the_kernel_is_refused() -> None:
    for spectrum in (kernel_spectrum, kernel_amplitude):
        with pytest.raises(ValueError, match="size=4: a 5 x 5 kernel"):
            spectrum(torch.zeros(5, 5), 4)

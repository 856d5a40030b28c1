"""A network followed step by step: exact identities, what zero padding breaks, what ReLU moves."""

import numpy as np
import pytest
import torch
from torch import nn

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.fourier import network_identities, one_product, rectified_wave


def network() -> Network:
    return Network(NetworkSpec(layers=4, channels=5), seed=0)


def inputs(size: int = 16) -> torch.Tensor:
    return torch.randn(2, 2, size, size, generator=torch.Generator().manual_seed(0))


def test_every_step_of_a_periodic_network_is_algebra_on_spectra() -> None:
    module = network()
    found = network_identities(module, inputs())
    assert found.layer.values.tolist() == module.layer_names()
    assert found.periodic.max() < 1e-13
    assert found.relu[:-1].max() < 1e-13
    assert found.zeros.min() > 1e-3
    assert np.isnan(found.relu[-1]) and np.isnan(found.moved[-1])
    assert next(module.parameters()).dtype == torch.float32
    assert not any(part._forward_hooks for part in module.modules())


def test_zero_padding_is_found_out_in_both_columns() -> None:
    found = network_identities(Network(NetworkSpec(layers=3, channels=4, padding="zeros")), inputs())
    np.testing.assert_array_equal(found.periodic, found.zeros)


def test_a_wave_loses_to_its_harmonics_and_a_positive_field_nothing() -> None:
    """ReLU(cos) on n points has the mean square 1/4, the mean cot(pi/n)/n and the wave's amplitude 1/2."""
    layer, last = nn.Conv2d(1, 1, 1), nn.Conv2d(1, 1, 1)
    points = 32
    wave = torch.cos(torch.arange(points) * (2 * torch.pi / points)).repeat(1, 1, points, 1)
    mean = 1 / np.tan(np.pi / points) / points
    with torch.no_grad():
        layer.weight.fill_(1)
        layer.bias.fill_(0)  # type: ignore[union-attr]
        module = nn.Sequential(layer, nn.ReLU(), last)
        assert network_identities(module, wave).moved[0].item() == pytest.approx(
            1 - (1 / 8) / (1 / 4 - mean**2), abs=1e-6
        )
        layer.bias.fill_(2)  # type: ignore[union-attr]
        assert network_identities(module, wave).moved[0].item() == pytest.approx(0, abs=1e-12)


def test_one_kernel_multiplies_one_spectrum() -> None:
    module = network()
    with torch.no_grad():
        g = module.prefix(inputs(), 2)
        module.layer(2).weight[3, 1] *= 100
    product = one_product(module.layer(2), g)
    assert (product.attrs["output"], product.attrs["input"]) == (3, 1)
    assert product.attrs["residual"] < 1e-14
    np.testing.assert_allclose(
        product.leaving_amplitude, product.kernel_amplitude * product.entering_amplitude, atol=1e-9
    )
    assert product.entering_amplitude.sel(k_x=0, k_y=0).item() == pytest.approx(product.entering.sum().item())


def test_rectified_wave_has_the_mean_and_harmonics_of_its_series() -> None:
    wave = rectified_wave(size=4096, k=2)
    before, after = wave.amplitude
    assert before.sel(k=2).item() == pytest.approx(1)
    assert before.drop_sel(k=2).max() < 1e-12
    for k, expected in {0: 1 / np.pi, 2: 1 / 2, 4: 2 / (3 * np.pi), 6: 0, 8: 2 / (15 * np.pi)}.items():
        assert after.sel(k=k).item() == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ValueError, match="k from 1 to 4"):
        rectified_wave(size=16, k=5)

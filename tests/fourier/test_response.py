"""Responses and spectra over one k: Parseval, known ratios, known correlations."""

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.fourier import (
    activation_spectra,
    agreement,
    entering_changes,
    layer_response,
    log_ratio,
    mean_amplitude,
    relation,
    response_changes,
    spectral_gaps,
)


def curve(values: list[float]) -> xr.DataArray:
    return xr.DataArray(values, {"k": np.arange(len(values))}, "k")


def test_a_point_kernel_answers_every_wavenumber_alike() -> None:
    weights = torch.zeros(3, 2, 5, 5)
    weights[..., 1, 4] = 2.0
    np.testing.assert_allclose(layer_response(weights, 16), 3 * 2 * 4.0)


def test_response_is_the_power_that_white_noise_gains() -> None:
    generator = torch.Generator().manual_seed(0)
    weights = torch.randn(4, 3, 5, 5, generator=generator, dtype=torch.float64)
    noise = torch.randn(400, 3, 16, 16, generator=generator, dtype=torch.float64)
    padded = torch.nn.functional.pad(noise, (2, 2, 2, 2), mode="circular")
    power = torch.fft.fft2(torch.nn.functional.conv2d(padded, weights)).abs().square().mean(0).sum(0) / 16**2
    assert layer_response(weights, 16)[0].item() == pytest.approx(power[0, 0].item(), rel=0.2)
    ring = (power[0, 1] + power[0, -1] + power[1, 0] + power[-1, 0]) / 4
    full = torch.fft.fft2(weights, s=(16, 16)).abs().square().sum((0, 1))
    axis = (full[0, 1] + full[0, -1] + full[1, 0] + full[-1, 0]) / 4
    assert ring.item() == pytest.approx(axis.item(), rel=0.1)


def test_mean_amplitude_is_that_of_the_activations() -> None:
    network = Network(NetworkSpec(layers=2, channels=3), seed=0)
    inputs = torch.randn(4, 2, 16, 16)
    with torch.no_grad():
        output = network(inputs)
    expected = activation_spectra(network, inputs).amplitude.sel(layer="conv02", stage="before")
    np.testing.assert_allclose(mean_amplitude(output), expected, rtol=1e-5)


def test_log_ratio_of_tenfold_power_is_one_and_leaves_the_mean_out() -> None:
    ratio = log_ratio(curve([1, 20, 30, 0]), curve([5, 2, 3, 4]))
    np.testing.assert_allclose(ratio, [1, 1, np.nan])
    assert ratio.k.values.tolist() == [1, 2, 3]
    with pytest.raises(ValueError, match="after has 2 wavenumbers, before 3"):
        log_ratio(curve([1, 2]), curve([1, 2, 3]))


def test_agreement_and_its_words() -> None:
    rising, other = curve([0, 1, 2, 3]), curve([5, 7, 9, 11])
    assert agreement(rising, other).item() == pytest.approx(1)
    assert agreement(rising, -other).item() == pytest.approx(-1)
    assert [relation(value) for value in (0.9, -0.9, 0.2)] == ["in line with", "opposite to", "unrelated to"]
    with pytest.raises(ValueError, match="2 common wavenumbers"):
        agreement(rising[:2], other)


def test_gaps_of_a_network_ten_times_stronger_are_one() -> None:
    network = Network(NetworkSpec(layers=2, channels=3), seed=0)
    spectra = activation_spectra(network, torch.randn(2, 2, 16, 16))
    gaps = spectral_gaps(10 * spectra, spectra)
    np.testing.assert_allclose(gaps.sel(stage="before"), 1)
    assert gaps.sel(layer="conv02", stage="after").isnull()


def test_doubled_weights_answer_four_times_stronger_in_their_own_row() -> None:
    base, doubled = Network(NetworkSpec(layers=3, channels=4)), Network(NetworkSpec(layers=3, channels=4))
    with torch.no_grad():
        doubled.layer(2).weight.mul_(2)
    found = response_changes(base, {2: doubled, 3: doubled}, 16)
    np.testing.assert_allclose(found.sel(layer=2), np.log10(4))
    np.testing.assert_allclose(found.sel(layer=3), 0, atol=1e-12)


def test_without_biases_tenfold_inputs_enter_every_layer_tenfold() -> None:
    network = Network(NetworkSpec(layers=4, channels=4))
    with torch.no_grad():
        _ = [network.layer(number).bias.zero_() for number in (1, 2, 3, 4)]  # type: ignore[union-attr]
    inputs = torch.randn(2, 2, 16, 16)
    found = entering_changes(network, inputs, 10 * inputs)
    assert found.layer.values.tolist() == [1, 2, 3, 4]
    np.testing.assert_allclose(found, 1, atol=1e-4)

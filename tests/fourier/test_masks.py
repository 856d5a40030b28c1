import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.fourier import mask_share, mask_swap
from tlfourier.fourier.masks import NETWORKS

SPEC = NetworkSpec(layers=4, channels=3)
INPUTS = torch.randn(5, 2, 16, 16, generator=torch.Generator().manual_seed(0))


def pre_activations(network: Network, inputs: torch.Tensor) -> list[torch.Tensor]:
    """Return what every layer but the last gives, computed by hand in a loop."""
    seen, g = [], inputs
    for layer in list(network.children())[:-1]:
        h = layer(g)
        seen.append(h)
        g = h.relu()
    return seen


def test_powers_are_parseval_s_of_the_swapped_fields() -> None:
    first, second = Network(SPEC, seed=0), Network(SPEC, seed=1)
    found = mask_swap(first, second, INPUTS, batch_size=2)
    k = np.fft.fftfreq(16, 1 / 16)
    shell = np.hypot(k[:, None], k[None, :]).round()
    with torch.no_grad():
        pairs = list(zip(pre_activations(first, INPUTS), pre_activations(second, INPUTS), strict=True))
    for layer, fields in enumerate(pairs, start=1):
        for mask, name in zip(fields, NETWORKS, strict=True):
            for field, other in zip(fields, NETWORKS, strict=True):
                product = ((mask > 0) * field).double().numpy()
                power = (np.abs(np.fft.fft2(product)) ** 2 / 16**4).mean((0, 1))
                expected = [power[shell == number].mean() for number in range(9)]
                row = found["power"].sel(layer=layer, mask=name, field=other)
                np.testing.assert_allclose(row, expected, rtol=1e-5)


def test_a_network_with_itself_has_nothing_to_swap() -> None:
    network = Network(SPEC, seed=0)
    found = mask_swap(network, network, INPUTS)
    np.testing.assert_allclose(found["agreement"], 1.0)
    np.testing.assert_allclose(found["power"].isel(mask=0), found["power"].isel(mask=1))
    assert mask_share(found).isnull().all()


def test_a_field_that_is_only_stronger_changes_no_mask() -> None:
    first, second = Network(SPEC, seed=0), Network(SPEC, seed=0)
    with torch.no_grad():
        for parameter in second.get_submodule("conv01").parameters():
            parameter.mul_(3.0)
    found = mask_swap(first, second, INPUTS).sel(layer=1)
    assert found["agreement"] == 1.0
    np.testing.assert_allclose(mask_share(found.expand_dims("layer")), 0.0, atol=1e-12)


def test_the_share_is_one_where_only_the_mask_changes() -> None:
    k = np.arange(1, 9)
    power = np.exp([[np.sin(k), np.sin(k)], [np.cos(k), np.cos(k)]])
    swapped = xr.Dataset({"power": (("mask", "field", "k"), power)}, {"k": k})
    np.testing.assert_allclose(mask_share(swapped), 1.0)
    other = swapped.assign(power=(("mask", "field", "k"), power.transpose(1, 0, 2)))
    np.testing.assert_allclose(mask_share(other), 0.0, atol=1e-12)


def test_the_linear_control_keeps_the_shape_of_the_spectrum() -> None:
    network = Network(NetworkSpec(layers=2, channels=1), seed=3)
    found = mask_swap(network, network, INPUTS[:1])
    with torch.no_grad():
        (h,) = pre_activations(network, INPUTS[:1])
    part = (h > 0).double().mean().item()
    power = np.abs(np.fft.fft2(h[0, 0].double().numpy())) ** 2 / 16**4
    np.testing.assert_allclose(found["linear"].isel(layer=0, field=0, k=0), part**2 * power[0, 0], rtol=1e-5)


def test_other_networks_and_no_samples_are_refused() -> None:
    with pytest.raises(ValueError, match="second has layers"):
        mask_swap(Network(SPEC), Network(NetworkSpec(layers=3, channels=3)), INPUTS)
    with pytest.raises(ValueError, match="0 samples"):
        mask_swap(Network(SPEC), Network(SPEC), INPUTS[:0])

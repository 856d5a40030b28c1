"""Null models: what random phases keep, and how far a census of drawn kernels stands from chance."""

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from tlfourier.fourier import (
    LABELS,
    against_nulls,
    classify,
    fractions_with_nulls,
    kernel_types,
    network_fractions,
    network_kernels,
    phase_randomised,
    strongest,
    synthetic_kernels,
    types_that_are,
)


def small_network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 8, 5), nn.ReLU(), nn.Conv2d(8, 4, 7))


def test_random_phases_keep_amplitude_mean_and_norm() -> None:
    kernels, _ = synthetic_kernels(20, seed=1)
    other = phase_randomised(kernels, seed=0).numpy()
    np.testing.assert_allclose(np.abs(np.fft.fft2(other)), np.abs(np.fft.fft2(kernels)), atol=1e-12)
    np.testing.assert_allclose(other.sum((1, 2)), kernels.sum((1, 2)), atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(other, axis=(1, 2)), np.linalg.norm(kernels, axis=(1, 2)))
    assert np.abs(other - kernels).max() > 0.1


@pytest.mark.parametrize("size", [1, 2, 4, 5])
def test_random_phases_of_any_size_are_seeded(size: int) -> None:
    kernels = torch.randn(3, 2, size, size)
    first, second = phase_randomised(kernels, seed=5), phase_randomised(kernels, seed=5)
    assert torch.equal(first, second)
    assert first.shape == kernels.shape
    if size > 2:
        assert not torch.equal(first, phase_randomised(kernels, seed=6))


def test_clear_kernels_stand_out_from_both_nulls() -> None:
    kernels, _ = synthetic_kernels(250, seed=2)
    fractions = fractions_with_nulls(kernels, np.random.default_rng(0).uniform(-1, 1, (1000, 5, 5)))
    assert fractions.trained.sel(type=list(LABELS[:4])).min() > 0.24
    assert fractions.initial.sel(type="unclassified") > 0.9
    assert (fractions.randomised.sel(type="unclassified") > 0.1).all()
    assert fractions.kernels == 1000


def test_fractions_of_a_network_add_up_by_layer() -> None:
    fractions = network_fractions(small_network(0), small_network(1), draws=2)
    assert fractions.layer.values.tolist() == ["0", "2", "all"]
    assert fractions.kernels.values.tolist() == [16, 32, 48]
    for name in ("trained", "initial", "randomised"):
        np.testing.assert_allclose(fractions[name].sum("type"), 1)
    mean = (16 * fractions.trained.sel(layer="0") + 32 * fractions.trained.sel(layer="2")) / 48
    np.testing.assert_allclose(fractions.trained.sel(layer="all"), mean)


def test_types_of_a_network_name_every_kernel() -> None:
    types = kernel_types(small_network(0))
    assert types.sizes == {"kernel": 48}
    assert set(types.values) <= set(LABELS)
    assert types.layer.values[[0, 16]].tolist() == ["0", "2"]
    assert (types.output.values[:2].tolist(), types.input.values[:2].tolist()) == ([0, 0], [0, 1])


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match="initial has layers"):
        network_fractions(small_network(0), nn.Sequential(nn.Conv2d(2, 8, 5)))
    with pytest.raises(ValueError, match="draws=0"):
        fractions_with_nulls(torch.ones(1, 5, 5), torch.ones(1, 5, 5), draws=0)


def test_random_phases_keep_most_low_pass_and_few_high_pass_kernels() -> None:
    kernels, labels = synthetic_kernels(500, seed=0)
    kept = classify(phase_randomised(kernels, seed=1)) == labels
    assert kept[labels == "low-pass"].mean() > 0.9
    assert kept[labels == "gabor"].mean() > 0.75
    assert kept[labels == "band-pass"].mean() < 0.65
    assert kept[labels == "high-pass"].mean() < 0.5


def shares(trained: list[float], initial: list[float], randomised: list[float], kernels: int) -> xr.Dataset:
    table = {"trained": ("type", trained), "initial": ("type", initial)}
    both = xr.Dataset(table, {"type": list(LABELS)}).assign(kernels=kernels)
    return both.assign(randomised=(("draw", "type"), [randomised, randomised]))


def test_a_share_counts_only_beyond_both_nulls() -> None:
    fractions = shares(
        [0.3, 0.2, 0.1, 0.2, 0.2], [0.2, 0.1, 0.2, 0.1, 0.2], [0.1, 0.3, 0.2, 0.2, 0.2], 10_000
    )
    found = against_nulls(fractions)
    words = ["above both nulls", "not distinct", "below both nulls", "not distinct", "not distinct"]
    assert found.verdict.values.tolist() == words
    np.testing.assert_allclose(found.excess, [0.1, 0, -0.1, 0, 0], atol=1e-15)
    assert types_that_are(found, "not distinct") == "band-pass, gabor, unclassified"
    assert types_that_are(found, "supported") == "none"
    few = against_nulls(fractions.assign(kernels=20))
    assert set(few.verdict.values) == {"not distinct"}


def test_the_strongest_share_comes_in_order() -> None:
    kernels = torch.ones(2, 10, 5, 5) * torch.arange(1.0, 21.0).reshape(2, 10, 1, 1)
    assert strongest(kernels, 0.15)[:, 0, 0].tolist() == [20, 19, 18]
    assert len(strongest(kernels, 0.001)) == 1
    with pytest.raises(ValueError, match="share=0"):
        strongest(kernels, 0.0)


def test_all_kernels_of_a_network_in_one_stack() -> None:
    module = nn.Sequential(nn.Conv2d(2, 8, 5), nn.ReLU(), nn.Conv2d(8, 4, 5))
    stack = network_kernels(module)
    assert stack.shape == (16 + 32, 5, 5)
    torch.testing.assert_close(stack[16 + 9].float(), module[2].weight[1, 1].detach())  # type: ignore[index]
    with pytest.raises(ValueError, match=r"kernel sizes \[5, 7\]"):
        network_kernels(small_network(0))

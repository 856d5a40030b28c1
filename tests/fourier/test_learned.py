"""What training added: a census of W - W0 finds what was put there, its nulls what chance would put there."""

import numpy as np
import pytest
import torch
from torch import nn

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.fourier import (
    LABELS,
    class_fractions,
    classify,
    false_positive_rate,
    gaussian_like,
    learned_fractions,
    network_fractions,
    noise_fractions,
    synthetic_kernels,
)

SPEC = NetworkSpec(layers=2, channels=20, inputs=20, outputs=20)


def trained_by(added: np.ndarray, scale: float = 1.0) -> tuple[Network, Network]:
    """Return a network to whose two layers of 400 kernels these were added, and what it was before."""
    initial, network = Network(SPEC, seed=1), Network(SPEC, seed=1)
    with torch.no_grad():
        for layer in (1, 2):
            network.layer(layer).weight += scale * torch.from_numpy(added).reshape(20, 20, 5, 5)
    return network, initial


def unit(seed: int) -> tuple[np.ndarray, np.ndarray]:
    kernels, labels = synthetic_kernels(100, seed=seed, noise=0.0)
    return kernels / np.linalg.norm(kernels, axis=(1, 2), keepdims=True), labels


def test_what_was_added_is_found_however_small_it_is() -> None:
    """A tenth of the initial norm leaves the census of W as it was, and the census of W - W0 whole."""
    kernels, labels = unit(seed=2)
    network, initial = trained_by(kernels, scale=0.01)
    found = learned_fractions(network, initial, draws=2)
    assert found["layer"].values.tolist() == ["conv01", "conv02", "all"]
    wanted = class_fractions(labels)
    np.testing.assert_allclose(found["learned"].sel(layer="all"), wanted, atol=0.01)
    np.testing.assert_allclose(found["learned_by_norm"], found["learned"], atol=1e-4)  # of one norm
    trained = network_fractions(network, initial, draws=1)["trained"].sel(layer="all", type="unclassified")
    assert trained > 0.85
    typed = 1 - found.mean("draw").sel(layer="all", type="unclassified")
    assert typed["learned"] > max(typed["learned_gaussian"], typed["learned_randomised"]) + 0.1
    assert found["kernels"].values.tolist() == [400, 400, 800]
    moved = 0.01 * 20 / network.layer(1).weight.norm().item()
    assert found["moved"][0] == pytest.approx(moved, rel=1e-4)


def test_noise_that_was_added_is_no_more_than_its_nulls() -> None:
    added = np.random.default_rng(0).standard_normal((400, 5, 5))
    found = learned_fractions(*trained_by(added)).mean("draw").sel(layer="conv01", type="unclassified")
    null = 1 - false_positive_rate(5)
    for name in ("learned", "learned_gaussian", "learned_randomised"):
        assert found[name] == pytest.approx(null, abs=0.04)
    assert found["noise"] == pytest.approx(null)


def test_a_strong_kernel_counts_as_much_as_it_is_strong() -> None:
    kernels, labels = unit(seed=4)
    kernels = np.where((labels == "gabor")[:, None, None], 9 * kernels, kernels)
    found = learned_fractions(*trained_by(kernels), draws=1)
    assert found["learned"].sel(layer="all", type="gabor") == pytest.approx(0.25, abs=0.02)
    assert found["learned_by_norm"].sel(layer="all", type="gabor") == pytest.approx(0.75, abs=0.02)
    by_norm = network_fractions(network := trained_by(kernels)[0], network, draws=1)["by_norm"]
    weights = network.layer(1).weight.detach()
    norms = weights.norm(dim=(2, 3)).numpy()
    expected = norms[classify(weights) == "gabor"].sum() / norms.sum()
    assert by_norm.sel(layer="conv01", type="gabor") == pytest.approx(expected, rel=1e-5)


def test_gaussian_copies_keep_norms_and_second_moments() -> None:
    generator = np.random.default_rng(5)
    window = np.exp(-(np.hypot(*np.mgrid[-2:3, -2:3]) ** 2) / 4)
    kernels = generator.standard_normal((20_000, 5, 5)) * window + 0.3
    kernels *= 10 ** generator.uniform(-3, 3, (20_000, 1, 1))
    copies = gaussian_like(kernels, seed=0).numpy()
    norms = np.linalg.norm(copies, axis=(1, 2))
    np.testing.assert_allclose(norms, np.linalg.norm(kernels, axis=(1, 2)))

    def moments(stack: np.ndarray) -> np.ndarray:
        flat = (stack / np.linalg.norm(stack, axis=(1, 2), keepdims=True)).reshape(-1, 25)
        return flat.T @ flat / len(flat)

    wanted, found = moments(kernels), moments(copies)
    assert (found * wanted).sum() > 0.98 * np.linalg.norm(found) * np.linalg.norm(wanted)
    np.testing.assert_allclose(np.diag(found), np.diag(wanted), rtol=0.15)


def test_gaussian_copies_of_one_shape_are_that_shape_and_zeros_stay() -> None:
    shape = torch.randn(5, 5, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    copies = gaussian_like(shape * torch.tensor([1.0, -2.0, 0.0]).reshape(3, 1, 1), seed=1)
    assert copies.shape == (3, 5, 5) and not copies[2].any()
    for copy, norm in zip(copies[:2], (1.0, 2.0), strict=True):
        assert (copy * shape).sum().abs() / shape.norm() == pytest.approx(norm * shape.norm().item())
    assert torch.equal(gaussian_like(copies, seed=1), gaussian_like(copies, seed=1))
    assert gaussian_like(shape, seed=1).shape == (5, 5)


@pytest.mark.parametrize(
    ("size", "least", "most"), [(1, 0, 0), (3, 0.47, 0.53), (5, 0.05, 0.065), (7, 0, 0.01)]
)
def test_the_rule_finds_types_in_noise_at_a_known_rate(size: int, least: float, most: float) -> None:
    rate = false_positive_rate(size)
    assert least <= rate <= most
    kernels = torch.randn(20_000, size, size, generator=torch.Generator().manual_seed(8))
    own = 1 - class_fractions(classify(kernels)).sel(type="unclassified").item()
    assert own == pytest.approx(rate, abs=5 * np.sqrt(0.25 / 20_000))
    assert noise_fractions(size).sum() == pytest.approx(1)


def test_a_census_of_small_kernels_is_refused_in_one_sentence() -> None:
    def network(size: int) -> nn.Sequential:
        return nn.Sequential(nn.Conv2d(1, 2, 5), nn.ReLU(), nn.Conv2d(2, 1, size))

    for look in (network_fractions, learned_fractions):
        with pytest.raises(ValueError, match=r"kernels of 3 x 3: at least 5 x 5 is needed") as caught:
            look(network(3), network(3))
        assert "\n" not in str(caught.value)


def test_shares_can_be_weighted_and_bad_weights_are_refused() -> None:
    labels = np.array(["gabor", "low-pass", "gabor"])
    shares = class_fractions(labels, [1.0, 3.0, 0.0])
    assert dict(zip(LABELS, shares.values.tolist(), strict=True))["low-pass"] == 0.75
    for bad in ([1.0, 2.0], [1.0, -1.0, 1.0], [0.0, 0.0, 0.0], [np.nan, 1.0, 1.0], [np.inf, 1.0, 1.0]):
        with pytest.raises(ValueError, match="weights for 3 labels"):
            class_fractions(labels, bad)


def test_where_nothing_was_learned_nothing_is_counted() -> None:
    network = Network(SPEC, seed=0)
    with pytest.raises(ValueError, match="W - W0 is zero in a whole layer"):
        learned_fractions(network, network)

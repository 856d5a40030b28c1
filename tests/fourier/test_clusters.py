"""k-means: finds the drawn types, does not see amplitude, is seeded."""

import numpy as np
import pytest

from tlfourier.fourier import LABELS, cluster, synthetic_kernels, types_of_clusters


def test_clusters_are_pure_in_type() -> None:
    kernels, labels = synthetic_kernels(150, seed=3, noise=0.05)
    groups = cluster(kernels, clusters=10, seed=0)
    purity = sum(np.unique(labels[groups.label == c], return_counts=True)[1].max() for c in range(10)) / 600
    assert purity > 0.9


def test_centres_are_mean_powers_in_order_of_wavenumber() -> None:
    kernels, _ = synthetic_kernels(60, seed=4)
    groups = cluster(kernels, clusters=5, seed=1)
    np.testing.assert_allclose(groups.centre.sum(("k_y", "k_x")), 1)
    np.testing.assert_allclose(groups.fraction.sum(), 1)
    np.testing.assert_allclose(groups.fraction, [np.mean(groups.label == c) for c in range(5)])
    radius = np.hypot(groups.k_y, groups.k_x)
    assert ((groups.centre * radius).sum(("k_y", "k_x")).diff("cluster") > 0).all()


def test_amplitude_plays_no_part_and_seed_decides() -> None:
    kernels, _ = synthetic_kernels(50, seed=5)
    first = cluster(kernels, clusters=4, seed=2)
    scaled = cluster(kernels * np.linspace(-7, 9, 200)[:, None, None], clusters=4, seed=2)
    np.testing.assert_array_equal(first.label, scaled.label)


def test_more_clusters_than_kernels_are_refused() -> None:
    with pytest.raises(ValueError, match="clusters=3"):
        cluster(np.eye(5)[None].repeat(4, 0), clusters=3)


def test_types_of_pure_clusters_are_named_and_shares_add_up() -> None:
    kernels, labels = synthetic_kernels(40, seed=6)
    groups = cluster(kernels, clusters=6, seed=0)
    table = types_of_clusters(groups, labels)
    np.testing.assert_allclose(table.sum("type"), 1)
    np.testing.assert_allclose(table.weighted(groups.fraction).mean("cluster")[:4], 0.25)
    assert table.attrs["purity"] == pytest.approx(float((table.max("type") * groups.fraction).sum()))
    perfect = types_of_clusters(groups, np.array(LABELS)[groups.label.values % 5])
    assert perfect.attrs["purity"] == 1
    with pytest.raises(ValueError, match="3 types for 160 kernels"):
        types_of_clusters(groups, labels[:3])

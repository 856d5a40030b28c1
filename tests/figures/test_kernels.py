"""Figures of kernels: they hold what they were given, on the right axes."""

import numpy as np
import pytest
import torch
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from torch import nn

from tlfourier.figures import kernels as figures
from tlfourier.fourier import (
    LABELS,
    classify,
    cluster,
    confusion_matrix,
    fractions_with_nulls,
    network_fractions,
    synthetic_kernels,
    threshold_sensitivity,
)


def shown(image: AxesImage) -> np.ndarray:
    return np.asarray(image.get_array())


def heights_of(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata())


def network(seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(2, 4, 5, padding=2), nn.ReLU(), nn.Conv2d(4, 1, 5, padding=2))


def test_gallery_shows_each_kernel_upright_on_its_own_scale() -> None:
    kernels = np.zeros((7, 5, 5))
    kernels[:, 0, 4] = 10.0 ** np.arange(7)
    kernels[:, 2, 2] = -0.5 * kernels[:, 0, 4]
    left, right = figures.gallery(kernels, titles=list("abcdefg"), columns=4).axes
    assert len(left.images) == len(right.images) == 7
    for image in left.images:
        picture = shown(image)
        # y points upwards: row 0 of the kernel is drawn at the bottom.
        assert picture[-1, 4] == 1
        assert picture[2, 2] == -0.5
    assert [text.get_text() for text in left.texts] == list("abcdefg")


def test_spectra_have_the_mean_in_the_middle() -> None:
    right = figures.gallery(np.ones((1, 5, 5))).axes[1]
    picture = shown(right.images[0])
    rows, columns = np.nonzero(picture == picture.max())
    assert (rows.tolist(), columns.tolist()) == ([15], [16])


def test_type_gallery_puts_the_strongest_of_each_type_in_its_row() -> None:
    kernels, labels = synthetic_kernels(5, seed=0)
    left, right = figures.type_gallery(kernels, examples=3).axes
    assert [label.get_text() for label in left.get_yticklabels()] == list(LABELS)
    # Nothing in the last row: every drawn kernel has a type.
    assert len(left.images) == len(right.images) == 12
    norms = np.square(kernels[labels == "low-pass"]).sum((1, 2))
    strongest = kernels[labels == "low-pass"][norms.argmax()]
    np.testing.assert_allclose(shown(left.images[0]), strongest[::-1] / np.abs(strongest).max())


def test_changed_kernels_stand_above_each_other() -> None:
    before = np.random.default_rng(0).standard_normal((3, 5, 5))
    left, _ = figures.changed_kernels(before, 2 * before).axes
    for above, below in zip(left.images[:3], left.images[3:], strict=True):
        np.testing.assert_allclose(shown(above), shown(below))
        assert above.get_extent()[:2] == below.get_extent()[:2]


def test_bars_have_the_height_of_the_fractions() -> None:
    kernels, _ = synthetic_kernels(20, seed=1)
    fractions = fractions_with_nulls(kernels, torch.randn(50, 5, 5), draws=2)
    (ax,) = figures.type_fractions(fractions).axes
    heights = [patch.get_height() for patch in ax.patches if isinstance(patch, Rectangle)]
    np.testing.assert_allclose(heights[:5], fractions.trained.sel(type=list(LABELS)))
    np.testing.assert_allclose(heights[5:10], fractions.initial.sel(type=list(LABELS)))


def test_layer_types_leave_the_total_out() -> None:
    fractions = network_fractions(network(0), network(1), draws=1)
    axes = figures.layer_types(fractions).axes
    assert [ax.get_title() for ax in axes] == list(LABELS)
    np.testing.assert_allclose(heights_of(axes[-1].lines[0]), fractions.trained.sel(type="unclassified")[:2])


def test_confusion_writes_shares_of_the_row() -> None:
    (ax,) = figures.confusion(confusion_matrix(["gabor"] * 4, ["gabor"] * 3 + ["band-pass"])).axes
    written = [text.get_text() for text in ax.texts]
    assert written == ["0.0%", "25.0%", "0.0%", "75.0%", "0.0%"]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["gabor"]


def test_cluster_centres_carry_their_shares() -> None:
    kernels, _ = synthetic_kernels(10, seed=2)
    groups = cluster(kernels, clusters=3)
    axes = figures.cluster_centres(groups).axes
    assert [ax.get_title() for ax in axes] == [f"{share:.0%}" for share in groups.fraction.values]
    np.testing.assert_allclose(shown(axes[1].images[0]), groups.centre[1])


def test_sensitivity_has_a_bar_for_each_threshold_and_side() -> None:
    kernels, _ = synthetic_kernels(20, seed=4, noise=0.3)
    changed = threshold_sensitivity(kernels)
    (ax,) = figures.sensitivity(changed).axes
    widths = [patch.get_width() for patch in ax.patches if isinstance(patch, Rectangle)]
    np.testing.assert_allclose(widths, changed.values.T.ravel())
    assert [label.get_text() for label in ax.get_yticklabels()][-1] == "high ratio"


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(5, 5\).*\(n, k, k\)"):
        figures.gallery(np.ones((5, 5)))
    with pytest.raises(ValueError, match="1 titles for 2 kernels"):
        figures.gallery(np.ones((2, 5, 5)), titles=["a"])


def test_classified_titles_fit_the_gallery() -> None:
    kernels, _ = synthetic_kernels(2, seed=3)
    left = figures.gallery(kernels, classify(kernels).tolist()).axes[0]
    assert {text.get_text() for text in left.texts} <= set(LABELS)

"""The rule: textbook kernels, invariances, accuracy on thousands of drawn kernels, chance, bad input."""

import numpy as np
import pytest
import torch

from tlfourier.fourier import (
    LABELS,
    Rule,
    class_fractions,
    classify,
    confusion_matrix,
    synthetic_kernels,
    threshold_sensitivity,
)
from tlfourier.fourier.synthetic import gabor, gaussian

SMALL = {
    "low-pass": [[1, 2, 1], [2, 4, 2], [1, 2, 1]],
    "low-pass ": np.ones((3, 3)),
    "high-pass": [[0, 1, 0], [1, -4, 1], [0, 1, 0]],
    "high-pass ": [[1, 1, 1], [1, -8, 1], [1, 1, 1]],
    "high-pass  ": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
    "gabor": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
    "gabor ": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]],
    "gabor  ": [[0, 1, 2], [-1, 0, 1], [-2, -1, 0]],
    "gabor   ": [[0, 0, 0], [-1, 0, 1], [0, 0, 0]],
    "unclassified": [[0, 0, 0], [0, 1, 0], [0, 0, 0]],
    "unclassified ": np.zeros((3, 3)),
}
POINTS = np.arange(5.0) - 2
GRID = (POINTS[:, None], POINTS[None, :])


@pytest.mark.parametrize("name", SMALL)
def test_textbook_kernels_have_their_names_wherever_they_sit(name: str) -> None:
    kernel = np.asarray(SMALL[name], dtype=float)
    placed = [np.pad(kernel, ((y, 2 - y), (x, 2 - x))) for y in range(3) for x in range(3)]
    assert set(classify(np.array(placed))) == {name.strip()}
    assert set(classify(-1e-6 * np.array(placed))) == {name.strip()}


@pytest.mark.parametrize("width", [0.6, 0.8, 1.0, 1.5, 2.0, 3.0])
def test_gaussians_are_low_pass(width: float) -> None:
    assert classify(gaussian(GRID, width)) == "low-pass"


@pytest.mark.parametrize("width", [0.7, 0.85, 1.0, 1.2])
@pytest.mark.parametrize("ratio", [1.4, 1.6, 2.0, 3.0])
def test_differences_of_gaussians_are_band_pass(width: float, ratio: float) -> None:
    assert classify(gaussian(GRID, width) - gaussian(GRID, ratio * width)) == "band-pass"


@pytest.mark.parametrize("wavelength", [2.0, 2.5, 3.0, 3.5, 4.0])
@pytest.mark.parametrize("width", [1.0, 1.5, 2.0])
def test_gabors_are_found_at_every_angle_and_phase(wavelength: float, width: float) -> None:
    angles, phases = np.linspace(0, np.pi, 24, endpoint=False), np.linspace(0, np.pi, 8)
    kernels = np.array([gabor(GRID, wavelength, a, p, width) for a in angles for p in phases])
    # At the shortest wave sin(pi x + phase) can vanish on the grid: nothing is left to classify.
    kernels = kernels[np.abs(kernels).max((1, 2)) > 1e-3]
    assert np.mean(classify(kernels) == "gabor") > 0.99


@pytest.mark.parametrize(("noise", "least"), [(0.0, 0.99), (0.05, 0.99), (0.1, 0.99), (0.2, 0.93)])
@pytest.mark.parametrize("size", [5, 7])
def test_drawn_kernels_are_named_rightly(noise: float, least: float, size: int) -> None:
    kernels, labels = synthetic_kernels(500, seed=11, noise=noise, kernel_size=size)
    matrix = confusion_matrix(labels, classify(kernels))
    assert matrix.attrs["accuracy"] > least
    assert (matrix.sum("found").sel(truth=list(LABELS[:4])) == 500).all()


def test_noise_is_unclassified() -> None:
    noise = torch.randn(4000, 5, 5, generator=torch.Generator().manual_seed(0))
    assert class_fractions(classify(noise)).sel(type="unclassified") > 0.92


def test_amplitude_plays_no_part() -> None:
    kernels, _ = synthetic_kernels(100, seed=4)
    scale = 10 ** np.random.default_rng(0).uniform(-6, 6, (400, 1, 1))
    np.testing.assert_array_equal(classify(kernels), classify(-scale * kernels))


def test_turning_and_mirroring_changes_no_type() -> None:
    kernels, _ = synthetic_kernels(100, seed=5)
    expected = classify(kernels)
    np.testing.assert_array_equal(classify(np.rot90(kernels, axes=(1, 2)).copy()), expected)
    np.testing.assert_array_equal(classify(kernels[:, ::-1].copy()), expected)


def test_leading_dimensions_stay_and_batched_equals_looped() -> None:
    kernels, _ = synthetic_kernels(6, seed=6)
    batched = classify(torch.from_numpy(kernels).reshape(4, 6, 5, 5))
    assert batched.shape == (4, 6)
    assert [str(classify(k)) for k in kernels] == batched.ravel().tolist()


def test_a_single_weight_has_no_type() -> None:
    assert set(classify(torch.randn(3, 2, 1, 1)).ravel()) == {"unclassified"}


def test_unmoved_thresholds_change_nothing_and_moved_ones_are_reported() -> None:
    kernels, _ = synthetic_kernels(200, seed=7, noise=0.05)
    moved = threshold_sensitivity(kernels)
    assert moved.dims == ("threshold", "shift")
    assert moved.max() < 0.3
    assert (threshold_sensitivity(kernels, change=0.0) == 0).all()


def test_threshold_that_excludes_everything_excludes_everything() -> None:
    kernels, _ = synthetic_kernels(20, seed=8)
    assert set(classify(kernels, Rule(structure=1.1))) == {"unclassified"}


def test_confusion_matrix_counts() -> None:
    matrix = confusion_matrix(["gabor", "gabor", "low-pass"], ["gabor", "band-pass", "low-pass"])
    assert matrix.sel(truth="gabor", found="band-pass") == 1
    assert matrix.sum() == 3
    assert matrix.attrs["accuracy"] == pytest.approx(2 / 3)


def test_bad_input_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match=r"\['sharp'\].*low-pass"):
        class_fractions(np.array(["sharp"]))
    with pytest.raises(ValueError, match=r"2 true, 1 found"):
        confusion_matrix(["gabor", "gabor"], ["gabor"])
    with pytest.raises(ValueError, match="kernel_size=3"):
        synthetic_kernels(1, 0, kernel_size=3)
    with pytest.raises(ValueError, match="noise=-1"):
        synthetic_kernels(1, 0, noise=-1.0)

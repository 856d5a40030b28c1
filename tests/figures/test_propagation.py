"""Figures of a network's steps: fields above spectra, residuals per layer, stages of activations."""

import numpy as np
import pytest
import torch
from matplotlib.image import AxesImage
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.figures import propagation as figures
from tlfourier.fourier import (
    activation_spectra,
    network_identities,
    one_product,
    rectified_wave,
    spectral_gaps,
)


def network(seed: int = 0) -> Network:
    return Network(NetworkSpec(layers=3, channels=4), seed=seed)


def inputs() -> torch.Tensor:
    return torch.randn(2, 2, 16, 16, generator=torch.Generator().manual_seed(0))


def heights_of(line: Line2D) -> np.ndarray:
    return np.asarray(line.get_ydata())


def pictures(ax: object) -> AxesImage:
    (image,) = ax.images  # type: ignore[attr-defined]
    return image


def test_a_product_is_shown_as_three_fields_above_three_spectra() -> None:
    step = one_product(network().layer(1), inputs())
    axes = figures.product(step).axes
    np.testing.assert_allclose(np.asarray(pictures(axes[0]).get_array()), step.kernel)
    np.testing.assert_allclose(np.asarray(pictures(axes[2]).get_array()), step.leaving)
    shown = np.asarray(pictures(axes[5]).get_array())
    assert shown.max() == step.leaving_amplitude.max()
    assert [ax.get_title() for ax in axes[:6:3]] == ["$W$", "$|F(W)|$"]


def test_identities_stand_at_their_layers() -> None:
    found = network_identities(network(), inputs())
    (ax,) = figures.identities(found).axes
    zeros, relu, periodic = ax.lines[:3]
    np.testing.assert_allclose(heights_of(zeros), found.zeros)
    assert np.isnan(heights_of(relu)[-1])
    np.testing.assert_array_equal(np.asarray(periodic.get_xdata()), [1, 2, 3])


def test_rectified_wave_has_bars_of_its_amplitudes() -> None:
    wave = rectified_wave(size=32, k=2)
    left, right = figures.rectified_wave(wave, largest=4).axes
    heights = [patch.get_height() for patch in right.patches if isinstance(patch, Rectangle)]
    np.testing.assert_allclose(heights, wave.amplitude.values[:, :9].ravel())
    assert len(left.lines) == 2


def test_activations_show_the_output_layer_before() -> None:
    spectra = activation_spectra(network(), inputs())
    first, _, last = figures.activations({"base": spectra}).axes
    np.testing.assert_allclose(
        heights_of(first.lines[0]), spectra.amplitude.sel(layer="conv01", stage="after")[1:]
    )
    np.testing.assert_allclose(
        heights_of(last.lines[0]), spectra.amplitude.sel(layer="conv03", stage="before")[1:]
    )


def test_gaps_are_drawn_per_stage() -> None:
    spectra = activation_spectra(network(), inputs())
    gap = spectral_gaps(spectra, activation_spectra(network(1), inputs()))
    before, after = figures.gaps({"base": gap}).axes
    np.testing.assert_allclose(heights_of(before.lines[0]), gap.sel(stage="before"))
    np.testing.assert_allclose(heights_of(after.lines[0]), gap.sel(stage="after"))


def test_unknown_stage_is_refused() -> None:
    with pytest.raises(ValueError, match="stage='during'"):
        figures.activations({}, stage="during")

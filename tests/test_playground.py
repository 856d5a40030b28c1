"""The kernel playground without a browser: it holds what the study says, and kernels of their types."""

from __future__ import annotations

import base64
import json
from typing import Any

import numpy as np
import pytest
import torch
from ipywidgets.embed import dependency_state
from matplotlib import colormaps
from matplotlib.colors import to_rgb

from tests.shipped import shipped as shipped
from tlfourier.closure.padding import PeriodicConv2d
from tlfourier.figures.style import DIVERGING
from tlfourier.fourier.change import strongest_changes
from tlfourier.fourier.filter_types import classify
from tlfourier.playground.panel import LEVELS, KernelPlayground
from tlfourier.playground.presets import made_kernels
from tlfourier.study.study import Study, begin

LARGEST = 100_000  # bytes that a page may hold for the panel, with its scripts
TYPES = {
    "band-pass": "band-pass",
    "identity": "unclassified",
    "mean": "low-pass",
    "Gaussian": "low-pass",
    "Laplacian": "high-pass",
    "derivative in x": "gabor",
    "derivative in y": "gabor",
    "Gabor, waves along x": "gabor",
    "Gabor, waves along the diagonal": "gabor",
    "zeros: draw your own": "unclassified",
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny: dict[str, Any]) -> Study:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TLFOURIER_STORE", str(tmp_path_factory.mktemp("playground")))
        patch.setenv("TLFOURIER_REFERENCE", "")
        return begin("smoke", {**tiny, "seeds": 1})


@pytest.fixture(scope="module")
def playground(study: Study) -> KernelPlayground:
    return KernelPlayground(study, "forcing", pairs=3)


def test_the_field_is_the_first_of_the_test_block_to_half_a_step(
    study: Study, playground: KernelPlayground
) -> None:
    counts = np.frombuffer(base64.b64decode(playground.field), "<i2").reshape(2 * (playground.size,))
    expected = study.tensors(study.case("forcing").base)[0][0, 1].double().numpy()
    assert abs(counts).max() == LEVELS
    np.testing.assert_allclose(
        counts * playground.field_unit, expected, rtol=0, atol=0.501 * playground.field_unit
    )


def test_the_learned_kernels_are_those_that_change_most(study: Study, playground: KernelPlayground) -> None:
    networks = (study.base("forcing"), study.transferred("forcing", [2]))
    before, after = (network.layer(2).weight for network in networks)
    pairs = strongest_changes(before, after, 3)
    learned = [one for one in playground.presets if one["group"] == "learned: layer 2, case forcing"]
    assert [one["name"].rpartition(", ")[2] for one in learned] == ["before transfer", "after transfer"] * 3
    for found, expected in zip(learned, torch.stack(pairs, 1).flatten(0, 1), strict=True):
        np.testing.assert_array_equal(found["weights"], expected.numpy())
        channel, output = (int(word) for word in found["name"].partition(",")[0].split() if word.isdigit())
        places = [network.layer(2).weight[output - 1, channel - 1].tolist() for network in networks]
        assert found["weights"] in places


@pytest.mark.parametrize(("name", "kind"), TYPES.items())
def test_a_made_kernel_has_the_type_of_its_name(name: str, kind: str) -> None:
    assert classify(made_kernels(5)[name]) == kind


def test_every_made_kernel_is_named_here() -> None:
    assert list(made_kernels(5)) == list(TYPES)


@pytest.mark.parametrize("axis", ["x", "y"])
def test_a_derivative_is_that_of_a_layer_of_the_network(axis: str) -> None:
    points = torch.arange(16, dtype=torch.float64) * (2 * torch.pi / 16)
    wave, slope = torch.sin(points).expand(16, 16), torch.cos(points).expand(16, 16)
    layer = PeriodicConv2d(1, 1, 5).double()
    layer.weight.data[0, 0] = torch.tensor(made_kernels(5)[f"derivative in {axis}"])
    assert layer.bias is not None
    layer.bias.data.zero_()
    made = layer((wave if axis == "x" else wave.T)[None, None])[0, 0].detach()
    torch.testing.assert_close(made if axis == "x" else made.T, slope * np.sin(2 * np.pi / 16))


def test_the_panel_begins_with_what_is_asked_for(study: Study, playground: KernelPlayground) -> None:
    assert playground.kernel == made_kernels(5)["band-pass"].tolist() and playground.bias == 0
    assert KernelPlayground(study, "forcing", "mean").kernel == made_kernels(5)["mean"].tolist()


def test_the_maps_are_the_book_s(playground: KernelPlayground) -> None:
    for name, known in (("signed", DIVERGING), ("amplitude", "cividis")):
        steps = np.array([to_rgb(one) for one in playground.colours[name]])
        parts = np.linspace(0, 1, 200)
        found = np.stack([np.interp(parts, np.linspace(0, 1, len(steps)), one) for one in steps.T], -1)
        assert abs(found - colormaps[known](parts)[:, :3]).max() < 0.02


def test_the_published_panel_is_small(shipped: Study) -> None:
    whole = dependency_state([KernelPlayground(shipped, "forcing")], drop_defaults=False)
    assert len(json.dumps(whole)) < LARGEST


@pytest.mark.parametrize("kernel", [[[1.0, 2.0]], [[0.0] * 3] * 3, [[float("nan")] * 5] * 5])
def test_a_kernel_that_cannot_be_drawn_is_refused(playground: KernelPlayground, kernel: Any) -> None:
    before = playground.kernel
    with pytest.raises(ValueError, match="kernel|finite|square"):
        playground.kernel = kernel
    assert playground.kernel == before


def test_what_is_unknown_is_refused(study: Study) -> None:
    with pytest.raises(ValueError, match="start='high': accepted are band-pass, identity, mean"):
        KernelPlayground(study, "forcing", "high")
    with pytest.raises(ValueError, match="unknown case 'backward'"):
        KernelPlayground(study, "backward")
    with pytest.raises(ValueError, match="side=4: accepted are odd numbers from 3"):
        made_kernels(4)

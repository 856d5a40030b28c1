"""What the playground computes in a browser against the package, NumPy and torch, number by number."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import asdict, fields, replace
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page

from tests.lab import browser_page, find_chromium
from tests.shipped import shipped as shipped
from tlfourier.closure.padding import PeriodicConv2d
from tlfourier.fourier.activations import shell_means
from tlfourier.fourier.filter_types import Rule, classify, features
from tlfourier.fourier.kernels import (
    kernel_amplitude,
    kernel_power,
    network_kernels,
    power_wavenumbers,
    strongest,
)
from tlfourier.fourier.synthetic import synthetic_kernels
from tlfourier.playground.panel import WEAK, KernelPlayground
from tlfourier.playground.presets import made_kernels
from tlfourier.study.study import Study

SIDE = 5
NAMES = ("unclassified, flat", "unclassified", "low-pass", "band-pass", "high-pass", "gabor")
CLASSIFY = """\
([kernels, side, rule]) => kernels.map((kernel) => {
  const power = window.scripts.normalisedPower(kernel.flat(), side);
  const named = window.scripts.classify(kernel.flat(), side, rule);
  return { ...named, ...window.scripts.features(power, side, rule) };
})"""
ANALYSE = """\
([field, size, kernel, side, bias, weak]) => {
  const values = Float64Array.from(field.flat());
  const found = window.scripts.analyse(values, size, kernel.flat(), side, bias, weak);
  return Object.fromEntries(Object.entries(found).map(
    ([name, value]) => [name, value instanceof Float64Array ? Array.from(value) : value]));
}"""


@pytest.fixture(scope="module")
def playground(shipped: Study) -> KernelPlayground:
    return KernelPlayground(shipped, "forcing")


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    """Open an empty page that holds the panel's functions."""
    complaints: list[str] = []
    with browser_page(find_chromium(), complaints) as shown:
        coded = base64.b64encode(KernelPlayground._esm.encode()).decode()
        shown.evaluate(
            f"import('data:text/javascript;base64,{coded}').then((all) => {{ window.scripts = all }})"
        )
        yield shown
    assert complaints == []


@pytest.fixture(scope="module")
def kernels(shipped: Study) -> np.ndarray:
    """Return random, synthetic, made and learned kernels, and some whose spectra are degenerate."""
    generator = np.random.default_rng(0)
    random = generator.standard_normal((200, SIDE, SIDE))
    walks = generator.standard_normal((50, SIDE, SIDE)).cumsum(1).cumsum(2) * 1e-4
    made, _ = synthetic_kernels(60, seed=1)
    networks = (shipped.base("forcing"), shipped.transferred("forcing", [2]), shipped.initial())
    learned = [strongest(network_kernels(network), 0.05).numpy() for network in networks]
    corner = np.zeros((1, SIDE, SIDE))
    corner[0, 0, 0] = -3.0
    return np.concatenate([random, walks, made, *learned, list(made_kernels(SIDE).values()), corner])


@pytest.fixture(scope="module")
def found(page: Page, playground: KernelPlayground, kernels: np.ndarray) -> list[dict[str, Any]]:
    named: list[dict[str, Any]] = page.evaluate(CLASSIFY, [kernels.tolist(), SIDE, playground.rule])
    return named


def test_hundreds_of_kernels_have_the_type_that_the_package_gives(
    kernels: np.ndarray, found: list[dict[str, Any]]
) -> None:
    expected = classify(kernels)
    assert len(kernels) > 700 and set(expected.tolist()) == set(NAMES[1:])
    assert [one["type"] for one in found] == expected.tolist()


def test_the_features_are_those_of_the_package(kernels: np.ndarray, found: list[dict[str, Any]]) -> None:
    measured_by_package = features(kernel_power(kernels))
    # of a spectrum that is flat to round-off, what explains its variance is noise
    uneven = (measured_by_package["contrast"] > 1e-9).numpy()
    assert uneven.sum() > len(kernels) - 5
    for name, values in measured_by_package.items():
        # where the mean does not pass, its power is a round-off, or zero: the rise is as good as infinite
        expected = np.minimum(values.numpy(), 1e9)
        measured = np.minimum([np.inf if one[name] is None else one[name] for one in found], 1e9)
        np.testing.assert_allclose(measured[uneven], expected[uneven], rtol=1e-6, atol=1e-12, err_msg=name)


def test_a_type_is_clear_if_no_threshold_that_moves_changes_it(
    kernels: np.ndarray, found: list[dict[str, Any]], playground: KernelPlayground
) -> None:
    rule, shift = Rule(), playground.rule["shift"]
    assert playground.rule == {**playground.rule, **asdict(rule)}
    names = [field.name for field in fields(rule)]
    moved = [replace(rule, **{n: getattr(rule, n) * f}) for n in names for f in (1 - shift, 1 + shift)]
    types, others = classify(kernels), np.array([classify(kernels, one) for one in moved])
    expected = [sorted(set(column.tolist()) - {kind}) for column, kind in zip(others.T, types, strict=True)]
    assert [one["others"] for one in found] == expected
    assert 100 < sum(map(bool, expected)) < len(kernels)


def test_the_direction_is_that_of_the_double_angle(kernels: np.ndarray, found: list[dict[str, Any]]) -> None:
    k_y, k_x = power_wavenumbers(SIDE)
    double = torch.polar(torch.ones(9, 9, dtype=torch.float64), 2 * torch.atan2(k_y + 0 * k_x, k_x + 0 * k_y))
    double[4, 4] = 0  # the mean has no direction
    moment = (kernel_power(kernels) * double).flatten(-2).sum(-1)
    for one, expected in zip(found, moment, strict=True):
        if abs(expected) > 0.1:
            apart = np.exp(2j * np.radians(one["direction"])) * abs(expected.item())
            assert apart == pytest.approx(expected.item(), abs=1e-9)


CASES = [
    ("band-pass", 0.0), ("mean", -0.5), ("Laplacian", 0.25), ("derivative in x", 0.0), ("identity", 3.0),
    ("Gabor, waves along the diagonal", 1.0), ("random", -1.5), ("zeros: draw your own", 1.0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "bias"), CASES)
def test_a_kernel_at_work_is_what_torch_and_numpy_make_of_it(
    page: Page, shipped: Study, name: str, bias: float
) -> None:
    field = shipped.tensors(shipped.case("forcing").base)[0][0, 1].double()
    size = len(field)
    drawn = np.random.default_rng(2).standard_normal((SIDE, SIDE))
    kernel = torch.tensor({**made_kernels(SIDE), "random": drawn}[name])
    found = page.evaluate(ANALYSE, [field.tolist(), size, kernel.tolist(), SIDE, bias, WEAK])

    layer = PeriodicConv2d(1, 1, SIDE).double()
    layer.weight.data[0, 0] = kernel
    assert layer.bias is not None
    layer.bias.data.zero_()
    plain = layer(field[None, None])[0, 0].detach()
    offset = bias * plain.std(correction=0)
    h = plain + offset
    g = h.relu()
    assert found["offset"] == pytest.approx(offset.item(), abs=1e-12)
    np.testing.assert_allclose(found["before"], h.ravel(), atol=1e-12)
    np.testing.assert_allclose(found["after"], g.ravel(), atol=1e-12)

    passes = torch.fft.ifftshift(kernel_amplitude(kernel, size))
    np.testing.assert_allclose(found["passes"], passes.ravel(), atol=1e-12)
    half = passes[:, : size // 2 + 1]
    np.testing.assert_allclose(found["shells"]["mean"], shell_means(half, size), atol=1e-12)
    k = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(size, 1 / size)])).round()
    for shell in range(size // 2 + 1):
        assert found["shells"]["least"][shell] == pytest.approx(passes[k == shell].min().item(), abs=1e-12)
        assert found["shells"]["most"][shell] == pytest.approx(passes[k == shell].max().item(), abs=1e-12)
    for stage, values in {"field": field, "before": h, "after": g}.items():
        expected = shell_means(torch.fft.rfft2(values).abs() / size**2, size)
        np.testing.assert_allclose(found["spectra"][stage], expected, atol=1e-12)

    weak = (passes**2 < WEAK * passes.max() ** 2).numpy()
    weak[0, 0] = False
    assert found["residual"] < 1e-13
    assert found["zeroed"] == pytest.approx(float((h <= 0).double().mean()))
    if kernel.any():
        assert found["stops"] == bool((passes**2 < WEAK * passes.max() ** 2).any())
        for key, values in (("shareBefore", h), ("shareAfter", g)):
            power = np.abs(np.fft.fft2(values)) ** 2 / size**4
            assert found[key] == pytest.approx(power[weak].sum() / np.var(values.numpy()), abs=1e-9)
        correlation = np.corrcoef(h.ravel(), g.ravel())[0, 1]
        assert found["moved"] == pytest.approx(1 - correlation**2, abs=1e-9)
    else:
        assert found["largest"] == 0 and np.isnan(found["moved"])

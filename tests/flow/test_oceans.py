"""The oceans by name: the published numbers, and what they imply."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tlfourier.flow.layers import Layers
from tlfourier.flow.normal_modes import growth_rates
from tlfourier.flow.oceans import OCEANS, SIDE, ocean

PUBLISHED = {
    "eddies": (15e3, 1.5e-11, 0.25, 5.787e-7),
    "larger_eddies": (20e3, 1.5e-11, 0.25, 5.787e-7),
    "three_jets": (15e3, 5e-12, 0.05, 3.5e-8),
    "four_jets": (15e3, 1e-11, 0.1, 7e-8),
}


@pytest.mark.parametrize("name", OCEANS)
def test_the_oceans_have_the_published_numbers(name: str) -> None:
    r_d, beta, delta, drag = PUBLISHED[name]
    layers = ocean(name)
    np.testing.assert_allclose(layers.deformation_radii(), [r_d])
    assert layers.thickness == pytest.approx((500.0, 500.0 / delta))
    assert (layers.beta, layers.drag, layers.velocity) == (beta, drag, (0.025, 0.0))


def undamped(layers: Layers) -> Layers:
    """Return the same layers without drag."""
    return Layers(layers.thickness, layers.coupling, layers.velocity, layers.beta)


def test_larger_eddies_live_on_drag_alone() -> None:
    # Their gradient of potential vorticity has one sign in both layers: without drag no wave grows.
    k = math.tau / SIDE * np.arange(1, 21)
    rates = {
        name: [float(growth_rates(one, k, 0 * k).max()) for one in (layers, undamped(layers))]
        for name, layers in OCEANS.items()
    }
    assert all(damped > 1e-8 for damped, _ in rates.values())
    stable = [name for name, layers in OCEANS.items() if layers.vorticity_gradient()[1] > 0]
    assert stable == ["larger_eddies"]
    assert [name for name, (_, free) in rates.items() if free < 1e-15] == stable


def test_an_unknown_ocean_is_refused() -> None:
    with pytest.raises(
        ValueError, match="name='jets': choose one of eddies, larger_eddies, three_jets, four_jets"
    ):
        ocean("jets")

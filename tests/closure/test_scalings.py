"""Scalings: what a change of units does to a network, and which scaling is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.network import Network, NetworkSpec, predict
from tlfourier.closure.pairs import UNITS, Scales, to_tensors
from tlfourier.closure.scalings import SCALINGS, SampleScales, scaling

POWERS = {"psi": (2, -1), "omega": (0, -1), "sgs": (0, -2)}  # of length and time


def flow(seed: int, samples: int = 4) -> xr.Dataset:
    """Return samples that are no flow: a scaling sees deviations only."""
    random = np.random.default_rng(seed)
    loud = random.uniform(0.5, 2.0, (samples, 1, 1))
    fields = {name: loud ** -POWERS[name][1] * random.normal(size=(samples, 8, 8)) for name in UNITS}
    return xr.Dataset({name: (("time", "y", "x"), values) for name, values in fields.items()})


def stretched(pairs: xr.Dataset, length: float, time: float) -> xr.Dataset:
    """Return the same flow in a domain ``length`` times as wide, ``time`` times as slow."""
    return xr.Dataset({name: pairs[name] * length**a * time**b for name, (a, b) in POWERS.items()})


@pytest.mark.parametrize("name", ["dimensional", "dimensional per sample"])
@pytest.mark.parametrize(("length", "time"), [(1.0, 7.0), (3e5, 1.0), (1e6, 86400.0), (0.01, 0.3)])
def test_stretching_length_and_time_changes_nothing_that_the_network_sees(
    name: str, length: float, time: float
) -> None:
    base, target = flow(0), flow(1)
    known = Scales.of(base)
    network = Network(NetworkSpec(layers=3, channels=4))
    seen, predictions = [], []
    for units, pairs in (((1.0, 1.0), target), ((length, time), stretched(target, length, time))):
        scales = scaling(name, known, Scales.of(pairs), (0.2, 0.2 * units[0]))
        inputs, outputs = to_tensors(pairs, scales, torch.float64)
        seen.append((inputs, outputs))
        omega = torch.as_tensor(pairs["omega"].values)
        predictions.append(scales.physical(predict(network, inputs)[:, 0].double(), omega) * units[1] ** 2)
        torch.testing.assert_close(
            scales.physical(outputs[:, 0], omega), torch.as_tensor(pairs["sgs"].values)
        )
    torch.testing.assert_close(*map(list, seen))
    torch.testing.assert_close(*predictions, rtol=1e-5, atol=1e-7)


def test_own_deviations_are_no_change_of_units() -> None:
    """They are one only between flows whose ψ̄, ω̄ and Π grow together as their dimensions say."""
    base, target = Scales.of(flow(0)), Scales(1.0, 5.0, 2.0)
    own, consistent = scaling("own", base, target), scaling("dimensional", base, target)
    assert own == target
    assert consistent.omega == own.omega
    assert math.isclose(consistent.psi, base.psi * 5.0 / base.omega)
    assert math.isclose(consistent.sgs, base.sgs * (5.0 / base.omega) ** 2)
    same = Scales.of(stretched(flow(0), 1.0, 3.0))
    for name in UNITS:
        assert math.isclose(getattr(scaling("dimensional", base, same), name), getattr(same, name))


def test_the_base_scaling_asks_nothing_of_the_target() -> None:
    base = Scales.of(flow(0))
    assert scaling("base", base, Scales(1.0, 5.0, 2.0)) == base


def test_a_sample_scaling_gives_every_sample_the_deviation_that_the_network_knows() -> None:
    base, target = flow(0), flow(1)
    scales = scaling("dimensional per sample", Scales.of(base), Scales.of(target))
    inputs, _ = to_tensors(target, scales, torch.float64)
    torch.testing.assert_close(inputs[:, 1].std((-2, -1), correction=0), torch.ones(4, dtype=torch.float64))
    ratio = inputs[:, 0] / torch.as_tensor(target["psi"].values)
    assert ratio.std((-2, -1)).max() < 1e-12 * ratio.mean()  # one factor for a sample
    # alone or among others
    alone, _ = to_tensors(target.isel(time=[2]), scales, torch.float64)
    torch.testing.assert_close(alone[0], inputs[2])


def test_a_sample_at_rest_has_no_time_scale() -> None:
    pairs = flow(0)
    pairs["omega"][1] = 3.0
    with pytest.raises(ValueError, match="sample 1 has the same vorticity everywhere"):
        to_tensors(pairs, SampleScales(1.0, 1.0, 1.0))


def test_what_is_no_scaling_is_refused() -> None:
    scales = Scales(1.0, 1.0, 1.0)
    with pytest.raises(ValueError, match=f"scaling='mine': accepted are {', '.join(SCALINGS)}"):
        scaling("mine", scales, scales)
    for spacings in ((0.0, 1.0), (1.0, math.nan), (1.0, math.inf), (-1.0, 1.0)):
        with pytest.raises(ValueError, match="accepted are two positive numbers"):
            scaling("dimensional", scales, scales, spacings)

"""Units of layers: each channel has its own, one change of units changes all; losses can be weighed."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import xarray as xr

from tlfourier.closure.layered_pairs import Quantity
from tlfourier.closure.layered_scales import (
    LayeredScales,
    SampleLayeredScales,
    layered_scaling,
    loss_weights,
    scale_table,
    scales_dataset,
    scales_from,
)
from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.closure.scalings import SCALINGS

SIZES = {"q": (3.0, 0.5), "psi": (20.0, 4.0), "u": (2.0, 0.3), "v": (1.5, 0.2), "sgs": (5.0, 0.4)}


def pairs(length: float = 1.0, time: float = 1.0, seed: int = 0, samples: int = 5) -> xr.Dataset:
    """Return random fields of two layers; a flow whose length and time are stretched has the same numbers."""
    rng, shape = np.random.default_rng(seed), (samples, 2, 8, 8)
    units = {"q": 1 / time, "psi": length**2 / time, "u": length / time, "v": length / time, "sgs": time**-2}
    data = {
        name: (
            ("time", "layer", "y", "x"),
            np.array(sizes)[:, None, None] * rng.normal(size=shape) * units[name],
        )
        for name, sizes in SIZES.items()
    }
    axes = {"y": length * np.arange(8), "x": length * np.arange(8)}
    return xr.Dataset(data, {"time": np.arange(samples), "layer": [1, 2], **axes})


def test_each_channel_is_divided_by_its_own_deviation() -> None:
    data = pairs()
    scales = LayeredScales.of(data)
    assert scales.channels == ("u1", "u2", "v1", "v2") and scales.quantities == ("u", "v")
    assert scales.layers == ("Π1", "Π2")
    inputs, outputs = scales.tensors(data)
    assert inputs.shape == (5, 4, 8, 8) and outputs.shape == (5, 2, 8, 8)
    for tensor in (inputs, outputs):
        deviations = tensor.double().std((0, 2, 3), correction=0)
        torch.testing.assert_close(deviations, torch.ones_like(deviations), rtol=1e-5, atol=0)
    q = data["q"]
    expected = math.sqrt((float(q.sel(layer=1).var()) + float(q.sel(layer=2).var())) / 2)
    assert scales.rate == pytest.approx(expected)
    sgs = torch.as_tensor(data["sgs"].values).float()
    torch.testing.assert_close(scales.physical(outputs, torch.as_tensor(q.values)), sgs)


def test_a_network_may_see_psi_and_q_instead() -> None:
    scales = LayeredScales.of(pairs(), ("psi", "q"))
    assert scales.channels == ("psi1", "psi2", "q1", "q2")
    assert scales.inputs[3] == pytest.approx(float(pairs()["q"].sel(layer=2).std()))


def test_scales_come_from_the_training_block_alone_and_from_what_varies() -> None:
    with pytest.raises(ValueError, match="split 'test': scales are measured on the train split only"):
        LayeredScales.of(pairs().assign_attrs(split="test"))
    with pytest.raises(ValueError, match=r"the standard deviation of Π2 is 0.0: it must be a positive"):
        LayeredScales.of(pairs().assign(sgs=lambda data: data["sgs"].where(data["layer"] == 1, 1.0)))
    with pytest.raises(ValueError, match="2 channels, 1 inputs, 1 outputs"):
        LayeredScales(["u1", "u2"], [1.0], [1.0], 1.0)
    with pytest.raises(ValueError, match="channel 'omega1': accepted are u, v, psi, q with a layer"):
        LayeredScales(["omega1"], [1.0], [1.0], 1.0)
    with pytest.raises(ValueError, match="sgs holds values that are not finite"):
        LayeredScales.of(pairs()).tensors(pairs().assign(sgs=lambda data: data["sgs"] * math.nan))
    with pytest.raises(ValueError, match="pairs of 1 layers: scales are of u1, u2, v1, v2"):
        LayeredScales.of(pairs()).tensors(pairs().isel(layer=[0]))


@pytest.mark.parametrize("name", ["dimensional", "dimensional per sample"])
@pytest.mark.parametrize("seen", [("u", "v"), ("psi", "q")])
def test_a_flow_that_is_only_stretched_looks_the_same(name: str, seen: tuple[Quantity, ...]) -> None:
    length, time = 3.0, 0.2
    here, there = pairs(), pairs(length, time)
    base, target = (LayeredScales.of(data, seen) for data in (here, there))
    scales = layered_scaling(name, base, target, (1.0, length))
    home = layered_scaling(name, base, base)
    for one, other in zip(scales.tensors(there), home.tensors(here), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
    outputs, q = scales.tensors(there)[1], torch.as_tensor(there["q"].values).float()
    sgs = torch.as_tensor(there["sgs"].values).float()
    torch.testing.assert_close(scales.physical(outputs, q), sgs, rtol=1e-4, atol=1e-4)


def test_own_and_base_are_the_flow_s_and_the_base_s() -> None:
    base, target = LayeredScales.of(pairs()), LayeredScales.of(pairs(seed=1))
    assert layered_scaling("own", base, target) is target
    assert layered_scaling("base", base, target) is base
    for name in SCALINGS:
        assert layered_scaling(name, base, base).inputs == base.inputs
    with pytest.raises(ValueError, match=r"scaling='other': accepted are own, base, dimensional"):
        layered_scaling("other", base, target)
    with pytest.raises(ValueError, match="accepted are two positive numbers"):
        layered_scaling("dimensional", base, target, (0.0, 1.0))
    with pytest.raises(ValueError, match="scales of u1, u2, v1, v2 and psi1, psi2: alike are needed"):
        layered_scaling("own", base, LayeredScales.of(pairs(), ("psi",)))
    with pytest.raises(ValueError, match="sample 0 has the same vorticity everywhere"):
        layered_scaling("dimensional per sample", base, target).times(torch.zeros(2, 2, 8, 8))


def test_weights_count_errors_by_the_target_s_own_term_in_any_units() -> None:
    base, target = LayeredScales.of(pairs()), LayeredScales.of(pairs(time=0.3, seed=1))
    data, guess = pairs(time=0.3, seed=1), torch.randn(5, 2, 8, 8)
    losses = []
    for name in ("own", "base", "dimensional"):
        scales = layered_scaling(name, base, target)
        wanted = scales.tensors(data)[1]
        found = (
            guess * torch.tensor(target.outputs)[:, None, None] / torch.tensor(scales.outputs)[:, None, None]
        )
        weights = loss_weights(scales, target)
        losses.append(float(((found - wanted) ** 2 * weights[:, None, None]).mean()))
    assert losses[0] == pytest.approx(losses[1], rel=1e-4) == pytest.approx(losses[2], rel=1e-4)
    torch.testing.assert_close(loss_weights(target, target), torch.ones(2))
    with pytest.raises(ValueError, match="scales of 2 and of 1 layers"):
        loss_weights(base, LayeredScales(["u1"], [1.0], [1.0], 1.0))


@pytest.mark.parametrize("kind", [LayeredScales, SampleLayeredScales])
def test_scales_come_back_from_their_dataset(kind: type[LayeredScales]) -> None:
    one = LayeredScales.of(pairs())
    scales = kind(one.channels, one.inputs, one.outputs, one.rate)
    found = scales_from(scales_dataset(scales))
    assert found == scales and type(found) is kind
    with pytest.raises(ValueError, match="inputs, outputs: expected real inputs, outputs, rate of layers"):
        scales_from(scales_dataset(scales).drop_vars("rate"))


def test_a_network_takes_what_layers_give() -> None:
    network = Network(NetworkSpec(layers=2, channels=3, inputs=4, outputs=2))
    data = pairs()
    inputs, outputs = LayeredScales.of(data).tensors(data)
    assert network(inputs).shape == outputs.shape


def test_scales_of_flows_stand_side_by_side() -> None:
    one, other = LayeredScales.of(pairs()), LayeredScales.of(pairs(length=2.0))
    table = scale_table({"here": one, "there": other})
    assert list(table) == ["u1", "u2", "v1", "v2", "Π1", "Π2", "rate"]
    assert table["v1"].values.tolist() == [one.inputs[2], other.inputs[2]]
    assert table["Π2"].sel(flow="there") == other.outputs[1] and table["rate"].sel(flow="here") == one.rate
    with pytest.raises(ValueError, match="no flow: of the same channels"):
        scale_table({})
    with pytest.raises(ValueError, match="here, there: of the same channels"):
        scale_table({"here": one, "there": LayeredScales.of(pairs(), ["psi", "q"])})

"""Repairs cheaper than a layer: each moves what it says and nothing else, and finds what it can express."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest
import torch
from torch import Tensor

from tlfourier.closure.network import Network, NetworkSpec, predict
from tlfourier.closure.repairs import REPAIRS, Repair, repair
from tlfourier.closure.transfer import TransferSpec, transfer

BASE = Network(NetworkSpec(layers=4, channels=4), 1)
SPEC = TransferSpec(layers=(2,), steps=12, batch_size=4, learning_rate=1e-2)
LAYERS = {
    "weights": (2,),
    "gains": (1, 4),
    "kernel scales": (2, 3),
    "biases": (1, 2, 3, 4),
    "random weights": (2,),
}
COUNT = 37


def inputs(count: int, seed: int = 0) -> Tensor:
    return torch.randn(count, 2, 12, 12, generator=torch.Generator().manual_seed(seed))


def truth(x: Tensor) -> Tensor:
    return (x[:, :1] * x[:, 1:]).contiguous()


def settings(name: str, **more: Any) -> TransferSpec:
    count = COUNT if name == "random weights" else None
    return dataclasses.replace(SPEC, layers=LAYERS[name], repair=name, count=count, **more)


def moved(name: str, **more: Any) -> Network:
    x, x_validation = inputs(10), inputs(6, 1)
    data = (x, truth(x), (x_validation, truth(x_validation)))
    return transfer(BASE, *data, settings(name, **more), progress=False, keep="end")[0]


def made_of(name: str, network: Network) -> Repair:
    return repair(name, network, LAYERS[name], settings(name).count)


def changes(network: Network) -> dict[str, Tensor]:
    return {name: network.get_parameter(name) - one for name, one in BASE.named_parameters()}


@pytest.mark.parametrize("name", REPAIRS)
def test_a_repair_starts_as_the_base_network_to_the_bit(name: str) -> None:
    network = copy.deepcopy(BASE)
    made, x = made_of(name, network), inputs(3)
    assert torch.equal(made.suffix(network.prefix(x, made.first), made.first), BASE(x))
    made.finish()
    assert all(not change.any() for change in changes(network).values())
    assert sorted(made.rewritten) == sorted(set(made.rewritten) & dict(BASE.named_parameters()).keys())


@pytest.mark.parametrize("name", REPAIRS)
def test_the_base_is_left_alone_and_the_rest_frozen(name: str) -> None:
    before = copy.deepcopy(BASE.state_dict())
    network = moved(name)
    rewritten = made_of(name, copy.deepcopy(BASE)).rewritten
    found = {parameter for parameter, change in changes(network).items() if change.any()}
    assert found == set(rewritten) or (name == "random weights" and found < set(rewritten))
    assert all(torch.equal(before[key], value) for key, value in BASE.state_dict().items())
    assert all(parameter.requires_grad for parameter in network.parameters())


def test_gains_are_factors_of_inputs_and_outputs() -> None:
    network, x = moved("gains"), inputs(5, 7)
    first, last = (network.layer(layer).weight / BASE.layer(layer).weight for layer in (1, 4))
    entering, leaving = first.mean((0, 2, 3)), last.mean()
    expected = leaving * predict(BASE, x * entering[:, None, None])
    torch.testing.assert_close(predict(network, x), expected, rtol=1e-4, atol=1e-5)
    assert (entering - 1).abs().min() > 1e-3 and abs(leaving - 1) > 1e-3


def test_scaled_kernels_keep_their_shape() -> None:
    network = moved("kernel scales")
    for layer in LAYERS["kernel scales"]:
        before, after = (one.layer(layer).weight.flatten(2) for one in (BASE, network))
        cosine = torch.cosine_similarity(before, after, dim=2).abs()
        torch.testing.assert_close(cosine, torch.ones_like(cosine))
        assert (after.norm(dim=2) / before.norm(dim=2)).std() > 1e-3


def test_so_many_random_weights_move_and_another_draw_moves_others() -> None:
    places = []
    for draw in (0, 1, 0):
        found = changes(moved("random weights", draw=draw))
        places.append(torch.cat([found[f"conv02.{part}"].flatten() != 0 for part in ("weight", "bias")]))
    assert [int(place.sum()) for place in places] == [COUNT] * 3
    assert torch.equal(places[0], places[2]) and not torch.equal(places[0], places[1])


def test_all_random_weights_are_the_layer() -> None:
    total = sum(one.numel() for one in BASE.layer(2).parameters())
    x, x_validation = inputs(10), inputs(6, 1)
    data = (x, truth(x), (x_validation, truth(x_validation)))
    whole, _ = transfer(BASE, *data, SPEC, progress=False)
    random = dataclasses.replace(SPEC, repair="random weights", count=total)
    found, _ = transfer(BASE, *data, random, progress=False)
    for name, parameter in whole.named_parameters():
        torch.testing.assert_close(found.get_parameter(name), parameter, rtol=1e-4, atol=1e-5)


def gained(network: Network) -> Network:
    made = copy.deepcopy(network)
    with torch.no_grad():
        made.layer(1).weight.mul_(torch.tensor([1.6, 0.8])[:, None, None])
        for parameter in made.layer(4).parameters():
            parameter.mul_(1.3)
    return made


def scaled(network: Network) -> Network:
    made, generator = copy.deepcopy(network), torch.Generator().manual_seed(5)
    with torch.no_grad():
        made.layer(2).weight.mul_(1 + 0.3 * torch.randn(4, 4, 1, 1, generator=generator))
        made.layer(2).bias.add_(0.1 * torch.randn(4, generator=generator))  # type: ignore[union-attr]
    return made


@pytest.mark.parametrize(
    ("name", "layers", "make"), [("gains", (1, 4), gained), ("kernel scales", (2,), scaled)]
)
def test_what_a_repair_can_express_is_found(name: str, layers: tuple[int, ...], make: Any) -> None:
    x, x_validation = inputs(24), inputs(6, 1)
    wanted = make(BASE)
    spec = TransferSpec(layers, steps=600, batch_size=8, learning_rate=1e-2, repair=name, rotate=False)
    validation = (x_validation, predict(wanted, x_validation))
    found, history = transfer(BASE, x, predict(wanted, x), validation, spec, progress=False)
    loss = history["validation_loss"]
    assert float(loss.min()) < 1e-4 * float(loss[0])
    for key, value in found.state_dict().items():
        torch.testing.assert_close(value, wanted.state_dict()[key], rtol=0.1, atol=0.02)


@pytest.mark.parametrize("name", ["kernel scales", "random weights"])
def test_the_cache_changes_nothing(name: str) -> None:
    x, x_validation = inputs(10), inputs(6, 1)
    data = (x, truth(x), (x_validation, truth(x_validation)))
    spec = settings(name)
    cached, _ = transfer(BASE, *data, spec, progress=False)
    recomputed, _ = transfer(BASE, *data, spec, progress=False, cache_bytes=0)
    for key, value in cached.state_dict().items():
        torch.testing.assert_close(value, recomputed.state_dict()[key], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"repair": "gain"}, "repair='gain': accepted are weights, gains"),
        (
            {"repair": "gains", "layers": (1, 2)},
            r"layers=\{1, 2\}: gains are in the first and the last layer, \{1, 4\}",
        ),
        ({"repair": "random weights"}, "random weights, and they alone, have a count"),
        ({"count": 3}, "random weights, and they alone, have a count"),
        ({"repair": "random weights", "count": 10**6}, r"count=1000000: layers \{2\} have 404 weights"),
        ({"repair": "random weights", "count": 0}, "count=0: accepted are integers from 1"),
    ],
)
def test_what_cannot_be_repaired_so_is_one_sentence(given: dict[str, Any], words: str) -> None:
    x = inputs(4)
    with pytest.raises(ValueError, match=words):
        transfer(BASE, x, truth(x), (x, truth(x)), dataclasses.replace(SPEC, **given), progress=False)

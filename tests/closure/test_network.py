"""The network: its size, its symmetries, its names, and the files it is kept in."""

import dataclasses
import json
import math
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tlfourier.closure.network import Network, NetworkSpec, load_network, predict, save_network

SMALL = NetworkSpec(layers=4, channels=3)


def inputs(samples: int = 3, size: int = 12) -> Tensor:
    return torch.randn(samples, 2, size, size, generator=torch.Generator().manual_seed(0))


def test_the_papers_network_has_927041_parameters() -> None:
    network = Network()
    assert sum(parameter.numel() for parameter in network.parameters()) == 927_041
    counts = [sum(p.numel() for p in network.layer(i).parameters()) for i in range(1, 12)]
    assert counts == [3_264, *[102_464] * 9, 1_601]
    assert network.layer_names() == [f"conv{i:02d}" for i in range(1, 12)]


def test_every_layer_is_a_convolution_that_hooks_see() -> None:
    network, seen = Network(SMALL), []
    for name in network.layer_names():
        layer = network.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        layer.register_forward_hook(lambda module, given, output: seen.append((given[0], output)))
    result = network(inputs())
    for (_, before), (after, _) in pairwise(seen):
        assert torch.equal(before.clamp(min=0), after)
    assert torch.equal(seen[-1][1], result)
    bias = network.layer(4).bias
    assert bias is not None
    bias.data.sub_(10)
    assert bool((network(inputs()) < 0).all())  # no ReLU after the last


def test_initial_weights_are_seeded_and_uniform_in_their_bound() -> None:
    one, same, other = (Network(NetworkSpec(channels=16), seed) for seed in (1, 1, 2))
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, same.get_parameter(name))
        assert not torch.equal(parameter, other.get_parameter(name))
    weight = one.layer(5).weight.detach()
    bound = 1 / math.sqrt(16 * 25)
    assert weight.abs().max() < bound
    # the variance of a uniform distribution is bound²/3; 6,400 draws give it to about 1 %
    assert weight.var().item() == pytest.approx(bound**2 / 3, rel=0.05)


def test_prefix_and_suffix_meet_in_every_layer() -> None:
    network = Network(SMALL)
    for layer in range(1, 5):
        assert torch.equal(network.suffix(network.prefix(inputs(), layer), layer), network(inputs()))


def test_circular_padding_commutes_with_translation_and_zeros_do_not() -> None:
    for padding, holds in (("circular", True), ("zeros", False)):
        network = Network(dataclasses.replace(SMALL, padding=padding)).double()
        x = inputs().double()
        moved = network(x.roll((5, 2), (-2, -1)))
        equal = torch.allclose(moved, network(x).roll((5, 2), (-2, -1)), rtol=1e-12, atol=1e-13)
        assert equal is holds


@pytest.mark.parametrize(
    "change",
    [
        {"layers": 1},
        {"channels": 0},
        {"kernel_size": 4},
        {"inputs": 0},
        {"outputs": 0},
        {"padding": "mirror"},
    ],
)
def test_shapes_that_are_no_network_are_refused(change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=rf"network {next(iter(change))}=.*accepted are"):
        dataclasses.replace(SMALL, **change)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(2, 12, 12), (3, 1, 12, 12), (3, 2, 4, 4)])
def test_inputs_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"accepted is \(n, 2, N, N\) with N >= 5"):
        Network(SMALL)(torch.zeros(shape))


def test_an_unknown_layer_is_refused() -> None:
    with pytest.raises(ValueError, match=r"layer 5: this network has layers 1\.\.4"):
        Network(SMALL).layer(5)


def test_prediction_does_not_depend_on_the_batches() -> None:
    network = Network(SMALL)
    one, two = predict(network, inputs(5), 5), predict(network, inputs(5), 2)
    torch.testing.assert_close(one, two, rtol=1e-6, atol=1e-7)
    assert one.dtype == torch.float32 and not one.requires_grad


def test_prediction_refuses_what_is_not_finite_or_empty() -> None:
    bad = inputs()
    bad[1, 0, 2, 2] = math.nan
    with pytest.raises(ValueError, match="not finite, first in sample 1"):
        predict(Network(SMALL), bad)
    with pytest.raises(ValueError, match="0 samples"):
        predict(Network(SMALL), bad[:0])


def test_a_saved_network_comes_back_to_the_bit(tmp_path: Path) -> None:
    network = Network(dataclasses.replace(SMALL, padding="zeros"), seed=4)
    save_network(tmp_path / "n.safetensors", network)
    again = load_network(tmp_path / "n.safetensors")
    assert again.spec == network.spec
    assert torch.equal(again(inputs()), network(inputs()))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["n.json", "n.safetensors"]


def test_damaged_networks_are_refused_in_one_sentence(tmp_path: Path) -> None:
    path, record = tmp_path / "n.safetensors", tmp_path / "n.json"
    save_network(path, Network(SMALL))
    whole, text = path.read_bytes(), record.read_text()

    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ValueError, match="its checksum is not the one in its header"):
        load_network(path)
    path.write_bytes(whole)

    changed = json.loads(text)
    changed["spec"]["channels"] = 5
    record.write_text(json.dumps(changed))
    with pytest.raises(ValueError, match=r"n.safetensors is not of its spec .*conv01"):
        load_network(path)
    for broken in ("{", "[]", '{"spec": {"depth": 3}}'):
        record.write_text(broken)
        with pytest.raises(ValueError, match="n.json is not a network spec"):
            load_network(path)
    record.unlink()
    with pytest.raises(FileNotFoundError, match="must lie beside the weights"):
        load_network(path)
    torch.save(Network(SMALL).state_dict(), path)
    with pytest.raises(ValueError, match="not a safetensors file"):
        load_network(path)

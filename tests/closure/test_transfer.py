"""Transfer: any layers, equal steps, everything else frozen to the bit, and the cache changes nothing."""

import copy
import dataclasses
from typing import Any

import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.closure.batches import Samples
from tlfourier.closure.models import check_layers, parse_layers
from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.closure.optimise import Budget, Descent
from tlfourier.closure.transfer import TransferSpec, transfer

SPEC = TransferSpec(layers=(2,), steps=7, batch_size=4, learning_rate=1e-2)
BASE = Network(NetworkSpec(layers=4, channels=4), 1)


def samples(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    x = torch.randn(count, 2, 12, 12, generator=torch.Generator().manual_seed(seed))
    return x, (x[:, :1] * x[:, 1:]).contiguous()


def run(spec: TransferSpec = SPEC, cache_bytes: int = 2**31) -> tuple[Network, Any]:
    return transfer(BASE, *samples(10), samples(6, 1), spec, progress=False, cache_bytes=cache_bytes)


@pytest.mark.parametrize("layers", [(1,), (2,), (4,), (1, 3), (2, 4), (1, 2, 3, 4)])
def test_only_the_named_layers_change(layers: tuple[int, ...]) -> None:
    before = {name: parameter.clone() for name, parameter in BASE.named_parameters()}
    network, history = run(dataclasses.replace(SPEC, layers=layers))
    chosen = {f"conv{layer:02d}" for layer in layers}
    assert history.attrs["best_step"] > 0
    for name, parameter in network.named_parameters():
        assert torch.equal(parameter, before[name]) is (name.split(".")[0] not in chosen)
        assert torch.equal(BASE.get_parameter(name), before[name])
        assert parameter.requires_grad


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("rotate", [True, False])
@pytest.mark.parametrize("layers", [(2,), (3, 4)])
def test_the_cache_changes_nothing(layers: tuple[int, ...], rotate: bool, precision: str) -> None:
    spec = dataclasses.replace(SPEC, layers=layers, rotate=rotate, precision=precision)
    cached, history = run(spec)
    recomputed, again = run(spec, cache_bytes=0)
    assert history.attrs.pop("cached") == 1 and again.attrs.pop("cached") == 0
    tolerance = 1e-5 if precision == "float32" else 2e-3
    for name, parameter in cached.named_parameters():
        torch.testing.assert_close(parameter, recomputed.get_parameter(name), rtol=0, atol=tolerance)


def test_the_cache_is_the_prefix_of_the_turned_input_not_the_turned_prefix() -> None:
    x = samples(1)[0]
    turned = BASE.prefix(torch.rot90(x, 1, (-2, -1)), 3)
    assert not torch.allclose(turned, torch.rot90(BASE.prefix(x, 3), 1, (-2, -1)), atol=1e-3)


@pytest.mark.parametrize("steps", [3, 30])
def test_cached_layers_are_evaluated_once_and_never_differentiated(
    steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Count the samples through layer 1: four rotations of 10, and 6 to validate, whatever the steps."""
    seen: list[Tensor] = []
    forward = nn.Conv2d.__call__

    def count(module: nn.Module, given: Tensor) -> Tensor:
        output: Tensor = forward(module, given)
        if module.weight.shape[1] == 2:  # type: ignore[index]
            seen.append(output)
        return output

    monkeypatch.setattr(nn.Conv2d, "__call__", count)
    run(dataclasses.replace(SPEC, layers=(3,), steps=steps))
    assert sum(len(output) for output in seen) == 4 * 10 + 6
    assert not any(output.requires_grad for output in seen)


def test_every_set_of_layers_gets_the_same_steps_and_batches() -> None:
    histories = [run(dataclasses.replace(SPEC, layers=layers))[1] for layers in ((1,), (4,), (1, 2, 3, 4))]
    for history in histories:
        assert history["step"].values.tolist() == [0, 3, 6, 7]
        assert history.attrs["steps"] == 7
        # before any step all of them are the base network
        assert history["validation_loss"][0].item() == pytest.approx(
            histories[0]["validation_loss"][0].item()
        )


def test_validation_chooses_the_step_and_may_choose_the_base_network() -> None:
    network, history = run(dataclasses.replace(SPEC, steps=40))
    best = history["validation_loss"].sel(step=history.attrs["best_step"]).item()
    assert best == history["validation_loss"].min().item()
    x, y = samples(6, 1)
    with torch.no_grad():
        assert (network(x) - y).square().mean().item() == pytest.approx(best, rel=1e-5)
    worse, history = run(dataclasses.replace(SPEC, layers=(4,), steps=2, learning_rate=3.0))
    assert history.attrs["best_step"] == 0
    assert all(
        torch.equal(parameter, BASE.get_parameter(name)) for name, parameter in worse.named_parameters()
    )


@pytest.mark.parametrize(
    ("layers", "sentence"),
    [
        ({12}, r"layers=\{12\}: this network has layers 1\.\.11"),
        ({0}, r"layers=\{0\}: this network has layers 1\.\.11"),
        (set(), r"layers=\{\}: name at least one layer, this network has layers 1\.\.11"),
        ((2, 2), r"layers=\{2, 2\}: each layer may be named once"),
        ((2.0,), r"layers=\{2\.0\}: layers are integers"),
        ((True,), r"layers=\{True\}: layers are integers"),
        ("2", r"layers='2': accepted is a set of layer numbers 1\.\.11"),
        (2, r"layers=2: accepted is a set of layer numbers 1\.\.11"),
    ],
)
def test_layers_that_are_not_there_are_refused_in_one_sentence(layers: object, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        check_layers(layers, 11)
    assert "\n" not in str(caught.value)


def test_layers_are_sorted_and_read_from_text() -> None:
    assert check_layers({5, 2}, 11) == (2, 5) == TransferSpec(layers=(5, 2)).layers
    assert parse_layers("2", 11) == (2,) and parse_layers(" 5, 2 ", 11) == (2, 5)
    assert parse_layers("all", 3) == (1, 2, 3)
    for text in ("", "two", "2;5", "12"):
        with pytest.raises(ValueError, match=r"this network has layers 1\.\.11"):
            parse_layers(text, 11)


def test_a_layer_beyond_the_network_and_no_steps_are_refused() -> None:
    with pytest.raises(ValueError, match=r"layers=\{5\}: this network has layers 1\.\.4"):
        run(dataclasses.replace(SPEC, layers=(5,)))
    with pytest.raises(ValueError, match="steps=0: accepted are integers from 1"):
        dataclasses.replace(SPEC, steps=0)


def test_the_end_is_kept_where_validation_would_choose_the_start() -> None:
    reckless = dataclasses.replace(SPEC, learning_rate=0.5)
    kept, history = transfer(BASE, *samples(10), samples(6, 1), reckless, progress=False)
    moved, _ = transfer(BASE, *samples(10), samples(6, 1), reckless, progress=False, keep="end")
    assert history.attrs["best_step"] == 0
    assert torch.equal(kept.layer(2).weight, BASE.layer(2).weight)
    assert not torch.equal(moved.layer(2).weight, BASE.layer(2).weight)


def test_moments_are_those_of_the_gradients_on_the_base_flow_and_nothing_moves() -> None:
    """Full batches have one gradient g: after n steps the moments are (1 - b1^n) g and (1 - b2^n) g²."""
    network = copy.deepcopy(BASE)
    parameters, (x, y) = dict(network.named_parameters()), samples(4)
    budget = Budget(
        steps=3, round_steps=3, batch_size=4, learning_rate=0.1, precision="float32", rotate=False, seed=0
    )
    descent = Descent(network, parameters, Samples(*samples(4, 5)), (x, y), budget)
    descent.warm(Samples(x, y), 3)
    network.zero_grad()
    (network(x) - y).square().mean().backward()
    for name, parameter in parameters.items():
        moments, gradient = descent.adam.state[parameter], parameter.grad
        assert gradient is not None and torch.equal(parameter, BASE.get_parameter(name))
        torch.testing.assert_close(moments["exp_avg"], (1 - 0.9**3) * gradient, rtol=1e-4, atol=1e-7)
        second = (1 - 0.999**3) * gradient**2
        torch.testing.assert_close(moments["exp_avg_sq"], second, rtol=1e-3, atol=1e-9)


def test_a_carried_optimiser_takes_other_steps_from_the_same_start() -> None:
    carried = dataclasses.replace(SPEC, optimiser="carried")
    fresh, first = run()
    network, history = transfer(
        BASE, *samples(10), samples(6, 1), carried, progress=False, home=samples(10, 7)
    )
    assert history["validation_loss"][0].item() == first["validation_loss"][0].item()
    assert not torch.equal(network.get_parameter("conv02.weight"), fresh.get_parameter("conv02.weight"))
    assert torch.equal(network.get_parameter("conv01.weight"), BASE.get_parameter("conv01.weight"))
    with pytest.raises(ValueError, match="needs samples of the base flow as home, and got None"):
        run(carried)
    with pytest.raises(ValueError, match="optimiser='stale': accepted are fresh, carried"):
        dataclasses.replace(SPEC, optimiser="stale")


def test_weights_tell_how_much_each_output_counts() -> None:
    base = Network(NetworkSpec(layers=3, channels=4, outputs=2), seed=0)
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(4, 2, 16, 16, generator=generator) for _ in range(2))
    spec = TransferSpec((3,), steps=4, learning_rate=1e-2)

    def moved(weights: list[float] | None) -> tuple[torch.Tensor, xr.Dataset]:
        given = None if weights is None else torch.tensor(weights)
        network, history = transfer(base, x, y, (x, y), spec, progress=False, keep="end", weights=given)
        return network.layer(3).weight.detach() - base.layer(3).weight.detach(), history

    plain, history = moved(None)
    same, _ = moved([1.0, 1.0])
    torch.testing.assert_close(plain, same, rtol=0, atol=0)
    one, weighed = moved([1.0, 1e-30])
    assert float(one[0].abs().max()) > 1e-3 and float(one[1].abs().max()) < 1e-6, "what counts nothing stays"
    with torch.no_grad():
        error = (base(x)[:, 0] - y[:, 0]).square().mean() / 2
    assert float(weighed["validation_loss"][0]) == pytest.approx(float(error), rel=1e-5)
    assert float(history["validation_loss"][0]) > float(weighed["validation_loss"][0])
    for wrong in ([1.0], [1.0, 0.0]):
        with pytest.raises(ValueError, match="2 positive numbers are accepted"):
            moved(wrong)

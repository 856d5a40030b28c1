"""Advice where the right answer is known: a target that is the network itself with one thing changed."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tlfourier.advisor.advise import Advice, advise
from tlfourier.advisor.trial import Trial, folds, relative_errors
from tlfourier.closure.network import Network, NetworkSpec, predict

SAMPLES = 12


def inputs() -> Tensor:
    return torch.randn(SAMPLES, 2, 16, 16, generator=torch.Generator().manual_seed(2))


@pytest.fixture
def network() -> Network:
    return Network(NetworkSpec(layers=4, channels=6), seed=1)


def moved(network: Network, number: int, size: float) -> Network:
    """Return a copy whose one layer has other weights."""
    other = Network(network.spec, seed=1)
    weight = other.layer(number).weight
    noise = torch.randn(weight.shape, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        weight += size * weight.std() * noise
    return other


@pytest.mark.parametrize("number", [1, 3])
def test_the_layer_that_was_changed_is_named(network: Network, number: int) -> None:
    target = predict(moved(network, number, 0.5), inputs())
    advice = advise(network, (inputs(), target), samples=12, steps=10)
    assert advice.best == str(number) and advice.select(1) == [str(number)]
    error = advice.table["predicted"]
    assert error.sel(repair=str(number)) < 0.5 * error.sel(repair="none")
    others = [one for one in "1234" if one != str(number)]
    assert (error.sel(repair=others) > 1.2 * error.sel(repair=str(number))).all()


def test_what_a_gain_repairs_needs_no_layer(network: Network) -> None:
    advice = advise(network, (inputs(), 3 * predict(network, inputs())))
    error = advice.table["predicted"].to_series()
    assert error["none"] == pytest.approx(2 / 3, rel=1e-4) and error["gain"] < 1e-5
    assert advice.cheapest == "gain" and advice.table["alike"].values.tolist()[1:] == [True] * 6
    assert advice.table["numbers"].sel(repair=["none", "gain", "4"]).values.tolist() == [0, 1, 151]
    assert "one gain would leave 0.00" in str(advice) and str(advice).endswith(
        "The cheapest of these is one gain."
    )


def test_a_network_that_needs_no_repair_is_left_alone(network: Network) -> None:
    noise = torch.randn(SAMPLES, 1, 16, 16, generator=torch.Generator().manual_seed(4))
    truth = predict(network, inputs())
    advice = advise(network, (inputs(), truth + 0.5 * truth.std() * noise))
    assert advice.cheapest == "none"


def test_advice_does_not_depend_on_the_unit_of_the_output(network: Network) -> None:
    target = predict(moved(network, 2, 0.5), inputs())
    scaled = Network(network.spec, seed=1)
    with torch.no_grad():
        for value in scaled.layer(4).parameters():
            value.mul_(1024)
    one, other = (advise(net, (inputs(), out)) for net, out in ((network, target), (scaled, 1024 * target)))
    for name in ("none", "gain", "1", "2", "3"):  # the last layer's own numbers are what was scaled
        pair = [advice.table["predicted"].sel(repair=name).item() for advice in (one, other)]
        assert pair[0] == pytest.approx(pair[1], rel=1e-3)


def test_any_network_is_advised_and_left_as_it_is() -> None:
    network = nn.Sequential(nn.Conv2d(2, 5, 3, padding=1), nn.GELU(), nn.BatchNorm2d(5), nn.Conv2d(5, 2, 1))
    network.train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    truth = torch.randn(SAMPLES, 2, 16, 16, generator=torch.Generator().manual_seed(5))
    advice = advise(network, (inputs(), truth), sets=["1", (1, 2), "all"], samples=8)
    assert advice.table["repair"].values.tolist() == ["none", "gain", "1", "1+2", "all"]
    assert advice.table["numbers"].values.tolist() == [0, 2, 95, 107, 107]
    assert network.training and all(torch.equal(before[k], v) for k, v in network.state_dict().items())
    assert all(value.grad is None for value in network.parameters())


def test_a_pair_reaches_at_least_what_its_layers_reach(network: Network) -> None:
    both = moved(network, 1, 0.3)
    with torch.no_grad():
        both.layer(3).weight += 0.3 * both.layer(3).weight.std() * torch.ones(())
    advice = advise(network, (inputs(), predict(both, inputs())), sets=["1", "3", "1+3"], steps=10)
    error = advice.table["predicted"].to_series()
    assert error["1+3"] < min(error["1"], error["3"]) and advice.best == "1+3"


def test_samples_are_never_scored_where_they_were_fitted() -> None:
    for count in (4, 7, 32):
        scored = []
        for fold in folds(count):
            parts = [set(range(count)[part]) for part in (fold.fit, fold.stop, fold.score)]
            assert set.union(*parts) == set(range(count)) and sum(map(len, parts)) == count
            assert all(parts)
            scored += sorted(parts[2])
        assert len(set(scored)) == len(scored)


def test_a_step_that_makes_the_error_larger_is_not_taken(network: Network) -> None:
    """Truth that has nothing to do with the inputs: whatever is fitted is fitted to noise."""
    truth = torch.randn(SAMPLES, 1, 16, 16, generator=torch.Generator().manual_seed(6))
    fold = next(folds(SAMPLES))
    trial = Trial(network, inputs(), truth, fold)
    held = trial._left(["conv02.weight"], None, fold.stop).mean()
    change = trial._change(["conv02.weight"], 20)
    assert trial._left(["conv02.weight"], change, fold.stop).mean() <= held


def test_errors_are_those_of_each_sample() -> None:
    truth = torch.ones(2, 1, 4, 4)
    assert relative_errors(torch.stack([truth[0], 3 * truth[1]]), truth).tolist() == [0.0, 2.0]


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ((torch.zeros(3, 2, 16, 16), torch.ones(3, 1, 16, 16)), "3 samples: at least 4 are needed"),
        ((torch.zeros(8, 2, 16, 16), torch.ones(8, 2, 16, 16)), r"accepted is \(8, 1, 16, 16\)"),
        (
            (torch.zeros(8, 2, 16, 16), torch.full((8, 1, 16, 16), torch.nan)),
            "outputs hold values that are not",
        ),
        ((torch.zeros(8, 2, 16, 16), torch.zeros(8, 1, 16, 16)), "outputs are zero everywhere in sample 0"),
        ((torch.zeros(8, 2, 16, 16),), "target, a tuple, in advise: accepted are 2"),
    ],
)
def test_samples_that_do_not_fit_are_refused(network: Network, target: Any, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        advise(network, target)


def test_a_layer_that_there_is_not_is_refused(network: Network) -> None:
    with pytest.raises(ValueError, match=r"this network has layers 1\.\.4"):
        advise(network, (inputs(), predict(network, inputs())), sets=["5"])


def test_the_result_is_a_table(network: Network) -> None:
    advice = advise(network, (inputs(), predict(moved(network, 2, 0.5), inputs())))
    assert isinstance(advice, Advice)
    assert set(advice.table) == {"predicted", "behind", "low", "high", "alike", "numbers", "seconds"}
    assert (advice.table["low"] <= advice.table["behind"]).all()
    assert advice.table["behind"].sel(repair=advice.best) == 0 and advice.table["alike"].sel(
        repair=advice.best
    )

"""Training: it learns, is seeded, resumes to the bit, and stops when it diverges."""

import copy
import dataclasses
import hashlib
import math
from pathlib import Path

import pytest
import torch
import xarray as xr
from torch import Tensor

from tlfourier.closure import optimise
from tlfourier.closure.batches import Samples
from tlfourier.closure.network import Network, NetworkSpec
from tlfourier.closure.optimise import Budget, Descent
from tlfourier.closure.training import Diverged, TrainingSpec, train

SMALL = NetworkSpec(layers=3, channels=4)
SPEC = TrainingSpec(samples=12, epochs=7, batch_size=5, learning_rate=1e-2, schedule="one-cycle")


def samples(count: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return white noise and its product with its neighbours: a quadratic, local, periodic map."""
    x = torch.randn(count, 2, 12, 12, generator=torch.Generator().manual_seed(seed))
    neighbours = sum(x[:, 1:].roll(shift, axis) for shift in (-1, 1) for axis in (-2, -1)) / 2
    return x, (x[:, :1] * neighbours).contiguous()


def run(
    spec: TrainingSpec = SPEC, checkpoint: Path | None = None, seed: int = 1
) -> tuple[Network, xr.Dataset]:
    network = Network(SMALL, seed)
    history = train(
        network, *samples(12), samples(8, 1), spec, checkpoint, progress=False, checkpoint_every=2
    )
    return network, history


def equal(one: Network, other: Network) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_training_learns_and_leaves_the_best_epoch() -> None:
    spec = dataclasses.replace(SPEC, samples=32, epochs=20, batch_size=8, learning_rate=2e-2)
    network = Network(NetworkSpec(layers=3, channels=8), 1)
    validation = samples(16, 1)
    history = train(network, *samples(32), validation, spec, progress=False)
    best = int(history.attrs["best_epoch"])
    assert history["validation_loss"].sel(epoch=best).item() == history["validation_loss"].min().item()
    assert history["validation_loss"].min().item() < 0.5 * history.attrs["initial_validation_loss"]
    with torch.no_grad():
        error = (network(validation[0]) - validation[1]).square().mean().item()
    assert error == pytest.approx(history["validation_loss"].min().item(), rel=1e-5)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    (one, history), (same, again), (other, _) = run(), run(), run(dataclasses.replace(SPEC, seed=1))
    assert equal(one, same) and history.identical(again)
    assert not equal(one, other)


def test_one_cycle_is_pytorchs_and_constant_is_constant() -> None:
    budget = Budget(40, 10, 1, learning_rate=3e-3, schedule="one-cycle")
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=1.0)
    theirs = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=40, cycle_momentum=False)
    for step in range(40):
        assert budget.rate(step) == pytest.approx(optimiser.param_groups[0]["lr"], rel=1e-9)
        optimiser.step()
        if step < 39:
            theirs.step()
    assert dataclasses.replace(budget, schedule="constant").rate(17) == 3e-3


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_killed_and_resumed_equals_uninterrupted_to_the_bit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, precision: str
) -> None:
    spec = dataclasses.replace(SPEC, precision=precision)
    whole, history = run(spec)
    write = optimise.Descent._save

    def write_and_die(descent: optimise.Descent, path: Path) -> None:
        write(descent, path)
        if descent.step == 12:  # the end of epoch 4 of 7
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(optimise.Descent, "_save", write_and_die)
        with pytest.raises(KeyboardInterrupt):
            run(spec, tmp_path)
    resumed, again = run(spec, tmp_path)
    assert equal(whole, resumed) and history.identical(again)
    assert [file.name for file in tmp_path.iterdir()] == ["training.safetensors"]
    finished, third = run(spec, tmp_path)  # nothing is left to do
    assert equal(whole, finished) and history.identical(third)


def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path) -> None:
    run(SPEC, tmp_path)
    with pytest.raises(ValueError, match="of another budget: delete it"):
        run(dataclasses.replace(SPEC, learning_rate=2e-2), tmp_path)
    with pytest.raises(ValueError, match="of another data: delete it"):
        train(Network(SMALL), *samples(12, 5), samples(8, 1), SPEC, tmp_path, progress=False)
    with pytest.raises(ValueError, match="is not of this network: delete it"):
        wider = Network(NetworkSpec(layers=3, channels=5))
        train(wider, *samples(12), samples(8, 1), SPEC, tmp_path, progress=False)
    (tmp_path / "training.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="damaged"):
        run(SPEC, tmp_path)


def test_divergence_stops_early_and_keeps_the_last_good_state() -> None:
    network = Network(SMALL, 1)
    before = copy.deepcopy(network)
    spec = dataclasses.replace(SPEC, learning_rate=1e4, schedule="constant")
    with pytest.raises(
        Diverged, match=r"by step 3 of 21 .* back at step 0; lower the learning rate of 10000"
    ):
        train(network, *samples(12), samples(8, 1), spec, progress=False)
    assert equal(network, before)


@pytest.mark.parametrize("has", [False, True])
def test_a_processor_without_bfloat16_trains_in_float32(has: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """To emulate it would take many times as long."""
    monkeypatch.setattr("tlfourier.closure.precision.has_bfloat16", lambda: has)
    trained = {}
    for name in ("float32", "bfloat16"):
        network = Network(NetworkSpec(layers=3, channels=4), 1)
        spec = TrainingSpec(8, 2, 4, precision=name)
        train(network, *samples(8), samples(4, 1), spec, progress=False)
        trained[name] = network
    assert equal(trained["bfloat16"], trained["float32"]) == (not has)


def test_bfloat16_changes_less_than_another_seed_does() -> None:
    """Compare over ten seeds in the least favourable of five settings tried: 0.6 of their spread.

    In the other four it was 0.07 to 0.36 of it. Three seeds do not decide this: which three are taken does.
    """
    losses: dict[str, list[float]] = {"float32": [], "bfloat16": []}
    x, y = samples(16, 2)
    for precision, found in losses.items():
        for seed in range(10):
            settings = {"learning_rate": 2e-2, "schedule": "one-cycle", "precision": precision, "seed": seed}
            network = Network(NetworkSpec(layers=3, channels=8), seed)
            spec = TrainingSpec(24, 15, 8, **settings)  # type: ignore[arg-type]
            train(network, *samples(24), samples(16, 1), spec, progress=False)
            with torch.no_grad():
                found.append((network(x) - y).square().mean().item())
    exact, rounded = (torch.tensor(losses[precision]) for precision in ("float32", "bfloat16"))
    assert exact.mean() < 0.7 * y.square().mean()  # something was learnt
    assert (rounded - exact).abs().mean() < exact.std()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"samples": 0}, "samples=0: accepted are integers from 1"),
        ({"epochs": 0}, "epochs=0: accepted are integers from 1"),
        ({"batch_size": 0}, "batch_size=0: accepted are integers from 1"),
        ({"seed": -1}, "seed=-1: accepted are integers from 0"),
        ({"learning_rate": -1.0}, "learning_rate=-1.0: accepted are positive numbers"),
        ({"learning_rate": math.nan}, "learning_rate=nan: accepted are positive numbers"),
        ({"schedule": "cosine"}, "schedule='cosine': accepted are constant, one-cycle"),
        ({"precision": "float16"}, "precision='float16': accepted are float32, bfloat16"),
    ],
)
def test_impossible_settings_are_refused(change: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        dataclasses.replace(SPEC, **change)  # type: ignore[arg-type]


def test_bad_samples_are_refused() -> None:
    x, y = samples(12)
    hole = y.clone()
    hole[3, 0, 0, 0] = math.inf
    cases = (
        (x[:, :1], y, r"inputs of shape \(12, 1, 12, 12\): accepted is \(n, 2, N, N\)"),
        (x, y[:5], r"outputs of shape \(5, 1, 12, 12\): accepted is \(12, 1, 12, 12\)"),
        (x[:0], y[:0], "at least one sample"),
        (x[:7], y[:7], "samples=12: only 7 training samples are there"),
        (x, hole, "outputs hold values that are not finite, first in sample 3"),
    )
    for inputs, outputs, sentence in cases:
        with pytest.raises(ValueError, match=sentence):
            train(Network(SMALL), inputs, outputs, samples(8, 1), SPEC, progress=False)


def test_the_identity_of_the_data_does_not_depend_on_how_it_is_read() -> None:
    x, y = samples(12)
    whole = hashlib.sha256()
    for tensor in (x, y, *samples(8, 1)):
        whole.update(tensor.contiguous().numpy().tobytes())
    for size in (1, 5, 12):
        budget = Budget(steps=1, round_steps=1, batch_size=size, learning_rate=1e-3)
        network = Network(SMALL, 0)
        descent = Descent(network, dict(network.named_parameters()), Samples(x, y), samples(8, 1), budget)
        assert descent._identity()["data"] == whole.hexdigest()

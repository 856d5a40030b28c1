"""Looking changes nothing: every function that takes a module gives it back as it was, to the bit."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, prune

from tlfourier import fourier
from tlfourier.closure.baselines import OutputGain
from tlfourier.closure.network import Network, NetworkSpec, predict
from tlfourier.closure.training import TrainingSpec, train
from tlfourier.closure.transfer import TransferSpec, transfer
from tlfourier.modules import as_it_was, as_tensor

INPUTS = torch.randn(6, 2, 16, 16, generator=torch.Generator().manual_seed(0))


def conv(before: int, after: int, **more: Any) -> nn.Conv2d:
    return nn.Conv2d(before, after, 3, padding=1, padding_mode="circular", **more)


class UNet(nn.Module):
    """Two scales, a skip connection and two heads, of which one is given."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.deep, self.up = conv(2, 4), conv(4, 4), conv(8, 4)
        self.norm, self.drop = nn.BatchNorm2d(4), nn.Dropout2d(0.5)
        self.first, self.second = conv(4, 1), conv(4, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        fine = torch.relu_(self.norm(self.down(inputs)))
        coarse = torch.relu(self.deep(nn.functional.avg_pool2d(fine, 2)))
        joined = torch.cat([fine, nn.functional.interpolate(coarse, scale_factor=2.0)], 1)
        features = self.drop(torch.relu(self.up(joined)))
        return self.first(features) + self.second(features)


def published() -> dict[str, nn.Module]:
    """Return networks as people publish them, in training mode, with gradients and frozen parts."""
    torch.manual_seed(0)
    made: dict[str, nn.Module] = {
        "batch norm": nn.Sequential(conv(2, 4), nn.BatchNorm2d(4), nn.ReLU(), conv(4, 1)),
        "instance norm": nn.Sequential(
            conv(2, 4), nn.InstanceNorm2d(4, track_running_stats=True), nn.ReLU(inplace=True), conv(4, 1)
        ),
        "dropout": nn.Sequential(conv(2, 4), nn.ReLU(), nn.Dropout(0.4), conv(4, 1)),
        "weight norm": nn.Sequential(parametrizations.weight_norm(conv(2, 4)), nn.ReLU(), conv(4, 1)),
        "spectral norm": nn.Sequential(parametrizations.spectral_norm(conv(2, 4)), nn.ReLU(), conv(4, 1)),
        "pruned": nn.Sequential(prune.random_unstructured(conv(2, 4), "weight", 0.3), nn.ReLU(), conv(4, 1)),
        "u-net": UNet(),
        "ours": Network(NetworkSpec(layers=3, channels=4, kernel_size=3)),
    }
    for module in made.values():
        module.train()
        module(INPUTS).square().mean().backward()
        next(module.parameters()).requires_grad_(False)
    return made


MODULES = published()
LOOKS: dict[str, Callable[[nn.Module], Any]] = {
    "predict": lambda module: predict(module, INPUTS, batch_size=4).numpy(),
    "activations": lambda module: fourier.activation_spectra(module, INPUTS, batch_size=4),
    "in place": lambda module: fourier.activation_spectra(module, INPUTS, nn.ReLU(inplace=True)),
    "masks": lambda module: fourier.mask_swap(module, module, INPUTS, batch_size=4),
    "identities": lambda module: fourier.network_identities(module, INPUTS[:1]),
    "entering": lambda module: fourier.entering_changes(module, INPUTS[:3], INPUTS[3:]),
    "gain": lambda module: OutputGain.fit(module, INPUTS, INPUTS[:, :1]).gain.numpy(),
    "kernels": lambda module: fourier.network_kernels(module).numpy(),
    "change": lambda module: fourier.network_change(module, module),
}


def everything(module: nn.Module) -> list[Any]:
    """Return all that a module is: what lies where, its values, its gradients, its modes and hooks."""
    found: list[Any] = [torch.get_rng_state()]
    for part in module.modules():
        found += [part.training, len(part._forward_hooks), len(part._forward_pre_hooks)]
        for one in (*part._parameters.values(), *part._buffers.values()):
            if one is not None:
                found += [id(one), one.detach().clone(), one.requires_grad, id(one.grad)]
                found += [one.grad.clone()] if one.grad is not None else []
    return found


def same(first: list[Any], second: list[Any]) -> bool:
    pairs = zip(first, second, strict=True)
    return all(torch.equal(a, b) if isinstance(a, Tensor) else a == b for a, b in pairs)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", MODULES)
def test_looking_leaves_a_module_as_it_was(name: str, look: str) -> None:
    module = MODULES[name]
    before = everything(module)
    LOOKS[look](module)
    assert same(before, everything(module))


@pytest.mark.parametrize("look", ["predict", "activations", "masks"])
@pytest.mark.parametrize("name", MODULES)
def test_what_is_seen_does_not_depend_on_the_batches(name: str, look: str) -> None:
    module = MODULES[name]
    looks: dict[str, Callable[..., Any]]
    looks = {"predict": predict, "activations": fourier.activation_spectra, "masks": swap}
    one, other = (looks[look](module, INPUTS, batch_size=size) for size in (1, 6))
    if look == "predict":
        np.testing.assert_allclose(one, other, atol=1e-6)
    else:
        for variable in one.data_vars:
            np.testing.assert_allclose(one[variable], other[variable], rtol=1e-4, atol=1e-7)


def swap(module: nn.Module, inputs: Tensor, batch_size: int) -> Any:
    return fourier.mask_swap(module, module, inputs, batch_size)


def test_a_module_is_given_back_when_the_look_fails() -> None:
    module = MODULES["batch norm"]
    before = everything(module)
    for error in (KeyboardInterrupt, RuntimeError):
        with pytest.raises(error), as_it_was(module):
            module.train()
            module(INPUTS).sum().backward()
            torch.randn(3)
            raise error
    assert same(before, everything(module))


def test_a_nonlinearity_that_works_in_place_is_no_different() -> None:
    module = MODULES["ours"]
    plain = fourier.activation_spectra(module, INPUTS)
    in_place = fourier.activation_spectra(module, INPUTS, nn.ReLU(inplace=True))
    assert in_place.identical(plain)


def test_a_training_leaves_no_gradients_and_a_transfer_no_trace() -> None:
    network = Network(NetworkSpec(layers=3, channels=4))
    samples = INPUTS, INPUTS[:, :1]
    train(network, *samples, samples, TrainingSpec(samples=6, epochs=1, batch_size=3), progress=False)
    assert [parameter.grad for parameter in network.parameters()] == [None] * 6
    network.layer(1).weight.requires_grad_(False)
    network.layer(2).weight.grad = torch.ones_like(network.layer(2).weight)
    before = everything(network)
    moved, _ = transfer(network, *samples, samples, TransferSpec((2,), steps=2, batch_size=3), progress=False)
    assert same(before[1:], everything(network)[1:])
    assert [parameter.grad for parameter in moved.parameters()] == [None] * 6
    assert [one.requires_grad for one in moved.parameters()] == [
        one.requires_grad for one in network.parameters()
    ]


@pytest.mark.parametrize("name", ["weight norm", "spectral norm", "pruned"])
def test_kernels_that_are_computed_are_not_put_back_in_silence(name: str) -> None:
    module = MODULES[name]
    with pytest.raises(ValueError, match="the weights of layer 0 are computed"):
        fourier.put_back(module, module, fourier.network_change(module, module))
    with pytest.raises(ValueError, match="the weights of layer 0 are computed"):
        fourier.put_back_curve(module, module, [1], lambda network: 0.0)


def two(hidden: int, kernel: int = 3) -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(2, hidden, kernel, padding="same"), nn.ReLU(), nn.Conv2d(hidden, 1, kernel, padding="same")
    )


def test_shapes_that_would_be_stretched_are_refused() -> None:
    with pytest.raises(ValueError, match=r"layer 0 gives \(6, 4, 16, 16\) and \(6, 1, 16, 16\) in the two"):
        fourier.mask_swap(two(4), two(1), INPUTS)
    change = fourier.network_change(two(4), two(4))
    with pytest.raises(ValueError, match=r"layer 0 has weights of shape .*3, 3\), in base .*1, 1\)"):
        fourier.put_back(two(4), two(4, kernel=1), change)
    for number in (0, 3, -1):
        with pytest.raises(ValueError, match=rf"layer {number}: this network has layers 1\.\.2"):
            fourier.response_changes(two(4), {number: two(4)}, 16)
    with pytest.raises(ValueError, match=r"layers=\['9'\]: this network has layers 1\.\.2"):
        fourier.put_back_curve(two(4), two(4), [1, 9], lambda network: 0.0)
    with pytest.raises(ValueError, match="accepted are real numbers"):
        fourier.network_kernels(nn.Conv2d(2, 2, 3, dtype=torch.complex64))
    for layer in (nn.Conv2d(2, 2, 3, stride=2), nn.Conv2d(2, 2, 3, dilation=2), nn.Conv2d(2, 2, 3, groups=2)):
        with pytest.raises(ValueError, match="a layer with 1 for all of them is needed"):
            fourier.one_product(layer, INPUTS)


def test_a_kernel_larger_than_the_grid_wraps_around_it() -> None:
    weights = torch.randn(3, 2, 7, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    size = 4
    wave = torch.fft.fft2(weights, s=(8, 8))[..., ::2, ::2]  # 7 x 7 fits on 8 x 8, whose even waves are these
    found = fourier.layer_response(weights, size)
    assert found.sel(k=0).item() == pytest.approx(wave[..., 0, 0].abs().square().sum().item())
    assert found.sel(k=0).item() == pytest.approx(weights.sum((-2, -1)).square().sum().item())


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.shared, self.unused = conv(2, 4), conv(4, 4), conv(4, 4)
        self.last, self.times = conv(4, 1), 2

    def forward(self, inputs: Tensor) -> Tensor:
        hidden = self.first(inputs).relu()
        for _ in range(self.times):
            hidden = self.shared(hidden).relu()
        found: Tensor = self.last(hidden)
        return found


@pytest.mark.parametrize("look", ["activations", "masks", "identities", "entering"])
def test_a_layer_that_runs_twice_or_never_is_refused(look: str) -> None:
    module = Twice()
    with pytest.raises(ValueError, match="layer shared ran 2 times|layer shared ran 4 times"):
        LOOKS[look](module)
    module.times = 1
    with pytest.raises(ValueError, match="layer unused ran 0 times"):
        LOOKS[look](module)


def test_layers_on_several_grids_share_one_axis() -> None:
    swapped = fourier.mask_swap(MODULES["u-net"], copy.deepcopy(MODULES["u-net"]), INPUTS)
    assert dict(swapped.power.sizes) == {"layer": 4, "mask": 2, "field": 2, "k": 9}
    coarse = swapped.power.isel(layer=1, mask=0, field=0)
    assert np.isfinite(coarse[:5]).all() and np.isnan(coarse[5:]).all()
    assert (swapped.agreement == 1).all()


def test_what_is_not_finite_is_refused_everywhere() -> None:
    bad = INPUTS.clone()
    bad[1, 0, 3, 3] = torch.nan
    for look in (fourier.activation_spectra, fourier.network_identities, predict):
        with pytest.raises(ValueError, match="inputs hold values that are not finite, first in sample 1"):
            look(two(4), bad)
    with pytest.raises(ValueError, match="inputs hold values that are not finite"):
        fourier.mask_swap(two(4), two(4), bad)
    for correlation in (float("nan"), float("inf"), -1.5):
        with pytest.raises(ValueError, match="correlation=.*: it must lie between -1 and 1"):
            fourier.relation(correlation)
    with pytest.raises(ValueError, match="anisotropy=nan: a threshold is a finite number"):
        fourier.Rule(anisotropy=float("nan"))


def test_a_channel_that_is_negative_everywhere_obeys_the_identities() -> None:
    network = Network(NetworkSpec(layers=2, channels=1, kernel_size=3))
    with torch.no_grad():
        network.layer(1).bias.fill_(-1e3)  # type: ignore[union-attr]
    found = fourier.network_identities(network, INPUTS[:1])
    assert found.relu.values[0] == 0.0 and found.moved.values[0] == 0.0
    assert found.periodic.values == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("kind", [">f4", "<f8", "f2", "i4"])
def test_arrays_of_any_kind_are_taken(kind: str) -> None:
    numbers = (10 * INPUTS).round().numpy()
    given = numbers.astype(kind)[::-1, :, ::-1]
    taken = as_tensor(given, "inputs")
    assert np.array_equal(taken.double().numpy(), numbers[::-1, :, ::-1])
    expected = predict(two(4).eval(), torch.as_tensor(numbers[::-1, :, ::-1].copy()))
    assert expected.shape == (6, 1, 16, 16)
    for what in (["a"], np.array([1j]), {"x": 1}, torch.ones(2, dtype=torch.complex64)):
        with pytest.raises(ValueError, match="inputs of .*: accepted are real numbers"):
            as_tensor(what, "inputs")

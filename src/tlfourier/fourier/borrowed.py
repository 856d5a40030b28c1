"""Run a network with the masks of another: what re-training gained that new masks are needed for.

``g = ReLU(h) = H(h) h``. With the masks of the base network, ``g = H(h_base) h``, a re-trained network can
only change what passes through the masks that were there; it is then linear in each of its kernels.
"""

import contextlib
from collections.abc import Iterator

import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.fourier.kernels import conv_layers, run_once
from tlfourier.modules import as_it_was, as_tensor, check_samples, for_module
from tlfourier.shapes import Activation, Batch

RUNS = ("base", "transferred", "borrowed")
"""The base network, the re-trained one, and the re-trained one with the masks of the base network."""

CHAIN = "a plain chain of layers is needed"


@door
def predict_with_masks(
    network: nn.Module, lender: nn.Module, inputs: Activation, batch_size: Batch = 16
) -> Tensor:
    """Return what a network gives if each of its ReLUs uses the mask of another network's.

    ``g_l = H(h'_l) h_l`` with ``h_l`` this network's own pre-activation and ``h'_l`` that of ``lender`` at
    the same layer; the lender runs beside it on the same inputs, with its own masks.

    Raises ValueError: a sample that is not finite or none, layers that differ, or a network that is no plain
    chain, in which each layer runs once and is given the ReLU of the one before it.

    Parameters
    ----------
    network, lender : nn.Module
        Chains of ``Conv2d`` layers with ReLU between them, of one architecture; both are left as they were.
    inputs : Tensor, shape (sample, channel, N, N)
        What both are given.
    batch_size : int
        Samples per forward pass.

    Returns
    -------
    Tensor, shape (sample, channel, N, N)
        float32, on the CPU.

    Examples
    --------
    >>> network = nn.Sequential(nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.Conv2d(3, 1, 1))
    >>> fields = torch.randn(2, 1, 16, 16)
    >>> torch.equal(predict_with_masks(network, network, fields), network(fields).detach())
    True
    """
    shapes = [[(n, tuple(m.weight.shape)) for n, m in conv_layers(one).items()] for one in (network, lender)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"lender has layers {dict(shapes[1])}: network has {dict(shapes[0])}")
    inputs = as_tensor(inputs, "inputs")
    check_samples("inputs", inputs)
    parts = []
    for batch in inputs.split(batch_size):
        masks = [h > 0 for _, h in run_once(lender, batch).values()]
        with as_it_was(network), torch.no_grad(), _masked(network, masks):
            parts.append(network(for_module(network, batch)).float().cpu())
    return torch.cat(parts)


@door
def gain_lost(
    base: nn.Module, transferred: nn.Module, inputs: Activation, truth: Tensor, batch_size: Batch = 16
) -> xr.Dataset:
    """Return which share of the gain of a transfer is lost with the masks of the base network.

    ``lost = (error(borrowed) - error(transferred)) / (error(base) - error(transferred))``, where
    ``borrowed`` is the transferred network with the masks of the base network, as of `predict_with_masks`: 0
    if the old masks do, 1 if nothing of the gain is left, more if it is then worse than no transfer. NaN
    where the transfer gained nothing.

    Raises ValueError as `predict_with_masks`, or for a truth of another shape.

    Parameters
    ----------
    base, transferred : nn.Module
        The network before and after re-training.
    inputs, truth : Tensor, shape (sample, channel, N, N)
        What both are given, and what they should give.
    batch_size : int
        Samples per forward pass.

    Returns
    -------
    Dataset
        ``error`` (run), the mean over samples of ``||P - T|| / ||T||`` for each of `RUNS`; ``lost``.
    """
    truth = as_tensor(truth, "truth").double().cpu()
    pairs = ((base, base), (transferred, transferred), (transferred, base))
    errors = []
    for network, lender in pairs:
        found = predict_with_masks(network, lender, inputs, batch_size).double()
        if found.shape != truth.shape:
            raise ValueError(f"truth of shape {tuple(truth.shape)}: the networks give {tuple(found.shape)}")
        missed, size = (field.flatten(1).norm(dim=1) for field in (found - truth, truth))
        errors.append((missed / size).mean().item())
    gain = errors[0] - errors[1]
    lost = (errors[2] - errors[1]) / gain if gain > 0 else float("nan")
    return xr.Dataset({"error": ("run", errors), "lost": lost}, {"run": list(RUNS)})


@contextlib.contextmanager
def _masked(network: nn.Module, masks: list[Tensor]) -> Iterator[None]:
    """Within the block every layer but the first is given the masked field of the layer before it."""
    fields: list[Tensor] = []
    names = list(conv_layers(network))

    def give(name: str, given: Tensor) -> tuple[Tensor] | None:
        place = len(fields)
        plain = names[place : place + 1] == [name]
        if not plain or (place and not torch.equal(given, fields[-1].relu())):
            raise ValueError(f"layer {name} is not given the ReLU of the layer before it, once: {CHAIN}")
        return (torch.where(masks[place - 1], fields[-1], 0.0),) if place else None

    handles = [
        layer.register_forward_pre_hook(lambda _, given, name=name: give(name, given[0]))
        for name, layer in conv_layers(network).items()
    ]
    handles += [
        layer.register_forward_hook(lambda _, given, h: fields.append(h.clone()))
        for layer in conv_layers(network).values()
    ]
    try:
        yield
        if len(fields) < len(names):
            raise ValueError(f"layer {names[len(fields)]} did not run: {CHAIN}")
    finally:
        for handle in handles:
            handle.remove()

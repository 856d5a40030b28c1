"""Look at somebody's module of torch, and give it back as it was."""

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from tlfourier.numeric import as_tensor as as_tensor

_LOOKED_AT = 64  # samples at once, when values are checked: the check itself needs memory


def for_module(module: nn.Module, inputs: Tensor) -> Tensor:
    """Return inputs in the precision of a module's parameters and where they are.

    Raises ValueError for a module that cannot be run.
    """
    if getattr(type(module), "forward", None) is nn.Module.forward:
        raise ValueError(f"a module {type(module).__name__} without forward: one that can be run is needed")
    first = next((one for one in module.parameters() if one.is_floating_point()), None)
    return inputs if first is None else inputs.to(first.device, first.dtype)


@contextlib.contextmanager
def as_it_was(*modules: Any) -> Iterator[None]:
    """Within the block modules are in evaluation mode; after it they are as before, to the bit.

    Modes, parameters, buffers, gradients, what requires them, and torch's random numbers are put back,
    however the block ends. What is no `torch.nn.Module`, a plain function, is left alone. Raises ValueError
    for parameters without values, on torch's device meta.
    """
    parts = {id(part): part for one in modules if isinstance(one, nn.Module) for part in one.modules()}
    modes = [(part, part.training) for part in parts.values()]
    buffers = [(part, name, value) for part in parts.values() for name, value in part._buffers.items()]
    parameters = {
        id(one): one for part in parts.values() for one in part._parameters.values() if one is not None
    }
    grads = [(one, one.grad, one.requires_grad) for one in parameters.values()]
    if any(one.is_meta for one in parameters.values()):
        raise ValueError("a module on torch's device meta: accepted are modules whose parameters have values")
    held = [*parameters.values(), *(value for _, _, value in buffers), *(grad for _, grad, _ in grads)]
    kept = [(one, one.detach().clone()) for one in held if one is not None]
    random = torch.get_rng_state()
    try:
        for part, _ in modes:
            part.training = False
        yield
    finally:
        for part, training in modes:
            part.training = training
        for part, name, value in buffers:
            part._buffers[name] = value
        for one, grad, needed in grads:
            one.requires_grad_(needed).grad = grad
        with torch.no_grad():
            for value, copy in kept:
                if not torch.equal(value, copy):  # else somebody may differentiate through it
                    value.copy_(copy)
        torch.set_rng_state(random)


def check_finite(name: str, values: Tensor) -> None:
    """Raise ValueError naming the array and the first bad sample when ``values`` are not all finite."""
    if values.ndim == 0:
        raise ValueError(f"{name} is a single number: at least one dimension, that of the samples, is needed")
    for start in range(0, len(values), _LOOKED_AT):
        part = values[start : start + _LOOKED_AT]
        if not torch.isfinite(part).all():
            bad = start + int((~torch.isfinite(part)).flatten(1).any(1).nonzero()[0].item())
            place = f"first in sample {bad}"
            raise ValueError(f"{name} hold values that are not finite, {place}: finite ones are accepted")


def check_samples(name: str, values: Tensor) -> None:
    """Raise ValueError unless values are at least one sample (sample, channel, N, N), and finite."""
    if values.ndim != 4 or values.shape[-1] != values.shape[-2] or not values.numel():
        raise ValueError(
            f"{name} of shape {tuple(values.shape)}: (sample, channel, N, N) is needed, none of them 0"
        )
    check_finite(name, values)

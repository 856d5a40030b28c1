"""Doors: what enters a function is made what its annotations say, or refused in one sentence.

A door reads the annotations of a function once, at its first call. Arrays of any byte order and strides,
lists and xarray's arrays become tensors where a tensor is annotated, numpy's integers become integers, and
what is none of it is refused by its name. What is right already passes as it is, to the bit.
"""

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from tlfourier.numeric import REFUSED
from tlfourier.takes import ANYTHING, Take, described, fitting, taking

T = TypeVar("T")


def door(entered: T) -> T:
    """Decorate a function, or a class and its public methods, with a door.

    Where nothing that is returned is a tensor, what enters is detached from the graph of its gradients. The
    size of a grid that enters, or that the object of a method has, is the size that its fields need. Raises
    ValueError, from the call, for an argument that is not what its annotation says.

    Examples
    --------
    >>> @door
    ... def twice(values: Tensor, times: int = 2) -> Tensor:
    ...     return times * values
    >>> twice([1.0, 2.0], times=2.5)
    Traceback (most recent call last):
    ValueError: times=2.5 in twice: accepted is a whole number
    """
    if not isinstance(entered, type):
        return typing.cast(T, _function(typing.cast(Callable[..., Any], entered)))
    for name, held in list(vars(entered).items()):
        if isinstance(held, classmethod):
            setattr(entered, name, classmethod(_function(held.__func__)))
        elif inspect.isfunction(held) and (name == "__init__" or not name.startswith("_")):
            setattr(entered, name, _function(held))
    return entered


def _function(inner: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function with a door before it."""
    made: list[_Door] = []

    @functools.wraps(inner)
    def outer(*args: Any, **kwargs: Any) -> Any:
        entrance = made[0] if made else _Door(inner)
        if not made:
            made.append(entrance)
        if not kwargs and len(args) <= entrance.count:
            for value, quick in zip(args, entrance.quick, strict=False):
                if type(value) not in quick:
                    break
            else:  # nothing to do, as in the steps of a solver
                return inner(*args)
        args, kwargs = entrance.enter(args, kwargs)
        return inner(*args, **kwargs)

    return outer


class _Door:
    """What the arguments of one function are to be."""

    def __init__(self, inner: Callable[..., Any]) -> None:
        self.title = inner.__qualname__.removesuffix(".__init__").rpartition("<locals>.")[2]
        hints = _hints(inner)
        returned = repr(hints.get("return"))
        made = inner.__name__ == "__init__"
        self.detach = not made and not any(word in returned for word in ("Tensor", "State", "tlfourier"))
        takes: dict[str, Take] = {}
        for name, parameter in inspect.signature(inner).parameters.items():
            if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                break
            own = name in ("self", "cls") and not takes
            takes[name] = ANYTHING if own else taking(hints.get(name, Any))
        self.names, self.takes = tuple(takes), takes
        self.count = len(takes)
        self.shaped = any(take.dims for take in takes.values())
        everything = _Everything()
        self.quick = [everything if take is ANYTHING else self._quick(take) for take in takes.values()]

    def _quick(self, take: Take) -> Any:
        return take.quick - {Tensor, torch.nn.Parameter} if self.detach else take.quick

    def enter(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Return the arguments as the function takes them, or raise ValueError."""
        given = dict(zip(self.names, args, strict=False))
        given |= {name: value for name, value in kwargs.items() if name in self.takes}
        sizes, dtype = self._held(given)
        leading: dict[str, Tensor] = {}
        for name, value in given.items():
            take = self.takes[name]
            found = take.convert(value)
            if found is REFUSED:
                raise ValueError(f"{described(name, value)} in {self.title}: accepted {take.sentence(sizes)}")
            if isinstance(found, Tensor):
                found = self._tensor(found, value, dtype)
                if take.dims:
                    self._fit(name, found, take, sizes)
                    leading[name] = found
            given[name] = found
        if len(leading) > 1:
            self._broadcast(leading)
        rest = args[self.count :]
        entered = [given[name] for name in self.names[: len(args)]]
        return (*entered, *rest), {name: given.get(name, value) for name, value in kwargs.items()}

    def _held(self, given: dict[str, Any]) -> tuple[dict[str, int], torch.dtype | None]:
        """Return the sizes, and the precision, of the first grid that enters or that is the object's."""
        for value in given.values() if self.shaped else ():
            sizes = getattr(value, "field_sizes", None)
            if isinstance(sizes, dict):
                return dict(sizes), getattr(getattr(value, "grid", value), "dtype", None)
        return {}, None

    def _tensor(self, found: Tensor, value: Any, dtype: torch.dtype | None) -> Tensor:
        """Return a tensor as it is, or one that was made from whole numbers in the grid's precision."""
        if found is not value and dtype is not None and not _has_precision(value):
            found = found.to(dtype.to_complex() if found.is_complex() else dtype)
        if found.is_conj() or found.is_neg():
            found = found.resolve_conj().resolve_neg()
        return found.detach() if self.detach and found.requires_grad else found

    def _fit(self, name: str, found: Tensor, take: Take, sizes: dict[str, int]) -> None:
        known = bool(sizes)
        if (known or (take.dims[0] == "..." and len(take.dims) > 1)) and not found.numel():
            raise ValueError(f"{described(name, found)} in {self.title}: accepted is at least one number")
        if not fitting(tuple(found.shape), take.dims, sizes):
            if known and found.ndim >= len(take.dims) - 1:
                shape = f"{name} has shape {tuple(found.shape)}"
                raise ValueError(f"{shape}: this grid needs {take.shape(sizes)}")
            raise ValueError(f"{described(name, found)} in {self.title}: accepted {take.sentence(sizes)}")

    def _broadcast(self, tensors: dict[str, Tensor]) -> None:
        """Raise ValueError unless what comes before the last dimensions is the same, or left out."""
        batches = {
            name: tuple(tensor.shape)[: tensor.ndim + 1 - len(self.takes[name].dims)]
            for name, tensor in tensors.items()
            if self.takes[name].together
        }
        if len(set(batches.values())) < 2:
            return
        try:
            np.broadcast_shapes(*batches.values())  # torch's own imports sympy
        except ValueError:
            shapes = " and ".join(f"{name} of shape {tuple(tensors[name].shape)}" for name in batches)
            raise ValueError(
                f"{shapes} in {self.title}: accepted are leading dimensions that agree"
            ) from None


class _Everything:
    """Hold every type."""

    def __contains__(self, kind: object) -> bool:
        return True


def _has_precision(value: Any) -> bool:
    """Say whether numbers came in floating point of their own, as arrays do and lists do not."""
    if isinstance(value, Tensor):
        return value.is_floating_point() or value.is_complex()
    return getattr(getattr(value, "dtype", None), "kind", "") in ("f", "c")


def _hints(inner: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a function, those that only a type checker can read left out."""
    try:
        return typing.get_type_hints(inner, include_extras=True)
    except NameError:
        names = getattr(inspect.unwrap(inner), "__globals__", {})
        found: dict[str, Any] = {}
        for name, hint in inner.__annotations__.items():
            alone = types.SimpleNamespace(__annotations__={name: hint})
            try:
                found |= typing.get_type_hints(alone, names, include_extras=True)
            except NameError:
                found[name] = Any
        return found

"""What an annotation takes: how an argument becomes it, and the words for what is accepted."""

import collections.abc as abc
import numbers
import os
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from tlfourier import numeric
from tlfourier.limits import Holds, Range
from tlfourier.numeric import REFUSED

_WRAPPERS = ("DataParallel", "DistributedDataParallel", "OptimizedModule")
_HOLDERS = ("module", "_orig_mod")  # where DataParallel and torch.compile keep the module they wrap


_CALLED = frozenset({types.FunctionType, types.MethodType})


@dataclass(frozen=True)
class Take:
    """Hold how an argument is converted, ``REFUSED`` if it is not taken, and the words for what is.

    ``quick`` are types that need no look, ``dims`` the names of a tensor's last dimensions.
    """

    convert: Callable[[Any], Any]
    words: str
    quick: Any = frozenset()
    dims: tuple[str, ...] = field(default=())

    @property
    def together(self) -> bool:
        """Whether the leading dimensions are to agree with those of the other arguments."""
        return self.dims[0].startswith("*#") or (self.dims[0] == "..." and len(self.dims) > 1)

    def sentence(self, sizes: Mapping[str, int] | None = None) -> str:
        """Return the end of the sentence: "is a whole number", "are real numbers of shape (..., 8, 8)"."""
        return f"{self.words} of shape {self.shape(sizes or {})}" if self.dims else self.words

    def shape(self, sizes: Mapping[str, int]) -> str:
        """Return the shape that is accepted, with the sizes that are known."""
        known = ", ".join(str(sizes.get(name, name)) for name in self.dims)
        return f"({known}{',' if len(self.dims) == 1 else ''})"


ANYTHING = Take(lambda value: value, "is anything")


def described(name: str, value: Any) -> str:
    """Name an argument that is not accepted, with its value, or with type and shape.

    Examples
    --------
    >>> described("size", None), described("field", np.zeros((2, 3)))
    ('size=None', 'field of shape (2, 3) and type float64')
    """
    if isinstance(value, Tensor) and value.layout != torch.strided:
        return f"{name} of layout {value.layout}".replace("torch.", "")
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        return f"{name} of shape {tuple(value.shape)} and type {value.dtype}".replace("torch.", "")
    if value is None or isinstance(value, str | bytes | numbers.Number):
        return f"{name}={value!r:.80}"
    return f"{name}, a {type(value).__name__},"


def fitting(shape: tuple[int, ...], dims: tuple[str, ...], sizes: dict[str, int]) -> bool:
    """Say whether a shape has these last dimensions; note in ``sizes`` those that had no size yet."""
    last = dims[1:] if dims[0].startswith((".", "*")) else dims
    if len(shape) < len(last) or (last is dims and len(shape) > len(last)):
        return False
    there = shape[len(shape) - len(last) :]
    return all(
        sizes.setdefault(name, size) == size if not name.isdigit() else int(name) == size
        for name, size in zip(last, there, strict=True)
    )


def _of(*kinds: type) -> Callable[[Any], Any]:
    """Return what takes objects of these types, also a network that another module wraps."""

    def convert(value: Any) -> Any:
        while isinstance(value, nn.Module) and type(value).__name__ in _WRAPPERS and nn.Module in kinds:
            value = getattr(value, "module", None) or value._orig_mod
        if isinstance(value, kinds):
            return value
        if isinstance(value, nn.Module):
            for name in _HOLDERS:
                inside = getattr(value, name, None)
                if isinstance(inside, nn.Module) and (found := convert(inside)) is not REFUSED:
                    return found
        return REFUSED

    return convert


def _function(value: Any) -> Any:
    unfinished = isinstance(value, nn.Module) and getattr(type(value), "forward", None) is nn.Module.forward
    return value if callable(value) and not unfinished else REFUSED


def _path(value: Any) -> Any:
    return Path(value) if isinstance(value, str | os.PathLike) and value != "" else REFUSED


def _many(each: Take, holder: Any) -> Callable[[Any], Any]:
    """Return what takes a sequence, of which every item is converted."""

    def convert(value: Any) -> Any:
        if isinstance(value, str) and each.words == "is text":
            return value
        if isinstance(value, Tensor | np.ndarray):
            if value.ndim == 0 or (isinstance(value, Tensor) and value.layout != torch.strided):
                return REFUSED
            value = value.tolist()
        wanted = abc.Iterable if holder is abc.Iterable else abc.Collection
        keys = holder in (abc.Iterable, abc.Collection)  # of a mapping
        refused = str | bytes if keys else str | bytes | Mapping
        if isinstance(value, refused) or not isinstance(value, wanted):
            return REFUSED
        if isinstance(value, abc.Iterator):
            return value
        found = [each.convert(one) for one in value]
        if any(one is REFUSED for one in found):
            return REFUSED
        if all(one is other for one, other in zip(found, value, strict=True)):
            return value
        return tuple(found) if holder is tuple or isinstance(value, tuple) else found

    return convert


def _each(items: tuple[Take, ...]) -> Callable[[Any], Any]:
    """Return what takes as many items as there are, one of each."""

    def convert(value: Any) -> Any:
        if isinstance(value, np.ndarray | Tensor) and value.ndim == 1:
            value = value.tolist()
        if not isinstance(value, tuple | list) or len(value) != len(items):
            return REFUSED
        found = tuple(take.convert(one) for take, one in zip(items, value, strict=True))
        return REFUSED if any(one is REFUSED for one in found) else found

    return convert


def _mapping(each: Take) -> Callable[[Any], Any]:
    def convert(value: Any) -> Any:
        if not isinstance(value, Mapping):
            return REFUSED
        found = {key: each.convert(one) for key, one in value.items()}
        if any(one is REFUSED for one in found.values()):
            return REFUSED
        return value if all(found[key] is value[key] for key in found) else found

    return convert


def _word(text: str) -> str:
    """Return the words for what is accepted without their verb."""
    return text.partition(" ")[2]


def _union(members: tuple[Any, ...]) -> Take:
    takes = [taking(member) for member in members]
    if any(take is ANYTHING for take in takes):
        return ANYTHING
    quick = frozenset().union(*(take.quick for take in takes))

    def convert(value: Any) -> Any:
        for take in takes:
            if (found := take.convert(value)) is not REFUSED:
                return found
        return REFUSED

    dims = next((take.dims for take in takes if take.dims), ())
    first, *others = takes
    words = " or ".join([first.words, *map(_word, (take.words for take in others))])
    return Take(convert, words, quick, dims)


def _class(kind: type) -> Take:
    if getattr(kind, "_is_protocol", False) or typing.is_typeddict(kind) or kind is object:
        return ANYTHING
    if issubclass(kind, Tensor):
        return Take(
            numeric.any_numbers, "are numbers, as tensor, array or list", frozenset({Tensor, nn.Parameter})
        )
    if issubclass(kind, np.ndarray):
        return Take(numeric.array, "is an array", frozenset({np.ndarray}))
    if kind is Path:
        return Take(_path, "is a path")
    name = kind.__name__
    article = "an" if name[0] in "AEIO" else "a"
    return Take(_of(kind), f"is {article} {name}", frozenset({kind}))


_PLAIN = {
    int: Take(numeric.whole, "is a whole number", frozenset({int})),
    float: Take(numeric.number, "is a number", frozenset({float})),
    bool: Take(numeric.truth, "is True or False", frozenset({bool})),
    str: Take(_of(str), "is text", frozenset({str})),
    type(None): Take(lambda value: value if value is None else REFUSED, "is None", frozenset({type(None)})),
}


def _limited(base: Take, limits: list[Range | Holds]) -> Take:
    """Return what takes only what lies within limits."""

    def convert(value: Any) -> Any:
        found = base.convert(value)
        if found is REFUSED or not all(limit.holds(found) for limit in limits):
            return REFUSED
        return found

    return Take(convert, " ".join([base.words, *map(str, limits)]), frozenset(), base.dims)


def taking(hint: Any) -> Take:
    """Return what an annotation takes; anything for those of which nothing can be said."""
    if isinstance(hint, typing.TypeVar) and hint.__bound__ is not None:
        return taking(hint.__bound__)
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hasattr(hint, "dim_str") and hasattr(hint, "dtypes"):
        kinds = " ".join(map(str, hint.dtypes))
        if "complex" not in kinds and "float" not in kinds:
            return Take(numeric.whole_numbers, "are whole numbers", frozenset(), tuple(hint.dim_str.split()))
        real = "complex" not in kinds
        words = "are real numbers" if real else "are complex numbers, as of torch.fft.rfft2,"
        return Take(
            numeric.real_numbers if real else numeric.complex_numbers,
            words,
            frozenset(),
            tuple(hint.dim_str.split()),
        )
    if hint is Any:
        return ANYTHING
    if isinstance(hint, type) and origin is None:
        return _PLAIN.get(hint) or _class(hint)
    if origin is typing.Annotated:
        return _limited(taking(inside[0]), [one for one in inside[1:] if isinstance(one, Range | Holds)])
    if origin in (typing.Union, types.UnionType) and "numpy._typing" in repr(hint):
        none = type(None) in inside
        return Take(
            numeric.array_or_none if none else numeric.array_like, "are numbers or words, as an array"
        )
    if origin in (typing.Union, types.UnionType):
        return _union(inside)
    if origin is typing.Literal:
        known = tuple(one for one in inside if isinstance(one, str))
        words = f"is {' or '.join(map(repr, known))}"
        return Take(lambda value: value if isinstance(value, str) and value in known else REFUSED, words)
    if origin is abc.Callable:
        return Take(_function, "is a function", _CALLED)
    if origin is np.ndarray:
        return Take(numeric.array, "is an array", frozenset({np.ndarray}))
    if origin is tuple and inside and inside[-1] is not Ellipsis:
        items = tuple(map(taking, inside))
        return Take(_each(items), f"are {len(items)}: " + ", ".join(_word(take.words) for take in items))
    if origin in (tuple, list, abc.Sequence, abc.Iterable, abc.Collection) and inside:
        each = taking(inside[0])
        return Take(_many(each, origin), f"is a sequence, of which each {each.words}")
    if origin in (dict, abc.Mapping) and len(inside) == 2:
        each = taking(inside[1])
        return Take(_mapping(each), f"is a mapping, of which each value {each.words}")
    return ANYTHING

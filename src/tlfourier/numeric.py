"""Numbers in whatever form they come: tensors, arrays of any kind, lists, numpy's own integers and floats."""

import numbers
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

REFUSED = object()
"""What a conversion returns for what it does not take."""

_REAL, _COMPLEX = (torch.float32, torch.float64), (torch.complex64, torch.complex128)


def numbers_of(value: Any) -> Tensor | None:
    """Return numbers as a tensor, None for what holds none: arrays of any byte order and strides, lists.

    A tensor stays what it is. Arrays that are read-only or run backwards are copied, for torch has neither.
    """
    if isinstance(value, Tensor):
        return value if value.layout == torch.strided and not value.is_quantized else None
    if value is None or isinstance(value, str | bytes | Mapping | nn.Module):
        return None
    try:
        array = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return None
    if array.dtype.kind not in "fiubc" or (np.ma.isMaskedArray(value) and np.ma.getmaskarray(value).any()):
        return None
    if array.dtype.itemsize > (16 if array.dtype.kind == "c" else 8):  # longer than torch has
        array = array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    plain = array.flags.writeable and array.flags.c_contiguous and all(s >= 0 for s in array.strides)
    return torch.from_numpy(array if plain else np.array(array, order="C", copy=True))


def as_tensor(values: Any, name: str) -> Tensor:
    """Return numbers as a tensor: arrays of any byte order and strides, lists, tensors as they are.

    Raises ValueError for what holds no real numbers.
    """
    found = numbers_of(values)
    if found is None or found.is_complex():
        kind = values.layout if isinstance(values, Tensor) and found is None else getattr(values, "dtype", "")
        what = f"{name} of {kind or type(values).__name__}"
        raise ValueError(f"{what}: accepted are real numbers, as tensor, array or list")
    return found


def real_numbers(value: Any) -> Any:
    """Return real numbers as a tensor; shorter floats become float32, integers float64."""
    if type(value) is Tensor and value.dtype in _REAL and value.layout == torch.strided:
        return value
    found = numbers_of(value)
    if found is None or found.is_complex():
        return REFUSED
    if found.dtype in _REAL:
        return found
    return found.to(torch.float32 if found.dtype.is_floating_point else torch.float64)


def complex_numbers(value: Any) -> Any:
    """Return complex numbers as a tensor of complex64 or complex128."""
    if type(value) is Tensor and value.dtype in _COMPLEX and value.layout == torch.strided:
        return value
    found = numbers_of(value)
    if found is None or not found.is_complex():
        return REFUSED
    return found if found.dtype in _COMPLEX else found.to(torch.complex64)


def whole_numbers(value: Any) -> Any:
    """Return integers as a tensor of int64; truth values and floats are none."""
    found = numbers_of(value)
    if found is None or found.is_complex() or found.is_floating_point() or found.dtype == torch.bool:
        return REFUSED
    return found if found.dtype == torch.int64 else found.to(torch.int64)


def any_numbers(value: Any) -> Any:
    """Return numbers of any kind as a tensor."""
    found = numbers_of(value)
    return REFUSED if found is None else found


def array_like(value: Any) -> Any:
    """Return what numpy makes an array of; tensors, lists and labelled arrays stay what they are."""
    if isinstance(value, Tensor) or (hasattr(value, "__array__") and hasattr(value, "dims")):
        return value
    found = REFUSED if value is None or isinstance(value, Mapping | nn.Module) else array(value)
    return value if isinstance(value, list | tuple) and found is not REFUSED else found


def array_or_none(value: Any) -> Any:
    """Return what numpy makes an array of, as it is, and None."""
    return None if value is None else array_like(value)


def array(value: Any) -> Any:
    """Return an array of numpy."""
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, Tensor):
        return value.detach().cpu().resolve_conj().resolve_neg().numpy() if not value.is_sparse else REFUSED
    try:
        found = np.asarray(value)
    except (TypeError, ValueError, RuntimeError):
        return REFUSED
    return REFUSED if found.dtype.kind == "O" else found


def _scalar(value: Any) -> Any:
    """Return the one number that an array without dimensions holds, else what was given."""
    if isinstance(value, np.generic | np.ndarray | Tensor) or hasattr(value, "__array__"):
        plain = getattr(value, "ndim", 1) == 0 and hasattr(value, "item")
        kind = getattr(getattr(value, "dtype", None), "kind", "f")
        if plain and kind in "fiub" and not (isinstance(value, Tensor) and value.layout != torch.strided):
            return value.item()
    return value


def whole(value: Any) -> Any:
    """Return an integer: of Python, of numpy, a float that is whole, the one number of an array."""
    if type(value) is int:
        return value
    value = _scalar(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return REFUSED
    if isinstance(value, numbers.Integral):
        return int(value)
    near = float(value)
    return int(near) if near.is_integer() else REFUSED


def number(value: Any) -> Any:
    """Return a float of any real number that is not a truth value."""
    if type(value) is float:
        return value
    value = _scalar(value)
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return REFUSED
    try:
        found = float(value)
    except OverflowError:
        return REFUSED
    return found


def truth(value: Any) -> Any:
    """Return True or False, for 1 and 0 too."""
    value = _scalar(value)
    return bool(value) if isinstance(value, bool) or (type(value) is int and value in (0, 1)) else REFUSED

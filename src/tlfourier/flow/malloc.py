"""Keep freed memory for the next step instead of handing it back to the system.

A step, of time or of gradient descent, allocates and frees the same tensors as the one before. glibc maps
each large one afresh, so that every step touches thousands of new pages, which can cost more than its
transforms. Other C libraries are left as they are. Only speed changes, never a number.
"""

import contextlib
import ctypes
import platform
from collections.abc import Iterator
from functools import cache

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # from glibc's malloc.h
_LARGEST_FIELD, _KEPT_FIELDS = 32 * 2**20, 256 * 2**20
_LARGEST_TENSOR, _KEPT_TENSORS = 2**30, 2**31 - 1


def keep_freed_fields() -> None:
    """Let the process keep up to 256 MiB of freed arrays of up to 32 MiB, those of a simulation's step."""
    _raise_thresholds(_LARGEST_FIELD, _KEPT_FIELDS)


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Reuse all freed memory inside the block and give it back to the system at its end.

    The thresholds stay raised for the rest of the process; what is free is handed back once, when the block
    ends.
    """
    _raise_thresholds(_LARGEST_TENSOR, _KEPT_TENSORS)
    try:
        yield
    finally:
        if library := _glibc():
            library.malloc_trim(0)


def _raise_thresholds(largest: int, kept: int) -> None:
    if library := _glibc():
        library.mallopt(_MMAP_THRESHOLD, largest)
        library.mallopt(_TRIM_THRESHOLD, kept)


@cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None

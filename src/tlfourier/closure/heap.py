"""Keep freed memory for the next gradient step instead of handing it back to the system.

A step allocates and frees the same tensors as the one before. glibc maps each large one afresh, so that every
step touches thousands of new pages: a tenth to a fifth of its time with 16 channels on 64 x 64 points.
"""

from __future__ import annotations

import contextlib
import ctypes
import platform
from collections.abc import Iterator
from functools import cache

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # from glibc's malloc.h
_LARGEST_KEPT = 2**30
_KEPT = 2**31 - 1


@contextlib.contextmanager
def kept_memory() -> Iterator[None]:
    """Reuse freed memory inside the block and give it back to the system at its end.

    Changes speed only, never a number, and does nothing where the C library is not glibc. The thresholds stay
    raised for the rest of the process; what is free is handed back once, when the block ends.
    """
    library = _glibc()
    if library is None:
        yield
        return
    library.mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT)
    library.mallopt(_TRIM_THRESHOLD, _KEPT)
    try:
        yield
    finally:
        library.malloc_trim(0)


@cache
def _glibc() -> ctypes.CDLL | None:
    """Return the C library if it is glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None

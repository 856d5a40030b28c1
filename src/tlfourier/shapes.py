"""Array shapes as types, checked at run time under pytest only.

Arrays are ordered (..., y, x): y is the second-last dimension, x the last. Spectra are the output of
``torch.fft.rfft2`` without normalisation: (..., N, N // 2 + 1).
"""

from typing import Annotated, TypeAlias

from jaxtyping import Complex, Float, Int
from torch import Tensor

from tlfourier.limits import Range

Field: TypeAlias = Float[Tensor, "... n n"]
"""A real field on a square grid."""

Spectrum: TypeAlias = Complex[Tensor, "... n m"]
"""The half spectrum of a real field, m = n // 2 + 1."""

Columns: TypeAlias = Complex[Tensor, "... n columns"]
"""A half spectrum of which the last columns, zeros all of them, may be left out."""

Resized: TypeAlias = Complex[Tensor, "... n_new m_new"]
"""A half spectrum on another grid than the Spectrum beside it."""

Scalars: TypeAlias = Float[Tensor, "..."]
"""One number per member of the batch."""

Multiplier: TypeAlias = Float[Tensor, "... n m"]
"""A real factor for every mode of a half spectrum."""

Kernel: TypeAlias = Float[Tensor, "out in k k"]
"""The weights of a two-dimensional convolution."""

Activation: TypeAlias = Float[Tensor, "batch channel n n"]
"""What enters or leaves a convolution: fields with a channel dimension."""

Waves: TypeAlias = Float[Tensor, "*#waves"]
"""Wavenumbers that are broadcast against each other."""

GridSize: TypeAlias = Annotated[int, Range(1, 2**13)]
"""Points per side of a grid on which every mode of every kernel is computed."""

Batch: TypeAlias = Annotated[int, Range(most=2**31)]
"""Samples in memory at once."""

Samples: TypeAlias = Float[Tensor, "sample channel y x"]
"""Fields as a network takes them, on any grid."""

Whole: TypeAlias = Int[Tensor, "sample"]
"""A whole number for each sample."""

Count: TypeAlias = Annotated[int, Range(1, 10**6)]
"""How many there are of something, at least one."""

Seed: TypeAlias = Annotated[int, Range(0, 2**63 - 1)]
"""What random numbers begin with."""

Positive: TypeAlias = Annotated[float, Range(1e-30, 1e30)]
"""A number above zero of which powers can be taken."""

Finite: TypeAlias = Annotated[float, Range(-1e30, 1e30)]
"""A number of which powers can be taken."""

Ordered: TypeAlias = Annotated[float, Range()]
"""Any number, infinite ones included, but no NaN."""

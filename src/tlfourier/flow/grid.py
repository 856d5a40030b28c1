"""The doubly periodic square grid and its Fourier modes."""

import math
from typing import Annotated

import torch
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.limits import Range
from tlfourier.shapes import Field, Resized, Spectrum

SMALLEST_SIZE = 8
LARGEST_SIZE = 2**16


@door
class Grid(nn.Module):
    """Hold the points, wavenumbers and 2/3-rule mask of a doubly periodic square.

    Every array is a buffer, so ``grid.to(device)`` moves them all. Wavenumbers are angular, in multiples of
    2 pi / length; ``k_y`` runs 0, 1, ..., N/2 - 1, -N/2, ..., -1 and ``k_x`` runs 0, ..., N/2. Raises
    ValueError for an odd or too small size, a length that is not positive, another dtype.

    Parameters
    ----------
    size : int
        Points per side N, even and at least 8.
    length : float
        Side of the square.
    dtype : torch.dtype
        ``torch.float32`` or ``torch.float64``; spectra have the complex type of the same precision.

    Attributes
    ----------
    x, y : Tensor, shapes (1, N) and (N, 1)
        Coordinates of the points.
    k_x, k_y : Tensor, shapes (1, N // 2 + 1) and (N, 1)
        Angular wavenumbers.
    k_squared, k_radial, inverse_k_squared : Tensor, shape (N, N // 2 + 1)
        ``|k|**2``, ``|k|`` and ``1 / |k|**2``, the last with 0 for the mean.
    mask : Tensor, shape (N, N // 2 + 1)
        1 where both ``|k_x|`` and ``|k_y|`` are below N / 3 (in units of 2 pi / length), else 0: symmetric
        in the sign of k and free of aliasing for quadratic terms (Orszag, J. Atmos. Sci. 28, 1971).
    below_nyquist : Tensor, shape (N, N // 2 + 1)
        1 for the modes whose sign the grid can tell, 0 for the Nyquist row and column, which therefore have
        no derivative and no velocity.

    Examples
    --------
    >>> grid = Grid(8)
    >>> grid.k_x
    tensor([[0., 1., 2., 3., 4.]])
    >>> int(grid.mask.sum())  # modes that the 2/3 rule keeps
    15
    """

    x: Tensor
    y: Tensor
    k_x: Tensor
    k_y: Tensor
    k_squared: Tensor
    k_radial: Tensor
    inverse_k_squared: Tensor
    mask: Tensor
    below_nyquist: Tensor

    def __init__(self, size: int, length: float = 2 * math.pi, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        check_grid(size, length, dtype)
        self.size = int(size)
        self.length = float(length)
        self.dtype = dtype
        self.dx = self.length / self.size
        self.field_sizes = {"n": self.size, "m": self.size // 2 + 1}  # what a door holds fields against
        # Formed in float64 and rounded once, so that float32 and float64 grids agree to one rounding.
        points = torch.arange(size, dtype=torch.float64) * self.dx
        mode_x = torch.fft.rfftfreq(size, 1 / size, dtype=torch.float64)[None, :]
        mode_y = torch.fft.fftfreq(size, 1 / size, dtype=torch.float64)[:, None]
        unit = 2 * math.pi / self.length
        k_squared = (unit * mode_x) ** 2 + (unit * mode_y) ** 2
        inverse = torch.where(k_squared > 0, 1 / k_squared.clamp(min=unit**2 / 2), 0.0)
        arrays = {
            "x": points[None, :],
            "y": points[:, None],
            "k_x": unit * mode_x,
            "k_y": unit * mode_y,
            "k_squared": k_squared,
            "k_radial": k_squared.sqrt(),
            "inverse_k_squared": inverse,
            "mask": (mode_x.abs() < size / 3) & (mode_y.abs() < size / 3),
            "below_nyquist": (mode_x.abs() < size / 2) & (mode_y.abs() < size / 2),
        }
        for name, values in arrays.items():
            self.register_buffer(name, values.to(dtype), persistent=False)

    @property
    def complex_dtype(self) -> torch.dtype:
        """Return the complex type of the grid's precision."""
        return self.dtype.to_complex()

    def to_spectral(self, field: Field) -> Spectrum:
        """Transform a field, shape (..., N, N), to its half spectrum, shape (..., N, N // 2 + 1)."""
        return torch.fft.rfft2(field)

    def to_physical(self, spectrum: Spectrum) -> Field:
        """Transform a half spectrum, shape (..., N, N // 2 + 1), to its field, shape (..., N, N)."""
        return torch.fft.irfft2(spectrum, s=(self.size, self.size))

    def check_spectrum(self, spectrum: Tensor, name: str = "omega_hat") -> None:
        """Raise ValueError unless a spectrum has this grid's shape and precision, and is of a real field.

        Where a half spectrum holds both of two conjugate modes, ``k_x = 0`` and the Nyquist column, they must
        be conjugate, but for rounding.
        """
        shape = (self.size, self.size // 2 + 1)
        if tuple(spectrum.shape[-2:]) != shape:
            needed = f"(..., {shape[0]}, {shape[1]})"
            raise ValueError(f"{name} has shape {tuple(spectrum.shape)}: this grid needs {needed}")
        if spectrum.dtype != self.complex_dtype:
            raise ValueError(f"{name} has dtype {spectrum.dtype}: this grid needs {self.complex_dtype}")
        if not bool(torch.isfinite(torch.view_as_real(spectrum)).all()):
            raise ValueError(f"{name} holds values that are not finite: every value must be a finite number")
        both = spectrum[..., [0, -1]]
        opposite = both.flip(-2).roll(1, -2).conj()
        least = math.sqrt(torch.finfo(spectrum.dtype).eps) * spectrum.abs().amax()
        if bool(((both - opposite).abs() > least).any()):
            raise ValueError(
                f"{name} is the spectrum of no real field: in its first and last column the modes of k_y and "
                "-k_y must be conjugate, as those of torch.fft.rfft2 are"
            )

    def extra_repr(self) -> str:
        """Return the parameters that make this grid."""
        return f"size={self.size}, length={self.length:.6g}, dtype={self.dtype}"


@door
def check_wavenumber(size: int, k: int, name: str) -> int:
    """Return k as an integer; ValueError unless a grid tells its sign, 1 to N / 2 - 1."""
    largest = size // 2 - 1
    if k != int(k) or not 1 <= k <= largest:
        raise ValueError(f"{name}={k}: a grid of {size} points carries whole numbers from 1 to {largest}")
    return int(k)


@door
def check_grid(size: int, length: float = 2 * math.pi, dtype: torch.dtype = torch.float32) -> None:
    """Raise ValueError for parameters that make no grid."""
    if size != int(size) or size % 2 or size < SMALLEST_SIZE:
        raise ValueError(f"size={size}: a grid needs an even number of points, at least {SMALLEST_SIZE}")
    if size > LARGEST_SIZE:
        raise ValueError(f"size={size}: a grid has at most {LARGEST_SIZE} points a side")
    if not 1e-30 < length < 1e30:
        raise ValueError(f"length={length}: the side of the square must be a positive number, 1e-30 to 1e30")
    if dtype not in (torch.float32, torch.float64):
        raise ValueError(f"dtype={dtype}: a grid is torch.float32 or torch.float64")


def by_columns(spectrum: Tensor) -> Tensor:
    """Return the same values with each column, the modes of one k_x, in one piece of memory.

    In this order the transforms along y and everything that is done mode by mode read what lies side by side.
    """
    return spectrum.mT.contiguous().mT


@door
def resize(spectrum: Spectrum, size_from: int, size_to: Annotated[int, Range(2, LARGEST_SIZE)]) -> Resized:
    """Carry a half spectrum to another grid of the same square, keeping the modes that both resolve.

    ``new[k] = (size_to / size_from)**2 * spectrum[k]`` for ``|k_x|, |k_y| < min(size_from, size_to) / 2``,
    all others zero. The Nyquist modes are dropped, for a grid cannot tell their sign: so the map commutes
    with rotation by 90 degrees. The sizes are points per side, the shapes (..., size, size // 2 + 1).

    Raises ValueError if the spectrum does not have ``size_from`` points per side.

    Examples
    --------
    >>> grid, finer = Grid(16), Grid(32)
    >>> fine = resize(grid.to_spectral(torch.cos(grid.x + grid.y)), 16, 32)
    >>> torch.allclose(finer.to_physical(fine), torch.cos(finer.x + finer.y), atol=1e-6)
    True
    """
    if tuple(spectrum.shape[-2:]) != (size_from, size_from // 2 + 1):
        needed = f"(..., {size_from}, {size_from // 2 + 1})"
        raise ValueError(f"spectrum has shape {tuple(spectrum.shape)}: size_from={size_from} needs {needed}")
    half = (min(size_from, size_to) + 1) // 2
    scaled = spectrum[..., :half] * (size_to / size_from) ** 2
    new = spectrum.new_zeros((*spectrum.shape[:-2], size_to, size_to // 2 + 1))
    new[..., :half, :half] = scaled[..., :half, :]
    new[..., size_to - half + 1 :, :half] = scaled[..., size_from - half + 1 :, :]
    return new

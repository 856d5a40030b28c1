"""Make kernels whose type is known, and see how often the rule finds it."""

from collections.abc import Callable

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from tlfourier.doors import door
from tlfourier.fourier.filter_types import LABELS
from tlfourier.shapes import Count, Finite, GridSize, Seed

Coordinates = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Positions y (k, 1) and x (1, k), or both (k, k), in grid points from the centre."""


@door
def synthetic_kernels(
    count: Count, seed: Seed, noise: Finite = 0.1, kernel_size: GridSize = 5
) -> tuple[NDArray[np.float64], np.ndarray]:
    """Return ``count`` kernels of each of the four filter types, with their labels.

    low-pass: Gaussians, round and elongated, and box means. band-pass: differences of Gaussians of equal
    sums, and Bessel rings. high-pass: Laplacians, the identity minus a Gaussian, windowed checkerboards.
    gabor: Gabor filters at every angle and phase, and first derivatives of Gaussians. Sign and amplitude
    are random. Raises ValueError for smaller kernels and negative noise.

    Parameters
    ----------
    count : int
        Kernels per type.
    seed : int
        Seed of all draws.
    noise : float
        Standard deviation of white noise, zero or more, relative to each kernel's root mean square.
    kernel_size : int
        At least 5: the 13 independent powers of a 3 x 3 kernel do not hold the types apart from noise.

    Returns
    -------
    kernels : ndarray, shape (4 count, k, k)
    labels : ndarray of str, shape (4 count)
    """
    if kernel_size < 5 or noise < 0:
        raise ValueError(f"kernel_size={kernel_size}, noise={noise}: give kernel_size >= 5 and noise >= 0")
    generator = np.random.default_rng(seed)
    points = np.arange(kernel_size) - (kernel_size - 1) / 2
    grid = (points[:, None], points[None, :])
    clean = np.array([make(grid, generator) for make in _MAKERS.values() for _ in range(count)])
    clean /= np.sqrt(np.square(clean).mean((1, 2), keepdims=True))
    noisy = clean + noise * generator.standard_normal(clean.shape)
    amplitude = 10 ** generator.uniform(-3, 1, len(noisy)) * generator.choice([-1, 1], len(noisy))
    return noisy * amplitude[:, None, None], np.repeat(list(_MAKERS), count)


@door
def confusion_matrix(truth: ArrayLike, found: ArrayLike) -> xr.DataArray:
    """Count how often each true type (rows) was given each name (columns).

    ``truth``, ``found``: types out of `LABELS`, equal shapes, else ValueError. The result has dimensions
    (truth, found): counts; attribute ``accuracy``, the share on the diagonal.
    """
    rows, columns = np.asarray(truth).ravel(), np.asarray(found).ravel()
    unknown = sorted((set(rows.tolist()) | set(columns.tolist())) - set(LABELS))
    if rows.shape != columns.shape or rows.size == 0 or unknown:
        raise ValueError(
            f"{rows.size} true, {columns.size} found, unknown {unknown}: types are {', '.join(LABELS)}"
        )
    counts = np.array([[np.sum((rows == t) & (columns == f)) for f in LABELS] for t in LABELS])
    coords = {"truth": list(LABELS), "found": list(LABELS)}
    attributes = {"accuracy": float(np.mean(rows == columns))}
    return xr.DataArray(counts, coords, ("truth", "found"), "count", attributes)


@door
def gaussian(grid: Coordinates, width: float, ratio: float = 1.0, angle: float = 0.0) -> NDArray[np.float64]:
    """Return a Gaussian of standard deviation ``width``, ``ratio`` times longer across ``angle``, sum 1."""
    along, across = _turned(grid, angle)
    bell = np.exp(-(along**2 + (across / ratio) ** 2) / (2 * width**2))
    return np.asarray(bell / bell.sum())


@door
def gabor(
    grid: Coordinates, wavelength: float, angle: float, phase: float, width: float, ratio: float = 1.0
) -> NDArray[np.float64]:
    """Return a Gaussian of standard deviation ``width`` times a plane wave along ``angle``."""
    along, _ = _turned(grid, angle)
    return np.asarray(np.cos(2 * np.pi * along / wavelength + phase) * gaussian(grid, width, ratio, angle))


def _turned(grid: Coordinates, angle: float) -> Coordinates:
    """Return coordinates along and across a direction."""
    y, x = grid
    return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)


def _low_pass(grid: Coordinates, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw a smoothing kernel."""
    if generator.random() < 0.25:
        y, x = grid
        height, width = generator.uniform(1, len(x.ravel()) / 2 + 0.5, 2)
        return ((np.abs(y) <= height) & (np.abs(x) <= width)).astype(float)
    return gaussian(grid, generator.uniform(0.6, 2.5), generator.uniform(1, 2), generator.uniform(0, np.pi))


def _band_pass(grid: Coordinates, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw an isotropic ring in wavenumber."""
    if generator.random() < 0.5:
        width = generator.uniform(0.7, 1.2)
        return gaussian(grid, width) - gaussian(grid, width * generator.uniform(1.4, 2.5))
    wavenumber, angles = generator.uniform(1.5, 2.1), np.linspace(0, np.pi, 16, endpoint=False)
    waves = [np.cos(wavenumber * _turned(grid, angle)[0]) for angle in angles]
    return np.asarray(np.mean(waves, axis=0) * gaussian(grid, generator.uniform(1.2, 2.0)))


def _high_pass(grid: Coordinates, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw a kernel that passes the shortest waves."""
    y, x = grid
    near, far = np.abs(y) + np.abs(x), np.maximum(np.abs(y), np.abs(x))
    size = len(x.ravel())
    # On even sizes no point is the centre; the one beside it serves.
    centre = np.zeros((size, size))
    centre[size // 2, size // 2] = 1
    choice = generator.integers(3)
    if choice == 0 and size % 2:
        edges, corners = (near == 1).astype(float), ((near == 2) & (far == 1)).astype(float)
        around = edges + generator.uniform(0, 1) * corners
        return np.asarray(around - around.sum() * centre)
    if choice == 1 and size % 2:
        return np.asarray(centre - gaussian(grid, generator.uniform(0.8, 2.0)))
    checkerboard = np.where((np.indices((size, size)).sum(0)) % 2, -1.0, 1.0)
    return np.asarray(checkerboard * gaussian(grid, generator.uniform(0.7, 2.5)))


def _gabor(grid: Coordinates, generator: np.random.Generator) -> NDArray[np.float64]:
    """Draw an oriented kernel with two lobes."""
    angle = generator.uniform(0, np.pi)
    if generator.random() < 0.2:
        return np.asarray(_turned(grid, angle)[0] * gaussian(grid, generator.uniform(0.7, 1.8)))
    wavelength, phase = generator.uniform(2.2, 4.5), generator.uniform(0, 2 * np.pi)
    return gabor(grid, wavelength, angle, phase, generator.uniform(1.0, 1.8), generator.uniform(1, 1.5))


_MAKERS: dict[str, Callable[[Coordinates, np.random.Generator], NDArray[np.float64]]] = {
    "low-pass": _low_pass, "band-pass": _band_pass, "high-pass": _high_pass, "gabor": _gabor,
}  # fmt: skip

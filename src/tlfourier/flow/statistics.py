"""The distribution of vorticity and its memory, accumulated snapshot by snapshot."""

import math
from collections import deque
from typing import Annotated, Any, TypeAlias

import numpy as np
import torch
import xarray as xr

from tlfourier.doors import door
from tlfourier.flow.grid import Grid, resize
from tlfourier.limits import Range
from tlfourier.shapes import Count, Field, Positive, Spectrum
from tlfourier.takes import described


@door
def seconds(time: Any) -> np.ndarray:
    """Return a time axis in float64: numbers as they are, durations in seconds, dates since the first.

    Raises ValueError for what is no time, or not a time (NaT, NaN).
    """
    values = np.asarray(time)
    if values.dtype.kind == "M":
        values = values - values.ravel()[:1]
    if values.dtype.kind == "m":
        values = np.where(np.isnat(values), np.nan, values / np.timedelta64(1, "s"))
    if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
        raise ValueError(
            f"a time axis of {values.dtype}: accepted are finite numbers, datetime64 and timedelta64"
        )
    return values.astype(np.float64)


Lags: TypeAlias = Annotated[int, Range(0, 10**6)]
"""How many snapshots one reaches back."""


@door
class VorticityPDF:
    """Accumulate the distribution of ω in units of its standard deviation σ(t).

    Scaling each snapshot by its own σ needs one pass only and has a meaning for a decaying flow too.
    The histogram has ``bins`` bins from ``-limit`` to ``limit``, in σ.
    """

    def __init__(self, limit: Positive = 12.0, bins: Count = 240) -> None:
        self.edges = np.linspace(-limit, limit, bins + 1)
        self.counts = np.zeros(bins, dtype=np.int64)
        self.total = 0

    def add(self, omega: Field) -> None:
        """Count the points of a field of mean zero, shape (..., n, n)."""
        values = omega.double().cpu().numpy()
        sigma = max(float(values.std()), np.finfo(float).tiny)
        self.counts += np.histogram(values / sigma, self.edges)[0]
        self.total += values.size

    def result(self) -> xr.DataArray:
        """Return the density over ``sigma``; ``attrs["outside"]`` is the fraction beyond the histogram."""
        total = max(self.total, 1)
        density = self.counts / (total * np.diff(self.edges))
        centres = 0.5 * (self.edges[1:] + self.edges[:-1])
        attrs = {"long_name": "probability density of ω / σ", "units": "1"}
        axis = ("sigma", centres, {"long_name": "ω / σ", "units": "1"})
        outside = (self.total - int(self.counts.sum())) / total
        return xr.DataArray(density, {"sigma": axis}, attrs={**attrs, "outside": outside})


@door
class Autocorrelation:
    """Accumulate the correlation of vorticity patterns over time lags, keeping ``lags`` small fields.

    ``C(lag) = mean_t <omega(t) omega(t + lag)> / sqrt(<omega(t)**2> <omega(t + lag)**2>)``

    No time mean is subtracted: a decaying flow has none and a short series no reliable one. What is left in C
    makes the decorrelation time, and so the gaps between blocks of data, longer rather than shorter. ``lags``
    is the longest lag in snapshots, ``size`` the points per side to which the snapshots are truncated: what
    an LES sees, and little memory.
    """

    def __init__(self, grid: Grid, lags: Lags, size: Annotated[int, Range(2)] = 64) -> None:
        self.size_from, self.size_to = grid.size, min(size, grid.size)
        self.recent: deque[np.ndarray] = deque(maxlen=lags + 1)
        self.sums = np.zeros(lags + 1)
        self.counts = np.zeros(lags + 1, dtype=np.int64)

    def forget(self) -> None:
        """Begin another run: what comes is not correlated with what was."""
        self.recent.clear()

    def add(self, omega_hat: Spectrum) -> None:
        """Correlate a snapshot, shape (n, n // 2 + 1), with the ones before it."""
        n = self.size_to
        field = torch.fft.irfft2(resize(omega_hat, self.size_from, n), s=(n, n)).cpu().numpy().ravel()
        norm = float(np.linalg.norm(field))
        self.recent.appendleft(field / norm if norm > 0 else field)
        for lag, earlier in enumerate(self.recent):
            self.sums[lag] += float(np.dot(self.recent[0], earlier))
            self.counts[lag] += 1

    def result(self) -> np.ndarray:
        """Return C at the lags 0, 1, ..., as far as there was any pair of snapshots."""
        seen = self.counts > 0
        return self.sums[seen] / self.counts[seen]


@door
def decorrelation_time(correlation: np.ndarray, interval: float | np.timedelta64) -> float:
    """Return the lag at which the correlation first falls to 1/e, by linear interpolation between samples.

    ``correlation`` is C at the lags ``0, interval, 2 * interval, ...``, shape (lags,); infinite if it stays
    above 1/e. An ``interval`` that is a timedelta64 counts in seconds. Raises ValueError for one that is not
    positive, or a correlation that is not finite.
    """
    interval = float(seconds(interval))
    if correlation.ndim != 1 or correlation.dtype.kind not in "fiu":
        raise ValueError(f"{described('correlation', correlation)}: real numbers over the lags are needed")
    if not (interval > 0 and np.isfinite(correlation).all()):
        raise ValueError(
            f"interval={interval:g}, C={np.asarray(correlation)}: both must be finite, the first positive"
        )
    level = math.exp(-1)
    below = np.flatnonzero(np.asarray(correlation) <= level)
    if below.size == 0:
        return math.inf
    j = int(below[0])
    if j == 0:
        return 0.0
    fraction = (correlation[j - 1] - level) / (correlation[j - 1] - correlation[j])
    return float(interval * (j - 1 + fraction))


@door
def integral_time(series: np.ndarray, interval: Positive) -> float:
    """Return the integral time of a series, ``τ = Δt (1/2 + Σ ρ(k))`` over the lags k ≥ 1.

    A mean over a time T is worth T / (2 τ) independent samples. The sum ends at the first lag of at least
    five times the τ that it makes (Sokal, 1997, doi:10.1007/978-1-4899-0319-8_6): what lies beyond is noise.

    Parameters
    ----------
    series : array, shape (n,)
        Values at equal intervals, at least two that differ; their mean is subtracted.
    interval : float
        Δt.

    Returns
    -------
    float
        In the units of the interval. A series that is shorter than its memory gives too small a value.

    Raises
    ------
    ValueError
        For a series that is not a row of finite numbers, all of one value, or alternating at every step.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> round(integral_time(rng.normal(size=100_000), interval=2.0), 1)  # white noise remembers nothing
    1.0
    """
    if series.ndim != 1 or series.dtype.kind not in "fiu" or not np.isfinite(series).all():
        raise ValueError(f"{described('series', series)}: finite real numbers over time are needed")
    if series.size < 2 or not np.ptp(series) > 0:
        raise ValueError(f"series of {series.size} equal values: at least two that differ are needed")
    values = series - series.mean(dtype=float)
    padded = np.fft.rfft(values, 2 * values.size)
    covariance = np.fft.irfft(np.abs(padded) ** 2)[: values.size]
    sums = np.cumsum(covariance / covariance[0]) - 0.5
    enough = np.flatnonzero(np.arange(values.size) >= 5 * sums)
    if (steps := float(sums[enough[0] if enough.size else -1])) <= 0:
        raise ValueError(f"series of {series.size} values that alternate: it has no integral time")
    return float(interval) * steps

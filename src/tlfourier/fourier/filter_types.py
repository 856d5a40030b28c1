"""Name the kind of filter that a kernel is, by a rule on its normalised power.

The rule sees `kernel_power` only, so the amplitude, the sign and the position of a kernel do not matter. With
P(k) the normalised power, in this order:

1. **unclassified**: P is nearly flat (all-pass; relative deviation below ``contrast``), or has no simple
   shape (below ``structure``): neither the symmetry of the grid, nor one pair of lobes, nor a single
   direction explains it.
2. **low-pass**: the maximum sits at k = 0, elsewhere P <= ``rise`` P(0); elongated ones count as low-pass.
3. **gabor**: oriented, two lobes at +-k: ``abs(sum P exp(2i theta)) / sum P`` over k > 0 is at least
   ``anisotropy``, or P depends on one direction only (``one_dimensional``). Derivatives of smooth kernels
   belong here.
4. **high-pass**: beyond 0.9 pi the mean power is at least ``high_ratio`` times that of the middle band.
5. **band-pass**: what remains, a ring.
"""

from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor

from tlfourier.doors import door
from tlfourier.fourier.kernels import Power, kernel_power, power_wavenumbers

LABELS = ("low-pass", "band-pass", "high-pass", "gabor", "unclassified")
"""The names that `classify` gives, in the order of every table and figure."""

MIDDLE_BAND, HIGH_EDGE, LOBE_RADIUS = (1.1, 2.3), 0.9 * np.pi, 1.4
"""Edges of the middle band, where the high band begins, the radius of a lobe: radians per grid spacing."""


@door
@dataclass(frozen=True)
class Rule:
    """Thresholds of the rule, each a pure number; the module's text says what each one decides.

    Parameters
    ----------
    contrast : float
        Smallest standard deviation of P relative to its mean.
    structure : float
        Smallest share of P that one simple shape must explain.
    rise : float
        Largest max P / P(0) of a low-pass; above 1, for noise moves the maximum of a broad one.
    anisotropy : float
        Smallest anisotropy of a Gabor filter.
    one_dimensional : float
        Smallest share of the variance of P explained by one direction alone.
    high_ratio : float
        Smallest ratio of the mean powers of high and middle band of a high-pass.
    """

    contrast: float = 0.22
    structure: float = 0.58
    rise: float = 1.15
    anisotropy: float = 0.2
    one_dimensional: float = 0.75
    high_ratio: float = 0.7

    def __post_init__(self) -> None:
        """Raise ValueError for a threshold that is no finite number."""
        for threshold in fields(self):
            value = getattr(self, threshold.name)
            if not np.isfinite(value):
                raise ValueError(f"{threshold.name}={value}: a threshold is a finite number")


@door
def classify(weights: Tensor | ArrayLike, rule: Rule | None = None) -> np.ndarray:
    """Return the filter type of every kernel, one of `LABELS`, shape (...).

    ``weights`` of shape (..., k, k): kernels of any size; those of size 1 are all-pass, hence unclassified.
    ``rule``: thresholds. Raises ValueError if the kernels are not square or not finite.

    Examples
    --------
    >>> mean, laplacian = [[1, 1, 1], [1, 1, 1], [1, 1, 1]], [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]
    >>> derivative = [[0, 0, 0], [1, 0, -1], [0, 0, 0]]
    >>> classify(np.array([mean, laplacian, derivative])).tolist()
    ['low-pass', 'high-pass', 'gabor']
    """
    return _decide(features(kernel_power(weights)), rule or Rule())


@door
def features(power: Power) -> dict[str, Tensor]:
    """Measure what the rule needs, one number per kernel, named as the thresholds of `Rule`.

    ``power`` is from `kernel_power`.
    """
    power = power.double()
    tables = _tables(power.shape[-1])
    flat = power.flatten(-2)
    total = flat.sum(-1)
    deviation = flat - flat.mean(-1, keepdim=True)
    variance = deviation.square().sum(-1)
    moment = (flat * tables["moving"]) @ tables["double_angle"]
    one_dimensional = torch.stack([_explained(deviation, variance, tables[d]) for d in _DIRECTIONS]).amax(0)
    lobes = _ratio((flat * tables["lobes"][flat.argmax(-1)]).sum(-1), total)
    symmetric = 1 - (1 - _explained(deviation, variance, tables["symmetric"])) * tables["adjust"]
    return {
        "contrast": _ratio(variance.sqrt() * flat.shape[-1] ** 0.5, total),
        "structure": torch.stack([symmetric, lobes, one_dimensional]).amax(0),
        "rise": _rise(flat),
        "anisotropy": _ratio(torch.linalg.vector_norm(moment, dim=-1), flat @ tables["moving"]),
        "one_dimensional": one_dimensional,
        "high_ratio": _ratio(flat @ tables["high"], flat @ tables["middle"]),
    }


@door
def class_fractions(labels: np.ndarray, weights: ArrayLike | None = None) -> xr.DataArray:
    """Return the share of each filter type among labels, dimension ``type`` in the order of `LABELS`.

    ``weights``, zero or more and not all zero, say how much each label counts, in their shape; by default all
    count alike. Raises ValueError if there is no label or an unknown one, or for other weights.
    """
    flat = np.asarray(labels).ravel()
    unknown = sorted(set(flat.tolist()) - set(LABELS))
    if flat.size == 0 or unknown:
        raise ValueError(f"labels={unknown or 'none'}: the filter types are {', '.join(LABELS)}")
    counts = np.ones(flat.size) if weights is None else np.asarray(weights, dtype=float).ravel()
    if counts.shape != flat.shape or not (counts >= 0).all() or not 0 < counts.sum() < np.inf:
        found = f"{counts.size} weights for {flat.size} labels"
        raise ValueError(f"{found}: one for each is needed, finite, zero or more, and not all of them zero")
    shares = [float(counts[flat == label].sum() / counts.sum()) for label in LABELS]
    return xr.DataArray(shares, {"type": list(LABELS)}, "type", "fraction", {"units": "1"})


@door
def threshold_sensitivity(
    weights: Tensor | ArrayLike, rule: Rule | None = None, change: float = 0.2
) -> xr.DataArray:
    """Return the share of kernels that change type when one threshold moves by a factor 1 -+ ``change``.

    Dimensions (threshold, shift).

    Parameters
    ----------
    weights : Tensor or array_like, shape (..., k, k)
        Kernels.
    rule : Rule, optional
        Thresholds to start from.
    change : float
        Relative shift of each threshold, one at a time.
    """
    rule = rule or Rule()
    measured = features(kernel_power(weights))
    reference = _decide(measured, rule)
    names = [field.name for field in fields(rule)]
    shifts = [-change, change]
    moved = [
        [
            float(np.mean(_decide(measured, replace(rule, **{n: getattr(rule, n) * (1 + s)})) != reference))
            for s in shifts
        ]
        for n in names
    ]
    coords = {"threshold": names, "shift": shifts}
    return xr.DataArray(moved, coords, ("threshold", "shift"), "changed", {"units": "1"})


def _decide(measured: dict[str, Tensor], rule: Rule) -> np.ndarray:
    """Apply the rule to measured features."""
    f = {name: values.numpy() for name, values in measured.items()}
    unclassified = (f["contrast"] < rule.contrast) | (f["structure"] < rule.structure)
    oriented = (f["anisotropy"] >= rule.anisotropy) | (f["one_dimensional"] >= rule.one_dimensional)
    cases = [unclassified, f["rise"] <= rule.rise, oriented, f["high_ratio"] >= rule.high_ratio]
    return np.select(cases, ["unclassified", "low-pass", "gabor", "high-pass"], "band-pass")


def _ratio(numerator: Tensor, denominator: Tensor) -> Tensor:
    """Return the quotient, 0 where the denominator is 0 (a kernel of zeros)."""
    return numerator / torch.where(denominator > 0, denominator, torch.inf)


def _explained(deviation: Tensor, variance: Tensor, basis: Tensor) -> Tensor:
    """Return the share of the variance that lies in the span of an orthonormal basis."""
    return _ratio((deviation @ basis).square().sum(-1), variance)


def _rise(flat: Tensor) -> Tensor:
    """Return the largest value over that in the middle, k = 0; infinite where the mean is not passed."""
    middle = flat[..., flat.shape[-1] // 2]
    return torch.where(middle > 0, flat.amax(-1) / middle, torch.inf)


_DIRECTIONS = ("rows", "columns", "diagonals", "antidiagonals")


@lru_cache(maxsize=16)
def _tables(size: int) -> dict[str, Tensor]:
    """Return, for power of shape (size, size), flattened: weights, masks and bases of the features."""
    half = (size - 1) // 2
    k_y, k_x = power_wavenumbers(half + 1)
    radius, angle = torch.hypot(*torch.broadcast_tensors(k_y, k_x)).ravel(), torch.atan2(k_y, k_x).ravel()
    m = torch.arange(-half, half + 1)
    m_y, m_x = m.repeat_interleave(size), m.repeat(size)
    # An orbit of the square's eight symmetries is named by its two distances in order.
    low, high = torch.minimum(m_y.abs(), m_x.abs()), torch.maximum(m_y.abs(), m_x.abs())
    orbits, values = (half + 1) * (half + 2) // 2, (size**2 + 1) // 2
    middle = ((radius > MIDDLE_BAND[0]) & (radius <= MIDDLE_BAND[1])).double()
    beyond = (radius > HIGH_EDGE).double()
    return {
        "moving": (radius > 0).double(),
        "double_angle": torch.stack([torch.cos(2 * angle), torch.sin(2 * angle)], dim=-1),
        "symmetric": _averaging(low + size * high),
        # Adjusted R^2: many orbits explain much of anything, so chance is taken off.
        "adjust": torch.tensor(max(values - 1, 1) / max(values - orbits, 1)).double(),
        "rows": _averaging(m_y),
        "columns": _averaging(m_x),
        "diagonals": _averaging((m_y + m_x) % size),
        "antidiagonals": _averaging((m_y - m_x) % size),
        "lobes": _lobes(m_y, m_x, size),
        "middle": middle / middle.sum().clamp(min=1),
        "high": beyond / beyond.sum().clamp(min=1),
    }


def _averaging(group: Tensor) -> Tensor:
    """Return an orthonormal basis (n, groups) of the functions that are constant on each group."""
    members = (group[:, None] == group.unique()[None, :]).double()
    return members / members.sum(0).sqrt()


def _lobes(m_y: Tensor, m_x: Tensor, size: int) -> Tensor:
    """Return for each wavenumber as the maximum (row) the mask of the two lobes around it and its mirror."""
    half, spacing = (size - 1) // 2, 2 * torch.pi / size

    def distance(sign: int) -> Tensor:
        d_y = (m_y[None, :] - sign * m_y[:, None] + half) % size - half
        d_x = (m_x[None, :] - sign * m_x[:, None] + half) % size - half
        return torch.hypot(d_y.double(), d_x.double()) * spacing

    return (torch.minimum(distance(1), distance(-1)) <= LOBE_RADIUS).double()

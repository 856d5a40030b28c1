"""Group kernels by the shape of their power with k-means, beside the rule and without its names."""

import contextlib
from typing import Annotated

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor

from tlfourier.doors import door
from tlfourier.fourier.filter_types import LABELS
from tlfourier.fourier.kernels import independent_power, kernel_power, power_wavenumbers
from tlfourier.limits import Holds
from tlfourier.shapes import Count, Seed


@door
def cluster(
    weights: Tensor | ArrayLike, clusters: int = 6, seed: Seed = 0, restarts: Count = 5
) -> xr.Dataset:
    """Group kernels by k-means on the independent values of their unit-normalised power.

    Of several seeded k-means++ starts the one with the smallest inertia is kept. Clusters are numbered by the
    mean wavenumber of their power, low to high; the amplitude of a kernel plays no part.

    Parameters
    ----------
    weights : Tensor or array_like, shape (..., k, k)
        Kernels.
    clusters : int
        Number of groups, at most that of different kernels (else ValueError).
    seed : int
        Seed of the starts.
    restarts : int
        Number of starts.

    Returns
    -------
    Dataset
        ``label`` (kernel), ``centre`` (cluster, k_y, k_x) the mean power of each group, ``fraction``
        (cluster); attribute ``inertia``, the summed squared distance to the centres.
    """
    power = kernel_power(weights)
    power = power.reshape(-1, *power.shape[-2:])
    points = independent_power(power).numpy()
    if not 1 <= clusters <= len(np.unique(points.round(12), axis=0)):
        raise ValueError(f"clusters={clusters}: give 1 up to the number of different kernels")
    labels, inertia = _best_start(points, clusters, np.random.default_rng(seed), restarts)
    centres = np.stack([power.numpy()[labels == c].mean(0) for c in range(clusters)])
    k_y, k_x = power_wavenumbers((power.shape[-1] + 1) // 2)
    radius = torch.hypot(*torch.broadcast_tensors(k_y, k_x)).numpy()
    order = np.argsort((centres * radius).sum((1, 2)), kind="stable")
    fraction = np.bincount(labels, minlength=clusters)[order] / len(labels)
    return xr.Dataset(
        {
            "label": ("kernel", np.argsort(order)[labels]),
            "centre": (("cluster", "k_y", "k_x"), centres[order]),
            "fraction": ("cluster", fraction, {"units": "1"}),
        },
        {"cluster": np.arange(clusters), "k_y": k_y.ravel().numpy(), "k_x": k_x.ravel().numpy()},
        {"inertia": inertia},
    )


@door
def types_of_clusters(groups: Annotated[xr.Dataset, Holds("label")], types: ArrayLike) -> xr.DataArray:
    """Return which filter types the rule sees in each k-means group.

    ``groups``: from `cluster`. ``types``: the rule's type of each of the same kernels, in the same order;
    ValueError if there are fewer or more. The result has dimensions (cluster, type): shares that sum to one
    in each group; attribute ``purity``, the share of all kernels that have the commonest type of their group.
    """
    names = np.asarray(types).ravel()
    labels = groups["label"].values
    if names.shape != labels.shape:
        raise ValueError(f"{names.size} types for {labels.size} kernels: give one for each")
    clusters = groups["cluster"].values
    counts = np.array([[np.sum((labels == c) & (names == t)) for t in LABELS] for c in clusters])
    coords = {"cluster": clusters, "type": list(LABELS)}
    shares = xr.DataArray(counts / counts.sum(1, keepdims=True), coords, ("cluster", "type"), "share")
    return shares.assign_attrs(purity=float(counts.max(1).sum() / labels.size))


def _best_start(
    points: np.ndarray, clusters: int, generator: np.random.Generator, restarts: Count
) -> tuple[np.ndarray, float]:
    """Return labels and inertia of the best of several k-means++ starts."""
    from scipy.cluster.vq import ClusterError, kmeans2

    starts: list[tuple[np.ndarray, float]] = []
    for attempt in range(20 * restarts):
        if starts and attempt >= restarts:
            break
        with contextlib.suppress(ClusterError):  # a group ran empty: the next start draws other centres
            centres, labels = kmeans2(points, clusters, 100, minit="++", missing="raise", rng=generator)
            starts.append((labels, float(np.square(points - centres[labels]).sum())))
    if not starts:
        raise ValueError(f"clusters={clusters}: groups run empty, give fewer clusters")
    return min(starts, key=lambda start: start[1])

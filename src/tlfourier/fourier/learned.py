"""Count the filter types of what training adds to a network's kernels, W - W0, beside nulls of its size.

Much of a trained kernel is what it began with, so the types of W are partly those of noise. W - W0 is all
that training did; many of these differences are small, and both nulls keep the norm of each.
"""

import numpy as np
import xarray as xr
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.fourier.filter_types import Rule, class_fractions, classify
from tlfourier.fourier.surrogates import gaussian_like, phase_randomised
from tlfourier.fourier.type_fractions import by_layer, counted, noise_fractions, repeated
from tlfourier.shapes import Count, Seed


@door
def learned_fractions(
    network: nn.Module, initial: nn.Module, rule: Rule | None = None, seed: Seed = 0, draws: Count = 5
) -> xr.Dataset:
    """Return the class fractions of ``W - W0`` of every layer, and of all kernels, beside both nulls.

    Raises ValueError for networks of two architectures, kernels smaller than 5 x 5, and a layer in which
    nothing was learned.

    Parameters
    ----------
    network, initial : nn.Module
        The trained network, and the same one at initialisation, from the same seed.
    rule : Rule, optional
        Thresholds of `classify`.
    seed : int
        Seed of both nulls.
    draws : int
        Copies of each null.

    Returns
    -------
    Dataset
        ``learned`` (layer, type); ``learned_by_norm`` (layer, type), counted with the weight
        ``||W - W0||_F``; the nulls of ``W - W0``, ``learned_gaussian`` of `gaussian_like` and
        ``learned_randomised`` of `phase_randomised`, (layer, draw, type); ``noise`` (layer, type) of
        white noise; ``moved`` (layer), ``||W - W0|| / ||W||`` of the whole layer; ``kernels`` (layer). The
        last entry of ``layer`` is ``"all"``, the mean weighted with the number of kernels.
    """

    def look(trained: Tensor, fresh: Tensor) -> xr.Dataset:
        added, size = trained - fresh, counted(trained)
        labels, norms = classify(added, rule), added.norm(dim=(-2, -1)).numpy()
        if not norms.any():
            raise ValueError("W - W0 is zero in a whole layer: give the network after training, and before")
        return xr.Dataset(
            {
                "learned": class_fractions(labels),
                "learned_by_norm": class_fractions(labels, norms),
                "learned_gaussian": repeated(gaussian_like, added, rule, seed, draws),
                "learned_randomised": repeated(phase_randomised, added, rule, seed, draws),
                "noise": noise_fractions(size, rule),
                "moved": (added.norm() / trained.norm()).item(),
                "kernels": labels.size,
            },
            {"draw": np.arange(draws)},
        )

    return by_layer(network, initial, look)

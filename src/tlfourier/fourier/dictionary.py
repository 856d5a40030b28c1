"""Explain kernels by a small dictionary of filters, instead of naming each by a rule.

The rule of `tlfourier.fourier.classify` says yes or no of one kernel. A dictionary says how much of the shape
of the kernels' power it explains, whether or not a kernel is a clear case. With P the unit-normalised power
of a kernel on n wavenumbers, D = P - 1/n is what it has beyond an all-pass, and an atom A (likewise without
its mean, of norm 1) explains ``max(0, D . A)**2`` of ``||D||**2``: the atom may be present at any strength,
on a flat floor.
"""

import numpy as np
import torch
import xarray as xr
from numpy.typing import ArrayLike
from torch import Tensor

from tlfourier.doors import door
from tlfourier.fourier.clusters import cluster
from tlfourier.fourier.filter_types import LABELS
from tlfourier.fourier.kernels import Power, as_kernels, kernel_power
from tlfourier.fourier.surrogates import phase_randomised
from tlfourier.fourier.synthetic import synthetic_kernels
from tlfourier.shapes import Count, GridSize, Seed

ATOMS = 8
"""The size of a dictionary: two atoms for each of the four families."""

FAMILIES = LABELS[:4]
"""The filter types of which a dictionary is made."""


@door
def family_atoms(kernel_size: GridSize = 5, atoms: Count = ATOMS) -> Power:
    """Return a dictionary of the four families: the mean powers of groups of synthetic kernels.

    ``kernel_size``: k, at least 5. ``atoms``: how many, a multiple of four (else ValueError); each family has
    as many. The result is of shape (atoms, 2 k - 1, 2 k - 1), in the order of `FAMILIES`; it rests on
    `synthetic_kernels` alone and on no network.
    """
    if atoms % len(FAMILIES):
        raise ValueError(f"atoms={atoms}: a multiple of {len(FAMILIES)} is needed, as many for each family")
    kernels, labels = synthetic_kernels(250, seed=0, noise=0.0, kernel_size=kernel_size)
    parts = [cluster(kernels[labels == name], atoms // len(FAMILIES))["centre"].values for name in FAMILIES]
    return torch.from_numpy(np.concatenate(parts))


@door
def explained_share(weights: Tensor | ArrayLike, atoms: Power) -> float:
    """Return the share of the power of kernels that a dictionary explains, one atom for each kernel.

    ``sum max_j max(0, D . A_j)**2 / sum ||D||**2`` over all kernels, D and A_j as in the module's text: 1 if
    each kernel is one of the atoms on a flat floor, 0 if none is like any.

    Parameters
    ----------
    weights : Tensor or array_like, shape (..., k, k)
        Kernels; their amplitude plays no part. Zeros and all-passes have nothing to explain: if all are
        such, ValueError.
    atoms : Tensor, shape (atoms, 2 k - 1, 2 k - 1)
        Powers as of `kernel_power`, for kernels of the same size (else ValueError); what is flat explains
        nothing.

    Examples
    --------
    >>> smooth, edge = torch.ones(1, 5, 5), torch.tensor([[[0, 0, 0], [1.0, 0, -1], [0, 0, 0]]])
    >>> round(explained_share(-3 * smooth, kernel_power(smooth)), 6)
    1.0
    >>> explained_share(edge, kernel_power(torch.ones(1, 3, 3)))
    0.0
    """
    power = kernel_power(weights)
    if atoms.ndim != 3 or atoms.shape[-1] != power.shape[-1]:
        has, needs = tuple(atoms.shape), power.shape[-1]
        raise ValueError(f"atoms of shape {has}: (atoms, {needs}, {needs}) is needed for these kernels")
    shape, axes = (_beyond_flat(one.reshape(-1, power.shape[-1] ** 2)) for one in (power, atoms.double()))
    lengths = axes.norm(dim=-1, keepdim=True)
    axes = axes / torch.where(lengths > 1e-12, lengths, torch.inf)
    total = shape.square().sum()
    if not total > 1e-24:
        raise ValueError("weights hold only zeros and all-passes: there is no shape of power to explain")
    return ((shape @ axes.T).amax(-1).clamp(min=0).square().sum() / total).item()


@door
def held_out_share(weights: Tensor | ArrayLike, atoms: Count = ATOMS, seed: Seed = 0) -> float:
    """Return `explained_share` by k-means centres that have not seen the kernels which they explain.

    The kernels are divided at random in two halves; the centres of each explain the other, and the mean
    counts.

    ``weights`` of shape (..., k, k): at least ``2 atoms`` kernels (else ValueError). ``atoms``: number of
    centres. ``seed``: of the halves and of k-means.
    """
    kernels = as_kernels(weights).flatten(0, -3)
    if len(kernels) < 2 * atoms:
        raise ValueError(f"{len(kernels)} kernels, atoms={atoms}: two for each atom are needed")
    halves = np.array_split(np.random.default_rng(seed).permutation(len(kernels)), 2)
    shares = []
    for seen, unseen in (halves, halves[::-1]):
        centres = cluster(kernels[torch.from_numpy(seen)], atoms, seed)["centre"].values
        shares.append(explained_share(kernels[torch.from_numpy(unseen)], torch.from_numpy(centres)))
    return float(np.mean(shares))


@door
def explained_with_nulls(
    weights: Tensor | ArrayLike,
    initial: Tensor | ArrayLike,
    atoms: Count = ATOMS,
    seed: Seed = 0,
    draws: Count = 5,
) -> xr.DataArray:
    """Return how much of kernels' power two dictionaries of one size explain, beside both null models.

    Raises ValueError if there are not as many initial kernels, or too few of both.

    Parameters
    ----------
    weights, initial : Tensor or array_like, shape (..., k, k)
        Trained kernels, and those of the same network at initialisation.
    atoms : int
        Size of both dictionaries, a multiple of four.
    seed : int
        Seed of the random phases, and of k-means.
    draws : int
        Number of phase-randomised copies, of which the mean counts.

    Returns
    -------
    DataArray
        `explained_share` over (dictionary, origin). ``dictionary``: ``families``, `family_atoms`;
        ``centres``, `held_out_share`, so that each set of kernels has centres of its own. ``origin`` of the
        kernels: ``trained``, ``initial``, ``randomised``.
    """
    trained, fresh = (as_kernels(one).flatten(0, -3) for one in (weights, initial))
    if trained.shape != fresh.shape:
        shapes = f"initial of shape {tuple(fresh.shape)}, weights {tuple(trained.shape)}"
        raise ValueError(f"{shapes}: as many kernels of one size are needed")
    copies = [phase_randomised(trained, seed + draw) for draw in range(draws)]
    families = family_atoms(trained.shape[-1], atoms)
    rows = [
        [float(np.mean([share(one) for one in some])) for some in ([trained], [fresh], copies)]
        for share in (
            lambda one: explained_share(one, families),
            lambda one: held_out_share(one, atoms, seed),
        )
    ]
    coords = {"dictionary": ["families", "centres"], "origin": ["trained", "initial", "randomised"]}
    return xr.DataArray(rows, coords, ("dictionary", "origin"), "explained", {"units": "1", "atoms": atoms})


def _beyond_flat(power: Tensor) -> Tensor:
    """Return powers (kernels, n) without their mean."""
    return power - power.mean(-1, keepdim=True)

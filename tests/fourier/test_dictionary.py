"""Dictionaries: what they explain where the answer is known, and what they explain of noise."""

import numpy as np
import pytest
import torch

from tlfourier.fourier import (
    LABELS,
    classify,
    cluster,
    explained_share,
    explained_with_nulls,
    family_atoms,
    held_out_share,
    kernel_power,
    synthetic_kernels,
)

SMOOTH, CHECKERBOARD = torch.ones(5, 5), (-1.0) ** np.indices((5, 5)).sum(0)


def noise(count: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 5, 5, generator=torch.Generator().manual_seed(seed))


def test_an_atom_explains_itself_at_any_amplitude_and_every_other_by_its_cosine() -> None:
    atoms = kernel_power(np.stack([SMOOTH, CHECKERBOARD]))
    assert explained_share(np.stack([-7e-9 * SMOOTH, 1e9 * CHECKERBOARD]), atoms) == pytest.approx(1)
    first, second = (one.flatten().numpy() for one in atoms - atoms.mean((1, 2), keepdim=True))
    cosine = first @ second / np.linalg.norm(first) / np.linalg.norm(second)
    assert cosine < 0 and explained_share(SMOOTH[None], atoms[1:]) == 0  # an atom is never taken away
    edge = torch.tensor([[1.0, 0, -1], [2, 0, -2], [1, 0, -1]])
    third = (kernel_power(edge) - kernel_power(edge).mean()).flatten().numpy()
    other = kernel_power(torch.ones(3, 3))
    shape = (other - other.mean()).flatten().numpy()
    cosine = third @ shape / np.linalg.norm(third) / np.linalg.norm(shape)
    assert cosine > 0
    assert explained_share(edge[None], other[None]) == pytest.approx(cosine**2)


def test_kernels_without_a_shape_have_nothing_to_explain_and_do_not_count() -> None:
    delta, zero = torch.zeros(2, 5, 5)
    delta[2, 2] = 1
    atoms = kernel_power(SMOOTH[None])
    assert explained_share(torch.stack([SMOOTH, delta, zero]), atoms) == pytest.approx(1)
    assert explained_share(SMOOTH[None], kernel_power(delta[None])) == 0
    with pytest.raises(ValueError, match="only zeros and all-passes"):
        explained_share(torch.stack([delta, zero]), atoms)


@pytest.mark.parametrize("atoms", [4, 8, 12])
def test_the_dictionary_has_atoms_of_every_family(atoms: int) -> None:
    found = family_atoms(5, atoms)
    assert found.shape == (atoms, 9, 9)
    torch.testing.assert_close(found.sum((1, 2)), torch.ones(atoms, dtype=torch.float64))
    each = atoms // 4
    for number, name in enumerate(LABELS[:4]):
        kernels, labels = synthetic_kernels(60, seed=9, noise=0.0)
        mine = explained_share(kernels[labels == name], found[number * each : (number + 1) * each])
        others = np.delete(np.arange(atoms), np.s_[number * each : (number + 1) * each])
        assert mine > explained_share(kernels[labels == name], found[torch.from_numpy(others)])


def test_clear_kernels_are_explained_and_noise_is_not() -> None:
    kernels, _ = synthetic_kernels(100, seed=3)
    fresh = noise(400)
    found = explained_with_nulls(kernels, fresh, draws=2)
    assert found.dims == ("dictionary", "origin") and ((found >= 0) & (found <= 1)).all()
    assert (found.sel(origin="trained") > 0.55).all()
    assert (found.sel(origin="initial") < 0.25).all()
    assert (found.sel(origin="trained") > found.sel(origin="randomised")).all()
    # noise against noise: no dictionary holds more of the one than of the other
    again = explained_with_nulls(noise(400, seed=1), fresh, draws=2)
    assert abs(again - again.sel(origin="initial")).max() < 0.03


def test_centres_explain_what_they_have_not_seen() -> None:
    """Of a population of two shapes two centres explain all, of noise less than of the noise they saw."""
    two = torch.stack([SMOOTH, torch.from_numpy(CHECKERBOARD).float()]).repeat(20, 1, 1)
    assert held_out_share(two + 1e-6 * noise(40), atoms=2) == pytest.approx(1)
    kernels = noise(60)
    seen = explained_share(kernels, torch.from_numpy(cluster(kernels, 8)["centre"].values))
    assert held_out_share(kernels, 8) < seen
    assert held_out_share(kernels, 8, seed=3) == pytest.approx(held_out_share(4 * kernels, 8, seed=3))


def test_the_atoms_of_a_family_are_of_its_type() -> None:
    """The rule, which knows no dictionary, names the kernel nearest to each atom as its family."""
    kernels, labels = synthetic_kernels(250, seed=0, noise=0.0)
    power = kernel_power(kernels).flatten(1)
    for number, atom in enumerate(family_atoms(5, 4)):
        own = labels == LABELS[number]
        nearest = (power[own] - atom.flatten()).norm(dim=1).argmin()
        assert classify(kernels[own][nearest]) == LABELS[number]


def test_bad_input_is_refused_in_one_sentence() -> None:
    with pytest.raises(ValueError, match="atoms=6: a multiple of 4"):
        family_atoms(5, 6)
    with pytest.raises(ValueError, match=r"atoms of shape \(8, 9, 9\): \(atoms, 13, 13\) is needed"):
        explained_share(torch.randn(3, 7, 7), family_atoms())
    with pytest.raises(ValueError, match="9 kernels, atoms=8"):
        held_out_share(noise(9))
    with pytest.raises(ValueError, match="as many kernels of one size"):
        explained_with_nulls(noise(20), noise(21))

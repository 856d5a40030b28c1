"""What enters a public function becomes what its annotations say, or is refused in one sentence."""

from __future__ import annotations

import inspect
import math
import pkgutil
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier.doors import door
from tlfourier.flow import spectra
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import random_vorticity
from tlfourier.flow.steppers import IFRK4, State
from tlfourier.shapes import Count, Field

GRID = Grid(16, dtype=torch.float64)
OMEGA_HAT = random_vorticity(GRID, seed=1, k_peak=3.0)
EQUATION = VorticityEquation(GRID, viscosity=1e-2)
G = TypeVar("G", bound=Grid)
FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "array": np.copy,
    "big endian": lambda values: values.astype(values.dtype.newbyteorder(">")),
    "backwards": lambda values: np.ascontiguousarray(values[::-1, ::-1])[::-1, ::-1],
    "by columns": np.asfortranarray,
    "read-only": lambda values: np.frombuffer(values.tobytes(), values.dtype).reshape(values.shape),
    "list": lambda values: values.tolist(),
    "labelled": xr.DataArray,
    "conjugate": lambda values: torch.from_numpy(values.conj()).conj(),
    "with gradient": lambda values: torch.from_numpy(values).requires_grad_(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_spectrum_and_a_field_are_taken_in_every_form(form: str) -> None:
    field = GRID.to_physical(OMEGA_HAT)
    for ask, given in (
        (GRID.to_physical, OMEGA_HAT),
        (GRID.to_spectral, field),
        (EQUATION.tendency, OMEGA_HAT),
        (lambda values: spectra.energy_spectrum(GRID, values), OMEGA_HAT),
        (lambda values: IFRK4(EQUATION, 0.01)(State(values)).omega_hat, OMEGA_HAT),
    ):
        other = FORMS[form](given.numpy().copy())
        assert torch.equal(ask(other).detach(), ask(given))


def test_what_is_a_tensor_already_passes_as_it_is() -> None:
    @door
    def same(values: Tensor, field: Field) -> tuple[Tensor, Field]:
        return values, field

    integers, field = torch.arange(3), torch.ones(2, 4, 4)
    assert same(integers, field)[0] is integers and same(integers, field)[1] is field


def test_whole_numbers_take_the_precision_of_the_grid() -> None:
    whole = np.arange(64).reshape(8, 8)
    for dtype in (torch.float32, torch.float64):
        grid = Grid(8, dtype=dtype)
        found = grid.to_spectral(whole)  # type: ignore[arg-type]
        assert torch.equal(found, grid.to_spectral(torch.from_numpy(whole).to(dtype)))
    half = torch.full((8, 8), 6e4, dtype=torch.float16)  # whose sum overflows
    assert Grid(8).to_spectral(half)[0, 0].real == pytest.approx(64 * 6e4, rel=1e-3)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (None, "field=None in Grid.to_spectral: accepted are real numbers of shape (..., 16, 16)"),
        ("noise", "field='noise' in Grid.to_spectral"),
        ({"omega": 1}, "field, a dict, in Grid.to_spectral"),
        (np.zeros((16, 16), complex), "field of shape (16, 16) and type complex128 in Grid.to_spectral"),
        (np.zeros((16, 8)), "field has shape (16, 8): this grid needs (..., 16, 16)"),
        (np.zeros((0, 16, 16)), "field of shape (0, 16, 16) and type float64 in Grid.to_spectral"),
        (3.0, "accepted are real numbers of shape (..., 16, 16)"),
        (torch.zeros(16, 16).to_sparse(), "field of layout sparse_coo in Grid.to_spectral"),
        (np.array([None]), "field of shape (1,) and type object in Grid.to_spectral"),
        (np.ma.masked_invalid(np.full((16, 16), np.nan)), "field of shape (16, 16)"),
    ],
)
def test_what_is_no_field_is_refused_in_one_sentence(given: Any, sentence: str) -> None:
    with pytest.raises(ValueError) as caught:
        GRID.to_spectral(given)
    assert sentence in str(caught.value) and "\n" not in str(caught.value)


def test_numbers_are_taken_from_numpy_and_torch_and_words_are_not() -> None:
    for size in (np.int64(16), np.array(16), torch.tensor(16), 16.0, np.float32(16)):
        assert Grid(size, np.float32(2)).size == 16  # type: ignore[arg-type]
    for wrong in ("16", 16.5, True, None, 16j, np.array([16, 16]), math.nan):
        with pytest.raises(ValueError, match=r"^size.* in Grid: accepted is a whole number$"):
            Grid(wrong)  # type: ignore[arg-type]
    for length in ("1", None, False, 1j, 10**400):
        with pytest.raises(ValueError, match=r"^length=.* in Grid: accepted is a number$"):
            Grid(16, length)  # type: ignore[arg-type]


def test_a_range_and_another_object_are_part_of_the_annotation() -> None:
    @door
    def several(count: Count, grid: Grid | None = None, network: nn.Linear | None = None) -> int:
        return count if network is None else network.in_features

    assert several(3, network=nn.DataParallel(nn.Linear(5, 1))) == 5  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="count=0 in several: accepted is a whole number from 1 on, at most"):
        several(0)
    with pytest.raises(ValueError, match="grid=7 in several: accepted is a Grid or None"):
        several(1, grid=7)  # type: ignore[arg-type]


def test_a_lone_number_is_no_sequence_and_a_bound_is_an_annotation() -> None:
    @door
    def several(lengths: Sequence[float], grid: G) -> tuple[Sequence[float], G]:
        return lengths, grid

    assert several(np.arange(3), GRID)[0] == [0.0, 1.0, 2.0]  # type: ignore[arg-type]
    for wrong in (torch.zeros(()), np.zeros(()), torch.zeros(3).to_sparse(), 1.0):
        with pytest.raises(ValueError, match="^lengths.* in several: accepted is a sequence"):
            several(wrong, GRID)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="grid=7 in several: accepted is a Grid"):
        several([1.0], 7)  # type: ignore[type-var]


def test_spectra_that_do_not_go_together_are_refused() -> None:
    two, three = (torch.stack([OMEGA_HAT] * count) for count in (2, 3))
    with pytest.raises(ValueError, match="a_hat of shape .* and b_hat of shape .* leading dimensions"):
        spectra.cross_density(GRID, two, three)
    with pytest.raises(ValueError, match="omega_hat has shape .*: this grid needs"):
        spectra.energy(Grid(8), OMEGA_HAT)


ROOMS = ("flow", "closure", "fourier", "scorecard", "figures")
INSIDE = {"by_columns"}  # at every step of the solver


def public(room: str) -> list[tuple[str, Any]]:
    """Return the public functions and classes of a room, but for errors and protocols."""
    package = import_module(f"tlfourier.{room}")
    found = []
    for part in pkgutil.iter_modules(package.__path__):
        module = import_module(f"tlfourier.{room}.{part.name}")
        for name, one in vars(module).items():
            ours = getattr(one, "__module__", "") == module.__name__ and not name.startswith("_")
            if ours and name not in INSIDE and (inspect.isfunction(one) or inspect.isclass(one)):
                found.append((f"{module.__name__}.{name}", one))
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_function_and_class_has_a_door(room: str) -> None:
    without = []
    for name, one in public(room):
        if inspect.isclass(one) and (issubclass(one, Exception) or getattr(one, "_is_protocol", False)):
            continue
        source = inspect.getsource(one)
        if "@door" not in source.partition("def " if inspect.isfunction(one) else "class ")[0]:
            takes = inspect.isclass(one) or bool(inspect.signature(one).parameters)
            without += [name] if takes else []
    assert without == []

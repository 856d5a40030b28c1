"""Whatever is given to a public function, the answer is that of a tensor, or one sentence of ours."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import Tensor, nn

from tlfourier import fourier
from tlfourier.closure.filters import Filter, gaussian, subgrid_term
from tlfourier.closure.network import Network, NetworkSpec, predict
from tlfourier.closure.scores import score
from tlfourier.flow import anisotropy, energetics, spectra
from tlfourier.flow.dissipation import exponential_filter
from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid, resize
from tlfourier.flow.initial import lamb_dipole, random_vorticity, taylor_green
from tlfourier.flow.layers import Layers, two_layers
from tlfourier.flow.normal_modes import normal_modes
from tlfourier.flow.quasigeostrophic import QuasiGeostrophicEquation
from tlfourier.flow.simulate import Schedule
from tlfourier.flow.statistics import decorrelation_time
from tlfourier.flow.steppers import AB2CN, AB3, IFRK4, State

GRID, FINE = Grid(16, dtype=torch.float64), Grid(32, dtype=torch.float64)
OMEGA_HAT, FINE_HAT = random_vorticity(GRID, 1, 3.0), random_vorticity(FINE, 1, 3.0)
EQUATION = VorticityEquation(GRID, 1e-2, drag=0.1, forcing_hat=two_way_cosine(GRID, 2))
LAYERS = two_layers(0.5, 0.25, beta=1.0, drag=0.1, velocity=(0.3, 0.0))
OCEAN = QuasiGeostrophicEquation(GRID, LAYERS)
Q_HAT = random_vorticity(GRID, 1, 3.0, members=2)
NETWORK = Network(NetworkSpec(layers=2, channels=2, kernel_size=3))
INPUTS = torch.randn(3, 2, 16, 16, generator=torch.Generator().manual_seed(0))
KERNELS = torch.randn(4, 3, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
WAVES = torch.arange(5.0, dtype=torch.float64)
Call = tuple[Callable[..., Any], dict[str, Any]]
WAVE_ARGUMENTS = {"k_x": WAVES, "k_y": WAVES, "width": 0.5}

CALLS: dict[str, Call] = {
    "grid": (lambda **given: Grid(**given).k_x, {"size": 16, "length": 2.0}),
    "to_spectral": (GRID.to_spectral, {"field": GRID.to_physical(OMEGA_HAT)}),
    "to_physical": (GRID.to_physical, {"spectrum": OMEGA_HAT}),
    "resize": (resize, {"spectrum": OMEGA_HAT, "size_from": 16, "size_to": 32}),
    "equation": (
        lambda **given: VorticityEquation(**given).linear,
        {"grid": GRID, "viscosity": 0.1, "drag": 0.1, "beta": 0.1, "forcing_hat": OMEGA_HAT * GRID.mask},
    ),
    "tendency": (EQUATION.tendency, {"omega_hat": OMEGA_HAT, "closure": torch.zeros_like}),
    "accumulate": (EQUATION.accumulate, {"onto": OMEGA_HAT, "omega_hat": OMEGA_HAT, "factor": 0.1}),
    "random_vorticity": (random_vorticity, {"grid": GRID, "seed": 1, "k_peak": 3.0, "members": 2}),
    "taylor_green": (taylor_green, {"grid": GRID, "k": 2}),
    "lamb_dipole": (lamb_dipole, {"grid": GRID, "radius": 0.6, "speed": 1.0}),
    "mean_product": (spectra.mean_product, {"grid": GRID, "a_hat": OMEGA_HAT, "b_hat": OMEGA_HAT}),
    "energy_spectrum": (spectra.energy_spectrum, {"grid": GRID, "omega_hat": OMEGA_HAT}),
    "budget": (spectra.budget, {"equation": EQUATION, "omega_hat": OMEGA_HAT}),
    "decorrelation_time": (decorrelation_time, {"correlation": np.array([1.0, 0.1]), "interval": 0.5}),
    "schedule": (
        lambda **given: Schedule(**given).snapshot_times(),
        {"spin_up": 1.0, "interval": 0.5, "snapshots": 3, "cfl": 0.8, "dt": 0.1},
    ),
    "ifrk4": (lambda **given: IFRK4(EQUATION, 0.01)(State(**given)).omega_hat, {"omega_hat": OMEGA_HAT}),
    "ab2cn": (
        lambda **given: AB2CN(EQUATION, 0.01)(State(**given)).omega_hat,
        {"omega_hat": OMEGA_HAT, "time": 0.5, "memory": OMEGA_HAT},
    ),
    "ab3": (
        lambda **given: AB3(OCEAN, 0.01)(State(**given)).omega_hat,
        {"omega_hat": Q_HAT, "time": 0.5, "memory": torch.stack((Q_HAT, Q_HAT))},
    ),
    "layers": (
        lambda **given: Layers(**given).stretching(),
        {"thickness": (1.0, 2.0), "coupling": (3.0,), "velocity": (0.1, 0.0), "beta": 1.0, "drag": 0.1},
    ),
    "layered equation": (
        lambda **given: QuasiGeostrophicEquation(**given).linear,
        {
            "grid": GRID,
            "layers": LAYERS,
            "hyperviscosity": 0.1,
            "power": 2,
            "step_filter": exponential_filter(GRID),
        },
    ),
    "layered tendency": (OCEAN.tendency, {"omega_hat": Q_HAT, "closure": torch.zeros_like}),
    "layered energy": (energetics.energy, {"equation": OCEAN, "omega_hat": Q_HAT}),
    "layered budget": (
        energetics.budget,
        {"equation": OCEAN, "omega_hat": Q_HAT, "dt": 0.1, "sgs_hat": Q_HAT},
    ),
    "meridional_spectrum": (
        anisotropy.meridional_spectrum,
        {"grid": GRID, "density": spectra.densities(GRID, OMEGA_HAT)["energy"]},
    ),
    "velocity_share": (anisotropy.velocity_share, {"grid": GRID, "omega_hat": OMEGA_HAT}),
    "normal_modes": (lambda **given: normal_modes(**given)[0], {"layers": LAYERS, "k_x": 1.0, "k_y": 0.5}),
    "gaussian": (gaussian, WAVE_ARGUMENTS),
    "subgrid_term": (
        subgrid_term,
        {
            "omega_hat": FINE_HAT,
            "fine_equation": VorticityEquation(FINE, 1e-2),
            "coarse_equation": EQUATION,
            "filter": Filter(FINE, GRID),
        },
    ),
    "network": (NETWORK, {"inputs": INPUTS}),
    "predict": (predict, {"network": NETWORK, "inputs": INPUTS, "batch_size": 2}),
    "score": (score, {"prediction": INPUTS[:, 0], "truth": INPUTS[:, 1], "length": 6.0}),
    "classify": (fourier.classify, {"weights": KERNELS}),
    "network_kernels": (fourier.network_kernels, {"module": NETWORK}),
    "activation_spectra": (
        fourier.activation_spectra,
        {"module": NETWORK, "inputs": INPUTS, "batch_size": 2},
    ),
    "kernel_change": (fourier.kernel_change, {"before": KERNELS, "after": 2 * KERNELS, "size": 16}),
}


def odd() -> Iterator[Any]:
    """Yield what is no argument of anything, or of few things."""
    yield from (None, "word", b"bytes", True, 2.5, -3, 0, 10**30, float("nan"), float("inf"), 1j, object())
    yield from ([], [[1.0], [1.0, 2.0]], {"a": 1}, np.array([None, "a"]), np.array(["a"]), np.zeros(3))
    yield from (torch.zeros(()), torch.zeros(0, 16, 16), torch.zeros(16, 9), torch.zeros(4, 4).to_sparse())
    yield from (torch.zeros(2, 16, 16, dtype=torch.complex64), Grid(8), xr.Dataset(), Grid, iter(()))


def same(values: Tensor) -> Iterator[Any]:
    """Yield the numbers of a tensor in other forms."""
    array = values.detach().numpy().copy()
    yield from (
        array,
        xr.DataArray(array),
        np.asfortranarray(array),
        torch.from_numpy(array).requires_grad_(),
    )
    yield array.astype(array.dtype.newbyteorder(">"))
    yield np.ascontiguousarray(array[..., ::-1])[..., ::-1]
    array = array.copy()
    array.flags.writeable = False
    yield array


def parts(found: Any) -> list[np.ndarray]:
    """Return the arrays that an answer is made of."""
    if isinstance(found, Mapping):
        return [part for name in found for part in parts(found[name])]
    return [found.detach().numpy() if isinstance(found, Tensor) else np.asarray(found)]


@pytest.mark.filterwarnings("ignore")  # infinities, which are numbers
@pytest.mark.parametrize("name", CALLS)
def test_what_is_no_argument_is_refused_in_one_sentence(name: str) -> None:
    call, arguments = CALLS[name]
    for argument in arguments:
        for value in odd():
            try:
                call(**{**arguments, argument: value})
            except ValueError as error:
                assert 10 < len(str(error)) < 600 and "\n" not in str(error), f"{argument}={value!r}: {error}"


@pytest.mark.parametrize("name", CALLS)
def test_the_same_numbers_in_another_form_give_the_same_answer(name: str) -> None:
    call, arguments = CALLS[name]
    expected = parts(call(**arguments))
    for argument, value in arguments.items():
        others: list[Any] = []
        if isinstance(value, Tensor):
            others = list(same(value))
        elif type(value) is int:
            others = [np.int64(value), np.array(value), torch.tensor(value)]
        elif type(value) is float:
            others = [np.float64(value), np.array(value), torch.tensor(value, dtype=torch.float64)]
        elif isinstance(value, Network):
            others = [nn.DataParallel(value)]
        for other in others:
            kept = np.array(other) if isinstance(other, np.ndarray) else None
            for one, wanted in zip(parts(call(**{**arguments, argument: other})), expected, strict=True):
                np.testing.assert_array_equal(one, wanted)
            assert kept is None or np.array_equal(kept, other)

"""Other people's solvers of the same equation, set to the same problem, in float64."""

import contextlib
import functools
import io
import math
import os
import tempfile
from collections.abc import Callable
from importlib import import_module
from typing import Any, TypeAlias

import h5netcdf
import numpy as np
import torch

from benchmarks.case import Case, Contestant

Maker: TypeAlias = Callable[[Case, float], Contestant]
"""What builds a contestant for a case and a step."""

EVALUATIONS = {"crank_nicolson_rk4": 5, "crank_nicolson_rk2": 2, "RK4": 4, "RK2": 2}
"""Evaluations per step of the peers' schemes; jax-cfd's fourth-order one has five stages."""


def available(makers: dict[str, Maker]) -> tuple[dict[str, Maker], list[str]]:
    """Return the peers that are installed, and a sentence for each that is not."""
    found, skipped = {}, []
    for name, make in makers.items():
        try:
            make(Case(16), 1e-3)
        except ModuleNotFoundError as error:
            skipped.append(f"{name} ({error}; install the extra 'peers')")
        else:
            found[name] = make
    return found, skipped


def jax_cfd(
    case: Case, dt: float, precomputed: bool = True, scheme: str = "crank_nicolson_rk4"
) -> Contestant:
    """Return jax-cfd's spectral solver (Dresdner et al., TMLR 2023) with a Runge-Kutta scheme.

    Its arrays are ordered (x, y), so fields are transposed. Its own 2/3 mask keeps one more negative than
    positive wavenumber: the symmetric one takes its place, so that the two codes solve the same equation. It
    transforms the forcing anew at each evaluation; ``precomputed`` spares it that.

    Raises
    ------
    ModuleNotFoundError
        If jax-cfd is not installed.
    """
    os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    jax.config.update("jax_enable_x64", True)
    import jax.numpy as jnp
    from jax_cfd.base import grids
    from jax_cfd.spectral import equations, time_stepping

    k_f, side = case.k_f, 2 * np.pi
    grid = grids.Grid((case.size, case.size), domain=((0, side), (0, side)))
    points = np.arange(case.size) * side / case.size
    x, y = np.meshgrid(points, points, indexing="ij")

    class Force:
        def __init__(self, data: np.ndarray) -> None:
            self.data = jnp.asarray(data)

    # The curl of (sin(k y), -sin(k x)) is -k (cos(k x) + cos(k y)).
    force = Force(np.sin(k_f * y)), Force(-np.sin(k_f * x))
    curl_hat = jnp.fft.rfftn(jnp.asarray(-k_f * (np.cos(k_f * x) + np.cos(k_f * y))))

    class Precomputed(equations.NavierStokes2D):
        def explicit_terms(self, vorticity_hat: object) -> object:
            return super().explicit_terms(vorticity_hat) + curl_hat

    options = {"drag": case.drag, "smooth": True}
    if precomputed:
        equation = Precomputed(case.viscosity, grid, **options)
    else:
        equation = equations.NavierStokes2D(
            case.viscosity, grid, forcing_fn=lambda grid: lambda velocity: force, **options
        )
    equation.filter_ = jnp.asarray(case.grid().mask.numpy())
    step = jax.jit(getattr(time_stepping, scheme)(equation, dt))

    def begin(omega: np.ndarray) -> object:
        return jnp.fft.rfftn(jnp.asarray(np.ascontiguousarray(omega.T)))

    def finish(state: Any) -> np.ndarray:
        return np.asarray(jnp.fft.irfftn(state)).T

    def one(state: object) -> object:
        return step(state).block_until_ready()

    return Contestant("jax-cfd", EVALUATIONS[scheme], one, begin, finish)


def fluidsim(case: Case, dt: float, scheme: str = "RK4") -> Contestant:
    """Return fluidsim's solver ns2d (Mohanan et al., J. Open Res. Softw. 7, 2019) with FFTW.

    Its plans use as many threads as torch; the rest of it runs on one. It has no drag and no steady forcing:
    the drag joins its exact linear part, which costs nothing, and the forcing is added to its tendency, one
    pass over an array. Its Runge-Kutta schemes treat the linear part exactly, as ours does. It
    writes nothing.

    Raises
    ------
    ModuleNotFoundError
        If fluidsim or pyfftw is not installed.
    """
    os.environ.setdefault("FLUIDSIM_PATH", _scratch())
    transforms: Any = import_module("fluiddyn.calcul.easypyfft")
    transforms.nthreads = torch.get_num_threads()
    opened = h5netcdf.File
    base = import_module("fluidsim.solvers.ns2d.solver").Simul
    h5netcdf.File = opened  # fluidsim puts a partial in its place, which no isinstance of xarray survives

    class Forced(base):  # type: ignore[misc, valid-type]
        source: np.ndarray

        def compute_freq_diss(self) -> tuple[np.ndarray, np.ndarray]:
            viscous, hypoviscous = super().compute_freq_diss()
            return viscous + case.drag, hypoviscous

        def tendencies_nonlin(self, state_spect: Any = None, old: Any = None) -> Any:
            tendency = super().tendencies_nonlin(state_spect, old)
            tendency += self.source
            return tendency

    with contextlib.redirect_stdout(io.StringIO()):
        simulation = Forced(_parameters(base, case, dt, scheme))
    operators, state = simulation.oper, simulation.state
    # The same modes as ours, in case the two codes round the 2/3 differently.
    operators.where_dealiased = (case.grid().mask.numpy() == 0).astype("uint8")
    waves = np.cos(case.k_f * np.arange(case.size) * 2 * np.pi / case.size)
    simulation.source = operators.fft(-case.k_f * (waves[None, :] + waves[:, None]))

    def begin(omega: np.ndarray) -> object:
        state.init_statephys_from(rot=omega.copy())
        state.statespect_from_statephys()
        state.statephys_from_statespect()
        return simulation

    def finish(simulation: Any) -> np.ndarray:
        return np.array(simulation.state.get_var("rot"))

    def one(simulation: Any) -> object:
        simulation.time_stepping.one_time_step_computation()
        return simulation

    return Contestant("fluidsim", EVALUATIONS[scheme], one, begin, finish)


def _parameters(simulation: Any, case: Case, dt: float, scheme: str) -> Any:
    """Return fluidsim's parameters of a case, without output."""
    parameters = simulation.create_default_params()
    parameters.nu_2 = case.viscosity
    parameters.oper.nx = parameters.oper.ny = case.size
    parameters.oper.Lx = parameters.oper.Ly = 2 * math.pi
    parameters.oper.type_fft = "fft2d.with_pyfftw"
    parameters.time_stepping.USE_CFL = False
    parameters.time_stepping.deltat0 = dt
    parameters.time_stepping.type_time_scheme = scheme
    parameters.init_fields.type = "in_script"
    parameters.output.HAS_TO_SAVE = False
    parameters.output.periods_print.print_stdout = 0
    return parameters


@functools.cache
def _scratch() -> str:
    """Return a folder for what fluidsim might write, removed when the process ends."""
    folder = tempfile.TemporaryDirectory(prefix="fluidsim-")
    _KEPT.append(folder)
    return folder.name


_KEPT: list[tempfile.TemporaryDirectory[str]] = []

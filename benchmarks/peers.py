"""Other people's solvers of the same equation, set to the same problem."""

import os

import numpy as np

from benchmarks.case import Case, Contestant

STAGES = 5
"""Stages of jax-cfd's crank_nicolson_rk4, each with one evaluation."""


def jax_cfd(case: Case, dt: float, precomputed: bool) -> Contestant:
    """Return jax-cfd's spectral solver (Dresdner et al., TMLR 2023) with its fourth-order Runge-Kutta scheme.

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
    step = jax.jit(time_stepping.crank_nicolson_rk4(equation, dt))

    def begin(omega: np.ndarray) -> object:
        return jnp.fft.rfftn(jnp.asarray(np.ascontiguousarray(omega.T)))

    def finish(state: object) -> np.ndarray:
        return np.asarray(jnp.fft.irfftn(state)).T

    def one(state: object) -> object:
        return step(state).block_until_ready()

    return Contestant(
        "jax-cfd, forcing precomputed" if precomputed else "jax-cfd", STAGES, one, begin, finish
    )

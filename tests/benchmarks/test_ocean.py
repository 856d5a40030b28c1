"""The comparison with pyqg: our steps are its steps, written down once more in numpy."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest

from benchmarks import ocean
from benchmarks.ocean import Ocean, as_pyqg
from benchmarks.solver import distance


def literal(case: Ocean, q: np.ndarray, steps: int) -> np.ndarray:
    """Return potential vorticity some steps later as pyqg's documentation writes it, in its sign of psi."""
    n, unit = case.size, math.tau / case.length
    k, l = np.meshgrid(unit * np.fft.rfftfreq(n, 1 / n), unit * np.fft.fftfreq(n, 1 / n))  # noqa: E741
    k_squared = k**2 + l**2
    first = case.deformation_radius**-2 / (1 + case.thickness_ratio)
    second = case.thickness_ratio * first
    mean = np.array([0.025, 0.0])[:, None, None]
    gradient = case.beta + np.array([first * 0.025, -second * 0.025])[:, None, None]
    k_dx = np.sqrt(k_squared) * case.length / n
    factor = np.where(k_dx <= 0.65 * math.pi, 1.0, np.exp(-23.6 * (k_dx - 0.65 * math.pi) ** 4))
    determinant = k_squared * (k_squared + first + second)
    determinant[0, 0] = np.inf
    weights = [(1.0,), (1.5, -0.5), (23 / 12, -16 / 12, 5 / 12)]
    q_hat = np.fft.rfft2(q)
    tendencies: list[np.ndarray] = []
    for step in range(steps):
        psi_hat = -np.stack(
            [
                ((k_squared + second) * q_hat[0] + first * q_hat[1]) / determinant,
                ((k_squared + first) * q_hat[1] + second * q_hat[0]) / determinant,
            ]
        )
        u, v, q = (np.fft.irfft2(one, (n, n)) for one in (-1j * l * psi_hat, 1j * k * psi_hat, q_hat))
        fluxes = 1j * k * np.fft.rfft2((u + mean) * q) + 1j * l * np.fft.rfft2(v * q)
        tendency = -fluxes - 1j * k * gradient * psi_hat
        tendency[1] += case.drag * k_squared * psi_hat[1]
        tendencies = [tendency, *tendencies][:3]
        change = sum(w * one for w, one in zip(weights[min(step, 2)], tendencies, strict=True))
        q_hat = factor * (q_hat + case.dt * change)
    return np.fft.irfft2(q_hat, (n, n))


def test_our_steps_are_those_of_pyqg() -> None:
    case = Ocean(32)
    q = case.initial()
    for steps in (1, 2, 3, 50):
        assert distance(as_pyqg(case).advance(q, steps), literal(case, q, steps)) < 5e-14
    assert distance(literal(case, q, 50), q) > 0.05, "nothing has moved"


def test_our_own_scheme_computes_the_same_ocean_but_for_its_smallest_scales() -> None:
    case = Ocean(64)
    q = case.initial()
    assert distance(ocean.ours(case).advance(q, 24), as_pyqg(case).advance(q, 24)) < 2e-2


def test_a_peer_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyqg_jax", None)
    monkeypatch.setitem(sys.modules, "jax", None)
    monkeypatch.setattr(ocean, "use_all_cores", lambda: None)
    section = ocean.measure(quick=True)
    assert len(section.rows) == 4 and section.goals == []
    assert section.skipped and "pyqg-jax (" in section.skipped[0] and "extra 'peers'" in section.skipped[0]

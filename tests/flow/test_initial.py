import math

import pytest
import torch

from tlfourier.flow.equation import VorticityEquation
from tlfourier.flow.grid import Grid
from tlfourier.flow.initial import lamb_dipole, random_vorticity, taylor_green


def test_random_vorticity_has_the_prescribed_spectrum() -> None:
    grid = Grid(256, dtype=torch.float64)
    omega_hat = random_vorticity(grid, 0, k_peak=10.0)
    # The energy E(k) of a shell is shared by its 2 pi k modes.
    density = 0.5 * omega_hat.abs() ** 2 * grid.inverse_k_squared / grid.size**4
    k = grid.k_radial
    expected = 4 / (3 * math.pi * 10**5) * k**4 * torch.exp(-((k / 10) ** 2)) / (2 * math.pi * k.clamp(min=1))
    inside = (k < 60) & (k > 0)
    torch.testing.assert_close(density[inside], expected[inside])


def test_random_vorticity_has_the_energy_of_its_spectrum() -> None:
    grid = Grid(256, dtype=torch.float64)
    u, v = VorticityEquation(grid, 0.0).velocity(random_vorticity(grid, 0))
    energy = 0.5 * (u**2 + v**2).mean()
    torch.testing.assert_close(energy.item(), 1 / (2 * math.sqrt(math.pi)), rtol=1e-3, atol=0)


def test_random_vorticity_is_a_real_field_without_mean() -> None:
    grid = Grid(64, dtype=torch.float64)
    omega_hat = random_vorticity(grid, 0)
    assert omega_hat[0, 0] == 0
    torch.testing.assert_close(grid.to_spectral(grid.to_physical(omega_hat)), omega_hat)
    assert (omega_hat * (1 - grid.mask)).abs().max() == 0


def test_seed_decides_the_field_on_every_grid_and_in_both_precisions() -> None:
    coarse, fine = Grid(256, dtype=torch.float64), Grid(512, dtype=torch.float64)
    omega, omega_fine = (g.to_physical(random_vorticity(g, 7)) for g in (coarse, fine))
    torch.testing.assert_close(omega, omega_fine[::2, ::2], rtol=0, atol=1e-10)
    single = Grid(256).to_physical(random_vorticity(Grid(256), 7))
    torch.testing.assert_close(single.double(), omega, rtol=0, atol=1e-4)
    assert not torch.equal(random_vorticity(coarse, 7), random_vorticity(coarse, 8))


def test_members_differ_and_do_not_depend_on_their_number() -> None:
    grid = Grid(32)
    few, many = (random_vorticity(grid, 1, k_peak=3.0, members=n) for n in (2, 5))
    assert torch.equal(few, many[:2])
    assert not torch.equal(few[0], few[1])
    assert torch.equal(random_vorticity(grid, 1, k_peak=3.0), few[0])


def test_taylor_green_is_its_formula() -> None:
    grid = Grid(32, length=4.0, dtype=torch.float64)
    k = 2 * math.pi * 3 / 4.0
    expected = 2 * k * torch.cos(k * grid.x) * torch.cos(k * grid.y)
    torch.testing.assert_close(grid.to_physical(taylor_green(grid, 3)), expected)


def test_dipole_has_its_impulse_and_moves_along_x() -> None:
    grid = Grid(512, dtype=torch.float64)
    radius, speed = grid.length / 16, 1.5
    omega_hat = lamb_dipole(grid, radius, speed)
    omega = grid.to_physical(omega_hat)
    impulse = (omega * (grid.y - math.pi)).sum() * grid.dx**2
    torch.testing.assert_close(impulse.item(), 2 * math.pi * speed * radius**2, rtol=1e-3, atol=0)
    assert abs(omega.mean()) < 1e-12
    u, _ = VorticityEquation(grid, 0.0).velocity(omega_hat)
    inside = (grid.x - math.pi) ** 2 + (grid.y - math.pi) ** 2 < radius**2
    assert u[inside].mean() > 0


@pytest.mark.parametrize("k_peak", [0.0, -1.0, math.nan])
def test_peak_must_be_positive(k_peak: float) -> None:
    with pytest.raises(ValueError, match="k_peak=.*must be a positive number"):
        random_vorticity(Grid(32), 0, k_peak=k_peak)


def test_other_impossible_fields_are_refused() -> None:
    with pytest.raises(ValueError, match="members=0: draw at least one field"):
        random_vorticity(Grid(32), 0, members=0)
    with pytest.raises(ValueError, match="k=16: a grid of 32 points carries whole numbers from 1 to 15"):
        taylor_green(Grid(32), 16)
    with pytest.raises(ValueError, match="radius=2.0: it must be between 0 and length / 4 = 1.571"):
        lamb_dipole(Grid(32), 2.0, 1.0)

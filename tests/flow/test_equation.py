import math
from typing import Any

import pytest
import torch

from tlfourier.flow.equation import DEALIAS, VorticityEquation
from tlfourier.flow.forcing import two_way_cosine
from tlfourier.flow.grid import Grid, resize
from tlfourier.flow.initial import random_vorticity, taylor_green


@pytest.fixture
def grid() -> Grid:
    return Grid(48, dtype=torch.float64)


def rotate(field: torch.Tensor) -> torch.Tensor:
    """Rotate by 90 degrees about the origin, which is a point of the grid."""
    return torch.rot90(field, 1, (-2, -1)).roll(1, -2)


def gradient_advection(omega_hat: torch.Tensor, size: int, fine: int) -> torch.Tensor:
    """Return u omega_x + v omega_y, formed on a grid too fine to alias and cut to the resolved modes."""
    grid = Grid(fine, dtype=torch.float64)
    omega_hat = resize(omega_hat, size, fine)
    psi_hat = omega_hat * grid.inverse_k_squared
    u, v = grid.to_physical(1j * grid.k_y * psi_hat), grid.to_physical(-1j * grid.k_x * psi_hat)
    omega_x, omega_y = (
        grid.to_physical(1j * grid.k_x * omega_hat),
        grid.to_physical(1j * grid.k_y * omega_hat),
    )
    return resize(grid.to_spectral(u * omega_x + v * omega_y), fine, size)


def test_velocity_is_the_curl_of_the_streamfunction(grid: Grid) -> None:
    equation = VorticityEquation(grid, 0.0)
    psi = torch.sin(2 * grid.x) * torch.cos(3 * grid.y)
    omega_hat = grid.to_spectral(13 * psi)
    u, v = equation.velocity(omega_hat)
    torch.testing.assert_close(grid.to_physical(equation.streamfunction(omega_hat)), psi)
    torch.testing.assert_close(u, -3 * torch.sin(2 * grid.x) * torch.sin(3 * grid.y))
    torch.testing.assert_close(v, -2 * torch.cos(2 * grid.x) * torch.cos(3 * grid.y))


@pytest.mark.parametrize("dealias", DEALIAS)
def test_advection_of_two_waves_has_its_closed_form(grid: Grid, dealias: str) -> None:
    # psi = cos(x) + cos(2 y): u = -2 sin(2 y), v = sin(x), omega = cos(x) + 4 cos(2 y).
    equation = VorticityEquation(grid, 0.0, dealias=dealias)
    omega_hat = grid.to_spectral(torch.cos(grid.x) + 4 * torch.cos(2 * grid.y))
    expected = -6 * torch.sin(grid.x) * torch.sin(2 * grid.y)
    torch.testing.assert_close(grid.to_physical(equation.advection(omega_hat)), expected)


@pytest.mark.parametrize("size", [16, 34, 48, 62])
@pytest.mark.parametrize("dealias", ["truncate", "pad"])
def test_advection_is_free_of_aliasing(size: int, dealias: str) -> None:
    grid = Grid(size, dtype=torch.float64)
    omega_hat = random_vorticity(Grid(128, dtype=torch.float64), 1, k_peak=12.0)
    omega_hat = resize(omega_hat, 128, size) * (grid.mask if dealias == "truncate" else 1)
    exact = gradient_advection(omega_hat, size, 192) * (grid.mask if dealias == "truncate" else 1)
    advection = VorticityEquation(grid, 0.0, dealias=dealias).advection(omega_hat)
    torch.testing.assert_close(advection, exact, atol=1e-12 * float(exact.abs().max()), rtol=0)


def test_truncation_ignores_and_makes_no_masked_mode(grid: Grid) -> None:
    equation = VorticityEquation(grid, 0.0)
    inside = random_vorticity(grid, 0, k_peak=6.0)
    outside = grid.to_spectral(torch.cos(20 * grid.x + 3 * grid.y))
    assert torch.equal(equation.advection(inside + outside * (1 - grid.mask)), equation.advection(inside))
    assert (equation.advection(inside) * (1 - grid.mask)).abs().max() == 0


@pytest.mark.parametrize("dealias", DEALIAS)
def test_nyquist_neither_drives_nor_is_driven(grid: Grid, dealias: str) -> None:
    equation = VorticityEquation(grid, 0.0, beta=2.0, dealias=dealias)
    omega_hat = random_vorticity(grid, 0, k_peak=6.0)
    with_nyquist = omega_hat.clone()
    with_nyquist[24, :] += 100.0
    with_nyquist[:, 24] += 100.0
    assert torch.equal(equation.advection(with_nyquist), equation.advection(omega_hat))
    assert equation.advection(omega_hat)[24].abs().max() == 0
    assert equation.advection(omega_hat)[:, 24].abs().max() == 0
    assert equation.linear.imag[:, 24].abs().max() == 0


@pytest.mark.parametrize("dealias", ["truncate", "pad"])
def test_advection_conserves_energy_and_enstrophy(grid: Grid, dealias: str) -> None:
    equation = VorticityEquation(grid, 0.0, dealias=dealias)
    omega_hat = random_vorticity(grid, 0, k_peak=6.0)
    omega, psi, advection = (
        grid.to_physical(a)
        for a in (omega_hat, equation.streamfunction(omega_hat), equation.advection(omega_hat))
    )
    scale = advection.std()
    assert abs((omega * advection).mean()) < 1e-13 * omega.std() * scale
    assert abs((psi * advection).mean()) < 1e-13 * psi.std() * scale
    assert abs(advection.mean()) < 1e-13 * scale


@pytest.mark.parametrize("dealias", DEALIAS)
def test_tendency_turns_with_the_flow(grid: Grid, dealias: str) -> None:
    equation = VorticityEquation(grid, 1e-2, 0.1, forcing_hat=two_way_cosine(grid, 4), dealias=dealias)
    omega = grid.to_physical(random_vorticity(grid, 5, k_peak=6.0))
    turned = grid.to_physical(equation.tendency(grid.to_spectral(rotate(omega))))
    torch.testing.assert_close(turned, rotate(grid.to_physical(equation.tendency(grid.to_spectral(omega)))))


@pytest.mark.parametrize("dealias", DEALIAS)
def test_batch_equals_loop(grid: Grid, dealias: str) -> None:
    equation = VorticityEquation(grid, 1e-2, 0.1, 1.0, two_way_cosine(grid, 4), dealias)
    batch = random_vorticity(grid, 0, k_peak=6.0, members=6).reshape(2, 3, 48, 25)
    tendencies = equation.tendency(batch)
    u, v = equation.velocity(batch)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(tendencies[i, j], equation.tendency(batch[i, j]))
            torch.testing.assert_close((u[i, j], v[i, j]), equation.velocity(batch[i, j]))


def test_tendency_adds_up_its_terms(grid: Grid) -> None:
    forcing_hat = two_way_cosine(grid, 4)
    equation = VorticityEquation(grid, 1e-2, 0.1, 3.0, forcing_hat)
    omega_hat = random_vorticity(grid, 0, k_peak=6.0)
    v_hat = -1j * grid.k_x * equation.streamfunction(omega_hat)
    damping = -1e-2 * grid.k_squared * omega_hat - 0.1 * omega_hat
    expected = -equation.advection(omega_hat) - forcing_hat + damping - 3.0 * v_hat
    torch.testing.assert_close(equation.tendency(omega_hat), expected)
    with_closure = equation.tendency(omega_hat, lambda omega_hat: 2 * omega_hat)
    torch.testing.assert_close(with_closure, expected - 2 * omega_hat)


@pytest.mark.parametrize("last", [0, 3, 15])
def test_forcing_acts_on_every_column_that_it_drives(grid: Grid, last: int) -> None:
    forcing_hat = random_vorticity(grid, 3, k_peak=8.0) * grid.mask
    forcing_hat[:, last + 1 :] = 0
    omega_hat = random_vorticity(grid, 0, k_peak=6.0)
    forced, free = (VorticityEquation(grid, 1e-2, forcing_hat=f) for f in (forcing_hat, None))
    expected = free.nonlinear(omega_hat) - forcing_hat
    torch.testing.assert_close(forced.nonlinear(omega_hat), expected)
    assert float((expected - free.nonlinear(omega_hat)).abs()[:, last].max()) > 0


def test_accumulating_is_adding_a_multiple(grid: Grid) -> None:
    equation = VorticityEquation(grid, 1e-2, 0.1, 1.0, two_way_cosine(grid, 4))
    onto, omega_hat = (random_vorticity(grid, seed, k_peak=6.0) for seed in (0, 1))

    def closure(omega_hat: torch.Tensor) -> torch.Tensor:
        return 2 * omega_hat

    for act in (None, closure):
        kept = onto.clone()
        expected = onto + 0.3 * equation.nonlinear(omega_hat, act)
        torch.testing.assert_close(equation.accumulate(onto, omega_hat, 0.3, act), expected)
        assert torch.equal(onto, kept), "the array was changed"


def test_taylor_green_vortices_advect_nothing(grid: Grid) -> None:
    equation = VorticityEquation(grid, 1e-2)
    omega_hat = taylor_green(grid, 3)
    torch.testing.assert_close(equation.tendency(omega_hat), -0.18 * omega_hat)


@pytest.mark.parametrize("dealias", DEALIAS)
def test_an_evaluation_costs_four_real_transforms(
    grid: Grid, dealias: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    equation = VorticityEquation(grid, 1e-2, 0.1, forcing_hat=two_way_cosine(grid, 4), dealias=dealias)
    omega_hat = random_vorticity(grid, 0, k_peak=6.0)
    calls: list[str] = []

    def count(name: str) -> None:
        transform = getattr(torch.fft, name)

        def counted(values: torch.Tensor, *args: Any, **options: Any) -> torch.Tensor:
            calls.extend([name] * math.prod(values.shape[:-2]))
            result: torch.Tensor = transform(values, *args, **options)
            return result

        monkeypatch.setattr(torch.fft, name, counted)

    for name in ("rfft", "irfft", "fft", "ifft", "rfft2", "irfft2", "fft2", "ifft2", "rfftn", "irfftn"):
        count(name)
    equation.nonlinear(omega_hat)
    # A real transform in two dimensions is a real one along x and a complex one, of half the size, along y.
    assert sorted(calls) == sorted(2 * ["ifft", "irfft", "rfft", "fft"])


@pytest.mark.parametrize("dealias", DEALIAS)
def test_gradients_pass_through(dealias: str) -> None:
    grid = Grid(12, dtype=torch.float64)
    equation = VorticityEquation(grid, 1e-2, 0.1, forcing_hat=two_way_cosine(grid, 2), dealias=dealias)
    omega = grid.to_physical(random_vorticity(grid, 0, k_peak=2.0)).requires_grad_()

    def tendency(omega: torch.Tensor) -> Any:
        return grid.to_physical(equation.tendency(grid.to_spectral(omega)))

    assert torch.autograd.gradcheck(tendency, (omega,))


def test_single_precision_follows_double() -> None:
    omega_hat = random_vorticity(Grid(64, dtype=torch.float64), 0, k_peak=6.0)
    single, double = (VorticityEquation(Grid(64, dtype=t), 1e-2, 0.1) for t in (torch.float32, torch.float64))
    exact = double.tendency(omega_hat)
    error = single.tendency(omega_hat.to(torch.complex64)) - exact
    assert error.abs().max() < 1e-5 * exact.abs().max()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"viscosity": -1e-3}, "viscosity=-0.001: it must be a finite number, zero or more"),
        ({"viscosity": math.nan}, "viscosity=nan"),
        ({"drag": -0.1}, "drag=-0.1"),
        ({"beta": math.inf}, "beta=inf: it must be a finite number"),
        ({"dealias": "mask"}, "dealias='mask': choose one of truncate, pad, none"),
        (
            {"forcing_hat": torch.zeros(8, 5) + 0j},
            r"forcing_hat has shape \(8, 5\): this grid needs \(..., 48, 25\)",
        ),
        ({"forcing_hat": two_way_cosine(Grid(48, dtype=torch.float64), 18)}, "beyond the kept ones"),
    ],
)
def test_bad_coefficients_are_refused(grid: Grid, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        VorticityEquation(grid, **({"viscosity": 1e-3} | changes))
